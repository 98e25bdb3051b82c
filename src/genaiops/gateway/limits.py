"""Limits: what a call must reserve before it goes out, and what it is charged in the end.

The reservation is an upper bound. Input: no tokeniser makes more tokens than a text has bytes, so the size of the body
bounds the prompt (images, audio and files have an allowance each, and chat templates one of their own). Output: the cap
on each answer times the number of answers. Money: both at the dearest price of any target that may serve the call.
Energy: the output, in all the time that a target may take, at the high end of the one that uses most.
"""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Literal

from genaiops.core import clock
from genaiops.domain import Budget, Charge, RateLimit
from genaiops.ports.counters import MINUTE_NS, Counters, Hold
from genaiops.ports.guard import SessionLimits

TEMPLATE_TOKENS = 256
"""What a chat template may add to a prompt: role marks, a default system prompt."""
FOREVER_US = 1 << 62
MOST = 1 << 61

Meter = Literal["calls", "tokens", "money", "energy", "concurrency"]
METERED = frozenset({"tokens", "money", "energy"})
"""Meters that need an upper bound of the call."""


Amounts = tuple[int, ...]
"""What a call needs or has used: (concurrency, calls, tokens, money in each of the currencies of its Lines), and the
energy in nano-Wh where they have a budget of it."""

ONE_CALL: Amounts = (1, 1, 0)
"""What a call needs under limits on nothing else."""
HIT: Amounts = (0, 1, 0)
"""What a call has used that was answered from memory."""


class Line:
    """One counter that a call is held against. Lines of a team or an environment are shared by all their keys."""

    __slots__ = ("budget", "key", "kind", "limit", "meter", "rate_limit", "session")

    def __init__(
        self,
        meter: Meter,
        *,
        budget: Budget | None = None,
        rate_limit: RateLimit | None = None,
        session: SessionLimits | None = None,
    ) -> None:
        """`session`: the budget is one that these give to a session."""
        self.meter = meter
        self.session = session
        self.budget = budget
        self.rate_limit = rate_limit
        self.kind: Literal["sum", "rate"] = "sum"
        if budget is not None:
            self.key = budget.id
            self.limit: int | None = budget.limit if budget.hard else None
        else:
            assert rate_limit is not None
            self.key = f"{rate_limit.id}/{'requests' if meter == 'calls' else meter}"
            self.kind = "sum" if meter == "concurrency" else "rate"
            self.limit = {
                "calls": rate_limit.requests_per_minute,
                "tokens": rate_limit.tokens_per_minute,
                "concurrency": rate_limit.concurrency,
            }[meter]

    @property
    def hard(self) -> bool:
        return self.limit is not None

    def of_counting(self) -> "Line":
        """The same limit, of questions for the size of a prompt: a bucket of their own."""
        line = Line("calls", rate_limit=self.rate_limit)
        line.key += "/counting"
        return line

    def hold(self, at_us: int) -> Hold:
        """The demand on its counter, in the window that `at_us` lies in."""
        budget = self.budget
        start, end = (0, FOREVER_US) if budget is None else clock.window(budget.period, budget.timezone, at_us)
        return Hold(self.kind, self.key, start, end, self.limit)


class Windows:
    """The lines of a key at one time: good from `since_us` until `until_us`, when the first of their windows ends."""

    __slots__ = ("_keys", "_of_budgets", "_starts", "hit_charges", "holds", "reserve", "since_us", "until_us")

    def __init__(self, lines: "Lines", counters: Counters, at_us: int) -> None:
        prepared = counters.prepare([line.hold(at_us) for line in lines.all])
        self.holds = prepared.holds
        self.reserve = prepared.reserve
        self.since_us = max([hold.window_us for hold in self.holds], default=0)
        self.until_us = min([hold.window_end_us for hold in self.holds], default=FOREVER_US)
        budgets = [at for at, line in enumerate(lines.all) if line.budget is not None]
        self._keys = [self.holds[at].key for at in budgets]
        self._starts = [self.holds[at].window_us for at in budgets]
        self._of_budgets = _picker([lines.places[at] for at in budgets])
        self.hit_charges = self.charges(HIT) if lines.for_hits is lines else ()
        """What a hit is charged."""

    def charges(self, amounts: Amounts) -> tuple[Charge, ...]:
        """The budgets' part of it, for the records of the call."""
        return tuple(map(Charge, self._keys, self._starts, self._of_budgets(amounts)))


