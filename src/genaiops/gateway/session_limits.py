"""What a guard policy allows in a session, and what is said where a call is beyond it.

The limits on steps and on cost are budgets of the session by the day, so that they are reserved, settled and recovered
as all budgets are. Only what a policy says beside them, and how a client is told, is different.
"""

from collections.abc import Iterator

from genaiops.core.clock import to_iso
from genaiops.core.errors import LimitReached
from genaiops.core.money import from_nano
from genaiops.domain import SESSION_RULE, GuardAction, GuardEvent
from genaiops.gateway.failure import Failure, of_error
from genaiops.gateway.limits import Line, Lines, Windows
from genaiops.ports.counters import Counters, Hold, Refusal
from genaiops.ports.guard import SessionLimits

_CODE = "session_limit_exceeded"


def event(limits: SessionLimits, kind: str, place: str = "", action: GuardAction | None = None) -> GuardEvent:
    """`kind`: `steps`, `seconds` or `cost` that are beyond a limit; `unnamed`, where a session had to be named."""
    places = (place,) if place else ()
    return GuardEvent(limits.policy, SESSION_RULE, "tools", "in", action or limits.action, {kind: 1}, places=places)


def stopped(line: Line | None) -> tuple[GuardEvent, ...]:
    """What is noted of a call that this limit refused."""
    if line is None or line.session is None:
        return ()
    return (event(line.session, kind_of(line), _limit(line)),)


def beyond(lines: Lines, windows: Windows, counters: Counters) -> Iterator[GuardEvent]:
    """What is noted of a call that goes on although its session is beyond a limit: with it, whatever else is under way
    and what other machines have told."""
    for line, hold in zip(lines.all, windows.holds, strict=True):
        if line.session is None or line.hard or line.budget is None:
            continue
        reading = counters.read(hold.key, hold.window_us)
        if reading.settled + reading.reserved > line.budget.limit:
            yield event(line.session, kind_of(line), _limit(line))


def kind_of(line: Line) -> str:
    return "cost" if line.meter == "money" else "steps"


def session_over(line: Line, refusal: Refusal, hold: Hold, amount: int) -> Failure:
    """What a client is told whose call would bring its session over a limit on steps or on cost."""
    assert line.session is not None
    assert line.budget is not None
    if line.meter == "money":
        unit = line.budget.currency
        used = f"{from_nano(refusal.settled)} {unit} are spent"
        used += f", {from_nano(refusal.reserved)} {unit} reserved" if refusal.reserved else ""
        used += f", and this call may need {from_nano(amount)} {unit}"
    else:
        used = f"{refusal.settled} are made" + (f", {refusal.reserved} under way" if refusal.reserved else "")
    return of_error(over(line.session, _allowed(line), used, hold.window_end_us))


def over(limits: SessionLimits, allowed: str, used: str, end_us: int) -> LimitReached:
    """429, naming the policy, the limit, and when the session is counted anew."""
    return LimitReached(
        f"The guard policy {limits.policy.partition('@')[0]!r} allows {allowed} in a session: {used}.",
        limit=limits.policy,
        retry_after=None,
        remedy=f"Begin another session; this one is counted anew from {to_iso(end_us)} on.",
        code=_CODE,
    )


def _limit(line: Line) -> str:
    return f"a limit of {_allowed(line)}"


def _allowed(line: Line) -> str:
    assert line.budget is not None
    limit = line.budget.limit
    if line.meter == "money":
        return f"{from_nano(limit)} {line.budget.currency}"
    return f"{limit} step" if limit == 1 else f"{limit} steps"
