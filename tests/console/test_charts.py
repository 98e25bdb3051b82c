"""Charts as data: valid specifications, the same figures in the table."""

from typing import Any

import pytest
import vl_convert

from genaiops.console._charts import LIGHT, Chart, Mark, coloured, overview_charts
from genaiops.console._format import NONE
from genaiops.console._intervals import Interval, intervals
from genaiops.console._meters import REST, Budgeted, budgets, stacked
from genaiops.core.money import NANO
from genaiops.domain import Budget, Scope
from genaiops.watch import BudgetState, Forecast, UsageRow

HOUR_US = 3_600_000_000
SINCE = 20_000 * 24 * HOUR_US


def row(hour: int, **changes: Any) -> UsageRow:
    figures: dict[str, Any] = {
        "start_us": SINCE + hour * HOUR_US,
        "group": {},
        "calls": 10,
        "errors": 2,
        "input_tokens": 1200,
        "cache_read": 0,
        "output_tokens": 300,
        "estimated_calls": 0,
        "cost_nano": 2_500_000,
        "cost_unknown": 0,
        "p50_ms": 120.0,
        "p95_ms": 900.0,
        "first_token_p50_ms": 40.0,
    }
    return UsageRow(**{**figures, **changes})


def values_of(chart: Chart, series: str) -> list[float | None]:
    return [point["value"] for point in chart.spec["layer"][0]["data"]["values"] if point["series"] == series]


@pytest.mark.parametrize("marks", [(), (Mark(SINCE + HOUR_US, "route support changed"),)])
def test_every_chart_is_a_valid_specification(marks: tuple[Mark, ...]) -> None:
    for chart in overview_charts([row(1), row(3)], SINCE, SINCE + 24 * HOUR_US, marks):
        spec = {**coloured(chart.spec), "width": 400}
        assert "token:" not in str(spec)
        svg = vl_convert.vegalite_to_svg(spec)
        assert svg.startswith("<svg")
        assert LIGHT["token:accent"] in svg


def test_a_chart_and_its_table_say_the_same() -> None:
    calls, latency, tokens, cost = overview_charts([row(1), row(3)], SINCE, SINCE + 4 * HOUR_US)
    assert [line[1:] for line in calls.rows] == [["8", "2"], ["8", "2"]]
    assert [line[1:] for line in latency.rows] == [["120", "900"], ["120", "900"]]
    assert tokens.rows[0][1:] == ["1,200", "300"]
    assert cost.rows[0][1:] == ["0.0025"]
    assert cost.rows[0][0].endswith("01:00")


def budgeted(share: float, forecast: Forecast | None, **changes: Any) -> Budgeted:
    facts: dict[str, Any] = {"id": "b", "scope": Scope("team", "search"), "meter": "money", "limit": 8 * NANO}
    budget = Budget(**facts, created_us=0)
    state = BudgetState(
        budget=budget,
        window_start_us=0,
        window_end_us=1,
        settled=int(share * budget.limit),
        reserved=0,
        remaining=0,
        share=share,
        state="exceeded" if share >= 1 else "ok",
    )
    return Budgeted("search", state, forecast)


def test_budgets_in_percent_of_their_limits() -> None:
    foreseen = Forecast(method="linear", expected=6 * NANO, low=4 * NANO, high=10 * NANO)
    chart = budgets([budgeted(1.5, None), budgeted(0.5, foreseen)])
    used, span, _, whole = chart.spec["layer"]
    assert [value["value"] for value in used["data"]["values"]] == [150, 50]
    assert span["data"]["values"][0] | {"budget": ""} == {"budget": "", "value": 75.0, "low": 50.0, "high": 125.0}
    assert whole["data"]["values"] == [{"value": 100}]
    assert chart.rows[1] == ("team search, 8.00 USD a month", "50 %", "6.00 USD", "75 %")
    assert chart.rows[0][2:] == (NONE, NONE)
    for each in (chart, budgets([budgeted(0.2, None)])):
        assert vl_convert.vegalite_to_svg({**coloured(each.spec), "width": 400}).startswith("<svg")


def test_groups_beyond_the_colours_are_drawn_together() -> None:
    starts = [SINCE, SINCE + 24 * HOUR_US]
    groups = [(f"g{number}", [10.0 - number, 1.0]) for number in range(10)]
    chart = stacked("Cost", starts, groups, unit="USD")
    assert chart.head[-1] == f"{REST}, USD"
    assert values_of(chart, REST) == [3.0 + 2.0 + 1.0, 3.0]
    assert sum(float(cell) for cell in chart.rows[0][1:]) == sum(values[0] for _, values in groups)
    assert vl_convert.vegalite_to_svg({**coloured(chart.spec), "width": 400}).startswith("<svg")
    assert "token:" not in str(coloured(chart.spec))


def test_an_hour_without_calls_is_no_latency_of_zero() -> None:
    calls, latency, *_ = overview_charts([row(1)], SINCE, SINCE + 3 * HOUR_US)
    assert values_of(calls, "failed") == [0, 2, 0]
    assert values_of(latency, "p50") == [None, 120.0, None]


@pytest.mark.parametrize("zero", [True, False])
def test_intervals_say_in_their_table_what_they_draw(zero: bool) -> None:
    found = [
        Interval(name="right", value=-0.11, low=-0.17, high=-0.07, outcome="fail", asked=-0.05),
        Interval(name="kind", value=0.9, low=0.84, high=0.95, outcome="pass"),
    ]
    chart = intervals("Against prod", found, unit="difference", zero=zero)
    spec = {**coloured(chart.spec), "width": 400}
    assert "token:" not in str(spec)
    assert vl_convert.vegalite_to_svg(spec).startswith("<svg")
    assert chart.rows == [
        ["right", "-0.11", "-0.17 to -0.07", "-0.05", "fail"],
        ["kind", "0.9", "0.84 to 0.95", NONE, "pass"],
    ]
