"""How a route chooses between equivalents that can take a call.

Averages and calls under way are those of this worker: workers share no state here, and find the same by themselves.
"""

import hashlib
import math
import random
from collections.abc import Sequence

from genaiops.domain import Strategy, Usage
from genaiops.gateway.asked import Asked
from genaiops.gateway.plan import Candidate
from genaiops.gateway.settle import cost_of

Weighted = Sequence[tuple[Candidate, int]]

_UNIT = 1 / (1 << 64)


def select(strategy: Strategy, able: Weighted, asked: Asked, now: float) -> Candidate:
    """One of them (there is at least one)."""
    if len(able) == 1:
        return able[0][0]
    if strategy == "latency":
        return _quicker(able, asked, now)
    if strategy == "cost":
        return _cheapest(able, asked)
    if strategy == "least_busy":
        return _least_busy(able)
    return drawn(able)


def drawn(able: Weighted) -> Candidate:
    """By weight."""
    if len(able) == 1:
        return able[0][0]
    point = random.random() * sum(weight for _, weight in able)
    for candidate, weight in able:
        point -= weight
        if point < 0:
            return candidate
    return able[-1][0]


def kept(able: Weighted, sticky: str, name: str) -> Candidate:
    """The target that somebody keeps: rendezvous hashing with weights (-weight / ln u, u uniform of a hash of who, the
    name and the target), so that another target takes its own share of everybody's and moves nobody else. `name` is the
    route's: who is together on one route is not on all."""
    best, top = able[0][0], -1.0
    for candidate, weight in able:
        digest = hashlib.blake2b(f"{sticky}\0{name}\0{candidate.target.id}".encode(), digest_size=8).digest()
        point = (int.from_bytes(digest, "big") + 0.5) * _UNIT
        score = -weight / math.log(point) if point < 1.0 else math.inf
        if score > top:
            best, top = candidate, score
    return best


def _quicker(able: Weighted, asked: Asked, now: float) -> Candidate:
    """Of two drawn by weight the one that is likely to answer first: its average times the calls it would then have.

    Two at random do not herd onto the one that was best a moment ago (Mitzenmacher 2001, the power of two choices).
    One that nobody has measured lately is tried, by one call at a time.
    """
    for candidate, _ in able:
        upstream = candidate.upstream
        if not upstream.in_flight and _pace(candidate, asked, now) is None:
            return candidate
    one = drawn(able)
    two = drawn([each for each in able if each[0] is not one])
    return min(one, two, key=lambda each: _expected(each, asked, now))


def _pace(candidate: Candidate, asked: Asked, now: float) -> float | None:
    pace = candidate.upstream.pace
    return pace.seconds(now, streamed=asked.streamed) if pace is not None else None


def _expected(candidate: Candidate, asked: Asked, now: float) -> float:
    seconds = _pace(candidate, asked, now)
    return math.inf if seconds is None else seconds * (candidate.upstream.in_flight + 1)


def _cheapest(able: Weighted, asked: Asked) -> Candidate:
    """By the price in force for a request of this size. Unknown is not cheap: without a price, or in another currency
    than the first that has one, a target is taken only when there is no other."""
    usage = Usage(input_uncached=asked.into, output_text=asked.out)
    costs = [cost_of(usage, candidate, asked.at_us) for candidate, _ in able]
    currency = next((cost.currency for cost in costs if cost.nano is not None), None)
    known = [
        (cost.nano, each)
        for cost, each in zip(costs, able, strict=True)
        if cost.nano is not None and cost.currency == currency
    ]
    if not known:
        return drawn(able)
    least = min(nano for nano, _ in known)
    return drawn([each for nano, each in known if nano == least])


def _least_busy(able: Weighted) -> Candidate:
    loads = [candidate.upstream.in_flight / weight for candidate, weight in able]
    least = min(loads)
    return drawn([each for load, each in zip(loads, able, strict=True) if load == least])
