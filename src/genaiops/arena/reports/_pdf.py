"""A run as PDF, for those who file and print: the same bytes for the same run, so that its signature can be made anew.

Set by ReportLab, which is an extra and imported here only when a report is written.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from importlib import import_module
from io import BytesIO
from math import isfinite
from typing import Any, Final

from genaiops.arena.reports._charts import COLOURS, cases_by_check, conditions
from genaiops.arena.reports._pdf_text import BOLD, REGULAR, check_pdf, font, markup
from genaiops.arena.reports._reported import WORDS, Reported, asked_for, bounds, figure, question, statement
from genaiops.arena.reports._value import gains, policies, spends
from genaiops.core.money import from_nano
from genaiops.domain import Case

_MOST_LINES: Final = 500
_MOST_CASES: Final = 100
_MARGIN: Final = 48.0
_EDGE: Final = _MARGIN + 6
_WIDTH: Final = 595.28 - 2 * _EDGE
"""Points, of A4."""
_COLOUR: Final = {name: colour for colour, name in COLOURS.items()}
_SHORT: Final = {"PASS": "pass", "FAIL": "fail", "INCONCLUSIVE": "open"}
_STATES: Final = {"pass": "pass", "fail": "fail", "error": "open", "missing": "muted"}
_BAR: Final = 230.0


def pdf(said: Reported) -> bytes:
    """The verdict, charts, conditions, policies, spend, cases that were won and lost, and what the run was made of.
    UsageError when the extra is not installed."""
    check_pdf()
    for name in (REGULAR, BOLD):
        font(name)
    platypus: Any = import_module("reportlab.platypus")
    made = BytesIO()
    ended = said.run.ended_us or said.run.created_us
    document = platypus.SimpleDocTemplate(
        made,
        pagesize=(595.28, 841.89),
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=f"{said.word}: {said.run.name}",
        author="genaiops",
        creator="genaiops",
        subject=f"Report of {said.run.id}",
        lang="en",
    )

    def foot(canvas: Any, _: Any) -> None:
        canvas.setFont(REGULAR, 7.5)
        canvas.setFillColor(_COLOUR["muted"])
        canvas.drawString(_EDGE, 28, f"{said.run.id}, {_time(ended)}")
        canvas.drawRightString(_EDGE + _WIDTH, 28, f"page {canvas.getPageNumber()}")

    def dated(*given: Any, **named: Any) -> Any:
        return _canvas(ended, *given, **named)

    document.build(
        list(_story(said)),
        onFirstPage=foot,
        onLaterPages=foot,
        canvasmaker=dated,
    )
    return made.getvalue()


def _canvas(ended_us: int, *given: Any, **named: Any) -> Any:
    """One whose file is dated by the run, not by the clock."""
    canvas: Any = import_module("reportlab.pdfgen.canvas").Canvas(*given, **{**named, "invariant": 1})
    stamp: Any = import_module("reportlab.lib.utils").TimeStamp(1)
    at = datetime.fromtimestamp(ended_us // 1_000_000, UTC)
    stamp.t, stamp.lt, stamp.YMDhms = at.timestamp(), at.timetuple(), tuple(at.timetuple())[:6]
    stamp.dhh = stamp.dmm = 0
    canvas._doc._timeStamp, canvas._doc.signature = stamp, sha256()
    return canvas


def _time(us: int) -> str:
    return datetime.fromtimestamp(us // 1_000_000, UTC).isoformat(" ", "seconds")


def _story(said: Reported) -> Iterator[Any]:
    kind = _COLOUR[_SHORT[said.word]]
    yield _text(said.run.name, size=17, first=BOLD)
    yield _text(said.word, size=13, first=BOLD, colour=kind)
    yield _text(said.report.verdict.reason)
    cost = "" if said.run.cost_nano is None else f", {from_nano(said.run.cost_nano)} spent"
    counts = f"{said.run.done} of {said.run.total} answers, {said.run.failed} failed{cost}."
    yield _text(counts, colour=_COLOUR["muted"])
    yield from _conditions(said)
    yield from _charts(said)
    yield from _policies(said)
    yield from _spent(said)
    yield from _cases(said)
    yield from _made_of(said)


def _conditions(said: Reported) -> Iterator[Any]:
    rows: list[Sequence[str]] = []
    for line in said.report.lines[:_MOST_LINES]:
        compared = line.comparison
        rows.append(
            (
                WORDS[line.verdict.outcome],
                line.check,
                line.target,
                asked_for(line),
                figure(line.verdict.measure),
                bounds(line),
                "" if compared is None else str(compared.wins),
                "" if compared is None else str(compared.losses),
                "" if line.more is None else f"+{line.more}",
            )
        )
    head = ("verdict", "check", "target", "asked for", "measured", "bounds", "won", "lost", "more cases")
    yield from _table("Conditions", head, rows, (2.3, 2.4, 2, 2.2, 1.6, 2.3, 0.8, 0.8, 1))
    if len(said.report.lines) > _MOST_LINES:
        yield _text(f"And {len(said.report.lines) - _MOST_LINES} more; the JSON lines have them all.")


def _policies(said: Reported) -> Iterator[Any]:
    rows = [(WORDS[line.outcome], line.policy, line.reason) for line in policies(said)]
    yield from _table("Policies", ("verdict", "policy", "why"), rows, (1.6, 4, 5))


def _spent(said: Reported) -> Iterator[Any]:
    rows = [(each.target, str(each.answers), str(each.priced), each.cost) for each in spends(said)]
    yield from _table("Spend", ("target", "answers", "of known cost", "1,000 answers cost"), rows, (4, 2, 2, 3))
    better = [
        (
            each.target,
            each.check,
            f"{each.difference:+.4g} ({each.low:+.3g} to {each.high:+.3g})",
            each.cost,
            "" if each.per_cost is None else f"{each.per_cost:.4g}",
        )
        for each in gains(said)
    ]
    head = ("target", "check", f"better than {said.report.baseline} by", "1,000 cost more by", "for 1 more spent")
    yield from _table("What more spent brings", head, better, (2, 2, 3, 2, 2))


def _cases(said: Reported) -> Iterator[Any]:
    for target in said.report.targets:
        won, lost = said.won(target), said.lost(target)
        if won:
            yield _heading(f"{target}: {len(won)} cases won against {said.report.baseline}")
            names = ", ".join(case.id[:80] for case in won[:_MOST_CASES])
            more = "" if len(won) <= _MOST_CASES else f", and {len(won) - _MOST_CASES} more"
            yield _text(names + more, most=10_000)
        if lost:
            against = f"lost against {said.report.baseline}" if said.report.baseline else "failed"
            yield _heading(f"{target}: {len(lost)} cases {against}")
        for case in lost[:_MOST_CASES]:
            yield from _case(said, target, case)
        if len(lost) > _MOST_CASES:
            yield _text(f"And {len(lost) - _MOST_CASES} more; the JSON lines have them all.")


def _case(said: Reported, target: str, case: Case) -> Iterator[Any]:
    """Of an attack neither what was asked nor what was answered."""
    yield _text(case.id, first=BOLD, before=5, keep=True)
    if case.attack is None:
        yield _text(question(case), soft=True)
        for name in dict.fromkeys(name for name in (said.report.baseline, target) if name):
            for answer in said.answers.get((name, case.id), ())[:1]:
                yield _text(f"{name}:", colour=_COLOUR["muted"], keep=True)
                yield _text(answer.output or answer.error, soft=True)
    failed = [each for each in said.judged.get((target, case.id), ()) if each.verdict.outcome == "fail"]
    for check, reason in {each.check: each.verdict.reason for each in failed}.items():
        yield _text(f"{check}: {reason or 'failed'}", colour=_COLOUR["fail"])


def _made_of(said: Reported) -> Iterator[Any]:
    facts: Mapping[str, Any] = statement(said)
    rows: Mapping[str, str] = {
        "run": said.run.id,
        "suite": said.run.subject,
        "cases": str(facts["cases"]),
        "repeats": str(facts["repeats"]),
        "seed": str(said.run.seed),
        "alpha": f"{facts['alpha']:g}",
        "metrics": ", ".join(f"{check} ({version})" for check, version in facts["metrics"].items()),
        **said.run.environment,
        **{f"input {name}": value for name, value in said.run.inputs.items() if name != "suite"},
    }
    yield from _table("What it was made of", ("", ""), list(rows.items()), (2, 6))


def _charts(said: Reported) -> Iterator[Any]:
    bars = cases_by_check(said)
    if bars is not None:
        yield _heading("Cases by check")
        counts: dict[str, dict[str, int]] = {}
        for value in bars["data"]["values"]:
            counts.setdefault(value["row"], {})[value["state"]] = value["cases"]
        widest = max(sum(each.values()) for each in counts.values())
        yield _chart([(row, _stacked(states, widest), _told(states)) for row, states in counts.items()])
    intervals = conditions(said)
    for panel in () if intervals is None else intervals["vconcat"]:
        values = [
            each for each in panel["data"]["values"] if all(map(isfinite, (each["low"], each["high"], each["asked"])))
        ]
        if not values:
            continue
        title: str = panel["layer"][0]["encoding"]["x"]["title"]
        yield _heading(f"Conditions: {title}, with bounds; the dark line is what is asked for")
        ends = [end for each in values for end in (each["low"], each["high"], each["asked"])]
        low, high = min(ends), max(ends)
        pad = (high - low) * 0.04 or 0.5
        rows = [(each["row"], _interval(each, low - pad, high + pad), figure(each["measured"])) for each in values]
        yield _chart([*rows, ("", _axis(low, high, pad), "")])


def _told(states: Mapping[str, int]) -> str:
    return ", ".join(f"{states[name]} {name}" for name in _STATES if name in states)


def _drawing(*shapes: Any) -> Any:
    made: Any = import_module("reportlab.graphics.shapes").Drawing(_BAR, 14)
    for shape in shapes:
        made.add(shape)
    return made


def _rect(x: float, y: float, width: float, height: float, colour: str) -> Any:
    shapes: Any = import_module("reportlab.graphics.shapes")
    fill: Any = import_module("reportlab.lib.colors").HexColor(_COLOUR[colour])
    return shapes.Rect(x, y, width, height, fillColor=fill, strokeColor=None)


def _stacked(states: Mapping[str, int], widest: int) -> Any:
    shapes: list[Any] = []
    x = 0.0
    for name, colour in _STATES.items():
        width = _BAR * states.get(name, 0) / widest
        shapes.append(_rect(x, 2, width, 10, colour))
        x += width
    return _drawing(*shapes)


def _interval(value: Mapping[str, Any], low: float, high: float) -> Any:
    def place(number: float) -> float:
        return _BAR * (number - low) / (high - low)

    colour: str = value["outcome"]
    ends = (place(value["low"]), place(value["high"]))
    shapes = [_rect(0, 6.8, _BAR, 0.4, "line"), _rect(ends[0], 5.75, max(ends[1] - ends[0], 0.5), 2.5, colour)]
    if value["measured"] is not None:
        shapes.append(_rect(place(value["measured"]) - 3, 4, 6, 6, colour))
    return _drawing(*shapes, _rect(place(value["asked"]) - 0.75, 1, 1.5, 12, "text"))


def _axis(low: float, high: float, pad: float) -> Any:
    string: Any = import_module("reportlab.graphics.shapes").String
    span = high - low + 2 * pad
    ends = dict.fromkeys((low, high))
    return _drawing(
        *(
            string(
                _BAR * (each - low + pad) / span, 4, f"{each:.3g}", fontName=REGULAR, fontSize=7.5, textAnchor="middle"
            )
            for each in ends
        )
    )


def _chart(rows: Sequence[tuple[str, Any, str]]) -> Any:
    cells = [(_text(label, size=8), drawing, _text(told, size=8)) for label, drawing, told in rows]
    rest = _WIDTH - _BAR - 16
    middle = [("VALIGN", (0, 0), (-1, -1), "MIDDLE"), ("LEFTPADDING", (0, 0), (-1, -1), 2)]
    return _grid(cells, (rest * 0.58, _BAR + 16, rest * 0.42), middle)


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], wide: Sequence[float]) -> Iterator[Any]:
    """Nothing where there are no rows. A row of words that are a verdict has its colour."""
    if not rows:
        return
    yield _heading(title)
    cells: list[Sequence[Any]] = []
    if any(head):
        cells.append([_text(name, size=7.5, first=BOLD, colour=_COLOUR["muted"]) for name in head])
    for row in rows:
        kind = _SHORT.get(row[0]) if head[0] == "verdict" else None
        first = _text(row[0], size=7.5, first=BOLD if kind else REGULAR, colour=_COLOUR[kind or "text"])
        cells.append([first, *(_text(cell, size=8) for cell in row[1:])])
    style = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("LINEBELOW", (0, 0), (-1, -1), 0.4, _COLOUR["line"])]
    whole = sum(wide)
    yield _grid(cells, [_WIDTH * each / whole for each in wide], style, head=int(any(head)))


def _grid(cells: Sequence[Sequence[Any]], widths: Sequence[float], style: Sequence[Any], *, head: int = 0) -> Any:
    platypus: Any = import_module("reportlab.platypus")
    pads = [(f"{side}PADDING", (0, 0), (-1, -1), 2.5) for side in ("LEFT", "RIGHT", "TOP", "BOTTOM")]
    return platypus.Table(
        cells, colWidths=list(widths), repeatRows=head, splitInRow=1, hAlign="LEFT", style=[*pads, *style]
    )


def _heading(text: str) -> Any:
    return _text(text, size=11, first=BOLD, before=12, keep=True)


def _text(
    text: str,
    *,
    size: float = 9,
    first: str = REGULAR,
    colour: str = _COLOUR["text"],
    before: float = 2,
    soft: bool = False,
    keep: bool = False,
    most: int = 600,
) -> Any:
    """A paragraph; `soft`: what somebody asked or answered, on a shade; `keep`: on one page with what follows."""
    style: Any = import_module("reportlab.lib.styles").ParagraphStyle(
        "text",
        fontName=first,
        fontSize=size,
        leading=size * 1.4,
        textColor=colour,
        spaceBefore=before,
        spaceAfter=2,
        splitLongWords=1,
        keepWithNext=int(keep),
        **({"backColor": "#f4f5f7", "borderPadding": 3, "leftIndent": 6, "rightIndent": 6} if soft else {}),
    )
    return import_module("reportlab.platypus").Paragraph(markup(text, first, most=most), style)
