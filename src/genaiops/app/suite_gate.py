"""The gate of suites: what a suite protects moves only to what a run of that suite has passed for.

A suite protects what its version `@prod` says under `protects`. That alias is itself protected, so that a gate is no
more easily taken away than passed by.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from genaiops.app.running import SERVER
from genaiops.arena import TARGET
from genaiops.domain import Run, Share, Verdict
from genaiops.hub import Hub
from genaiops.ports.records import Records
from genaiops.ports.runs import RunFilter, Runs

_LOOKED_AT: Final = 200
"""Runs of a suite that are looked at, newest first."""
Demand = Literal["bound", "always"]


class SuiteGate:
    """See `genaiops.ports.gate.Gate`. `demand` always: a prompt that no suite protects does not move, either."""

    name = "suites"

    def __init__(self, records: Records, runs: Runs, demand: Demand = "bound") -> None:
        self._hub = Hub(records)
        self._runs = runs
        self._demand: Demand = demand

    def judge(self, subject: str, change: Mapping[str, Any]) -> Verdict | None:
        kind, _, name = subject.partition(":")
        protected = name if kind == "alias" else f"app/{name}"
        wanted = _wanted(kind, change)
        if not wanted or not protected.startswith(("prompt/", "app/")):
            return None  # nothing is brought there that was not there before
        suites = list(self._protecting(protected))
        if not suites:
            if self._demand == "always" and protected.startswith("prompt/"):
                reason = (
                    f'no suite protects it, and one has to. Keep one that says protects = ["{protected}"]: '
                    "genaiops suite push NAME FILE --alias prod"
                )
                return Verdict(outcome="fail", reason=reason)
            return None
        said = [self._of(suite, node) for suite in suites for node in wanted]
        failed = [reason for passed, reason in said if not passed]
        return Verdict(outcome="fail" if failed else "pass", reason=" ".join(failed or [reason for _, reason in said]))

    def _protecting(self, protected: str) -> Iterator[str]:
        """The versions of suites that protect that."""
        for artifact in self._hub.artifacts.of_kind("suite"):
            for alias in self._hub.artifacts.aliases(artifact.id):
                if alias.name == "prod":
                    manifest = self._hub.artifacts.resolve(alias.version_id).manifest
                    if protected in manifest.get("protects", ()):
                        yield alias.version_id

    def _of(self, suite: str, node: str) -> tuple[bool, str]:
        """(whether its newest run of that node passed, what to say of it)"""
        name = suite.partition("@")[0].removeprefix("suite/")
        run = next((run for run in self._runs_of(suite) if self._asked(run, node)), None)
        if run is None:
            kind, _, what = node.partition("/")
            how = f"genaiops suite run {name}@prod --{kind} {what}"
            return False, f"{name} has not been run for {_short(node)}. Run it: {how}"
        assert run.verdict is not None
        if run.verdict.outcome == "pass":
            return True, f"{run.id} of {name} passed for {_short(node)}."
        return False, f"{run.id} of {name} says {run.verdict.outcome} of {_short(node)}: {run.verdict.reason}"

    def _runs_of(self, suite: str) -> Iterator[Run]:
        """Done by a server with exactly that version, newest first."""
        where = RunFilter(kind="evaluation", state="done", subject=f"{suite.partition('@')[0]}@")
        for run in self._runs.list(where, limit=_LOOKED_AT).rows:
            same = suite in (run.subject, run.inputs.get("of"))
            if same and SERVER in run.environment and run.verdict is not None:
                yield run

    def _asked(self, run: Run, node: str) -> bool:
        for name, found in run.inputs.items():
            if name.startswith(TARGET) and name != f"{TARGET}prod" and found == node:
                deployment = run.inputs.get(f"deployment/{name.removeprefix(TARGET)}")
                if deployment is None or not self._moved(deployment.removeprefix("deployment/"), run):
                    return True
        return False

    def _moved(self, deployment: str, run: Run) -> bool:
        """Whether something else began to serve there while it ran."""
        application, _, environment = deployment.partition("@")
        changes = self._hub.deployments.history(application, environment)
        return any(run.created_us <= change.at_us <= (run.ended_us or 0) for change in changes)


def _wanted(kind: str, change: Mapping[str, Any]) -> Sequence[str]:
    """Nodes of what would be there and was not before."""
    to, before = change.get("to"), change.get("from")
    if kind == "alias":
        return [to] if isinstance(to, str) else []
    old, new = (_releases(shares) for shares in (before, to))
    return [f"release/{release}" for release in new if release not in old]


def _releases(shares: Any) -> list[str]:
    return [share.release_id if isinstance(share, Share) else share["release_id"] for share in shares or ()]


def _short(node: str) -> str:
    name, _, digest = node.partition("@")
    return f"{name}@{digest[:19]}"
