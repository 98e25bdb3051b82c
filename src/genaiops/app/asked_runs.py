"""Runs that count where something is to move: done by a server, of exactly that version of a suite, and of exactly what
is to move."""

from collections.abc import Iterator
from typing import Final

from genaiops.app.running import SERVER
from genaiops.arena import TARGET
from genaiops.domain import Run
from genaiops.hub import Hub
from genaiops.ports.runs import RunFilter, Runs

LOOKED_AT: Final = 200
"""Runs of a suite that are looked at, newest first."""


class AskedRuns:
    """Reads only; may be used from any thread."""

    def __init__(self, hub: Hub, runs: Runs) -> None:
        self._hub = hub
        self._runs = runs

    def of_suite(self, suite: str) -> Iterator[Run]:
        """Done by a server with that version (`suite/NAME@sha256:...`), newest first."""
        where = RunFilter(kind="evaluation", state="done", subject=f"{suite.partition('@')[0]}@")
        for run in self._runs.list(where, limit=LOOKED_AT).rows:
            same = suite in (run.subject, run.inputs.get("of"))
            if same and counts(run):
                yield run

    def target(self, run: Run, node: str) -> str:
        """The name of its target that was that node of lineage, all the time that it ran; "": none was."""
        for name, found in run.inputs.items():
            if name.startswith(TARGET) and name != f"{TARGET}prod" and found == node:
                deployment = run.inputs.get(f"deployment/{name.removeprefix(TARGET)}")
                if deployment is None or not self._moved(deployment.removeprefix("deployment/"), run):
                    return name.removeprefix(TARGET)
        return ""

    def _moved(self, deployment: str, run: Run) -> bool:
        """Whether something else began to serve there while it ran."""
        application, _, environment = deployment.partition("@")
        changes = self._hub.deployments.history(application, environment)
        return any(run.created_us <= change.at_us <= (run.ended_us or 0) for change in changes)


def counts(run: Run) -> bool:
    """Whether a server asked, and something was judged: runs of commands can be of anything."""
    return SERVER in run.environment and run.verdict is not None
