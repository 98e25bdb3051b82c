"""Budgets that were made or reset: their counters and the ledger get their beginning before any worker charges them."""

from collections.abc import Iterable, Mapping

import msgspec

from genaiops.core.clock import now_us, window
from genaiops.domain import Budget, Charge, ScopeKind
from genaiops.ports.counters import Counters
from genaiops.ports.records import COLLECTIONS, Change, View
from genaiops.ports.telemetry import Dimension, RollupQuery, Telemetry, energy_nano

_DIMENSIONS: Mapping[ScopeKind, Dimension] = {
    "key": "key_id",
    "team": "team_id",
    "application": "application",
    "environment": "environment_id",
    "tenant": "tenant_id",
}
_BUDGETS = COLLECTIONS[Budget].name


def used(budget: Budget, telemetry: Telemetry, at_us: int) -> Charge:
    """What was used of the budget's meter in the period that `at_us` lies in: since its start, or since a reset in it.
    As far as traces tell: money of calls without a known price, and energy
    that nobody knows, count as nothing, a reset is exact to the minute."""
    start_us, _ = window(budget.period, budget.timezone, at_us)
    rows = telemetry.rollup(
        RollupQuery(
            since_us=max(start_us, budget.reset_us),
            until_us=at_us + 1,
            step="all",
            group_by=("target_id",),
            where={_DIMENSIONS[budget.scope.kind]: budget.scope.id},
        )
    )
    amounts = {
        "money": sum(row.cost_nano for row in rows),
        "tokens": sum(row.input_tokens + row.output_tokens for row in rows),
        "energy": sum(energy_nano(row.energy) for row in rows),
        "calls": sum(row.calls for row in rows if row.group["target_id"]),  # those that were refused reached no target
    }
    return Charge(budget.id, start_us, amounts[budget.meter])


def begin(
    changes: Iterable[Change], since_us: int, *, counters: Counters, telemetry: Telemetry, done: set[tuple[str, int]]
) -> int:
    """Give the budgets among these changes their beginning: what was used for a new one, zero for one that was reset
    after `since_us`. `done` remembers resets (id, time) that were carried out. How many were begun."""
    at_us = now_us()
    charges: list[Charge] = []
    ends: dict[tuple[str, int], tuple[int, int]] = {}
    for change in changes:
        if change.collection != _BUDGETS or change.body is None:
            continue
        budget = msgspec.json.decode(change.body, type=Budget)
        start_us, end_us = window(budget.period, budget.timezone, at_us)
        if change.action == "add":
            charge = used(budget, telemetry, at_us)
        elif budget.reset_us > since_us and (budget.id, budget.reset_us) not in done:
            done.add((budget.id, budget.reset_us))
            charge = Charge(budget.id, start_us, 0)
        else:
            continue
        charges.append(charge)
        ends[budget.id, start_us] = (charge.amount, end_us)
    if charges:
        telemetry.seed_ledger(charges)
        counters.load(ends)
    return len(charges)


def rebuild(view: View, *, counters: Counters, telemetry: Telemetry, columns: int) -> None:
    """At start, with no worker alive and every spool folded: no column holds anything, the totals are the ledger's."""
    for column in range(columns):
        counters.recover(column, ())
    at_us = now_us()
    totals: dict[tuple[str, int], tuple[int, int]] = {}
    ledger = telemetry.ledger()
    for budget in every_budget(view):
        start_us, end_us = window(budget.period, budget.timezone, at_us)
        totals[budget.id, start_us] = (ledger.get((budget.id, start_us), 0), end_us)
    counters.load(totals)


def every_budget(view: View) -> Iterable[Budget]:
    last: str | None = None
    while page := view.find(Budget, after=last):
        yield from page
        last = page[-1].id
