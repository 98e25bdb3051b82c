"""A report's pages as PDF: the same bytes for the same words, so that a signature can be made anew.

Set by ReportLab, which is an extra and imported here only when a report is written.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from importlib import import_module
from io import BytesIO
from typing import Any, Final

from genaiops.arena.reports._charts import COLOURS
from genaiops.arena.reports._pdf_text import BOLD, REGULAR, check_pdf, font, markup

_MARGIN: Final = 48.0
_EDGE: Final = _MARGIN + 6
WIDTH: Final = 595.28 - 2 * _EDGE
"""Points, of A4."""
COLOUR: Final = {name: colour for colour, name in COLOURS.items()}
SHORT: Final = {"PASS": "pass", "FAIL": "fail", "INCONCLUSIVE": "open"}


def paper(title: str, run_id: str, at_us: int, story: Sequence[Any]) -> bytes:
    """The file of what stands in `story`, dated by the run and not by the clock. UsageError when the extra is not
    installed."""
    platypus: Any = import_module("reportlab.platypus")
    made = BytesIO()
    document = platypus.SimpleDocTemplate(
        made,
        pagesize=(595.28, 841.89),
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=title,
        author="genaiops",
        creator="genaiops",
        subject=f"Report of {run_id}",
        lang="en",
    )

    def foot(canvas: Any, _: Any) -> None:
        canvas.setFont(REGULAR, 7.5)
        canvas.setFillColor(COLOUR["muted"])
        canvas.drawString(_EDGE, 28, f"{run_id}, {time_of(at_us)}")
        canvas.drawRightString(_EDGE + WIDTH, 28, f"page {canvas.getPageNumber()}")

    def dated(*given: Any, **named: Any) -> Any:
        return _canvas(at_us, *given, **named)

    document.build(list(story), onFirstPage=foot, onLaterPages=foot, canvasmaker=dated)
    return made.getvalue()


def ready_fonts() -> None:
    """Before anything is set. UsageError when the extra is not installed."""
    check_pdf()
    for name in (REGULAR, BOLD):
        font(name)


def _canvas(ended_us: int, *given: Any, **named: Any) -> Any:
    """One whose file is dated by the run, not by the clock."""
    canvas: Any = import_module("reportlab.pdfgen.canvas").Canvas(*given, **{**named, "invariant": 1})
    stamp: Any = import_module("reportlab.lib.utils").TimeStamp(1)
    at = datetime.fromtimestamp(ended_us // 1_000_000, UTC)
    stamp.t, stamp.lt, stamp.YMDhms = at.timestamp(), at.timetuple(), tuple(at.timetuple())[:6]
    stamp.dhh = stamp.dmm = 0
    canvas._doc._timeStamp, canvas._doc.signature = stamp, sha256()
    return canvas


def time_of(us: int) -> str:
    return datetime.fromtimestamp(us // 1_000_000, UTC).isoformat(" ", "seconds")


def table_of(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], wide: Sequence[float]) -> Iterator[Any]:
    """Nothing where there are no rows. A row of words that are a verdict has its colour."""
    if not rows:
        return
    yield heading(title)
    cells: list[Sequence[Any]] = []
    if any(head):
        cells.append([paragraph(name, size=7.5, first=BOLD, colour=COLOUR["muted"]) for name in head])
    for row in rows:
        kind = SHORT.get(row[0]) if head[0] == "verdict" else None
        first = paragraph(row[0], size=7.5, first=BOLD if kind else REGULAR, colour=COLOUR[kind or "text"])
        cells.append([first, *(paragraph(cell, size=8) for cell in row[1:])])
    style = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("LINEBELOW", (0, 0), (-1, -1), 0.4, COLOUR["line"])]
    whole = sum(wide)
    yield grid(cells, [WIDTH * each / whole for each in wide], style, head=int(any(head)))


def grid(cells: Sequence[Sequence[Any]], widths: Sequence[float], style: Sequence[Any], *, head: int = 0) -> Any:
    platypus: Any = import_module("reportlab.platypus")
    pads = [(f"{side}PADDING", (0, 0), (-1, -1), 2.5) for side in ("LEFT", "RIGHT", "TOP", "BOTTOM")]
    return platypus.Table(
        cells, colWidths=list(widths), repeatRows=head, splitInRow=1, hAlign="LEFT", style=[*pads, *style]
    )


def heading(text: str) -> Any:
    return paragraph(text, size=11, first=BOLD, before=12, keep=True)


def paragraph(
    text: str,
    *,
    size: float = 9,
    first: str = REGULAR,
    colour: str = COLOUR["text"],
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
