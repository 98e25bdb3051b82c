"""How often attacks succeed: attacks by target, of one red-team run or of two beside each other. Figures only."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from litestar import Response, get

from genaiops.arena import RED_TEAM
from genaiops.arena.redteam import AttackRate, AttackReport, AttackRow
from genaiops.console import _run_text
from genaiops.console._visit import Visit, Visiting
from genaiops.console.pages.arena import one_of
from genaiops.core.errors import NotFound
from genaiops.domain import Run
from genaiops.ports.runs import RunFilter

_GROUPS: Final[Mapping[str, str]] = {
    "family": "families",
    "tag": "tags",
    "hazard": "hazards",
    "technique": "techniques",
    "converter": "converters",
}
_SHOWN: Final = 50
_FEW: Final = 0.05
"""An upper bound of so much, or less, is shown as good; no success at all is not, by itself."""


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """`rate` None: nothing is known. `link`: to the cases that succeeded, else to all of them."""

    rate: AttackRate | None
    link: str = ""
    kind: str = ""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    run: Run
    target: str
    label: str


class MatrixRow(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    title: str
    cells: Sequence[Cell]
    harmless: bool


@get("/arena/red-team", sync_to_thread=True)
def matrix(visit: Visiting) -> Response[str]:
    """`run`: which one (the newest); `beside`: another one; `by`: what the rows are."""
    store = visit.services.stores.runs
    runs = store.list(RunFilter(kind="evaluation", environment={RED_TEAM: "yes"}), limit=_SHOWN).rows
    by = one_of(visit.query.get("by"), list(_GROUPS), "by") or "family"
    chosen = [_chosen(visit, visit.query["run"])] if "run" in visit.query else list(runs[:1])
    if chosen and visit.query.get("beside"):
        chosen.append(_chosen(visit, visit.query["beside"]))
    reports = [(run, report) for run in chosen if (report := visit.services.evaluations.attacks(run)) is not None]
    columns = [
        Column(run=run, target=target, label="" if len(reports) < 2 else run.name or run.id[-8:])
        for run, report in reports
        for target in report.targets
    ]
    rows = _matrix(visit, reports, columns, _GROUPS[by])
    return visit.page(
        "red_team.html",
        title="ARENA",
        nav="arena",
        tab="red-team",
        knows=("run", "beside", "by"),
        by=by,
        groups=list(_GROUPS),
        runs=runs,
        run=chosen[0] if chosen else None,
        beside=chosen[1] if len(chosen) > 1 else None,
        columns=columns,
        attacks=[row for row in rows if not row.harmless],
        harmless=[row for row in rows if row.harmless],
        repeats=max((report.repeats for _, report in reports), default=1),
        detections=_detections([report for _, report in reports]),
        packs=list(dict.fromkeys(pack for _, report in reports for pack in report.packs)),
        going=any(run.state in ("waiting", "running") for run in chosen),
        words=_run_text.WORDS,
    )


def _chosen(visit: Visit, run_id: str) -> Run:
    run = visit.services.stores.runs.get(run_id)
    if run.environment.get(RED_TEAM) != "yes":
        raise NotFound(f"The run {run_id[:80]} attacks nobody.", remedy="All that do: /arena/red-team", param="run")
    return run


def _matrix(
    visit: Visit, reports: Sequence[tuple[Run, AttackReport]], columns: Sequence[Column], group: str
) -> Sequence[MatrixRow]:
    found: dict[tuple[str, bool], dict[str, AttackRow]] = {}
    for run, report in reports:
        for row in getattr(report, group):
            found.setdefault((row.name, row.harmless), {})[run.id] = row
    return [
        MatrixRow(
            name=name,
            title=next(iter(rows.values())).title,
            cells=[_cell(visit, column, rows.get(column.run.id)) for column in columns],
            harmless=harmless,
        )
        for (name, harmless), rows in found.items()
    ]


def _cell(visit: Visit, column: Column, row: AttackRow | None) -> Cell:
    rate = None if row is None else row.rates.get(column.target)
    if row is None or rate is None:
        return Cell(rate=None)
    show = {"show": "failed"} if rate.succeeded else {"show": "errors"} if not rate.answered else {}
    where: dict[str, Any] = {"slice": row.slice, "target": column.target, **show}
    kind = "none" if rate.rate is None else "bad" if rate.succeeded else "ok" if rate.high <= _FEW else "open"
    return Cell(rate=rate, link=visit.link(f"/arena/runs/{column.run.id}", **where) + "#cases", kind=kind)


def _detections(reports: Sequence[AttackReport]) -> Sequence[Any]:
    """What says whether attacks succeeded, each once, the measured ones first."""
    found = {
        each.by: each
        for report in reports
        for row in report.families
        for rate in row.rates.values()
        for each in rate.detection
    }
    return sorted(found.values(), key=lambda each: (each.error is None, each.by))


HANDLERS: list[Any] = [matrix]
