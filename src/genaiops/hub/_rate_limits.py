"""Rate limits: requests and tokens a minute, calls at a time."""

from collections.abc import Sequence

import msgspec

from genaiops.core.errors import Conflict, UsageError
from genaiops.core.ids import new_id
from genaiops.domain import RateLimit, Scope
from genaiops.hub._scopes import checked_scope, limits_of, note_change
from genaiops.hub._service import Clock, Service
from genaiops.hub._validation import as_stored, checked_number
from genaiops.ports.records import Records


class NewRateLimit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """None: no limit of that kind; at least one is set."""

    scope: Scope
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrency: int | None = None


class RateLimits(Service[RateLimit]):
    def __init__(self, records: Records, clock: Clock) -> None:
        super().__init__(records, clock, RateLimit, "rate limit")

    def create(self, new: NewRateLimit, *, by: str) -> RateLimit:
        """Conflict when that scope has one already: two would only hide each other."""
        limit = _checked(new, new_id("rate"), self._clock())
        with self._records.write(by) as unit:
            checked_scope(unit, limit.scope)
            there = limits_of(unit, RateLimit, limit.scope)
            if there:
                raise Conflict(
                    f"The {limit.scope.kind} {limit.scope.id!r} has a rate limit already, {there[0].id!r}.",
                    remedy="Change that one.",
                    code="already_exists",
                    param="scope",
                )
            unit.add(limit)
        return limit

    def on(self, scope: Scope) -> Sequence[RateLimit]:
        with self._records.read() as view:
            return limits_of(view, RateLimit, scope)

    def replace(self, limit_id: str, new: NewRateLimit, *, by: str) -> RateLimit:
        """Other numbers for the same scope."""
        with self._records.write(by) as unit:
            former = self._existing(unit, limit_id)
            if new.scope != former.scope:
                raise UsageError(
                    f"The rate limit {limit_id!r} is one of the {former.scope.kind} {former.scope.id!r}.",
                    remedy="Remove it and make one for the other scope.",
                    param="scope",
                )
            limit = _checked(new, limit_id, former.created_us)
            unit.replace(limit)
        return limit

    def remove(self, limit_id: str, *, by: str) -> None:
        with self._records.write(by) as unit:
            limit = self._existing(unit, limit_id)
            unit.remove(RateLimit, limit_id)
            note_change(unit, limit.scope)


def _checked(new: NewRateLimit, limit_id: str, created_us: int) -> RateLimit:
    limit = RateLimit(id=limit_id, created_us=created_us, **msgspec.structs.asdict(as_stored(new)))
    if limit.requests_per_minute is None and limit.tokens_per_minute is None and limit.concurrency is None:
        raise UsageError(
            "The rate limit limits nothing.",
            remedy="Set requests_per_minute, tokens_per_minute or concurrency (--requests, --tokens, --concurrency).",
            param="requests_per_minute",
        )
    for name in ("requests_per_minute", "tokens_per_minute", "concurrency"):
        checked_number(getattr(limit, name), param=name, most=1_000_000_000_000)
    return limit
