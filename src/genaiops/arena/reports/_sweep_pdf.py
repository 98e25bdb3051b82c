"""A sweep as PDF: what it comes to, the picture of its cells, and the tables."""

from collections.abc import Iterator
from typing import Any

from genaiops.arena._sweeping import Sweep
from genaiops.arena.reports._pdf_page import COLOUR, heading, paper, paragraph, ready_fonts, table_of
from genaiops.arena.reports._pdf_text import BOLD
from genaiops.arena.reports._selection_pdf import SHADES, dots
from genaiops.arena.reports._sweep import (
    called,
    cells_table,
    counted,
    findings,
    parts_table,
    stands_on,
    steps_table,
    sweep_how,
)
from genaiops.arena.reports._sweep_charts import across_of, axis


def sweep_pdf(sweep: Sweep, at_us: int) -> bytes:
    """`at_us`: the time that the file is dated with. UsageError when the extra is not installed."""
    ready_fonts()
    return paper(f"Sweep: {sweep.name}", sweep.run, at_us, list(_story(sweep)))


def _story(sweep: Sweep) -> Iterator[Any]:
    yield paragraph(f"Sweep: {sweep.name}", size=17, first=BOLD)
    yield from (paragraph(f"- {each}", most=2000) for each in findings(sweep))
    points = [
        (called(sweep, cell), SHADES[cell.standing], across, cell.figures["quality"])
        for cell in sweep.cells
        if cell.standing is not None and "quality" in cell.figures and (across := across_of(sweep, cell)) is not None
    ]
    if points:
        yield heading(f"{sweep.check}, over {axis(sweep)}")
        yield dots(points)
    tables = (
        ("Cells", cells_table(sweep), sweep_how(sweep)),
        ("Tokens of a request, part by part", parts_table(sweep), counted(sweep)),
        ("Step by step", steps_table(sweep), ""),
    )
    for title, (head, rows), note in tables:
        yield from table_of(title, head, rows, [1.0 + (name in ("cell", "to", "standing", "quality")) for name in head])
        if note:
            yield paragraph(note, colour=COLOUR["muted"], most=2000)
    yield from table_of("What it stands on", ("", ""), list(stands_on(sweep).items()), (2, 6))
