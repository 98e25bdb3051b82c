"""Forecasts of budgets: exact where the future repeats the past, and ranges that hold what they promise."""

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from genaiops.core.clock import from_iso, window
from genaiops.domain import Budget, Cost, Energy, EnergyBasis, Range, Scope, Span, Usage, unknown_energy
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.ports.telemetry import Batch
from genaiops.watch import BudgetState, budget_forecasts, budget_unknowns, forecast

HOUR_US = 3_600_000_000
START = from_iso("2026-11-01T00:00:00Z")


def state(at_us: int, settled: int, **changes: Any) -> BudgetState:
    facts: dict[str, Any] = {
        "id": "bud_1",
        "scope": Scope("team", "search"),
        "meter": "calls",
        "limit": 1,
        "created_us": 0,
    }
    budget = Budget(**{**facts, **changes})
    start_us, end_us = window(budget.period, budget.timezone, at_us)
    return BudgetState(
        budget=budget,
        window_start_us=start_us,
        window_end_us=end_us,
        settled=settled,
        reserved=0,
        remaining=0,
        share=0.0,
        state="ok",
    )


def load(hour: int) -> int:
    """Office hours of working days; 1970-01-01 was a Thursday."""
    day, of_day = (hour // 24 + 3) % 7, hour % 24
    return 40 + of_day if day < 5 and 8 <= of_day < 18 else 0


def test_a_week_that_repeats_is_foreseen_exactly() -> None:
    now = from_iso("2026-11-18T10:30:00Z")
    hours = {hour: load(hour) for hour in range(now // HOUR_US - 4 * 168, now // HOUR_US) if load(hour)}
    so_far = sum(load(hour) for hour in range(START // HOUR_US, now // HOUR_US))
    found = forecast(state(now, so_far), hours, now_us=now)
    end = from_iso("2026-12-01T00:00:00Z")
    whole = so_far + load(now // HOUR_US) / 2 + sum(load(hour) for hour in range(now // HOUR_US + 1, end // HOUR_US))
    assert found is not None
    assert (found.method, found.weeks, found.expected) == ("hour_of_week", 4, round(whole))
    assert (found.low, found.high) == (found.expected, found.expected)


def test_the_history_that_counts_is_at_most_four_weeks() -> None:
    now = from_iso("2026-11-18T10:00:00Z")
    hours = dict.fromkeys(range(now // HOUR_US - 10 * 168, now // HOUR_US), 5)
    found = forecast(state(now, 100), hours, now_us=now)
    assert found is not None
    assert (found.weeks, found.expected) == (4, 100 + 5 * (302))


@pytest.mark.parametrize("weeks", [1, 3])
def test_ranges_hold_four_of_five_outcomes(weeks: int) -> None:
    """Simulated months: Poisson calls with a level of their own for each day. 400 runs: 80 % +- 6 % is three standard
    deviations."""
    rng = random.Random(weeks)
    now = from_iso("2026-11-02T00:00:00Z") + 6 * 24 * HOUR_US
    first = now // HOUR_US - (weeks * 168 if weeks > 1 else 144)
    end = from_iso("2026-12-01T00:00:00Z") // HOUR_US
    held = 0
    for _ in range(400):
        days = {day: rng.gauss(20, 4) for day in range(first // 24, end // 24 + 1)}
        amounts = {hour: max(0, round(days[hour // 24] + rng.gauss(0, 3))) for hour in range(first, end)}
        hours = {hour: amount for hour, amount in amounts.items() if hour < now // HOUR_US}
        begin = max(first, START // HOUR_US)
        settled = sum(amounts[hour] for hour in range(begin, now // HOUR_US))
        reset = 0 if weeks > 1 else first * HOUR_US
        found = forecast(state(now, settled, reset_us=reset), hours, now_us=now)
        assert found is not None
        assert found.method == ("hour_of_week" if weeks > 1 else "linear")
        assert found.low is not None
        assert found.high is not None
        held += found.low <= settled + sum(amounts[hour] for hour in range(now // HOUR_US, end)) <= found.high
    assert 0.74 <= held / 400 <= 0.88


def test_linear_while_there_is_little_history() -> None:
    start_us, end_us = window("day", "UTC", START)
    half = (start_us + end_us) // 2
    found = forecast(state(half, 85, period="day"), {}, now_us=half)
    assert found is not None
    assert (found.method, found.expected, found.weeks) == ("linear", 170, 0)
    assert forecast(state(start_us + 1, 85, period="day"), {}, now_us=start_us + 1) is None
    reset = forecast(state(half, 10, period="day", reset_us=half - HOUR_US), {}, now_us=half)
    assert reset is not None
    assert reset.expected == 10 + 120, "ten an hour since the reset, for twelve hours more"
    minute = forecast(state(START + 30_000_000, 7, period="minute"), {}, now_us=START + 30_000_000)
    assert minute is not None
    assert (minute.expected, minute.low, minute.high) == (14, None, None)


def test_the_history_is_of_the_budgets_scope_and_meter(tmp_path: Path) -> None:
    now = from_iso("2026-11-18T10:00:00Z")
    energy = Energy(EnergyBasis(method="modelled"), Range(1e-6, 2e-6, 3e-6))
    with open_telemetry(tmp_path / "telemetry", writer=True) as telemetry:
        telemetry.migrate()
        spans = [
            Span(
                trace_id=number.to_bytes(16, "big"),
                span_id=number.to_bytes(8, "big"),
                name="chat",
                kind="gateway",
                start_us=now - number * HOUR_US - 1,
                team_id="search" if number % 2 else "other",
                usage=Usage(input_uncached=3, output_text=2),
                cost=Cost(1000),
                owns_usage=True,
            )
            for number in range(3 * 168)
        ]
        attempts = [
            msgspec.structs.replace(
                span,
                span_id=b"attempt_",
                parent_id=span.span_id,
                kind="llm",
                owns_usage=False,
                energy=energy if number % 4 else unknown_energy("nobody says"),
            )
            for number, span in enumerate(spans)
        ]
        telemetry.write(Batch(spans=[*spans, *attempts]))
        states = [state(now, 0, meter=meter) for meter in ("calls", "tokens", "money", "energy")]
        states.append(state(now, 0, period="total"))
        calls, tokens, money, watts, total = budget_forecasts(telemetry, states, now_us=now)
        scopes = [Scope("team", name) for name in ("search", "other", *"abcdefghij")]
        unknowns = budget_unknowns(telemetry, states, now_us=now)
        apart = [state(now, 0, scope=scope, meter="energy") for scope in scopes]
        asked_at_once = budget_unknowns(telemetry, apart, now_us=now)
        since = [state(now, 0, meter="energy", reset_us=now - 8 * HOUR_US)]
        since_reset = budget_unknowns(telemetry, since, now_us=now)
        several = budget_forecasts(telemetry, [state(now, 0, scope=scope) for scope in scopes], now_us=now)
    assert several[0] == calls, "many at once are the same"
    assert [each.expected for each in several[2:] if each is not None] == [0] * 10
    assert total is None
    assert calls is not None
    assert tokens is not None
    assert money is not None
    assert calls.method == "hour_of_week"
    assert calls.expected == 302 // 2
    assert watts is not None
    assert watts.expected == 2_000_000 * calls.expected, "every attempt of this team has a known energy"
    in_month = (now - START) // HOUR_US // 2
    assert unknowns == [0, 0, 0, 0, 0]
    assert asked_at_once == [0, (in_month + 1) // 2, *[0] * 10], "every other attempt of the other team has none"
    assert since_reset == [0]
    assert (tokens.expected, money.expected) == (5 * calls.expected, 1000 * calls.expected)
