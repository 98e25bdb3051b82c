"""A sweep of a run: quality over tokens, a line for each size of context, a map of the cells, and the tables."""

from typing import Any, Final

from litestar import Response, get
from litestar.params import FromPath

from genaiops.arena import Sweep
from genaiops.arena.reports import (
    LINES,
    cells_table,
    counted,
    curve,
    findings,
    heat,
    parts_table,
    steps_table,
    sweep_how,
)
from genaiops.checks.metrics import metric
from genaiops.console._charts import SCHEMA, Chart, Spec
from genaiops.console._visit import HEADERS, Visiting
from genaiops.console.pages.arena_select import REPORT_FORMS
from genaiops.core.errors import GenaiopsError, UsageError

_COLOURS: Final = {name: f"token:series-{place + 1}" for place, name in enumerate(LINES)} | {"text": "token:text"}


@get("/arena/runs/{run_id:str}/sweep", sync_to_thread=True)
def show(visit: Visiting, run_id: FromPath[str]) -> Response[str]:
    """`check` says how good an answer is."""
    evaluations = visit.services.evaluations
    run = visit.services.stores.runs.get(run_id)
    suite = evaluations.suite(run)
    single = [each for each in (() if suite is None else suite.check) if _is_single(each.metric, each.options)]
    checks = [each.name for each in single]
    check = visit.query.get("check", "") or (checks[0] if checks else "")
    sweep: Sweep | None = None
    fault: GenaiopsError | None = None
    try:
        sweep = evaluations.sweep(run, check)
    except GenaiopsError as error:
        fault = error
    return visit.page(
        "arena_sweep.html",
        title="ARENA",
        nav="arena",
        tab="runs",
        status=200,
        knows=("check",),
        run=run,
        check=check,
        checks=checks,
        fault=fault,
        sweep=sweep,
        said=[] if sweep is None else findings(sweep),
        charts=[] if sweep is None else _charts(sweep),
        cells=None if sweep is None else cells_table(sweep),
        parts=None if sweep is None else parts_table(sweep),
        steps=None if sweep is None else steps_table(sweep),
        how_="" if sweep is None else sweep_how(sweep),
        counted_="" if sweep is None else counted(sweep),
    )


@get("/arena/runs/{run_id:str}/sweep/report", sync_to_thread=True)
def report(visit: Visiting, run_id: FromPath[str]) -> Response[bytes]:
    """`format`: html, markdown or pdf, signed; by `check`."""
    run = visit.services.stores.runs.get(run_id)
    found = REPORT_FORMS.get(visit.query.get("format", "html"))
    if found is None:
        raise UsageError("There is no such form.", remedy=f"There are: {', '.join(REPORT_FORMS)}.", param="format")
    form, kind, ending = found
    data = visit.services.evaluations.sweep_written(run, visit.query.get("check", ""), form)
    headers = {**HEADERS, "content-disposition": f'attachment; filename="sweep-{run.id}.{ending}"'}
    return Response(data, media_type=kind, headers=headers)


def _is_single(name: str, options: dict[str, Any]) -> bool:
    return metric(name, options).card.over == "sample"


def _charts(sweep: Sweep) -> list[Chart]:
    head, rows = cells_table(sweep)
    pictures = (("Quality, and what a request takes", curve), ("Quality, cell by cell", heat))
    made: list[Chart] = []
    for title, picture in pictures:
        spec: Spec = {
            "$schema": SCHEMA,
            "width": "container",
            "height": 240,
            "autosize": {"type": "fit-x", "contains": "padding"},
            "description": title,
            **picture(sweep, _COLOURS),
        }
        made.append(Chart(title, spec, head, rows))
    return made


HANDLERS: list[Any] = [show, report]
