"""Which target next: equivalents by weight among those that can take a call, fallbacks in order, then another try."""

import random
from collections.abc import Sequence
from typing import Literal

from genaiops.gateway.plan import Candidate, Lineup

Reason = Literal["first", "equivalent", "fallback", "retry"]


def choose(
    lineup: Lineup, tried: Sequence[Candidate], dead: Sequence[Candidate], now: float
) -> tuple[Candidate, Reason] | None:
    """`tried` in order of trying; on `dead` ones another try would not help. None: nobody can take the call now."""
    if not tried and lineup.total_weight:
        one = lineup.pick(random.random())
        if one.upstream.blocked(now) is None:
            return one, "first"
    fresh = [
        (one, weight)
        for one, weight in lineup.primary
        if weight > 0 and one not in tried and one.upstream.blocked(now) is None
    ]
    if fresh:
        return _weighted(fresh), "equivalent" if tried else "first"
    for one in lineup.fallbacks:
        if one not in tried and one.upstream.blocked(now) is None:
            return one, "fallback"
    again = [one for one in dict.fromkeys(reversed(tried)) if one not in dead and one.upstream.blocked(now) is None]
    return (again[-1], "retry") if again else None


def _weighted(candidates: Sequence[tuple[Candidate, int]]) -> Candidate:
    if len(candidates) == 1:
        return candidates[0][0]
    point = random.random() * sum(weight for _, weight in candidates)
    for candidate, weight in candidates:
        point -= weight
        if point < 0:
            return candidate
    return candidates[-1][0]


def soonest(lineup: Lineup, now: float) -> float:
    """Seconds until some target may take a call again (at least 1, to be of use as `retry-after`)."""
    return max(1.0, min((one.upstream.wait(now) for one in lineup.all), default=1.0))


def reasons(lineup: Lineup, now: float) -> str:
    """Why nobody can take the call: "a is failing, b is busy"."""
    found = [(one.target.id, one.upstream.blocked(now)) for one in lineup.all]
    return ", ".join(f"{name!r} is {why}" for name, why in found if why is not None)
