"""What experiments have seen: users by the digests of their names, sums, and what was said at each look."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from genaiops.domain.experiments import ExperimentTally, ExperimentUnit, Look


class ExperimentWork(Protocol):
    """One serialised transaction on one experiment."""

    def tally(self) -> ExperimentTally:
        """Empty before the first one was kept."""
        ...

    def keep(self, tally: ExperimentTally) -> None: ...

    def units(self, names: Collection[str]) -> Mapping[str, ExperimentUnit]:
        """Those of them that are there, by name."""
        ...

    def put(self, units: Sequence[ExperimentUnit]) -> None:
        """Add them, or put them in the place of what was there by that name."""
        ...

    def due(self, before_us: int, *, limit: int) -> Sequence[ExperimentUnit]:
        """Open ones that came before that time, the first first."""
        ...

    def drop(self, names: Collection[str]) -> int:
        """Forget these units; how many were there. Sums stay."""
        ...

    def add(self, look: Look) -> None: ...


class ExperimentStore(Protocol):
    """Safe to use from several threads and processes. StoreError when it cannot be used."""

    def work(self, experiment_id: str) -> AbstractContextManager[ExperimentWork]:
        """Commits at the end of the block, rolls back on an exception; nobody else works on experiments meanwhile."""
        ...

    def tally(self, experiment_id: str) -> ExperimentTally: ...

    def looks(self, experiment_id: str) -> Sequence[Look]:
        """The first first."""
        ...

    def forget_units(self, experiment_id: str) -> None:
        """Its units; the tally and the looks stay."""
        ...

    def forget(self, experiment_id: str) -> None:
        """Everything of it; of none that is there is no fault."""
        ...

    def close(self) -> None: ...
