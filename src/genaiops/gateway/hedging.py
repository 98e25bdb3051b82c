"""A second try at another target when the first is silent for too long. The first that answers serves the client.

Only until the head of an answer is there, and only for the first try of a call. The loser is cancelled. What its
provider bills nobody knows: it is charged the prompt, by estimate. A hedge is made within the route's share, and only
when the limits of the key hold another try of the same size.
"""

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import msgspec

from genaiops.domain import Decision, HedgePolicy
from genaiops.gateway.call import Call
from genaiops.gateway.choice import choose
from genaiops.gateway.failure import AttemptFailure
from genaiops.gateway.plan import Candidate, Lineup
from genaiops.gateway.settle import Books
from genaiops.gateway.trying import Try
from genaiops.gateway.upstream import clock
from genaiops.ports.providers import Reply

if TYPE_CHECKING:
    from genaiops.gateway.attempts import Attempts

Step = Coroutine[Any, Any, AttemptFailure | None]
Opening = asyncio.Task[Reply]

_MOST_SAVED = 10.0
"""Hedges that a route may save up for a bad moment."""
_ANSWERS = frozenset({400, 413, 422})
"""Beside 2xx: what another target would say, too."""

_dropped: set[Opening] = set()
"""The loop keeps only weak references to tasks."""


class Hedges:
    """Those of one worker. Every call of a route earns it the share of a hedge."""

    def __init__(self, attempts: "Attempts", books: Books) -> None:
        self._attempts = attempts
        self._books = books
        self._saved: dict[str, float] = {}

    async def race(self, call: Call, first: Try, policy: HedgePolicy, tried: list[Candidate]) -> tuple[Try, Step]:
        """The try that goes on, and what remains of it. `tried` gets those that failed meanwhile."""
        lineup = call.lineup
        assert lineup is not None
        self._saved[lineup.name] = min(_MOST_SAVED, self._saved.get(lineup.name, 0.0) + policy.share)
        tries: dict[Opening, Try] = {asyncio.create_task(self._attempts.open(call, first)): first}
        try:
            delay = _delay(first, policy, streamed=call.streamed)
            done, _ = await asyncio.wait(tries, timeout=delay)
            if not done:
                second = self._second(call, lineup, first, delay or 0.0)
                if second is not None:
                    tries[asyncio.create_task(self._attempts.open(call, second))] = second
            return await self._first_of(call, tries, tried)
        except asyncio.CancelledError:
            for opening, one in tries.items():
                _drop(opening)
                self._attempts.dropped(call, one)
            raise

    async def _first_of(self, call: Call, tries: dict[Opening, Try], tried: list[Candidate]) -> tuple[Try, Step]:
        while len(tries) > 1:
            done, _ = await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)
            winner = next((opening for opening in done if _answered(opening)), None)
            if winner is not None:
                for opening in [one for one in tries if one is not winner]:
                    _drop(opening)
                    self._attempts.dropped(call, tries.pop(opening), "hedge_lost")
                break
            for opening in list(done)[: len(tries) - 1]:
                one = tries.pop(opening)
                tried.append(one.candidate)
                await self._attempts.fell(call, one, opening)
        opening, one = tries.popitem()
        return one, self._attempts.landing(call, one, opening)

    def _second(self, call: Call, lineup: Lineup, first: Try, delay: float) -> Try | None:
        pick = choose(lineup, (first.candidate,), (), clock(), call.asked)
        if pick is None or pick[1] == "retry":
            return _noted(first, "no hedge: nobody else can take the call")
        if self._saved[lineup.name] < 1.0:
            return _noted(first, "no hedge: the share of the route is used up")
        if not self._books.extend(call):
            return _noted(first, "no hedge: a limit leaves no room for another try")
        self._saved[lineup.name] -= 1.0
        candidate, _, decision = pick
        second = Try(call, candidate, candidate.upstream.credential(clock()), "hedge", decision)
        _noted(second, f"{first.candidate.target.id!r} was silent for {delay:.3f} s")
        return second


def _delay(first: Try, policy: HedgePolicy, *, streamed: bool) -> float | None:
    """Seconds; None: not known yet, so there is no hedge."""
    pace = first.candidate.upstream.pace
    if policy.percentile is not None and pace is not None:
        found = pace.percentile(policy.percentile, streamed=streamed)
        if found is not None:
            return found
    return policy.after


def _answered(opening: Opening) -> bool:
    if opening.cancelled() or opening.exception() is not None:
        return False
    status = opening.result().status
    return 200 <= status < 300 or status in _ANSWERS


def _drop(opening: Opening) -> None:
    """Its answer is not wanted any more."""
    if not opening.done():
        _dropped.add(opening)
        opening.add_done_callback(_dropped.discard)
        opening.add_done_callback(_abort)
        opening.cancel()
    else:
        _abort(opening)


def _abort(opening: Opening) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().abort()


def _noted(one: Try, note: str) -> None:
    decision = one.decision or Decision("weighted", (one.candidate.target.id,))
    one.decision = msgspec.structs.replace(decision, note=f"{decision.note}; {note}" if decision.note else note)
