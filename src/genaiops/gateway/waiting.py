"""Waiting before a try: for a place at a target that is only busy, for a rest to end, for the next try at the same
target; and what a client is told when there is nothing to wait for."""

import asyncio
import math
import random
from collections.abc import Sequence

import msgspec

from genaiops.domain import Decision
from genaiops.gateway.call import Call
from genaiops.gateway.choice import Pick, Reason, choose, fits, reasons, soonest
from genaiops.gateway.failure import Failure
from genaiops.gateway.plan import Candidate, Lineup
from genaiops.gateway.upstream import Upstream, clock

_EARLY = 0.002
"""Seconds by which a timer of whole milliseconds may ring too early."""


async def rest(lineup: Lineup, dead: Sequence[Candidate], end: float) -> bool:
    """Everybody rests: wait when that is short. Whether it was worth it. `end`: no later than that (monotonic)."""
    now = clock()
    waits = [one.upstream.wait(now) for one in lineup.all if one not in dead]
    wait = min(waits, default=-1.0)
    if wait < 0 or wait > lineup.retry.backoff_max or now + wait >= end:
        return False
    await asyncio.sleep(wait + _EARLY)
    return True


async def pause(lineup: Lineup, tries: int, end: float) -> bool:
    """Full jitter before the same target is tried again. Whether there is time for it."""
    policy = lineup.retry
    wait = random.random() * min(policy.backoff_max, policy.backoff * 2 ** (tries - 1))
    if clock() + wait >= end:
        return False
    if wait:
        await asyncio.sleep(wait)
    return True


async def place(
    call: Call, lineup: Lineup, tried: Sequence[Candidate], dead: Sequence[Candidate], end: float
) -> Pick | Failure | None:
    """A target, after waiting in line for it, which the caller must `claim` at once. None: there is no line to wait in.

    The failure: the lines are full, or the time was up. `end`: no later than that (seconds, monotonic).
    """
    began = clock()
    waited = False
    while True:
        now = clock()
        busy = [one for one in _worth_it(call, lineup, tried, dead) if one.upstream.only_busy(now)]
        if not busy:
            pick = choose(lineup, tried, dead, now, call.asked) if waited else None
            if pick is not None:
                pick[0].upstream.held += 1
            return pick
        lines = [one for one in busy if one.upstream.queue is not None and not one.upstream.queue.full]
        until = min(end, began + max(one.target.queue_seconds for one in busy))
        if not lines or now >= until:
            return _over(lineup, now - began, "queue_timeout" if lines else "queue_full")
        waited = True
        upstream = await _stand(call.key.entry.key_id, lines, until - now)
        if upstream is None:
            continue
        one = next(each for each in lines if each.upstream is upstream)
        if upstream.only_resting(clock()):  # it failed while we waited
            upstream.unclaim()
            continue
        passed = tuple((each.target.id, "busy") for each in busy if each is not one)
        note = f"waited {clock() - began:.3f} s for a place"
        return one, _role(one, lineup, tried), Decision("queue", (one.target.id,), passed, note)


def _worth_it(call: Call, lineup: Lineup, tried: Sequence[Candidate], dead: Sequence[Candidate]) -> list[Candidate]:
    """Who has a line and could serve the call; those that were tried only when there is no other."""
    spare = lineup.context_fallbacks if call.asked.needs else ()
    able = [one for one, weight in lineup.primary if weight > 0]
    able = [one for one in dict.fromkeys((*able, *spare, *lineup.fallbacks)) if one.upstream.queue is not None]
    able = [one for one in able if one not in dead and fits(one, call.asked, lineup)]
    return [one for one in able if one not in tried] or able


async def _stand(key_id: str, lines: Sequence[Candidate], seconds: float) -> Upstream | None:
    """Stand in all these lines until one has a place (which is then held for us); None: time is up."""
    waiter: asyncio.Future[Upstream] = asyncio.get_running_loop().create_future()
    for one in lines:
        assert one.upstream.queue is not None
        one.upstream.queue.join(key_id, waiter)
    try:
        await asyncio.wait((waiter,), timeout=seconds)
    except asyncio.CancelledError:
        if waiter.done():
            waiter.result().unclaim()
        raise
    finally:
        for one in lines:
            assert one.upstream.queue is not None
            one.upstream.queue.leave(key_id, waiter)
        if not waiter.done():
            waiter.cancel()
    return None if waiter.cancelled() else waiter.result()


def _role(one: Candidate, lineup: Lineup, tried: Sequence[Candidate]) -> Reason:
    if one in tried:
        return "retry"
    if any(one is each for each, _ in lineup.primary):
        return "equivalent" if tried else "first"
    return "context" if one in lineup.context_fallbacks else "fallback"


def _over(lineup: Lineup, waited: float, code: str) -> Failure:
    why = f"waited {waited:.1f} s for a place" if code == "queue_timeout" else "as many as may are waiting already"
    now = clock()
    return Failure(
        status=503,
        type="unavailable_error",
        code=code,
        message=f"No target can serve {lineup.name!r} now ({why}): {reasons(lineup, now)}. Try again in a moment.",
        retry_after=min(soonest(lineup, now), 60.0),
    )


def nobody(call: Call, lineup: Lineup) -> Failure:
    """Nobody can take the call, and there is nothing to wait for."""
    now = clock()
    wait = soonest(lineup, now)
    heals = wait != math.inf
    why = reasons(lineup, now, call.asked)
    then = f"Try again in {wait:.0f} s." if heals else "No time heals that: its secret has to be set."
    failure = Failure(
        status=503,
        type="unavailable_error",
        code="no_target_available",
        message=f"No target can serve {lineup.name!r} now: {why}. {then}",
        retry_after=wait if heals else None,
    )
    regions = tuple(dict.fromkeys((*lineup.regions, *call.key.entry.regions)))
    if not regions:
        return failure
    where = f"Only targets in the region {', '.join(map(repr, regions))} may serve it."
    return msgspec.structs.replace(failure, message=f"{failure.message} {where}")
