"""Sessions: what a client calls them, and the limits that guard policies set on them.

A session belongs to its key and is counted by the day (UTC). When it began stands in a counter of its own, so that all
workers and machines agree: the first call takes more than half of what there is, and what it takes tells the time;
nobody can take as much a second time.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote

from genaiops.core import clock
from genaiops.core.errors import GenaiopsError, UsageError
from genaiops.domain import SESSION_KEYS, Budget, Scope
from genaiops.gateway.call import Call
from genaiops.gateway.failure import Failure
from genaiops.gateway.limits import Line, Lines
from genaiops.gateway.session_limits import event, over
from genaiops.ports.counters import Counters, Hold, Refusal, Shortage
from genaiops.ports.guard import SessionLimits

HEADER: Final = b"x-genaiops-session"
_BAGGAGE: Final = b"baggage"
_BAGGAGE_NAMES: Final = ("session.id", "gen_ai.conversation.id")
_LONGEST: Final = 256
_REMEMBERED: Final = 8192
"""Sessions that a worker keeps at hand; the counters know the others."""
_WHOLE: Final = 1 << 43
"""Of the counter that tells when a session began. The first call takes this less the milliseconds since 1970."""
_TRIES: Final = 3
_NAME_IT: Final = (
    "Name it in `genaiops.session` of the body or in the header `x-genaiops-session`: the same for all calls of a run."
)


def named(headers: dict[bytes, bytes]) -> str | None:
    """The session that the headers name: ours, else OpenTelemetry's attributes in W3C baggage. UsageError for a name
    that is too long: cut, it could be that of another."""
    value = headers.get(HEADER)
    if value is not None:
        name = _text(value)
        if len(name) > _LONGEST:
            raise UsageError(
                f"The name of the session has {len(name)} characters.",
                remedy=f"Use at most {_LONGEST}.",
                code="invalid_value",
                param="x-genaiops-session",
            )
        return name or None
    baggage = headers.get(_BAGGAGE)
    return None if baggage is None else _in_baggage(baggage)


def _in_baggage(value: bytes) -> str | None:
    found: dict[str, str] = {}
    for member in _text(value).split(","):
        name, _, rest = member.partition("=")
        found.setdefault(name.strip(), unquote(rest.partition(";")[0].strip()))
    for name in _BAGGAGE_NAMES:
        if found.get(name):
            return found[name][:_LONGEST]
    return None


def _text(value: bytes) -> str:
    try:
        return value.decode().strip()
    except UnicodeDecodeError:
        return value.decode("latin-1").strip()


class _Session:
    """As one worker knows it, until its day ends."""

    __slots__ = ("_base", "_currency", "_key_id", "_limits", "_lines", "_name", "since_us", "started_us", "until_us")

    def __init__(self, key_id: str, name: str, at_us: int) -> None:
        self.since_us, self.until_us = clock.window("day", "UTC", at_us)
        self.started_us: int | None = None
        self._key_id = key_id
        self._name = name
        self._base: Lines | None = None
        self._limits: tuple[SessionLimits, ...] = ()
        self._currency: str | None = None
        self._lines: Lines | None = None

    def counter(self, policy: str, what: str) -> str:
        """The name of a counter of its own."""
        told = f"{self._key_id}\0{policy}\0{self._name}".encode()
        return f"{SESSION_KEYS}{hashlib.blake2b(told, digest_size=16).hexdigest()}/{what}"

    def lines(self, base: Lines, limits: tuple[SessionLimits, ...], currency: str | None) -> Lines:
        """The limits of its key with its own behind them; of cost in that currency."""
        if self._lines is None or (self._base, self._limits, self._currency) != (base, limits, currency):
            own = [line for each in limits for line in self._of(each, currency)]
            self._base, self._limits, self._currency = base, limits, currency
            self._lines = Lines([*base.all, *own]) if own else base
        return self._lines

    def _of(self, limits: SessionLimits, currency: str | None) -> list[Line]:
        policy = limits.policy.partition("@")[0]
        found: list[Line] = []
        if limits.steps is not None:
            budget = self._budget(limits, self.counter(policy, "steps"), limits.steps)
            found.append(Line("calls", budget=budget, session=limits))
        if limits.cost is not None:
            key = self.counter(policy, f"cost/{currency}")
            budget = self._budget(limits, key, limits.cost, currency)
            found.append(Line("money", budget=budget, session=limits))
        return found

    def _budget(self, limits: SessionLimits, key: str, limit: int, currency: str | None = None) -> Budget:
        return Budget(
            id=key,
            scope=Scope("key", self._key_id),
            meter="calls" if currency is None else "money",
            limit=limit,
            hard=limits.refuses,
            period="day",
            currency=currency or "USD",
            created_us=0,
        )


class Sessions:
    """Of one worker. `applied`: the sequence that its counters applied last."""

    def __init__(self, counters: Counters, applied: Callable[[], int]) -> None:
        self._counters = counters
        self._applied = applied
        self._known: OrderedDict[tuple[str, str], _Session] = OrderedDict()

    def enter(self, call: Call) -> bool:
        """Put the call under the limits of its session. False: other machines have to be asked when it began
        (`call.short`). LimitReached when its time is over, UsageError when it has to name one."""
        guard = call.guard
        if guard is None or not guard.limits or call.operation == "video_job":
            return True
        limits = guard.limits
        call.noted = ()
        name = call.session_name
        if name is None:
            self._unnamed(call, limits)
            return True
        session = self._find(call.key.entry.key_id, name, call.start_us)
        if any(each.seconds is not None for each in limits):
            if session.started_us is None and not self._begin(call, session):
                return False
            self._time(call, session, limits)
        base = call.key.lines
        call.lines = session.lines(base, limits, _currency(call, base, limits))
        return True

    def _unnamed(self, call: Call, limits: tuple[SessionLimits, ...]) -> None:
        """It stands under no limit of a session: that is noted, or refused."""
        for each in limits:
            if each.required:
                call.noted = (event(each, "unnamed", action="block"),)
                raise UsageError(
                    f"The guard policy {each.policy.partition('@')[0]!r} wants to know which session a call is of.",
                    remedy=_NAME_IT,
                    code="session_required",
                    param="genaiops.session",
                )
        call.noted = tuple(event(each, "unnamed", action="flag") for each in limits)

    def _find(self, key_id: str, name: str, at_us: int) -> _Session:
        known = self._known
        found = known.get((key_id, name))
        if found is None or not found.since_us <= at_us < found.until_us:
            found = known[key_id, name] = _Session(key_id, name, at_us)
            if len(known) > _REMEMBERED:
                known.popitem(last=False)
        known.move_to_end((key_id, name))
        return found

    def _time(self, call: Call, session: _Session, limits: tuple[SessionLimits, ...]) -> None:
        assert session.started_us is not None
        passed_us = call.start_us - session.started_us
        for each in limits:
            if each.seconds is not None and passed_us > each.seconds * 1_000_000:
                allowed = f"{each.seconds} second" + ("" if each.seconds == 1 else "s")
                call.noted = (*call.noted, event(each, "seconds", f"a limit of {allowed}"))
                if each.refuses:
                    used = f"it began {passed_us / 1e6:.1f} s ago, at {clock.to_iso(session.started_us)}"
                    raise over(each, allowed, used, session.until_us)

    # -- when it began

    def _begin(self, call: Call, session: _Session) -> bool:
        """Learn when it began, which may be now. False: others have to be asked."""
        found = self._take(session, call.start_us)
        if found is not None:
            call.short = _Question(self, session, call.start_us, found)
        return found is None

    def _take(self, session: _Session, at_us: int) -> Shortage | None:
        hold = Hold("sum", session.counter("", "start"), session.since_us, session.until_us, _WHOLE)
        amount = _WHOLE - at_us // 1000
        found = self._counters.prepare((hold,)).reserve((amount,), at_us)
        if isinstance(found, Shortage):
            return found
        if isinstance(found, Refusal):
            session.started_us = _began(found.settled or found.reserved, at_us)
        else:
            found.settle((amount,), self._applied())
            session.started_us = at_us
        return None

    async def learn(self, session: _Session, at_us: int, shortage: Shortage) -> None:
        """Ask the other machines. One that is cut off counts from what it knows itself."""
        left: Shortage | None = shortage
        for _ in range(_TRIES):
            if left is None or session.started_us is not None:
                return
            try:
                refusal = await left.obtain()
            except GenaiopsError:
                break
            if refusal is not None:
                session.started_us = _began(refusal.settled, at_us)
                return
            left = self._take(session, at_us)
        if session.started_us is None:
            session.started_us = at_us


class _Question:
    """When a session began, asked of other machines (see refusals.Short)."""

    def __init__(self, sessions: Sessions, session: _Session, at_us: int, shortage: Shortage) -> None:
        self._sessions = sessions
        self._session = session
        self._at_us = at_us
        self._shortage = shortage

    @property
    def failure(self) -> Failure:
        return Failure(
            status=503,
            type="unavailable_error",
            code="budgets_unreachable",
            message="When the session began cannot be learned now. Try again in a moment.",
            retry_after=1.0,
        )

    async def obtain(self) -> Failure | None:
        await self._sessions.learn(self._session, self._at_us, self._shortage)
        return None


def _began(taken: int, at_us: int) -> int:
    """By what the first call took. Another machine that has not told yet what it took, took it a moment ago."""
    return at_us if taken <= _WHOLE // 2 else (_WHOLE - taken) * 1000


def _currency(call: Call, base: Lines, limits: tuple[SessionLimits, ...]) -> str | None:
    """In which money the cost counts: that of hard budgets on the call, else of the prices of its targets. A call has
    one of them, as nothing else can be held against a limit."""
    if all(each.cost is None for each in limits):
        return None
    assert call.lineup is not None
    priced = call.lineup.quote(call.start_us).dearest
    hard = sorted(base.hard_currencies)
    return hard[0] if hard else "USD" if "USD" in priced or not priced else min(priced)
