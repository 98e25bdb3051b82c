"""Which target next: equivalents by the route's strategy among those that can take the call, what is there for long
prompts, fallbacks in order, then another try."""

import random
from collections.abc import Sequence
from typing import Literal

from genaiops.domain import Decision
from genaiops.gateway.asked import NOTHING, Asked
from genaiops.gateway.plan import Candidate, Lineup
from genaiops.gateway.strategy import Weighted, kept, select

Reason = Literal["first", "equivalent", "fallback", "context", "retry", "hedge", "over_budget", "asked_again"]
Pick = tuple[Candidate, Reason, Decision | None]


def choose(
    lineup: Lineup, tried: Sequence[Candidate], dead: Sequence[Candidate], now: float, asked: Asked = NOTHING
) -> Pick | None:
    """`tried` in order of trying; on `dead` ones another try would not help. None: nobody can take the call now."""
    if lineup.plain and not tried and not asked.needs:
        one = lineup.pick(random.random())
        if one.upstream.blocked(now) is None:
            return one, "first", lineup.decision
    return _Choice(lineup, tried, now, asked).made(dead)


class _Choice:
    def __init__(self, lineup: Lineup, tried: Sequence[Candidate], now: float, asked: Asked) -> None:
        self._lineup = lineup
        self._tried = tried
        self._now = now
        self._asked = asked
        self._passed: list[tuple[str, str]] = []

    def made(self, dead: Sequence[Candidate]) -> Pick | None:
        lineup, tried = self._lineup, self._tried
        able = [(one, weight) for one, weight in lineup.primary if self._able(one, weight)]
        if able:
            return self._among(able)
        if self._asked.needs:
            for one in lineup.context_fallbacks:
                if self._able(one):
                    return one, "context", self._decision("in order", (one,), "the prompt is long")
        for one in lineup.fallbacks:
            if self._able(one):
                return one, "fallback", self._decision("in order", (one,))
        for one in dict.fromkeys(tried):
            if one not in dead and fits(one, self._asked, lineup) and one.upstream.blocked(self._now) is None:
                return one, "retry", self._decision("in order", (one,))
        return None

    def _among(self, able: Weighted) -> Pick:
        lineup, asked = self._lineup, self._asked
        if asked.sticky:
            one, how, note = kept(able, asked.sticky, lineup.name), "sticky", f"by {lineup.sticky}"
        else:
            one, how = select(lineup.strategy, able, asked, self._now), lineup.strategy
            note = f"no {lineup.sticky} to keep it by" if lineup.sticky is not None else ""
        decision = self._decision(how, tuple(each for each, _ in able), note)
        first: Reason = "over_budget" if lineup.because else "first"
        return one, "equivalent" if self._tried else first, decision

    def _able(self, one: Candidate, weight: int = 1) -> bool:
        why = self._why_not(one, weight)
        if why is None:
            return True
        self._passed.append((one.target.id, why))
        return False

    def _why_not(self, one: Candidate, weight: int) -> str | None:
        if one in self._tried:
            return "tried"
        if weight <= 0:
            return "weight 0"
        if not fits(one, self._asked, self._lineup):
            return "context too small"
        return one.upstream.blocked(self._now)

    def _decision(self, how: str, able: Sequence[Candidate], note: str = "") -> Decision | None:
        because = self._lineup.because
        if self._lineup.decision is None and not because:
            return None
        note = "; ".join(filter(None, (because, note)))
        return Decision(how, tuple(one.target.id for one in able), tuple(self._passed), note)


def fits(one: Candidate, asked: Asked, lineup: Lineup) -> bool:
    """Whether the request is short enough. Where it is too long for everybody, the providers shall say so."""
    needs = asked.needs
    if not needs:
        return True
    if one.target.id in asked.small:
        return False
    window = one.target.context_window
    if window is None:  # who knows? After a refusal, only those that are there for long prompts
        return not asked.small or one in lineup.context_fallbacks
    return needs <= window or (not asked.small and needs > lineup.longest)


def reasons(lineup: Lineup, now: float, asked: Asked = NOTHING) -> str:
    """Why nobody can take the call: "a is failing, b is busy"."""
    found = [
        (one.target.id, one.upstream.blocked(now) if fits(one, asked, lineup) else "too small for the prompt")
        for one in lineup.all
    ]
    return ", ".join(f"{name!r} is {why}" for name, why in found if why is not None)


def soonest(lineup: Lineup, now: float) -> float:
    """Seconds until some target may take a call again (at least 1, to be of use as `retry-after`)."""
    return max(1.0, min((one.upstream.wait(now) for one in lineup.all), default=1.0))
