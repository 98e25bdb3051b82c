"""Cases of a run with their answers, read page by page."""

from collections.abc import Sequence
from typing import Final

from genaiops.core.errors import NotFound
from genaiops.domain import Run
from genaiops.ports.runs import CaseFilter, CaseRow, Runs

_PAGE: Final = 500


def rows_of(runs: Runs, run: Run, cases: Sequence[str], *, param: str = "cases") -> list[CaseRow]:
    """All, or those named; NotFound for one that there is not, as the fault of `param`."""
    where = CaseFilter(ids=tuple(cases) if cases else None)
    found: list[CaseRow] = []
    start: int | None = 0
    while start is not None:
        page = runs.page(run.id, where, start=start, limit=_PAGE)
        found += page.rows
        start = page.next
    missing = sorted(set(cases) - {row.case.id for row in found})
    if missing:
        raise NotFound(
            f"The run {run.id} has no case {missing[0][:80]!r}.",
            remedy=f"See: genaiops run cases {run.id}",
            param=param,
        )
    return found
