"""The gate of suites: what a suite protects moves only to what a run of that suite has passed for, and a prompt that
none protects only to what has passed some suite.

A suite protects what its version `@prod` says under `protects`. That alias is itself protected, so that a gate is no
more easily taken away than passed by.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from genaiops.app.asked_runs import LOOKED_AT, AskedRuns, counts
from genaiops.core.errors import NotFound
from genaiops.domain import Run, Share, Verdict
from genaiops.hub import Hub
from genaiops.ports.records import Records
from genaiops.ports.runs import RunFilter, Runs

_RUNS_LOOKED_AT: Final = 2_000
"""Runs of all suites, where any counts."""
Demand = Literal["run", "bound", "always"]


class SuiteGate:
    """See `genaiops.ports.gate.Gate`. What a suite protects moves only to what that suite's newest run passed for. Of
    prompts that none protects (and of releases with a prompt, where none protects the application) `demand` says: run,
    a run of any suite has passed, or it was there before; bound, nothing; always, that a suite has to protect them."""

    name = "suites"

    def __init__(self, records: Records, runs: Runs, demand: Demand = "run") -> None:
        self._hub = Hub(records)
        self._runs = runs
        self._asked = AskedRuns(self._hub, runs)
        self._demand: Demand = demand

    def judge(self, subject: str, change: Mapping[str, Any]) -> Verdict | None:
        kind, _, name = subject.partition(":")
        protected = name if kind == "alias" else f"app/{name}"
        wanted = brought(kind, change)
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
            return self._any(kind, name, wanted) if self._demand == "run" else None
        said = [self._of(suite, node) for suite in suites for node in wanted]
        failed = [reason for passed, reason in said if not passed]
        return Verdict(outcome="fail" if failed else "pass", reason=" ".join(failed or [reason for _, reason in said]))

    def _any(self, kind: str, name: str, wanted: Sequence[str]) -> Verdict | None:
        """Of what no suite protects: whether each has passed some suite, or was there before."""
        before = self._before(kind, name)
        said = [self._passed(node) for node in wanted if node not in before and self._prompted(node)]
        if not said:
            return None
        missing = [reason for passed, reason in said if not passed]
        return Verdict(outcome="fail" if missing else "pass", reason=" ".join(missing or [each for _, each in said]))

    def _before(self, kind: str, name: str) -> set[str]:
        """What has been there: taking a change back needs no new run."""
        try:
            if kind == "alias":
                return {f"{change.version_id}" for change in self._hub.artifacts.history(name)}
            changes = self._hub.deployments.history(*name.split("@", 1))
        except NotFound:
            return set()
        return {f"release/{share.release_id}" for change in changes for share in change.shares}

    def _prompted(self, node: str) -> str:
        """The prompt that it is, or brings; "" for a release without one."""
        if node.startswith("prompt/"):
            return node
        application, _, digest = node.removeprefix("release/").partition("@")
        return self._hub.releases.resolve(application, digest).manifest.prompt or ""

    def _passed(self, node: str) -> tuple[bool, str]:
        """(whether the newest run of some suite that asked it passed, what to say of it)"""
        newest: dict[str, Run] = {}
        wanted = {node, self._prompted(node)}
        cursor = None
        seen = 0
        while seen < _RUNS_LOOKED_AT:
            page = self._runs.list(RunFilter(kind="evaluation", state="done"), cursor=cursor, limit=LOOKED_AT)
            for run in page.rows:
                if counts(run) and any(self._asked.target(run, each) for each in wanted):
                    newest.setdefault(run.subject.partition("@")[0], run)
            seen, cursor = seen + len(page.rows), page.next
            if cursor is None:
                break
        said = [f"{run.id} of {run.name} says {run.verdict.outcome}." for run in newest.values() if run.verdict]
        if any(run.verdict is not None and run.verdict.outcome == "pass" for run in newest.values()):
            return True, f"{short_node(node)} has passed a suite: {' '.join(said)}"
        kind, _, what = node.partition("/")
        return False, (
            f"no suite has passed for {short_node(node)}{': ' if said else ''}{' '.join(said)}. Write one that asks it "
            f"(genaiops suite new answers.toml), and run it: genaiops suite run answers.toml --{kind} {what}"
        )

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
        run = next((run for run in self._asked.of_suite(suite) if self._asked.target(run, node)), None)
        if run is None:
            kind, _, what = node.partition("/")
            how = f"genaiops suite run {name}@prod --{kind} {what}"
            return False, f"{name} has not been run for {short_node(node)}. Run it: {how}"
        assert run.verdict is not None
        if run.verdict.outcome == "pass":
            return True, f"{run.id} of {name} passed for {short_node(node)}."
        return False, f"{run.id} of {name} says {run.verdict.outcome} of {short_node(node)}: {run.verdict.reason}"


def brought(kind: str, change: Mapping[str, Any]) -> Sequence[str]:
    """Nodes of what would be there and was not before."""
    to, before = change.get("to"), change.get("from")
    if kind == "alias":
        return [to] if isinstance(to, str) else []
    old, new = (_releases(shares) for shares in (before, to))
    return [f"release/{release}" for release in new if release not in old]


def _releases(shares: Any) -> list[str]:
    return [share.release_id if isinstance(share, Share) else share["release_id"] for share in shares or ()]


def short_node(node: str) -> str:
    name, _, digest = node.partition("@")
    return f"{name}@{digest[:19]}"
