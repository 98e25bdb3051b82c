"""What a budget will have used at the end of its period: a number, a range, and how it was found.

`hour_of_week`, for periods of a day and longer once there are two weeks of calls: what is settled, and for each hour
that is left the mean of the same hour of the week (UTC) over the last whole weeks, four at most. The range takes the
days of those weeks as independent around that profile: with k weeks, n = 7 k days and D days left, the variance is
s^2 (D + max(D, D^2/7) / k), where s^2 is the squared residuals of the days over n - 7, and the second term is what the
profile itself may be wrong by.

`linear`, else: what is settled carried on evenly. Its range takes hours (days, once there are three) of the period so
far as independent: with n of them and r left, the variance is s^2 (r + r^2/n).

Ranges hold 80 % of the outcomes by Student's t, whose quantile is approximated as in Abramowitz and Stegun, "Handbook
of Mathematical Functions", 26.7.5. Nothing is foreseen that has not been in the calls before.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from statistics import NormalDist
from typing import Literal

import msgspec

from genaiops.domain import Budget, Scope, ScopeKind
from genaiops.ports.telemetry import Dimension, Rollup, RollupQuery, Telemetry, energy_nano
from genaiops.watch._figures import HOUR_US, BudgetState

WEEK = 168
MOST_WEEKS = 4
LEVEL = 0.8
"""Share of the outcomes that the range is made to hold."""

_LEAST_SHARE = 0.05
_APART = 8
_LONG = frozenset({"day", "week", "month"})
DIMENSIONS: Mapping[ScopeKind, Dimension] = {
    "key": "key_id",
    "team": "team_id",
    "application": "application",
    "environment": "environment_id",
    "tenant": "tenant_id",
}

Hours = Mapping[int, int]
"""Amounts by hour since the epoch; hours without calls may be missing."""


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """Amounts in units of the budget's meter. `low` and `high` are None when the period has had too few hours to say.
    `weeks` of history were used (0: this period alone)."""

    method: Literal["hour_of_week", "linear"]
    expected: int
    low: int | None
    high: int | None
    weeks: int = 0


def budget_forecasts(telemetry: Telemetry, states: Sequence[BudgetState], *, now_us: int) -> list[Forecast | None]:
    """One for each state; None in the first twentieth of a period and for a period without end."""
    open_ended = [state.budget.period == "total" or now_us >= state.window_end_us for state in states]
    wanted = {state.budget.scope for state, without in zip(states, open_ended, strict=True) if not without}
    histories = _histories(telemetry, wanted, now_us)
    return [
        None if without else forecast(state, _hours(histories[state.budget.scope], state.budget), now_us=now_us)
        for state, without in zip(states, open_ended, strict=True)
    ]


def forecast(state: BudgetState, hours: Hours, *, now_us: int) -> Forecast | None:
    """As `budget_forecasts`, of one state and the amounts by hour of its scope."""
    weeks = min(MOST_WEEKS, (now_us // HOUR_US - min(hours)) // WEEK) if hours else 0
    if state.budget.period in _LONG and weeks >= 2:
        return _by_week(state, hours, now_us, weeks)
    return _evenly(state, hours, now_us)


def _histories(telemetry: Telemetry, scopes: Collection[Scope], now_us: int) -> Mapping[Scope, Sequence[Rollup]]:
    """The hours of each scope. Of many scopes of one kind all are read at once: the work is then bounded by the calls
    that there were, however many budgets somebody sets."""
    since_us = (now_us // HOUR_US - MOST_WEEKS * WEEK) * HOUR_US
    found: dict[Scope, list[Rollup]] = {scope: [] for scope in scopes}
    for kind, dimension in DIMENSIONS.items():
        ids = [scope.id for scope in scopes if scope.kind == kind]
        wheres: list[dict[Dimension, str]] = [{}] if len(ids) > _APART else [{dimension: each} for each in ids]
        for where in wheres:
            query = RollupQuery(since_us=since_us, until_us=now_us + 1, step="hour", group_by=(dimension,), where=where)
            for row in telemetry.rollup(query):
                rows = found.get(Scope(kind, row.group[dimension]))
                if rows is not None:
                    rows.append(row)
    return found


def _hours(rows: Iterable[Rollup], budget: Budget) -> Hours:
    amounts = {row.start_us // HOUR_US: _amount(row, budget) for row in rows}
    return {hour: amount for hour, amount in amounts.items() if amount}


def _amount(row: Rollup, budget: Budget) -> int:
    if budget.meter == "money":
        return row.cost_nano
    if budget.meter == "energy":
        return energy_nano(row.energy)
    return row.input_tokens + row.output_tokens if budget.meter == "tokens" else row.calls


def _by_week(state: BudgetState, hours: Hours, now_us: int, weeks: int) -> Forecast:
    present = now_us // HOUR_US
    first = present - weeks * WEEK
    profile = [0.0] * WEEK
    for hour in range(first, present):
        profile[hour % WEEK] += hours.get(hour, 0) / weeks
    rest = 0.0
    for hour in range(present, -(-state.window_end_us // HOUR_US)):
        covered = min((hour + 1) * HOUR_US, state.window_end_us) - max(hour * HOUR_US, now_us)
        rest += profile[hour % WEEK] * covered / HOUR_US
    residuals = [
        sum(hours.get(hour, 0) - profile[hour % WEEK] for hour in range(start, start + 24))
        for start in range(first, present, 24)
    ]
    freedom = len(residuals) - 7
    spread = sum(residual**2 for residual in residuals) / freedom
    days = (state.window_end_us - now_us) / (24 * HOUR_US)
    off = _t(freedom) * math.sqrt(spread * (days + max(days, days**2 / 7) / weeks))
    return _made("hour_of_week", state.settled, rest, off, weeks)


def _evenly(state: BudgetState, hours: Hours, now_us: int) -> Forecast | None:
    begin_us = max(state.window_start_us, min(state.budget.reset_us, now_us))
    elapsed, left = now_us - begin_us, state.window_end_us - now_us
    if elapsed <= _LEAST_SHARE * (elapsed + left):
        return None
    rest = state.settled * left // elapsed
    first, last = -(-begin_us // HOUR_US), now_us // HOUR_US
    size = 24 if last - first >= 72 else 1
    parts = [
        sum(hours.get(hour, 0) for hour in range(start, start + size)) for start in range(first, last - size + 1, size)
    ]
    if len(parts) < 3:
        return Forecast(method="linear", expected=state.settled + rest, low=None, high=None)
    mean = sum(parts) / len(parts)
    spread = sum((part - mean) ** 2 for part in parts) / (len(parts) - 1)
    ahead = left / (HOUR_US * size)
    return _made(
        "linear", state.settled, rest, _t(len(parts) - 1) * math.sqrt(spread * (ahead + ahead**2 / len(parts)))
    )


def _made(method: Literal["hour_of_week", "linear"], settled: int, rest: float, off: float, weeks: int = 0) -> Forecast:
    """What is settled is never taken back, so no range goes below it."""
    return Forecast(
        method=method,
        expected=settled + round(rest),
        low=settled + max(0, round(rest - off)),
        high=settled + round(rest + off),
        weeks=weeks,
    )


def _t(freedom: int) -> float:
    """The quantile of Student's t that a two-sided range of LEVEL reaches to."""
    z = NormalDist().inv_cdf(0.5 + LEVEL / 2)
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )
