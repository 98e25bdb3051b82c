"""What is known of this installation's controls: policies in force, suites that ran, alerts that are on."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from genaiops.app.asked_runs import counts
from genaiops.app.evaluations import Evaluations
from genaiops.arena import WATCH, seconds
from genaiops.core.clock import now_us, to_iso
from genaiops.domain import DEFAULT_GUARD, GuardRule, GuardVersion, Risk, Run, SuiteWatch
from genaiops.govern import Measurement, RiskFacts, RuleInForce, risks_of
from genaiops.guard import detector_of
from genaiops.hub import GuardUse, Hub
from genaiops.ports.provenance import ProvenanceState
from genaiops.ports.runs import RunFilter, Runs

_LOOKED: Final = 100
"""Of the newest runs that are done."""
_FAMILY: Final = "family:"
_LATE: Final = 2
"""Times its interval after which the last look of a suite is overdue."""


class Risks:
    """Reads only; computed anew each time it is asked."""

    def __init__(
        self,
        runs: Runs,
        evaluations: Evaluations,
        *,
        disparity: str,
        provenance: Callable[[], ProvenanceState],
        broken: Callable[[GuardRule], str],
    ) -> None:
        self._broken = broken
        self._runs = runs
        self._evaluations = evaluations
        self._disparity = disparity
        self._provenance = provenance

    def now(self, hub: Hub, tenant_id: str | None = None) -> Sequence[Risk]:
        """As `hub` (of a business unit, with its runs; None: of all) sees them."""
        return risks_of(
            RiskFacts(
                places=tuple(_places(hub)),
                rules=tuple(_rules(hub, self._broken)),
                measured=tuple(self._measured(tenant_id)),
                disparity=self._disparity,
                marks=self._marks(),
                findings=_findings(hub),
            )
        )

    def _measured(self, tenant_id: str | None) -> Iterator[Measurement]:
        """The newest run of each suite that a server asked."""
        seen: set[str] = set()
        where = RunFilter(kind="evaluation", state="done", tenant_id=tenant_id)
        for run in self._runs.list(where, limit=_LOOKED).rows:
            name = run.name or run.subject
            suite = self._evaluations.suite(run) if counts(run) and name not in seen else None
            if suite is None:
                continue
            seen.add(name)
            attacks = any(check.metric == "attack" for check in suite.check)
            slices = self._evaluations.slices(run) if attacks else ()
            yield Measurement(
                run=run.id,
                suite=name,
                at=to_iso(run.ended_us or run.created_us)[:10],
                metrics=tuple(dict.fromkeys(check.metric for check in suite.check)),
                families=tuple(each.removeprefix(_FAMILY) for each in slices if each.startswith(_FAMILY)),
                every=run.environment.get(WATCH, ""),
                late=_late(run),
            )

    def _marks(self) -> str | None:
        state = self._provenance()
        if state.mode == "off" or not state.installed:
            return None
        return "" if state.active else state.problem or "It does not work."


def _late(run: Run) -> bool:
    every = run.environment.get(WATCH, "")
    if not every:
        return False
    return now_us() - run.created_us > _LATE * seconds(SuiteWatch(every=every)) * 1_000_000


def _findings(hub: Hub) -> tuple[int, int]:
    found = hub.findings.list()
    return sum(not each.mitigation for each in found), len(found)


def _places(hub: Hub) -> Iterator[str]:
    """Environments of the kind prod, and keys in them that work and have a policy of their own."""
    prod = {each.id for each in hub.environments.list() if each.kind == "prod"}
    yield from (f"environment {name}" for name in sorted(prod))
    for key in hub.keys.list():
        if key.guard is not None and key.revoked_us is None and key.environment_id in prod:
            yield f"key {key.name} ({key.id[-6:]})"


def _held(hub: Hub) -> Iterator[tuple[str, str]]:
    """(place, the reference of the policy that holds there)"""
    prod = {each.id for each in hub.environments.list() if each.kind == "prod"}
    for each in hub.environments.list():
        if each.id in prod:
            yield f"environment {each.id}", each.guard or DEFAULT_GUARD
    for key in hub.keys.list():
        if key.guard is not None and key.revoked_us is None and key.environment_id in prod:
            yield f"key {key.name} ({key.id[-6:]})", key.guard


def _rules(hub: Hub, broken: Callable[[GuardRule], str]) -> Iterator[RuleInForce]:
    """Of every version of a policy that holds somewhere in production, or by a route or a release."""
    places: dict[str, list[str]] = {}
    further: dict[str, list[str]] = {}
    for place, reference in _held(hub):
        places.setdefault(reference, []).append(place)
    for state in hub.guards.list():
        for use in hub.guards.get(state.name).uses:
            if use.kind in ("route", "release"):
                further.setdefault(use.reference, []).append(_named(use))
    for reference in dict.fromkeys((*places, *further)):
        version = hub.guards.version(reference)
        for rule in _rules_of(version):
            yield RuleInForce(
                policy=f"{version.name}@{version.digest[:19]}",
                rule=rule,
                places=tuple(places.get(reference, ())),
                further=tuple(further.get(reference, ())),
                spotlight=version.policy.spotlight != "off",
                broken=broken(rule),
                measured=_errors(rule.detector),
            )


def _rules_of(version: GuardVersion) -> Iterator[GuardRule]:
    yield from version.policy.rules
    tools = version.policy.tools
    if tools is not None and (tools.allowed is not None or tools.denied or tools.schemas):
        yield GuardRule(id="tools", detector="tools", direction="out", action=tools.action)


def _named(use: GuardUse) -> str:
    return f"{use.kind} {use.name[:40]}"


def _errors(detector: str) -> str:
    """The first figures of its card that say how often it finds and how often it is wrong."""
    figures = detector_of(detector).figures
    said: list[str] = []
    for measure, word in (("recall", "finds"), ("false_alarms", "false alarms"), ("auc", "AUC")):
        found = next((each for each in figures if each.measure == measure), None)
        if found is not None:
            said.append(f"{word} {found.value:.1%}" if measure != "auc" else f"{word} {found.value:.3f}")
            said[-1] += f" of {found.n:,} ({found.dataset})"
    return ", ".join(said) or "nobody measured it"
