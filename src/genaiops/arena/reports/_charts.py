"""Charts of a report: Vega-Lite made to SVG in this process, in colours that the page exchanges for its own."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from genaiops.arena.reports._reported import Reported, asked_for

Spec = dict[str, Any]
SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"
COLOURS: Final = {
    "#2b8a3e": "pass",
    "#c92a2a": "fail",
    "#8f5a00": "open",
    "#868e96": "muted",
    "#3b5bdb": "accent",
    "#1c2128": "text",
    "#dee2e6": "line",
}
"""What is drawn -> the page's name for it (`--pass`, `--fail`, ...)."""
_NAMES: Final = {name: colour for colour, name in COLOURS.items()}
_MOST_LINES: Final = 40
_STATES: Final = {"pass": "pass", "fail": "fail", "error": "open", "missing": "muted"}
_OUTCOMES: Final = {"pass": "pass", "warn": "pass", "fail": "fail"}


class Drawn(msgspec.Struct, frozen=True):
    title: str
    svg: str


def charts(said: Reported) -> Sequence[Drawn]:
    """Those that there is something to see in."""
    specs = [("Cases by check", cases_by_check(said)), ("Conditions", conditions(said))]
    return [Drawn(title, drawn(spec)) for title, spec in specs if spec is not None]


def cases_by_check(said: Reported) -> Spec | None:
    """Bars: of each check and target the shares that passed, failed, could not be judged, have no answer."""
    counts = Counter(
        (seen.check, target, seen.state)
        for target in said.targets
        for seen in said.seen(target)
        if seen.state in _STATES
    )
    if not counts:
        return None
    values = [
        {"row": f"{check}, {target}" if len(said.targets) > 1 else check, "state": state, "cases": number}
        for (check, target, state), number in counts.items()
    ]
    rows = list(dict.fromkeys(str(value["row"]) for value in values))[:_MOST_LINES]
    return {
        **_frame([value for value in values if value["row"] in rows]),
        "mark": {"type": "bar", "height": 14},
        "encoding": {
            "y": _names("row", rows),
            "x": {
                "field": "cases",
                "type": "quantitative",
                "title": "cases",
                "axis": {"tickMinStep": 1, "format": "d"},
            },
            "color": {
                "field": "state",
                "type": "nominal",
                "scale": {"domain": list(_STATES), "range": [_NAMES[name] for name in _STATES.values()]},
                "legend": {"orient": "bottom", "title": None},
            },
            "order": {"field": "state"},
        },
    }


def conditions(said: Reported) -> Spec | None:
    """What was measured with its bounds of confidence, beside what is asked for. Those of one kind share an axis."""
    lines = [line for line in said.report.lines if line.verdict.interval is not None and line.kind != "improves"]
    if not lines:
        return None
    panels: list[Spec] = []
    for kind in dict.fromkeys((line.kind, line.verdict.unit) for line in lines[:_MOST_LINES]):
        values: list[dict[str, Any]] = []
        for line in lines[:_MOST_LINES]:
            if (line.kind, line.verdict.unit) != kind or line.verdict.interval is None or line.asked is None:
                continue
            low, high = line.verdict.interval
            values.append(
                {
                    "row": f"{line.check}, {line.target} ({asked_for(line)})",
                    "low": low,
                    "high": high,
                    "measured": line.verdict.measure,
                    "asked": -line.asked if line.kind == "margin" else line.asked,
                    "outcome": _OUTCOMES.get(line.verdict.outcome, "open"),
                }
            )
        if values:
            title = {"margin": "difference to the baseline", "tolerance": "share that failed"}.get(kind[0], "measured")
            panels.append(_panel(values, title))
    if not panels:
        return None
    return {"$schema": SCHEMA, "config": _CONFIG, "vconcat": panels}


def _panel(values: list[dict[str, Any]], title: str) -> Spec:
    rows = [str(value["row"]) for value in values]
    colour = {
        "field": "outcome",
        "type": "nominal",
        "scale": {"domain": ["pass", "fail", "open"], "range": [_NAMES[name] for name in ("pass", "fail", "open")]},
        "legend": None,
    }
    x: Spec = {"type": "quantitative", "title": title, "scale": {"zero": False}}
    y = _names("row", rows)
    return {
        "width": 260,
        "height": {"step": 26},
        "data": {"values": values},
        "layer": [
            _layer({"type": "rule", "strokeWidth": 3}, {**x, "field": "low"}, y, x2={"field": "high"}, color=colour),
            _layer({"type": "point", "filled": True, "size": 70}, {**x, "field": "measured"}, y, color=colour),
            _layer({"type": "tick", "thickness": 2, "size": 20, "color": _NAMES["text"]}, {**x, "field": "asked"}, y),
        ],
    }


def _layer(mark: Spec, x: Spec, y: Spec, **further: Spec) -> Spec:
    return {"mark": mark, "encoding": {"x": x, "y": y, **further}}


def _names(field: str, rows: Sequence[str]) -> Spec:
    axis = {"labelLimit": 190, "ticks": False, "domain": False}
    return {"field": field, "type": "nominal", "title": None, "sort": list(rows), "axis": axis}


_CONFIG: Final[Spec] = {
    "background": "transparent",
    "font": "Arial, Liberation Sans, sans-serif",  # of a width that is known here and there
    "padding": {"left": 26, "right": 10, "top": 4, "bottom": 4},
    "view": {"stroke": None},
    "point": {"opacity": 1},
    "axis": {
        "labelColor": _NAMES["text"],
        "titleColor": _NAMES["text"],
        "gridColor": _NAMES["line"],
        "domainColor": _NAMES["line"],
        "tickColor": _NAMES["line"],
        "titleFontWeight": "normal",
    },
    "legend": {"labelColor": _NAMES["text"]},
}


def _frame(values: Sequence[Spec]) -> Spec:
    return {
        "$schema": SCHEMA,
        "config": _CONFIG,
        "width": 260,
        "height": {"step": 22},
        "data": {"values": list(values)},
    }


def drawn(spec: Spec) -> str:
    """Without a size of its own, so that it shrinks with the page."""
    import vl_convert

    svg: str = vl_convert.vegalite_to_svg(vl_spec={"config": _CONFIG, **spec})
    head = re.search(r'<svg[^>]*\bwidth="([0-9.]+)"', svg)
    width = float(head[1]) if head else 600.0
    svg = re.sub(r'(<svg[^>]*?) width="[0-9.]+"', rf'\1 style="width:100%;max-width:{width:.0f}px"', svg, count=1)
    return re.sub(r'(<svg[^>]*?) height="[0-9.]+"', r"\1", svg, count=1)
