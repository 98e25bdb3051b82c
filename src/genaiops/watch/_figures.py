"""Figures for people: overview, usage, the health of targets, how budgets stand. Read from rollups, never from raw
spans.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from genaiops.core.clock import window
from genaiops.core.histogram import Histogram
from genaiops.domain import Budget, Target
from genaiops.ports.counters import Counters, Gauge
from genaiops.ports.telemetry import (
    CacheSums,
    Dimension,
    EnergySums,
    Rollup,
    RollupQuery,
    Telemetry,
    TraceFilter,
    TraceRow,
)

HOUR_US = 3_600_000_000
Step = Literal["minute", "hour", "day", "all"]


class UsageRow(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of one bucket of time and one group. Latencies in milliseconds, None when there was no call."""

    start_us: int
    group: Mapping[str, str]
    calls: int
    errors: int
    input_tokens: int
    cache_read: int
    output_tokens: int
    estimated_calls: int
    cost_nano: int
    cost_unknown: int
    p50_ms: float | None
    p95_ms: float | None
    first_token_p50_ms: float | None
    attempts: int = 0
    energy: EnergySums = EnergySums()
    cache: CacheSums = CacheSums()


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of a stretch of time. `error_rate` is None without calls: no calls are neither good nor bad."""

    calls: int
    errors: int
    error_rate: float | None
    input_tokens: int
    output_tokens: int
    cost_nano: int
    cost_unknown: int
    p50_ms: float | None
    p95_ms: float | None
    ttft_p50_ms: float | None


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    since_us: int
    until_us: int
    now: Totals
    previous: Totals
    series: Sequence[UsageRow]
    top_models: Sequence[UsageRow]
    top_keys: Sequence[UsageRow]
    recent_errors: Sequence[TraceRow]


class TargetHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How a target did in the last 15 minutes. `state` is `unknown` when no worker has said anything of its breaker.

    `calls` ended there, `errors` of them badly. `attempts` were made at it, `failed_attempts` of them failed, also when
    another target answered in the end. `resting`: its provider asked for a pause; `credentials_resting` is the most
    that any worker tells."""

    target_id: str
    state: Literal["closed", "open", "half_open", "unknown"]
    calls: int
    errors: int
    attempts: int
    failed_attempts: int
    p50_ms: float | None
    p95_ms: float | None
    in_flight: int
    resting: bool
    credentials_resting: int


class BudgetState(msgspec.Struct, frozen=True, kw_only=True):
    """How a budget stands in its present period."""

    budget: Budget
    window_start_us: int
    window_end_us: int
    settled: int
    reserved: int
    remaining: int
    share: float
    state: Literal["ok", "warn", "exceeded"]


def _ms(value: float | None) -> float | None:
    return None if value is None else value / 1000


def _row(rollup: Rollup) -> UsageRow:
    return UsageRow(
        start_us=rollup.start_us,
        group=rollup.group,
        calls=rollup.calls,
        errors=rollup.errors,
        input_tokens=rollup.input_tokens,
        cache_read=rollup.cache_read,
        output_tokens=rollup.output_tokens,
        estimated_calls=rollup.estimated_calls,
        cost_nano=rollup.cost_nano,
        cost_unknown=rollup.cost_unknown,
        p50_ms=_ms(rollup.duration.quantile(0.5)),
        p95_ms=_ms(rollup.duration.quantile(0.95)),
        first_token_p50_ms=_ms(rollup.first_token.quantile(0.5)),
        attempts=rollup.attempts,
        energy=rollup.energy,
        cache=rollup.cache,
    )


def usage(
    telemetry: Telemetry,
    *,
    since_us: int,
    until_us: int,
    step: Step = "all",
    group_by: Sequence[Dimension] = (),
    where: Mapping[Dimension, str] | None = None,
) -> list[UsageRow]:
    """Usage by any dimensions, oldest bucket first, the dearest and busiest group first within a bucket."""
    query = RollupQuery(since_us=since_us, until_us=until_us, step=step, group_by=group_by, where=where or {})
    rows = [_row(rollup) for rollup in telemetry.rollup(query)]
    return sorted(rows, key=lambda row: (row.start_us, -row.cost_nano, -row.calls, sorted(row.group.items())))


