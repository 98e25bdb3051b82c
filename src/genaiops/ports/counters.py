"""Counters: limits and budgets that all workers share, exact also when a worker is killed.

One machine's workers share a file; several machines lease from a common store, and a reservation never waits for it
(see Shortage). A worker owns one column. It prepares the holds that its calls make, once, reserves before a call and
settles after it; `reserve` is atomic over all its holds (all or none). What a dead worker had reserved stays reserved
until `recover` is called for its column with what its spool says.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Literal, Protocol

import msgspec

from genaiops.domain import Charge


class Hold(msgspec.Struct, frozen=True, array_like=True):
    """One demand on one counter, without its amount: what stays the same from call to call.

    `kind` "sum": settled + reserved (all columns) + amount <= limit, else refused; `limit` None never refuses (soft
    budgets, still counted). `kind` "rate": generic cell rate algorithm (ITU-T I.371): `limit` units a minute with a
    burst of one minute's worth. `key` names the counter (a budget's id, `rate_limit/requests`, ...); `window_us` is
    the start of its period (0 for rate and for concurrency), `window_end_us` tells when the counter may be forgotten.
    Sums whose key begins with `domain.SESSION_KEYS` may be forgotten before, where there is no room for others.
    """

    kind: Literal["sum", "rate"]
    key: str
    window_us: int
    window_end_us: int
    limit: int | None


MINUTE_NS: Final = 60_000_000_000
"""A rate's whole burst, in nanoseconds of draining."""


class Refusal(msgspec.Struct, frozen=True):
    """Hold number `index` said no, the first in order that does. `retry_after` in seconds (None: not before the window
    ends). `settled` and `reserved` as found.
    """

    index: int
    retry_after: float | None
    settled: int
    reserved: int


class Shortage(Refusal, frozen=True):
    """A refusal that is not the last word: what this machine may give out by itself is too little, and others may have
    more. `await obtain()` asks them, once; reserve again after it returned. What it returns is the refusal that stands
    if reserving is short again, None when something was got. Unavailable when they cannot be asked.
    """

    obtain: Callable[[], Awaitable[Refusal | None]]


class Reservation(Protocol):
    """What was held for one call, until `settle`. One without any sum may be left as it is: what it took of rates
    stays taken."""

    @property
    def levels(self) -> Sequence[int]:
        """For each hold, how full its counter was right after the reservation, so that a client can be told what is
        left without another look. Of a sum: settled + reserved, in its units. Of a rate: nanoseconds until all has
        drained, of MINUTE_NS (0 without a limit)."""
        ...

    def settle(self, actual: Sequence[int], sequence: int, now_us: int | None = None) -> None:
        """Replace each hold's reserved amount by the actual one (0 gives it back), once. `sequence` is the call's,
        remembered with the same atomicity, so that after a crash it is known whether the last settled record of the
        spool had been applied.

        A rate gets back only what has not drained by now (`now_us`, by default the clock): so no correction lets more
        than the limit through. An actual amount above the reserved one is a debt, paid off within a further minute at
        most. UsageError when it is settled already, or `actual` is not one amount a hold."""
        ...


class Prepared(Protocol):
    """Holds that many calls make, looked up once. An engine keeps with it what saves the look-up: places in a table,
    the static arguments of a script. It stays good for as long as the counters are open, whatever becomes of them."""

    @property
    def holds(self) -> Sequence[Hold]: ...

    def reserve(self, amounts: Sequence[int], now_us: int) -> Reservation | Refusal:
        """Hold the amounts, one for each hold, in the column of the counters: all or none. The refusal is a Shortage
        where counters are shared between machines and more of them may be had."""
        ...


class Reading(msgspec.Struct, frozen=True):
    settled: int
    reserved: int


class Gauge(msgspec.Struct, frozen=True):
    name: str
    column: int
    value: int


class Counters(Protocol):
    """All methods are synchronous and take microseconds; none may be called across an await while another is in
    progress.
    """

    def prepare(self, holds: Sequence[Hold]) -> Prepared:
        """UsageError when a counter stands in it twice, or when these counters have no column."""
        ...

    def read(self, key: str, window_us: int, now_us: int | None = None) -> Reading:
        """Of a rate: the units that have not drained by now, as settled."""
        ...

    def load(self, totals: Mapping[tuple[str, int], tuple[int, int]]) -> None:
        """Set settled totals: (key, window_us) -> (total, window_end_us). Used at start and when a budget is made or
        reset.
        """
        ...

    def applied(self, column: int) -> int:
        """The `sequence` of the last settle that the column's worker applied (0: none), torn writes repaired first.

        Calls end in any order, so a greater sequence says nothing: the last settled record of a dead life's spool was
        applied exactly when its sequence equals this one, and otherwise its `charged` belongs into `recover`."""
        ...

    def recover(self, column: int, charges: Sequence[Charge]) -> None:
        """After a worker's death: add the charges to the settled totals and clear the column (reservations, gauges,
        acknowledgement).
        """
        ...

    def set_version(self, version: int) -> None:
        """Publish a Snapshot's version (one word)."""
        ...

    def version(self) -> int: ...

    def acknowledge(self, version: int) -> None:
        """This column's worker serves this version now."""
        ...

    def acknowledged(self) -> Mapping[int, int]:
        """Column -> version, of the columns whose worker lives (attached and not recovered)."""
        ...

    def set_gauge(self, name: str, value: int) -> None:
        """A figure of this column others may read (calls in flight, a breaker's state)."""
        ...

    def gauges(self) -> Sequence[Gauge]: ...

    def degraded(self) -> str | None:
        """What these counters cannot do at the moment, in a sentence: None when all is well. Counters of one machine
        are never degraded."""
        ...

    def close(self) -> None: ...
