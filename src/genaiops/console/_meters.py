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
    """`on` is what people call the budget's scope."""

    on: str
    state: BudgetState
    forecast: Forecast | None
    unknown: int = 0

    @property
    def name(self) -> str:
        budget = self.state.budget
        return f"{budget.scope.kind} {self.on}, {metered(budget.limit, budget)} {_EACH[budget.period]}"


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
    spec: Spec = {
        "$schema": SCHEMA,
        "width": "container",
        "height": 26 * len(lines),
        "autosize": {"type": "fit-x", "contains": "padding"},
        "layer": _layers([_used(line) for line in lines], [_end(line) for line in lines if line.forecast is not None]),
        "description": "Budgets: used and foreseen",
    }
    return Chart("Used (bars) and foreseen at the end (points, with a range)", spec, _HEAD, [_row(x) for x in lines])


def _used(line: Budgeted) -> Spec:
    colour = {"ok": "token:accent", "warn": "token:warn", "exceeded": "token:danger"}[line.state.state]
    return {"budget": line.name, "value": 100 * line.state.share, "colour": colour}


def _end(line: Budgeted) -> Spec:
    forecast, limit = line.forecast, line.state.budget.limit
    assert forecast is not None
    low = forecast.expected if forecast.low is None else forecast.low
    high = forecast.expected if forecast.high is None else forecast.high
    return {
        "budget": line.name,
        "value": 100 * forecast.expected / limit,
        "low": 100 * low / limit,
        "high": 100 * high / limit,
    }


def _row(line: Budgeted) -> Sequence[str]:
    forecast, budget = line.forecast, line.state.budget
    used = (line.name, share(line.state.share))
    if forecast is None:
        return (*used, NONE, NONE)
    return (*used, metered(forecast.expected, budget), share(forecast.expected / budget.limit))


def _layers(used: Sequence[Spec], ends: Sequence[Spec]) -> Sequence[Spec]:
    y: Spec = {"field": "budget", "type": "nominal", "sort": None, "axis": {"title": None, "labelLimit": 260}}
    x: Spec = {"field": "value", "type": "quantitative", "axis": {"title": "% of the limit", "tickCount": 5}}
    tooltip = [{"field": "budget", "type": "nominal"}, {"field": "value", "title": "%", "format": ".3~g"}]
    foreseen = [*tooltip, {"field": "low", "format": ".3~g"}, {"field": "high", "format": ".3~g"}]
    colour: Spec = {"field": "colour", "type": "nominal", "scale": None}
    whole: Spec = {
        "data": {"values": [{"value": 100}]},
        "mark": {"type": "rule", "color": "token:danger", "strokeDash": [3, 3]},
        "encoding": {"x": x},
    }
    bar: Spec = {
        "data": {"values": used},
        "mark": {"type": "bar", "height": 12, "tooltip": True},
        "encoding": {"x": x, "y": y, "color": colour, "tooltip": tooltip},
    }
    if not ends:
        return [bar, whole]
    span: Spec = {
        "data": {"values": ends},
        "mark": {"type": "rule", "color": "token:muted", "strokeWidth": 2, "tooltip": True},
        "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": y, "tooltip": foreseen},
    }
    point: Spec = {
        "data": {"values": ends},
        "mark": {"type": "point", "filled": True, "size": 50, "color": "token:text", "tooltip": True},
        "encoding": {"x": x, "y": y, "tooltip": foreseen},
    }
    return [bar, span, point, whole]


_HEAD = ("budget", "used and held", "forecast", "of the limit")
