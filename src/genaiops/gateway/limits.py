"""Limits: what a call must reserve before it goes out, and what it is charged in the end.

The reservation is an upper bound. Input: no tokeniser makes more tokens than a text has bytes, so the size of the body
bounds the prompt (images, audio and files have an allowance each, and chat templates one of their own). Output: the cap
on each answer times the number of answers. Money: both at the dearest price of any target that may serve the call.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from genaiops.core import clock
from genaiops.domain import Budget, Charge, RateLimit
from genaiops.ports.counters import Hold

TEMPLATE_TOKENS = 256
"""What a chat template may add to a prompt: role marks, a default system prompt."""
FOREVER_US = 1 << 62
MOST = 1 << 61

Meter = Literal["calls", "tokens", "money", "concurrency"]


class Line:
    """One counter that a call is held against. Lines of a team or an environment are shared by all their keys."""

    __slots__ = ("budget", "key", "kind", "limit", "meter", "one", "rate_limit", "window_end_us", "window_us")

    def __init__(self, meter: Meter, *, budget: Budget | None = None, rate_limit: RateLimit | None = None) -> None:
        self.meter = meter
        self.budget = budget
        self.rate_limit = rate_limit
        self.kind: Literal["sum", "rate"] = "sum"
        self.window_us = 0
        self.window_end_us = FOREVER_US
        if budget is not None:
            self.key = budget.id
            self.limit: int | None = budget.limit if budget.hard else None
            self.window_end_us = 0
        else:
            assert rate_limit is not None
            self.key = f"{rate_limit.id}/{'requests' if meter == 'calls' else meter}"
            self.kind = "sum" if meter == "concurrency" else "rate"
            self.limit = {
                "calls": rate_limit.requests_per_minute,
                "tokens": rate_limit.tokens_per_minute,
                "concurrency": rate_limit.concurrency,
            }[meter]
        self.one = self.hold(1)
        """The demand for one unit, the same for all calls of a window."""

    @property
    def hard(self) -> bool:
        return self.limit is not None

    def hold(self, amount: int) -> Hold:
        """The demand for `amount` in the present window."""
        return Hold(self.kind, self.key, self.window_us, self.window_end_us, amount, self.limit)

    def turn(self, now_us: int) -> None:
        """Go over to the window that `now_us` lies in."""
        budget = self.budget
        assert budget is not None
        self.window_us, self.window_end_us = clock.window(budget.period, budget.timezone, now_us)
        self.one = self.hold(1)


class Lines:
    """All limits of one key, its own and those of its team, application, environment and tenant.

    What a call needs and what it used come as amounts: (concurrency, calls, tokens, money in each of `currencies`).
    """

    __slots__ = (
        "_budgets",
        "_lines",
        "_places",
        "_shown",
        "all",
        "currencies",
        "hard_budget",
        "hard_currencies",
        "metered",
        "strict",
    )

    def __init__(self, lines: Sequence[Line]) -> None:
        self.all = tuple(lines)
        money = [line.budget for line in lines if line.budget is not None and line.meter == "money"]
        self.currencies = tuple(dict.fromkeys(budget.currency for budget in money))
        self.hard_currencies = frozenset(budget.currency for budget in money if budget.hard)
        self.hard_budget = any(line.budget is not None and line.budget.hard for line in lines)
        self.metered = any(line.meter in ("tokens", "money") for line in lines)
        """Some limit is on tokens or money, so an upper bound is needed."""
        self.strict = any(line.hard and line.meter in ("tokens", "money") for line in lines)
        """Such a limit can refuse, so a call without a cap gets one."""
        self._places = tuple(self._place(line) for line in lines)
        self._lines = tuple(zip(self.all, self._places, strict=True))
        self._budgets = tuple((at, line.key) for at, line in enumerate(lines) if line.budget is not None)
        self._shown = _shown(lines)

    def _place(self, line: Line) -> int:
        """Where in the amounts this line finds its own."""
        if line.meter == "money":
            assert line.budget is not None
            return 3 + self.currencies.index(line.budget.currency)
        return {"concurrency": 0, "calls": 1, "tokens": 2}[line.meter]

    def holds(self, amounts: Sequence[int], now_us: int) -> list[Hold]:
        """The demands that a call of these amounts makes on each line, in order."""
        found: list[Hold] = []
        for line, place in self._lines:
            if now_us >= line.window_end_us or now_us < line.window_us:
                line.turn(now_us)
            found.append(line.one if place < 2 else line.hold(amounts[place]))
        return found

    def actual(self, amounts: Sequence[int]) -> list[int]:
        """What is charged on each line, in order."""
        return [amounts[place] for place in self._places]

    def charges(self, holds: Sequence[Hold], amounts: Sequence[int]) -> tuple[Charge, ...]:
        """The budgets' part of it, for the records of the call. `amounts` by line."""
        return tuple([Charge(key, holds[at].window_us, amounts[at]) for at, key in self._budgets])

    def shown(self, used: Callable[[], Sequence[int]]) -> list[tuple[bytes, bytes]]:
        """`x-ratelimit-*` fields: of the rate limits on requests, and on tokens, the one with the least share left."""
        if not self._shown:
            return []
        units = used()
        fields: list[tuple[bytes, bytes]] = []
        for names, lines in self._shown:
            at, limit = lines[0]
            if len(lines) > 1:
                at, limit = max(lines, key=lambda line: units[line[0]] / (line[1] or 1))
            amount = units[at]
            fields.append((names[0], b"%d" % limit))
            fields.append((names[1], b"%d" % (limit - amount if amount < limit else 0)))
            fields.append((names[2], duration(60_000 * amount // limit if limit else 60_000)))
        return fields


_Shown = tuple[tuple[bytes, bytes, bytes], tuple[tuple[int, int], ...]]
"""Names of the three fields, and the (place, limit) of each line that they may speak of."""


def _shown(lines: Sequence[Line]) -> tuple[_Shown, ...]:
    found: list[_Shown] = []
    for meter, kind in (("calls", b"requests"), ("tokens", b"tokens")):
        mine = tuple(
            (at, line.limit)
            for at, line in enumerate(lines)
            if line.rate_limit is not None and line.meter == meter and line.limit is not None
        )
        if mine:
            limit, remaining, reset = (
                b"x-ratelimit-%b-%b" % (word, kind) for word in (b"limit", b"remaining", b"reset")
            )
            found.append(((limit, remaining, reset), mine))
    return tuple(found)


def duration(milliseconds: int) -> bytes:
    """As OpenAI writes it: `120ms`, `1.5s`, `6m0s`."""
    if milliseconds < 1000:
        return b"%dms" % milliseconds
    seconds, rest = divmod(milliseconds, 1000)
    if seconds < 60:
        return b"%d.%03ds" % (seconds, rest)
    return b"%dm%ds" % divmod(seconds, 60)


NO_LINES = Lines(())


def lines_of(budgets: Sequence[Budget], rate_limits: Sequence[RateLimit]) -> list[Line]:
    found = [Line(budget.meter, budget=budget) for budget in budgets]
    for limit in rate_limits:
        if limit.requests_per_minute is not None:
            found.append(Line("calls", rate_limit=limit))
        if limit.tokens_per_minute is not None:
            found.append(Line("tokens", rate_limit=limit))
        if limit.concurrency is not None:
            found.append(Line("concurrency", rate_limit=limit))
    return found
