"""What telemetry keeps of one person, and taking it away: figures stay, whose they were does not.

An erasure is kept with the telemetry from its beginning, so that it goes on after a crash. Who is erased is known only
until it ends.
"""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple, Protocol

import msgspec

from genaiops.domain import Belongings, Content, Erasure, Foreseen, Person


class Unfinished(NamedTuple):
    """An erasure under way. `blobs`: what erased content, and runs, referred to; `parts`: of the store that have to be
    rewritten, so that nothing of it is left in their unused space (names of the engine's)."""

    erasure: Erasure
    person: Person
    blobs: AbstractSet[str]
    parts: AbstractSet[str]


class ErasedNow(msgspec.Struct, frozen=True):
    """What one step took away."""

    traces: int
    spans: int
    contents: int
    comments: int


class Persons(Protocol):
    """A trace is a person's when one of its spans names them. Spans in it that name somebody else, or are another
    business unit's, stay."""

    def belongings(self, person: Person) -> Belongings: ...

    def traces_of(self, person: Person, *, after: int = 0, limit: int = 100) -> tuple[int, Sequence[bytes]]:
        """Traces with spans that were written behind the place `after`, about `limit` of them, and the place to go on
        from (the same: that was all)."""
        ...

    def erase(
        self, erasure_id: str, person: Person, traces: Sequence[bytes], remains: Callable[[Content], Content]
    ) -> ErasedNow:
        """Take away who, what was said, and comments of scores. `remains` gives what stays of a content: its row is
        kept, so that the same span sent again brings nothing back. Sums, costs and times stay. Again: changes
        nothing."""
        ...

    def await_blobs(self, erasure_id: str, blobs: AbstractSet[str]) -> None:
        """Let these be among the blobs of that erasure (`Unfinished.blobs`). Durable when it returns."""
        ...

    def rewrite(self, part: str) -> None:
        """Write a part of the store anew, so that its unused space holds nothing."""
        ...

    def begin(self, erasure: Erasure, person: Person) -> None:
        """Durable when it returns."""
        ...

    def keep(self, erasure: Erasure) -> None:
        """How far it is by now. With `finished_us` it is over, and who was erased is forgotten."""
        ...

    def erasures(self, *, limit: int = 100) -> Sequence[Erasure]:
        """The newest first."""
        ...

    def unfinished(self) -> Sequence[Unfinished]:
        """The oldest first."""
        ...


class Erasures(Protocol):
    """Taking away what is kept of an end user; goes on by itself, also after a crash."""

    def foresee(self, person: Person) -> Foreseen:
        """What it would take away, and what it cannot reach. NotFound when no trace names the person."""
        ...

    def begin(self, person: Person, reason: str, *, by: str) -> Erasure: ...

    def list(self) -> Sequence[Erasure]: ...

    def get(self, erasure_id: str) -> Erasure: ...
