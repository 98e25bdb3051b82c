"""The arithmetic of rates, and what a reservation remembers.

Rates are the generic cell rate algorithm (ITU-T I.371) in virtual scheduling: the theoretical arrival time (TAT)
advances by a minute's share of the limit per unit, and must not run ahead of the clock by more than a minute. Costs are
rounded down to nanoseconds, so that a full burst is exactly the limit; the error of the sustained rate is below one
nanosecond a call.

A reservation that turns out too large is given back only as far as its own part of the bucket is still to come: what
has drained meanwhile, others may have used already. So no later correction ever lets more than the limit through. One
that turns out too small advances the TAT beyond the minute, by at most one further minute.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from genaiops.ports.counters import Hold

MINUTE_NS: Final = 60_000_000_000

Rate = tuple[int, int, int]
"""What a reservation on a rate remembers: (limit, cost, what had been given back before), the latter two in
nanoseconds."""

Entry = tuple[int, int, int, Rate | None]
"""One hold of a reservation: (base, amount, what was in use or the TAT afterwards, None for a sum)."""

UNLIMITED: Final[Rate] = (0, 0, 0)


class Reserved(msgspec.Struct):
    """A reservation; `entries` is None once it is settled."""

    holds: Sequence[Hold]
    epoch: int
    entries: list[Entry] | None
    now_us: int

    def used(self) -> Sequence[int]:
        """Units in use on each hold's counter right after this reservation, for telling a client how much is left."""
        now_ns = self.now_us * 1000
        return [after if rate is None else units(after - now_ns, rate[0]) for _, _, after, rate in self.entries or ()]


def units(ahead_ns: int, limit: int) -> int:
    """How many units of the limit a TAT that far ahead of the clock stands for, rounded up."""
    return -(-ahead_ns * limit // MINUTE_NS)


def ahead_ns(arrival: int, now_ns: int) -> int:
    """How far the TAT is ahead of the clock. More than any debt means that the clock was set back: then the bucket is
    just full."""
    ahead = arrival - now_ns
    if ahead < 0:
        return 0
    return ahead if ahead <= 2 * MINUTE_NS else MINUTE_NS


def corrected(rate: Rate, after: int, actual: int, now: tuple[int, int, int]) -> tuple[int, int]:
    """The new (TAT, given back in all) when a reservation is settled with `actual` units.

    `after` is the TAT that the reservation left; `now` is (TAT, given back in all, clock), all in nanoseconds.
    """
    limit, cost, given_back_then = rate
    arrival, given_back, now_ns = now
    change = actual * MINUTE_NS // limit - cost
    if change > 0:
        return min(max(arrival, now_ns) + change, max(arrival, now_ns + 2 * MINUTE_NS)), given_back
    still_to_come = after - (given_back - given_back_then) - now_ns
    back = max(min(-change, still_to_come), 0)
    return arrival - back, given_back + back
