"""Charts as Vega-Lite specifications. Colours are names (`token:accent`): the page puts in those of its theme."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from genaiops.console._format import NONE, moment
from genaiops.core.money import NANO
from genaiops.watch import UsageRow

Spec = dict[str, Any]
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"

LIGHT = {
    "token:accent": "#3b5bdb",
    "token:accent-soft": "#a9b8f0",
    "token:danger": "#c92a2a",
    "token:muted": "#868e96",
    "token:text": "#1c2128",
    "token:warn": "#8f5a00",
    "token:series-1": "#3b5bdb",
    "token:series-2": "#e27400",
    "token:series-3": "#2b8a3e",
    "token:series-4": "#ae3ec9",
    "token:series-5": "#0c8599",
    "token:series-6": "#d6336c",
    "token:series-7": "#5f3dc4",
}
"""For reports and tests; the console's own colours stand in `static/tokens.css`."""


class Mark(msgspec.Struct, frozen=True):
    """A release or another change of what is served, drawn as a line through every chart."""

    at_us: int
    label: str


class Chart(msgspec.Struct, frozen=True):
    """`head` and `rows` say the same as a table, for those who cannot see it or have no scripts."""

    title: str
    spec: Spec
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


class Series(msgspec.Struct, frozen=True):
    """One colour of a chart. `values` in the order of the points; None where nothing is known."""

    name: str
    colour: str
    values: Sequence[float | None]


def bars(title: str, starts_us: Sequence[int], series: Sequence[Series], marks: Sequence[Mark], *, unit: str) -> Chart:
    """Stacked bars, one a bucket of time."""
    return _chart(title, starts_us, series, marks, {"type": "bar", "binSpacing": 1}, unit)


def lines(title: str, starts_us: Sequence[int], series: Sequence[Series], marks: Sequence[Mark], *, unit: str) -> Chart:
    mark: Spec = {"type": "line", "strokeWidth": 1.5, "point": {"size": 14, "filled": True}, "interpolate": "monotone"}
    return _chart(title, starts_us, series, marks, mark, unit)