class Lines:
    """All limits of one key, its own and those of its team, application, environment and tenant; each counter once."""

    __slots__ = (
        "_for_counting",
        "_for_hits",
        "_shown",
        "all",
        "by_line",
        "currencies",
        "energy",
        "hard_budget",
        "hard_currencies",
        "hard_energy",
        "holds",
        "metered",
        "nothing",
        "places",
        "sessions",
        "strict",
        "windows",
    )

    def __init__(self, lines: Sequence[Line]) -> None:
        self.all = tuple({line.key: line for line in lines}.values())
        money = [line.budget for line in self.all if line.budget is not None and line.meter == "money"]
        self.currencies = tuple(dict.fromkeys(budget.currency for budget in money))
        self.hard_currencies = frozenset(budget.currency for budget in money if budget.hard)
        self.hard_budget = any(line.budget is not None and line.budget.hard for line in self.all)
        self.energy = any(line.meter == "energy" for line in self.all)
        self.hard_energy = any(line.hard and line.meter == "energy" for line in self.all)
        self.metered = any(line.meter in METERED for line in self.all)
        """Some limit is on tokens, money or energy, so an upper bound is needed."""
        self.strict = any(line.hard and line.meter in METERED for line in self.all)
        """Such a limit can refuse, so a call without a cap gets one."""
        self.places = [self._place(line) for line in self.all]
        """Where in the amounts each line finds its own."""
        self.by_line: Callable[[Amounts], Amounts] = _picker(self.places)
        self.nothing = (0,) * len(self.all)
        """What is charged, by line, when a call is not dispatched."""
        self.sessions = any(line.session is not None for line in self.all)
        """Some of them are of the session that a call is in."""
        self.holds = any(line.kind == "sum" for line in self.all)
        """Whether a reservation has to be settled: rates alone need not be."""
        spared = [line for line in self.all if line.kind == "sum" and line.meter in METERED]
        self._for_hits = Lines([line for line in self.all if line not in spared]) if spared else None
        self._for_counting: Lines | None = None
        self.windows: Windows | None = None
        """As of the last call."""
        self._shown = _shown(self.all)

    @property
    def for_hits(self) -> "Lines":
        """Those that a call answered from memory is held against: it needs no tokens, money or energy, so a budget on
        them that is used up has nothing to say."""
        return self._for_hits or self

    @property
    def for_counting(self) -> "Lines":
        """Those that a question for the size of a prompt is held against: limits of requests a minute, each in a bucket
        of its own, so that asking takes nothing from calls."""
        if self._for_counting is None:
            rates = [line for line in self.all if line.kind == "rate" and line.meter == "calls"]
            self._for_counting = Lines([line.of_counting() for line in rates])
        return self._for_counting

    def _place(self, line: Line) -> int:
        if line.meter == "money":
            assert line.budget is not None
            return 3 + self.currencies.index(line.budget.currency)
        return {"concurrency": 0, "calls": 1, "tokens": 2, "energy": 3 + len(self.currencies)}[line.meter]

    def turn(self, counters: Counters, now_us: int) -> Windows:
        """Go over to the windows that `now_us` lies in."""
        self.windows = windows = Windows(self, counters, now_us)
        return windows

    def shown(self, levels: Sequence[int]) -> bytes:
        """`x-ratelimit-*` lines, by how full a reservation left the counters: of the rate limits on requests, and on
        tokens, the one with the least share left. `reset` is the time until all of it is there again."""
        shown = b""
        for lines in self._shown:
            at, limit, pattern = lines[0]
            level = levels[at]
            for line in lines[1:]:
                if levels[line[0]] > level:
                    at, limit, pattern = line
                    level = levels[at]
            used = -(-level * limit // MINUTE_NS)
            shown += pattern % (limit - used if used < limit else 0, duration(level // 1_000_000))
        return shown


def _picker(places: Sequence[int]) -> Callable[[Amounts], Amounts]:
    """A function that picks those of the amounts, in this order."""
    if len(places) > 1:
        return itemgetter(*places)
    return itemgetter(slice(places[0], places[0] + 1) if places else slice(0))  # of one place it makes no tuple


_Shown = tuple[tuple[int, int, bytes], ...]
"""Of each limit that the lines may speak of: place, size, the lines to fill in (what remains, reset)."""


_SHOWN = b"x-ratelimit-limit-%b: %d\r\nx-ratelimit-remaining-%b: %%d\r\nx-ratelimit-reset-%b: %%b\r\n"


def _shown(lines: Sequence[Line]) -> tuple[_Shown, ...]:
    found: list[_Shown] = []
    for meter, kind in (("calls", b"requests"), ("tokens", b"tokens")):
        mine = tuple(
            (at, line.limit, _SHOWN % (kind, line.limit, kind, kind))
            for at, line in enumerate(lines)
            if line.rate_limit is not None and line.meter == meter and line.limit is not None
        )
        if mine:
            found.append(mine)
    return tuple(found)


_MILLISECONDS = [b"%dms" % milliseconds for milliseconds in range(1000)]


def duration(milliseconds: int) -> bytes:
    """As OpenAI writes it: `120ms`, `1.5s`, `6m0s`."""
    if milliseconds < 1000:
        return _MILLISECONDS[milliseconds]
    seconds, rest = divmod(milliseconds, 1000)
    if seconds < 60:
        return b"%d.%03ds" % (seconds, rest)
    return b"%dm%ds" % divmod(seconds, 60)


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
