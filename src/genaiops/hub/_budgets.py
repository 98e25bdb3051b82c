"""Budgets: at most so much money or energy, so many tokens or calls in each period."""

from collections.abc import Sequence
from typing import get_args

import msgspec

from genaiops.core import clock as times
from genaiops.core.clock import Period
from genaiops.core.errors import UsageError
from genaiops.core.ids import new_id
from genaiops.core.suggesting import suggestion
from genaiops.domain import Budget, Price, Scope
from genaiops.hub._limit_text import ParsedLimit, parse_limit
from genaiops.hub._scopes import checked_scope, limits_of, note_change
from genaiops.hub._service import Clock, Service
from genaiops.hub._validation import as_stored, checked_choice, every
from genaiops.ports.records import Records, View


class NewBudget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`limit` as people write it: `25 USD`, `5 kWh`, `1M tokens`, `1000 calls`. `warn_at` in shares of it."""

    scope: Scope
    limit: str
    hard: bool = True
    period: Period = "month"
    timezone: str = "UTC"
    warn_at: tuple[float, ...] = (0.8, 1.0)


class Budgets(Service[Budget]):
    def __init__(self, records: Records, clock: Clock) -> None:
        super().__init__(records, clock, Budget, "budget")

    def create(self, new: NewBudget, *, by: str) -> Budget:
        new = as_stored(new)
        checked_choice(new.period, get_args(Period), word="period", param="period")
        times.zone(new.timezone)
        parsed = parse_limit(new.limit)
        budget = Budget(
            id=new_id("bud"),
            scope=new.scope,
            meter=parsed.meter,
            limit=parsed.limit,
            hard=new.hard,
            period=new.period,
            timezone=new.timezone,
            currency=parsed.currency or "USD",
            warn_at=_checked_shares(new.warn_at),
            created_us=self._clock(),
        )
        with self._records.write(by) as unit:
            checked_scope(unit, new.scope)
            _check_currency(unit, parsed)
            unit.add(budget)
        return budget

    def on(self, scope: Scope) -> Sequence[Budget]:
        with self._records.read() as view:
            return limits_of(view, Budget, scope)

    def set_limit(self, budget_id: str, limit: str, *, by: str) -> Budget:
        """More or less of the same meter; what was used in this period counts on."""
        parsed = parse_limit(limit)
        with self._records.write(by) as unit:
            budget = self._existing(unit, budget_id)
            if (parsed.meter, parsed.currency or budget.currency) != (budget.meter, budget.currency):
                raise UsageError(
                    f"The budget {budget_id!r} counts {_counted(budget)}, not {parsed.currency or parsed.meter}.",
                    remedy="Make another budget: what was counted so far cannot be converted.",
                    param="limit",
                )
            budget = msgspec.structs.replace(budget, limit=parsed.limit)
            unit.replace(budget)
        return budget

    def set_hard(self, budget_id: str, hard: bool, *, by: str) -> Budget:
        """A hard budget refuses the call that could exceed it; a soft one only warns."""
        with self._records.write(by) as unit:
            budget = msgspec.structs.replace(self._existing(unit, budget_id), hard=hard)
            unit.replace(budget)
        return budget

    def set_warn_at(self, budget_id: str, warn_at: tuple[float, ...], *, by: str) -> Budget:
        """The shares of the limit at which it warns."""
        with self._records.write(by) as unit:
            budget = msgspec.structs.replace(self._existing(unit, budget_id), warn_at=_checked_shares(warn_at))
            unit.replace(budget)
        return budget

    def reset(self, budget_id: str, *, by: str) -> Budget:
        """Begin the current period anew: `reset_us` is now. The counters are set by who publishes the change."""
        with self._records.write(by) as unit:
            budget = msgspec.structs.replace(self._existing(unit, budget_id), reset_us=self._clock())
            unit.replace(budget)
        return budget

    def remove(self, budget_id: str, *, by: str) -> None:
        with self._records.write(by) as unit:
            budget = self._existing(unit, budget_id)
            unit.remove(Budget, budget_id)
            note_change(unit, budget.scope)


def _counted(budget: Budget) -> str:
    return budget.currency if budget.meter == "money" else budget.meter


def _checked_shares(shares: tuple[float, ...]) -> tuple[float, ...]:
    for share in shares:
        if not 0 < share <= 10:
            raise UsageError(
                f"warn_at holds {share}.", remedy="Use shares of the limit, such as 0.8 for 80 %.", param="warn_at"
            )
    return tuple(sorted(set(shares)))


def _check_currency(view: View, parsed: ParsedLimit) -> None:
    if parsed.currency is None:
        return
    priced = {price.currency for price in every(view, Price)}
    if parsed.currency not in priced:
        raise UsageError(
            f"No price is in {parsed.currency}, so a budget in {parsed.currency} would never count anything.",
            remedy=suggestion(parsed.currency, priced),
            param="limit",
        )
