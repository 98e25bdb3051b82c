"""Charts as data: valid specifications, the same figures in the table."""

from typing import Any

import pytest
import vl_convert

from genaiops.console._charts import LIGHT, Chart, Mark, coloured, overview_charts
from genaiops.watch import UsageRow

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


def test_an_hour_without_calls_is_no_latency_of_zero() -> None:
    calls, latency, *_ = overview_charts([row(1)], SINCE, SINCE + 3 * HOUR_US)
    assert values_of(calls, "failed") == [0, 2, 0]
    assert values_of(latency, "p50") == [None, 120.0, None]
