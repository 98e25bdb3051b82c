"""Pictures of a sweep: quality over what a request takes, a line for each size of context; and a map of the cells."""

from collections.abc import Mapping
from typing import Any, Final

from genaiops.arena._criteria import UNITS
from genaiops.arena._sweeping import Sweep, SweepCell
from genaiops.arena.reports._pareto import told

Spec = dict[str, Any]
LINES: Final = ("one", "two", "three", "four")
"""Names of the colours that lines take in turn; beyond them shapes tell lines apart, too."""


def across_of(sweep: Sweep, cell: SweepCell) -> float | None:
    """What stands on the curve's other axis: tokens that were asked, else tokens that were counted."""
    if sweep.across == "cost":
        found = cell.figures.get("cost")
        return None if found is None else found.mean
    tokens = cell.tokens
    return tokens.asked if tokens.asked is not None else tokens.system + tokens.shots + tokens.context + tokens.question


def axis(sweep: Sweep) -> str:
    return UNITS["cost"] if sweep.across == "cost" else "tokens of a request"


def context_name(sweep: Sweep, context: int | None) -> str:
    if context is None:
        return "all context"
    what = sweep.context_by if context != 1 else sweep.context_by.removesuffix("s")
    return f"{context} {what}"


def curve(sweep: Sweep, colours: Mapping[str, str]) -> Spec:
    """A layered chart without a frame of its own. `colours`: for each of `LINES` and for `text`."""
    rows = [cell for cell in sweep.cells if not cell.why and "quality" in cell.figures]
    values = [_row(sweep, cell) for cell in rows]
    names = list(dict.fromkeys(value["context"] for value in values))
    ranged = [colours[LINES[place % len(LINES)]] for place in range(len(names))]
    legend = {"title": None, "orient": "top"} if len(names) > 1 else None
    colour: Spec = {
        "field": "context",
        "type": "nominal",
        "scale": {"domain": names, "range": ranged},
        "legend": legend,
    }
    shape: Spec = {"field": "context", "type": "nominal", "scale": {"domain": names}, "legend": legend}
    x: Spec = {"type": "quantitative", "title": axis(sweep), "scale": {"zero": False}, "axis": {"tickCount": 4}}
    y: Spec = {
        "type": "quantitative",
        "title": f"{sweep.check}, {sweep.unit}" if sweep.unit else sweep.check,
        "scale": {"zero": False},
    }
    place: Spec = {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}, "color": colour}
    tooltip = [{"field": name, "type": "nominal"} for name in ("cell", "quality", "tokens")]
    point = {"type": "point", "filled": True, "size": 70, "opacity": 1}
    text = {"type": "text", "align": "left", "dx": 7, "dy": -7, "color": colours["text"]}
    return {
        "data": {"values": values},
        "layer": [
            {"mark": {"type": "line", "strokeWidth": 1.5}, "encoding": {**place, "order": {"field": "shots"}}},
            {
                "mark": {"type": "rule", "strokeWidth": 1.5, "opacity": 0.5},
                "encoding": {**place, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
            },
            {"mark": point, "encoding": {**place, "shape": shape, "tooltip": tooltip}},
            {"mark": text, "encoding": {"x": place["x"], "y": place["y"], "text": {"field": "shots"}}},
        ],
    }


def heat(sweep: Sweep, colours: Mapping[str, str]) -> Spec:
    """A map of quality, examples by context. `colours`: for `one` and `text`. Cells that are not comparable say so."""
    shots = sorted({cell.shots for cell in sweep.cells})
    sizes = [context_name(sweep, each) for each in dict.fromkeys(cell.context for cell in sweep.cells)]
    values: list[Spec] = []
    for cell in sweep.cells:
        found = None if cell.why else cell.figures.get("quality")
        values.append(
            {
                "shots": str(cell.shots),
                "context": context_name(sweep, cell.context),
                "quality": None if found is None else found.mean,
                "said": "none" if found is None else f"{found.mean:.3g}",
            }
        )
    places: Spec = {
        "x": {"field": "shots", "type": "ordinal", "title": "examples", "sort": [str(each) for each in shots]},
        "y": {"field": "context", "type": "ordinal", "title": None, "sort": sizes},
    }
    places["x"]["axis"] = {"labelAngle": 0}
    shade: Spec = {"field": "quality", "type": "quantitative", "scale": {"range": [0.08, 0.65]}, "legend": None}
    return {
        "data": {"values": values},
        "layer": [
            {"mark": {"type": "rect", "color": colours["one"]}, "encoding": {**places, "opacity": shade}},
            {
                "mark": {"type": "text", "color": colours["text"]},
                "encoding": {**places, "text": {"field": "said", "type": "nominal"}},
            },
        ],
    }


def _row(sweep: Sweep, cell: SweepCell) -> Spec:
    quality = cell.figures["quality"]
    takes = across_of(sweep, cell)
    return {
        "cell": cell.target,
        "context": context_name(sweep, cell.context),
        "shots": cell.shots,
        "x": takes,
        "y": quality.mean,
        "low": quality.mean if quality.low is None else quality.low,
        "high": quality.mean if quality.high is None else quality.high,
        "quality": told(quality),
        "tokens": "unknown" if cell.tokens.asked is None else f"{cell.tokens.asked:.0f}",
    }
