"""The Pareto picture of a selection: quality over what it takes, with bounds of confidence."""

from collections.abc import Mapping
from typing import Any, Final

from genaiops.arena._criteria import UNITS, Criterion, Measured
from genaiops.arena._selecting import Candidate, Selection

Spec = dict[str, Any]
_ACROSS: Final[tuple[Criterion, ...]] = ("cost", "latency", "energy")
_AXIS: Final[Spec] = {"tickCount": 4, "labelOverlap": True}
WORDS: Final = {"front": "on the front", "not_separable": "not separable", "dominated": "dominated"}


def pareto(selection: Selection, across: Criterion, colours: Mapping[str, str]) -> Spec:
    """A layered chart without a frame of its own. `colours`: for `front`, `not_separable`, `dominated` and `text`."""
    shown = [each for each in selection.candidates if "quality" in each.figures and across in each.figures]
    values = [_row(each, across) for each in shown]
    colour: Spec = {
        "field": "standing",
        "type": "nominal",
        "scale": {"domain": list(WORDS.values()), "range": [colours[name] for name in WORDS]},
        "legend": {"title": None, "orient": "top", "symbolType": "circle", "offset": 22},
    }
    quality = f"{selection.check}, {selection.unit}" if selection.unit else selection.check
    x: Spec = {"type": "quantitative", "title": UNITS[across], "scale": {"zero": False}, "axis": _AXIS}
    y: Spec = {"type": "quantitative", "title": quality, "scale": {"zero": False}}
    tooltip = [{"field": name, "type": "nominal"} for name in ("candidate", "standing", "quality", across)]
    rule = {"type": "rule", "strokeWidth": 1.5, "opacity": 0.6}
    text = {"type": "text", "align": "left", "dx": 8, "dy": -8, "color": colours["text"]}
    return {
        "data": {"values": values},
        "layer": [
            {
                "mark": rule,
                "encoding": {
                    "x": {**x, "field": "x"},
                    "y": {**y, "field": "low"},
                    "y2": {"field": "high"},
                    "color": colour,
                },
            },
            {
                "mark": rule,
                "encoding": {
                    "x": {**x, "field": "left"},
                    "x2": {"field": "right"},
                    "y": {**y, "field": "y"},
                    "color": colour,
                },
            },
            {
                "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
                "encoding": {
                    "x": {**x, "field": "x"},
                    "y": {**y, "field": "y"},
                    "color": colour,
                    "tooltip": tooltip,
                },
            },
            {
                "mark": text,
                "encoding": {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}, "text": {"field": "candidate"}},
            },
        ],
    }


def panels(selection: Selection) -> tuple[Criterion, ...]:
    """Of what there is something to see: known of two candidates at least, beside quality."""
    return tuple(
        each
        for each in _ACROSS
        if sum("quality" in one.figures and each in one.figures for one in selection.candidates) > 1
    )


def told(figure: Measured | None) -> str:
    """With its bounds, and the ends of an estimate; four digits that count."""
    if figure is None:
        return "unknown"
    if figure.ends is not None:
        low, high = figure.ends
        return f"{_bounded(figure)}; estimated {low:.3g} to {high:.3g}"
    return _bounded(figure)


def _bounded(figure: Measured) -> str:
    if figure.low is None or figure.high is None:
        return f"{figure.mean:.4g}"
    return f"{figure.mean:.4g} ({figure.low:.3g} to {figure.high:.3g})"


def _row(candidate: Candidate, across: Criterion) -> Spec:
    quality, other = candidate.figures["quality"], candidate.figures[across]
    left, right = other.ends or (other.low, other.high)
    return {
        "candidate": candidate.target,
        "standing": WORDS[candidate.standing],
        "y": quality.mean,
        "low": quality.mean if quality.low is None else quality.low,
        "high": quality.mean if quality.high is None else quality.high,
        "x": other.mean,
        "left": other.mean if left is None else left,
        "right": other.mean if right is None else right,
        "quality": told(quality),
        across: told(other),
    }