def _totals(telemetry: Telemetry, since_us: int, until_us: int, where: Mapping[Dimension, str]) -> Totals:
    rows = telemetry.rollup(RollupQuery(since_us=since_us, until_us=until_us, step="all", where=where))
    row = _row(rows[0]) if rows else None
    if row is None:
        return Totals(
            calls=0,
            errors=0,
            error_rate=None,
            input_tokens=0,
            output_tokens=0,
            cost_nano=0,
            cost_unknown=0,
            p50_ms=None,
            p95_ms=None,
            ttft_p50_ms=None,
        )
    return Totals(
        calls=row.calls,
        errors=row.errors,
        error_rate=row.errors / row.calls if row.calls else None,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cost_nano=row.cost_nano,
        cost_unknown=row.cost_unknown,
        p50_ms=row.p50_ms,
        p95_ms=row.p95_ms,
        ttft_p50_ms=row.first_token_p50_ms,
    )


def overview(
    telemetry: Telemetry, *, now_us: int, hours: int = 24, where: Mapping[Dimension, str] | None = None
) -> Overview:
    """The last `hours` beside the `hours` before them; a point an hour (a minute when `hours` is 1)."""
    conditions = dict(where or {})
    until_us = now_us + 1
    since_us = until_us - hours * HOUR_US
    environment = conditions.get("environment_id")

    def top(dimension: Dimension) -> list[UsageRow]:
        rows = usage(telemetry, since_us=since_us, until_us=until_us, group_by=[dimension], where=conditions)
        return [row for row in rows if row.calls][:8]

    return Overview(
        since_us=since_us,
        until_us=until_us,
        now=_totals(telemetry, since_us, until_us, conditions),
        previous=_totals(telemetry, since_us - hours * HOUR_US, since_us, conditions),
        series=usage(
            telemetry, since_us=since_us, until_us=until_us, step="minute" if hours == 1 else "hour", where=conditions
        ),
        top_models=top("request_model"),
        top_keys=top("key_id"),
        recent_errors=telemetry.list(
            TraceFilter(since_us=since_us, status="error", environment_id=environment), limit=8
        ).rows,
    )


_FAILED = frozenset({"error", "aborted"})
_STATES: Mapping[int, Literal["closed", "open", "half_open"]] = {0: "closed", 1: "half_open", 2: "open"}


def target_health(
    telemetry: Telemetry, targets: Sequence[Target], gauges: Sequence[Gauge], *, now_us: int
) -> list[TargetHealth]:
    """The worst that any worker reports, and the calls of the last 15 minutes."""
    rows = telemetry.rollup(
        RollupQuery(since_us=now_us - HOUR_US // 4, until_us=now_us + 1, step="all", group_by=("target_id", "status"))
    )
    by_target: dict[str, list[Rollup]] = {}
    for row in rows:
        by_target.setdefault(row.group["target_id"], []).append(row)
    worst: dict[str, int] = {}
    in_flight: dict[str, int] = {}
    for gauge in gauges:
        worst[gauge.name] = max(worst.get(gauge.name, 0), gauge.value)
        in_flight[gauge.name] = in_flight.get(gauge.name, 0) + gauge.value
    healths: list[TargetHealth] = []
    for target in targets:
        own = by_target.get(target.id, [])
        state = worst.get(f"breaker/{target.id}")
        duration = Histogram.merged(row.duration for row in own)
        healths.append(
            TargetHealth(
                target_id=target.id,
                state="unknown" if state is None else _STATES.get(state, "unknown"),
                calls=sum(row.calls for row in own),
                errors=sum(row.errors for row in own),
                attempts=sum(row.attempts for row in own),
                failed_attempts=sum(row.attempts for row in own if row.group["status"] in _FAILED),
                p50_ms=_ms(duration.quantile(0.5)),
                p95_ms=_ms(duration.quantile(0.95)),
                in_flight=in_flight.get(f"target_in_flight/{target.id}", 0),
                resting=bool(worst.get(f"resting/{target.id}")),
                credentials_resting=worst.get(f"credentials_resting/{target.id}", 0),
            )
        )
    return healths


def budget_states(budgets: Sequence[Budget], counters: Counters, *, now_us: int) -> list[BudgetState]:
    return [_budget_state(budget, counters, now_us) for budget in budgets]


def _budget_state(budget: Budget, counters: Counters, now_us: int) -> BudgetState:
    start_us, end_us = window(budget.period, budget.timezone, now_us)
    reading = counters.read(budget.id, start_us)
    used = reading.settled + reading.reserved
    share = used / budget.limit if budget.limit else 1.0
    warn = min(budget.warn_at, default=1.0)
    return BudgetState(
        budget=budget,
        window_start_us=start_us,
        window_end_us=end_us,
        settled=reading.settled,
        reserved=reading.reserved,
        remaining=max(0, budget.limit - used),
        share=share,
        state="exceeded" if used >= budget.limit else "warn" if share >= warn else "ok",
    )