def _chart(
    title: str,
    starts_us: Sequence[int],
    series: Sequence[Series],
    marks: Sequence[Mark],
    mark: Mapping[str, Any],
    unit: str,
) -> Chart:
    names = [each.name for each in series]
    step = starts_us[1] - starts_us[0] if len(starts_us) > 1 else _DAY_US
    values = [
        {"t": start // 1000, "series": each.name, "value": each.values[index]}
        for each in series
        for index, start in enumerate(starts_us)
    ]
    brief = len(starts_us) < 2 or starts_us[-1] - starts_us[0] < _BRIEF_US
    shown = "%d %b" if step >= _DAY_US else "%H:%M:%S" if brief else "%H:%M"
    x: Spec = {"field": "t", "type": "temporal", "axis": {"title": None, "format": shown, "tickCount": 6}}
    x["scale"] = {"type": "utc"}
    x["timeUnit"] = next(unit for least, unit in _UNITS if step >= least)
    colour: Spec = {
        "field": "series",
        "type": "nominal",
        "scale": {"domain": names, "range": [each.colour for each in series]},
        "legend": {**_LEGEND, "columns": 3 if len(series) > 3 else 0} if len(series) > 1 else None,
    }
    layers: list[Spec] = [
        {
            "data": {"values": values},
            "mark": {**mark, "tooltip": True},
            "encoding": {
                "x": x,
                "y": {
                    "field": "value",
                    "type": "quantitative",
                    "axis": {"title": unit, "tickCount": 4, "minExtent": 34},
                },
                "color": colour,
                "tooltip": [
                    {"field": "t", "type": "temporal", "title": "from", "format": "%d %b %H:%M"},
                    {"field": "series", "type": "nominal", "title": "what"},
                    {"field": "value", "type": "quantitative", "title": unit, "format": ",.6~g"},
                ],
            },
        }
    ]
    if marks:
        layers.append(_rules(marks))
    spec: Spec = {
        "$schema": SCHEMA,
        "width": "container",
        "height": 132,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "layer": layers,
        "description": title,
    }
    return Chart(title, spec, ["from (UTC)", *(f"{name}, {unit}" for name in names)], _table(starts_us, series))


_DAY_US = 86_400_000_000
_LEGEND: Spec = {"title": None, "orient": "top", "symbolType": "square", "labelLimit": 100}
"""Three columns of names fit on a telephone."""

_BRIEF_US = 300_000_000
"""Less than this is told apart by seconds."""

_UNITS = (
    (_DAY_US, "utcyearmonthdate"),
    (3_600_000_000, "utcyearmonthdatehours"),
    (60_000_000, "utcyearmonthdatehoursminutes"),
    (0, "utcyearmonthdatehoursminutesseconds"),
)
"""Least step of the buckets -> the unit of time that Vega-Lite draws them in."""


def _rules(marks: Sequence[Mark]) -> Spec:
    return {
        "data": {"values": [{"t": mark.at_us // 1000, "label": mark.label} for mark in marks]},
        "mark": {"type": "rule", "strokeDash": [3, 3], "color": "token:muted"},
        "encoding": {
            "x": {"field": "t", "type": "temporal", "scale": {"type": "utc"}},
            "tooltip": [
                {"field": "label", "type": "nominal", "title": "changed"},
                {"field": "t", "type": "temporal", "title": "at", "format": "%d %b %H:%M"},
            ],
        },
    }


def _table(starts_us: Sequence[int], series: Sequence[Series]) -> list[list[str]]:
    return [
        [moment(start)[:-3], *(NONE if (value := each.values[index]) is None else f"{value:,.6g}" for each in series)]
        for index, start in enumerate(starts_us)
        if any(each.values[index] for each in series)
    ]


def overview_charts(
    series: Sequence[UsageRow], since_us: int, until_us: int, marks: Sequence[Mark] = ()
) -> Sequence[Chart]:
    """Calls, latency, tokens and cost of the buckets of `series`. In a bucket without calls, latency is unknown."""
    step = 60_000_000 if until_us - since_us <= 3_600_000_001 else 3_600_000_000
    starts = list(range(since_us // step * step, until_us, step))
    by_start = {row.start_us: row for row in series}
    rows = [by_start.get(start) for start in starts]

    def drawn(name: str, colour: str, field: str, scale: float = 1, missing: float | None = 0) -> Series:
        values = [missing if row is None else getattr(row, field) for row in rows]
        return Series(name, f"token:{colour}", [None if value is None else value / scale for value in values])

    fine = Series(
        "succeeded", "token:accent", [float(row.calls - row.errors) if row is not None else 0.0 for row in rows]
    )
    return [
        bars("Calls and errors", starts, [fine, drawn("failed", "danger", "errors")], marks, unit="calls"),
        lines(
            "Latency",
            starts,
            [
                drawn("p50", "accent", "p50_ms", missing=None),
                drawn("p95", "accent-soft", "p95_ms", missing=None),
            ],
            marks,
            unit="ms",
        ),
        bars(
            "Tokens",
            starts,
            [drawn("input", "accent-soft", "input_tokens"), drawn("output", "accent", "output_tokens")],
            marks,
            unit="tokens",
        ),
        bars("Known cost", starts, [drawn("cost", "accent", "cost_nano", NANO)], marks, unit="USD"),
    ]


def coloured(value: Any, colours: Mapping[str, str] = LIGHT) -> Any:
    """The specification with the names of colours replaced."""
    if isinstance(value, dict):
        return {key: coloured(each, colours) for key, each in value.items()}  # type: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [coloured(each, colours) for each in value]  # type: ignore[reportUnknownVariableType]
    return colours.get(value, value) if isinstance(value, str) else value
