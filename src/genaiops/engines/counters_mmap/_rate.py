"""The arithmetic of rates, and what a reservation remembers.

Rates are the generic cell rate algorithm (ITU-T I.371) in virtual scheduling: the theoretical arrival time (TAT)
advances by a minute's share of the limit per unit, and must not run ahead of the clock by more than a minute. Costs are
rounded down to nanoseconds, so that a full burst is exactly the limit; the error of the sustained rate is below one
nanosecond a call.

A reservation that turns out too large is given back only as far as its own part of the bucket is still to come: what
has drained meanwhile, others may have used already. So no later correction ever lets more than the limit through. One
that turns out too small advances the TAT beyond the minute, by at most one further minute.
"""

from typing import Final

from genaiops.ports.counters import MINUTE_NS

DEBT_NS: Final = 2 * MINUTE_NS
"""The farthest that a TAT can be ahead of the clock."""


def units(ahead_ns: int, limit: int) -> int:
    """How many units of the limit a TAT that far ahead of the clock stands for, rounded up."""
    return -(-ahead_ns * limit // MINUTE_NS)


def ahead_ns(arrival: int, now_ns: int) -> int:
    """How far the TAT is ahead of the clock. More than any debt means that the clock was set back: then the bucket is
    just full."""
    ahead = arrival - now_ns
    if ahead < 0:
        return 0
    return ahead if ahead <= DEBT_NS else MINUTE_NS


def indebted(arrival: int, more: int, now_ns: int) -> int:
    """The TAT when a reservation turns out too small by that many nanoseconds."""
    return min(max(arrival, now_ns) + more, max(arrival, now_ns + DEBT_NS))
