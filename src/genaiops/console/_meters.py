"""Charts of money: what it was spent on over time, and how far budgets are used."""

from collections.abc import Sequence

import msgspec

from genaiops.console._charts import SCHEMA, Chart, Series, Spec, bars
from genaiops.console._format import NONE, metered, share
from genaiops.watch import BudgetState, Forecast

COLOURS = 7
"""Groups with a colour of their own; what is beyond them is drawn together."""

REST = "all others"


def stacked(title: str, starts_us: Sequence[int], groups: Sequence[tuple[str, Sequence[float]]], *, unit: str) -> Chart:
    """Bars over time, stacked by group: the first groups by themselves, the others as one."""
    series = [Series(name, f"token:series-{at}", values) for at, (name, values) in enumerate(groups[:COLOURS], 1)]
    rest = [values for _, values in groups[COLOURS:]]
    if rest:
        series.append(Series(REST, "token:muted", [sum(column) for column in zip(*rest, strict=True)]))
    return bars(title, starts_us, series, (), unit=unit)


class Budgeted(msgspec.Struct, frozen=True):
    state: BudgetState
    forecast: Forecast | None

    @property
    def name(self) -> str:
        budget = self.state.budget
        return f"{budget.scope.kind} {budget.scope.id}, {metered(budget.limit, budget)} {_EACH[budget.period]}"


_EACH = {
    "minute": "a minute",
    "hour": "an hour",
    "day": "a day",
    "week": "a week",
    "month": "a month",
    "total": "in all",
}


def budgets(lines: Sequence[Budgeted]) -> Chart:
    """What is used of each limit, and where it will be at the end of the period, in percent of the limit."""
    used: list[Spec] = []
    ends: list[Spec] = []
    table: list[list[str]] = []
    for line in lines:
        state, forecast, limit = line.state, line.forecast, line.state.budget.limit
        colour = {"ok": "token:accent", "warn": "token:warn", "exceeded": "token:danger"}[state.state]
        used.append({"budget": line.name, "value": 100 * state.share, "colour": colour})
        if forecast is not None:
            low, high = forecast.low, forecast.high
            ends.append(
                {
                    "budget": line.name,
                    "value": 100 * forecast.expected / limit,
                    "low": 100 * (forecast.expected if low is None else low) / limit,
                    "high": 100 * (forecast.expected if high is None else high) / limit,
                }
            )
        table.append(
            [
                line.name,
                share(state.share),
                NONE if forecast is None else metered(forecast.expected, state.budget),
                NONE if forecast is None else share(forecast.expected / limit),
            ]
        )
    y: Spec = {"field": "budget", "type": "nominal", "sort": None, "axis": {"title": None, "labelLimit": 260}}
    x: Spec = {"field": "value", "type": "quantitative", "axis": {"title": "% of the limit", "tickCount": 5}}
    tooltip = [{"field": "budget", "type": "nominal"}, {"field": "value", "title": "%", "format": ".3~g"}]
    foreseen = [*tooltip, {"field": "low", "format": ".3~g"}, {"field": "high", "format": ".3~g"}]
    layers: list[Spec] = [
        {
            "data": {"values": used},
            "mark": {"type": "bar", "height": 12, "tooltip": True},
            "encoding": {
                "x": x,
                "y": y,
                "color": {"field": "colour", "type": "nominal", "scale": None},
                "tooltip": tooltip,
            },
        },
        {
            "data": {"values": [{"value": 100}]},
            "mark": {"type": "rule", "color": "token:danger", "strokeDash": [3, 3]},
            "encoding": {"x": x},
        },
    ]
    if ends:
        layers[1:1] = [
            {
                "data": {"values": ends},
                "mark": {"type": "rule", "color": "token:muted", "strokeWidth": 2, "tooltip": True},
                "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": y, "tooltip": foreseen},
            },
            {
                "data": {"values": ends},
                "mark": {"type": "point", "filled": True, "size": 50, "color": "token:text", "tooltip": True},
                "encoding": {"x": x, "y": y, "tooltip": foreseen},
            },
        ]
    spec: Spec = {
        "$schema": SCHEMA,
        "width": "container",
        "height": 26 * len(lines),
        "autosize": {"type": "fit-x", "contains": "padding"},
        "layer": layers,
        "description": "Budgets: used and foreseen",
    }
    return Chart("Used (bars) and foreseen at the end (points, with a range)", spec, _HEAD, table)


_HEAD = ("budget", "used and held", "forecast", "of the limit")
