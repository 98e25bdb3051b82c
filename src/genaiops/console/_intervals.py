"""Charts of intervals: what was measured, between which bounds, and what was asked for."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from genaiops.console._charts import SCHEMA, Chart, Spec
from genaiops.console._format import NONE
from genaiops.domain import Outcome

_COLOURS: Final[Mapping[str, str]] = {
    "pass": "token:series-3",
    "fail": "token:danger",
    "inconclusive": "token:warn",
    "warn": "token:warn",
    "error": "token:muted",
}
_MOST: Final = 40


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """`asked`: where the line is that has to be reached."""

    name: str
    value: float
    low: float
    high: float
    outcome: Outcome
    asked: float | None = None


def intervals(title: str, found: Sequence[Interval], *, unit: str, zero: bool = False, judged: bool = True) -> Chart:
    """A line each, from top to bottom, the first forty. `zero`: what is measured are differences. `judged` False: they
    are shown beside each other, and none has a verdict."""
    layers = _layers(found[:_MOST], unit, zero=zero, judged=judged)
    spec: Spec = {
        "$schema": SCHEMA,
        "width": "container",
        "height": 26 * max(1, len(found[:_MOST])),
        "autosize": {"type": "fit-x", "contains": "padding"},
        "layer": layers,
        "description": title,
    }
    rows = [
        [
            each.name,
            f"{each.value:.4g}",
            f"{each.low:.4g} to {each.high:.4g}",
            NONE if each.asked is None else f"{each.asked:.4g}",
            each.outcome,
        ]
        for each in found
    ]
    if not judged:
        return Chart(title, spec, ["name", f"measured, {unit}", "bounds"], [row[:3] for row in rows])
    return Chart(title, spec, ["check", f"measured, {unit}", "bounds", "asked for", "verdict"], rows)


def _layers(found: Sequence[Interval], unit: str, *, zero: bool, judged: bool) -> list[Spec]:
    values = [
        {"name": each.name, "value": each.value, "low": each.low, "high": each.high, "verdict": each.outcome}
        for each in found
    ]
    names = [each.name for each in found]
    axis: Spec = {"title": None, "labelLimit": 150, "domain": False, "ticks": False}
    y: Spec = {"field": "name", "type": "nominal", "sort": names, "axis": axis}
    x: Spec = {"type": "quantitative", "scale": {"zero": zero, "nice": True}}
    colour: Spec = _colour(found) if judged else {"value": "token:series-1"}
    both: Spec = {"y": y, "color": colour, "tooltip": _TOOLTIP if judged else _TOOLTIP[:-1]}
    low: Spec = {**x, "field": "low", "axis": {"title": unit, "tickCount": 5}}
    point: Spec = {"type": "point", "filled": True, "size": 60, "opacity": 1}
    layers: list[Spec] = []
    if zero:
        mark = {"type": "rule", "strokeDash": [3, 3], "color": "token:muted"}
        layers.append(_layer([{"at": 0}], mark, {"x": {**x, "field": "at"}}))
    layers.append(_layer(values, {"type": "rule", "strokeWidth": 3}, {**both, "x": low, "x2": {"field": "high"}}))
    layers.append(_layer(values, point, {**both, "x": {**x, "field": "value"}}))
    asked = [{"name": each.name, "asked": each.asked} for each in found if each.asked is not None]
    if asked:
        tick: Spec = {"type": "tick", "thickness": 2, "size": 16, "color": "token:text"}
        told = [{"field": "asked", "type": "quantitative", "title": "asked for", "format": ".4~g"}]
        layers.append(_layer(asked, tick, {"y": y, "x": {**x, "field": "asked"}, "tooltip": told}))
    return layers


def _layer(values: Sequence[Mapping[str, Any]], mark: Spec, encoding: Spec) -> Spec:
    return {"data": {"values": values}, "mark": mark, "encoding": encoding}


def _colour(found: Sequence[Interval]) -> Spec:
    outcomes = [outcome for outcome in _COLOURS if any(each.outcome == outcome for each in found)]
    return {
        "field": "verdict",
        "type": "nominal",
        "scale": {"domain": outcomes, "range": [_COLOURS[outcome] for outcome in outcomes]},
        "legend": {"title": None, "orient": "top", "symbolType": "circle"},
    }


_TOOLTIP: Final[Sequence[Spec]] = [
    {"field": "name", "type": "nominal", "title": "check"},
    {"field": "value", "type": "quantitative", "title": "measured", "format": ".4~g"},
    {"field": "low", "type": "quantitative", "title": "at least", "format": ".4~g"},
    {"field": "high", "type": "quantitative", "title": "at most", "format": ".4~g"},
    {"field": "verdict", "type": "nominal", "title": "verdict"},
]
