"""What the API and the console show of the Hub beside its own records, as they ask for it. `genaiops.app` makes what
fits."""

from collections.abc import Sequence
from typing import Protocol

from genaiops.domain import Risk, Run, Version
from genaiops.hub._datasets import Datasets
from genaiops.hub._hub import Hub
from genaiops.hub._merge_report import MergeReport
from genaiops.hub._queues import NewItem
from genaiops.ports.telemetry import Telemetry, TraceFilter


class MergeReports(Protocol):
    """Reports of releases and commits."""

    def written(self, said: MergeReport, form: str) -> bytes:
        """Signed; markdown, html or pdf."""
        ...

    def bundle(self, hub: Hub, said: MergeReport) -> bytes:
        """A release with all that is known of it, to verify elsewhere."""
        ...


class Risks(Protocol):
    """Known risks."""

    def now(self, hub: Hub, tenant_id: str | None = None) -> Sequence[Risk]:
        """With the state of their controls."""
        ...


class Sources(Protocol):
    """What can be put into a queue or a dataset. Whoever asks has looked whether the caller may see what is named."""

    def trace(self, telemetry: Telemetry, trace_id: bytes) -> NewItem:
        """NotFound when there is no such trace, or nothing of its content was kept."""
        ...

    def traces(self, telemetry: Telemetry, where: TraceFilter, limit: int) -> tuple[Sequence[NewItem], int]:
        """(the newest `limit`, the oldest first; how many had no content)."""
        ...

    def rows(
        self, datasets: Datasets, version: Version, *, limit: int, answers: Sequence[str], sides: Sequence[str]
    ) -> Sequence[NewItem]: ...

    def drawn(self, run: Run, cases: Sequence[str], number: int) -> Sequence[str]:
        """So many of these cases (none: of all) by lot, the same for the same run."""
        ...

    def cases(self, run: Run, *, target: str | None, cases: Sequence[str]) -> Sequence[NewItem]:
        """Answers of a target (None: of all). NotFound when there are none."""
        ...

    def pairs(
        self, one: tuple[Run, str], other: tuple[Run, str], cases: Sequence[str]
    ) -> tuple[Sequence[NewItem], Sequence[str]]:
        """(duels of two targets, what the sides are called)."""
        ...
