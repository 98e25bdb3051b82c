"""A selection as PDF: the decision, the Pareto picture, candidates, pairs, and what it stands on."""

from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from typing import Any, Final

from genaiops.arena._criteria import UNITS, Criterion, Measured
from genaiops.arena._decision import Decision
from genaiops.arena._selecting import Selection
from genaiops.arena.reports._pareto import panels
from genaiops.arena.reports._pdf_page import COLOUR, heading, paper, paragraph, ready_fonts, table_of
from genaiops.arena.reports._pdf_text import BOLD, REGULAR
from genaiops.arena.reports._selection import approved, candidates, how, pairs, retrieval, stands_on, word_of

_WIDE: Final = 300.0
_HIGH: Final = 150.0
_LEFT: Final = 40.0
SHADES: Final = {"front": "pass", "not_separable": "open", "dominated": "fail"}
_MOST_PAIRS: Final = 300


def selection_pdf(selection: Selection, decision: Decision | None, at_us: int) -> bytes:
    """`at_us`: the time that the file is dated with. UsageError when the extra is not installed."""
    ready_fonts()
    return paper(f"Selection: {selection.name}", selection.run, at_us, list(_story(selection, decision)))


def _story(selection: Selection, decision: Decision | None) -> Iterator[Any]:
    yield paragraph(f"Selection: {selection.name}", size=17, first=BOLD)
    if decision is None:
        yield paragraph("NOT DECIDED: nobody has chosen yet.", size=11, first=BOLD, colour=COLOUR["open"])
    else:
        shade = COLOUR["pass" if decision.state == "approved" else "open"]
        yield paragraph(f"{word_of(decision)}: {decision.chosen}", size=13, first=BOLD, colour=shade)
        yield from (paragraph(f"- {each}", most=2000) for each in decision.reasons)
        yield from (paragraph(f"Caution: {each}", colour=COLOUR["open"]) for each in decision.cautions)
        yield paragraph(approved(decision), colour=COLOUR["muted"])
    head, rows = candidates(selection)
    yield from table_of("Candidates", head, rows, [1.0 + (name in ("standing", "note")) for name in head])
    yield paragraph(how(selection), colour=COLOUR["muted"], most=2000)
    for across in panels(selection):
        yield heading(f"{selection.check}, over {UNITS[across]}")
        yield _picture(selection, across)
    head, rows = pairs(selection)
    yield from table_of("Pair by pair", head, rows[:_MOST_PAIRS], (2, 2, 1.4, 1.8, 2, 2.4, 1.2))
    if len(rows) > _MOST_PAIRS:
        yield paragraph(f"And {len(rows) - _MOST_PAIRS} more; the report as HTML has them all.")
    for each in selection.candidates:
        if each.retrieval:
            facts = list(retrieval(each).items())
            yield from table_of(f"What {each.target} retrieves with", ("field", "value"), facts, (2, 6))
    yield from table_of("What it stands on", ("", ""), list(stands_on(selection).items()), (2, 6))


def _picture(selection: Selection, across: Criterion) -> Any:
    return dots(
        (each.target, SHADES[each.standing], each.figures[across].mean, each.figures["quality"])
        for each in selection.candidates
        if across in each.figures and "quality" in each.figures
    )


def dots(found: Iterable[tuple[str, str, float, Measured]]) -> Any:
    """(name, shade, what it takes, quality): each as a dot with the bounds of its quality."""
    shapes: Any = import_module("reportlab.graphics.shapes")
    points = list(found)
    xs = [x for _, _, x, _ in points]
    ys = [end for _, _, _, quality in points for end in (quality.mean, quality.low, quality.high) if end is not None]
    drawing = shapes.Drawing(_WIDE + 120, _HIGH + 26)
    drawing.add(_line(shapes, (_LEFT, 18, _LEFT, _HIGH), "line"))
    drawing.add(_line(shapes, (_LEFT, 18, _WIDE, 18), "line"))
    for x in (min(xs), max(xs)):
        drawing.add(_label(shapes, _place(x, xs, _LEFT + 14, _WIDE - 10), 6, f"{x:.3g}", "middle"))
    for y in (min(ys), max(ys)):
        drawing.add(_label(shapes, _LEFT - 4, _place(y, ys, 26, _HIGH - 8), f"{y:.3g}", "end"))
    for name, shade, x, quality in points:
        across_, up = _place(x, xs, _LEFT + 14, _WIDE - 10), _place(quality.mean, ys, 26, _HIGH - 8)
        if quality.low is not None and quality.high is not None:
            low, high = (_place(each, ys, 26, _HIGH - 8) for each in (quality.low, quality.high))
            drawing.add(_line(shapes, (across_, low, across_, high), shade))
        colour: Any = import_module("reportlab.lib.colors").HexColor(COLOUR[shade])
        drawing.add(shapes.Circle(across_, up, 3.5, fillColor=colour, strokeColor=None))
        drawing.add(_label(shapes, across_ + 6, up + 4, name[:24], "start"))
    return drawing


def _place(value: float, values: Sequence[float], start: float, end: float) -> float:
    least, most = min(values), max(values)
    return (start + end) / 2 if most == least else start + (end - start) * (value - least) / (most - least)


def _line(shapes: Any, ends: Sequence[float], shade: str) -> Any:
    colour: Any = import_module("reportlab.lib.colors").HexColor(COLOUR[shade])
    return shapes.Line(*ends, strokeColor=colour, strokeWidth=1)


def _label(shapes: Any, x: float, y: float, text: str, anchor: str) -> Any:
    plain = text.encode("latin-1", "replace").decode("latin-1")
    return shapes.String(x, y, plain, fontName=REGULAR, fontSize=7.5, textAnchor=anchor)
