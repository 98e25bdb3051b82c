"""What a client is told when a limit says no."""

from collections.abc import Sequence
from typing import Protocol

from genaiops.core.money import from_nano
from genaiops.gateway.failure import Failure
from genaiops.gateway.limits import FOREVER_US, METERED, Line, Windows
from genaiops.gateway.session_limits import session_over
from genaiops.ports.counters import Hold, Refusal, Shortage


class Lack(Protocol):
    """What others may have that a call needs; `failure` is what it is told if they do not."""

    @property
    def failure(self) -> Failure: ...

    async def obtain(self) -> Failure | None: ...


class Short:
    """A refusal that others may lift, and how it is told if they do not."""

    __slots__ = ("_amounts", "_lines", "_now_us", "_shortage", "_windows", "failure")

    def __init__(
        self, shortage: Shortage, lines: Sequence[Line], windows: Windows, amounts: Sequence[int], now_us: int
    ) -> None:
        self._shortage = shortage
        self._lines = lines
        self._windows = windows
        self._amounts = amounts
        self._now_us = now_us
        self.failure = self._told(shortage)

    async def obtain(self) -> Failure | None:
        """Ask them. The failure if reserving is short again, None when something was got. Unavailable when they cannot
        be asked."""
        refusal = await self._shortage.obtain()
        return None if refusal is None else self._told(refusal)

    def _told(self, refusal: Refusal) -> Failure:
        at = refusal.index
        return refuse(self._lines[at], refusal, self._windows.holds[at], self._amounts[at], self._now_us)


def refuse(line: Line, refusal: Refusal, hold: Hold, amount: int, now_us: int) -> Failure:
    """429, naming the limit, what it is on, how much of it is used, and when to come back."""
    budget, rate_limit = line.budget, line.rate_limit
    scope = budget.scope if budget is not None else rate_limit.scope if rate_limit is not None else None
    assert scope is not None
    limit = hold.limit or 0
    if line.session is not None:
        return session_over(line, refusal, hold, amount)
    retry_after = refusal.retry_after
    never = amount > limit
    if budget is not None:
        if retry_after is None and not never and hold.window_end_us < FOREVER_US:
            retry_after = max(0.0, (hold.window_end_us - now_us) / 1e6)
        what = f"The budget {line.key!r} of the {scope.kind} {scope.id!r} allows {_amount(line, limit)}"
        what += "" if budget.period == "total" else f" a {budget.period}"
        used = f"used {_amount(line, refusal.settled)}, reserved {_amount(line, refusal.reserved)}"
        message = f"{what}: {used}, and this call may need {_amount(line, amount)}."
        code = "budget_exceeded"
    elif line.meter == "concurrency":
        retry_after = 1.0 if not never else None
        message = (
            f"The limit {line.key!r} of the {scope.kind} {scope.id!r} allows {limit} calls at a time: "
            f"{refusal.reserved} are running."
        )
        code = "concurrency_limit_exceeded"
    else:
        unit = "requests" if line.meter == "calls" else "tokens"
        message = (
            f"The limit {line.key!r} of the {scope.kind} {scope.id!r} allows {limit} {unit} a minute, "
            f"and this call may need {amount}."
        )
        code = "rate_limit_exceeded"
    return Failure(
        status=429,
        type="insufficient_quota" if budget is not None else "rate_limit_error",
        code=code,
        message=f"{message} {_remedy(line, never, retry_after)}",
        retry_after=None if never else retry_after,
        final=never or retry_after is None,
    )


def _remedy(line: Line, never: bool, retry_after: float | None) -> str:
    if never and line.meter == "energy":
        return "Send a smaller max_tokens, have the target's timeouts.total shortened, or the limit raised."
    if never and line.meter in METERED:
        return "Send a shorter prompt or a smaller max_tokens, or have the limit raised."
    if never or retry_after is None:
        return "Have the limit raised."
    return f"Try again in {max(1, round(retry_after))} s."


def _amount(line: Line, amount: int) -> str:
    if line.budget is not None and line.budget.in_nano:
        return f"{from_nano(amount)} {line.budget.unit}"
    return f"{amount} {line.meter}"
