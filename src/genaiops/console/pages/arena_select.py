"""One target of a run chosen among others: candidates with their Pareto picture, and what was chosen and why."""

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.arena import (
    Decision,
    Selection,
    SelectionAsked,
    decided,
    read_selection,
)
from genaiops.arena.reports import candidates, how, pairs, panels, pareto, retrieval
from genaiops.checks.metrics import metric
from genaiops.console._charts import SCHEMA, Chart, Spec
from genaiops.console._visit import HEADERS, Visit, Visiting, redirect
from genaiops.core.clock import now_us, to_iso
from genaiops.core.errors import GenaiopsError, UsageError
from genaiops.domain import Run

_COLOURS: Final = {
    "front": "token:series-3",
    "not_separable": "token:warn",
    "dominated": "token:danger",
    "text": "token:text",
}


_Form = tuple[Literal["html", "markdown", "pdf"], str, str]
REPORT_FORMS: Final[Mapping[str, _Form]] = {
    "html": ("html", "text/html; charset=utf-8", "html"),
    "markdown": ("markdown", "text/markdown; charset=utf-8", "md"),
    "pdf": ("pdf", "application/pdf", "pdf"),
}
"""Form -> (its name, its kind, the file's ending)."""


class Drafted(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the form."""

    text: str = ""
    check: str = ""
    chosen: str = ""
    reasons: str = ""

    def asked(self) -> SelectionAsked:
        found = read_selection(self.text) if self.text.strip() else SelectionAsked()
        return msgspec.structs.replace(found, check=self.check or found.check)


@get("/arena/runs/{run_id:str}/select", sync_to_thread=True)
def show(visit: Visiting, run_id: FromPath[str]) -> Response[str]:
    """`check` says how good an answer is."""
    run = visit.services.stores.runs.get(run_id)
    return _page(visit, run, Drafted(check=visit.query.get("check", "")))


@post("/arena/runs/{run_id:str}/select", sync_to_thread=True)
def choose(visit: Visiting, run_id: FromPath[str]) -> Response[Any]:
    """`verb`: `compare` shows the candidates with the facts that the form has, `choose` records the choice."""
    run = visit.services.stores.runs.get(run_id)
    draft = Drafted(**{name: visit.form.get(name, "").strip() for name in Drafted.__struct_fields__})
    if visit.form.get("verb") != "choose":
        return _page(visit, run, draft)
    visit.require("approve")
    by = visit.actor.id
    try:
        selection = visit.services.evaluations.selection(run, draft.asked())
        reasons = draft.reasons.splitlines()
        made = decided(selection, draft.chosen, reasons, by=by, run_by=run.created_by, at=to_iso(now_us()))
    except GenaiopsError as error:
        return _page(visit, run, draft, error)
    made = visit.services.choices.keep(run, selection, made)
    waits = made.state == "proposed"
    visit.say(f"{made.chosen} is proposed; another person approves." if waits else f"{made.chosen} is chosen.")
    return redirect(visit.link(f"/arena/runs/{run_id}/select"))


@get("/arena/runs/{run_id:str}/select/report", sync_to_thread=True)
def report(visit: Visiting, run_id: FromPath[str]) -> Response[bytes]:
    """`format`: html, markdown or pdf, signed; of what is kept, else of the comparison by `check`."""
    run = visit.services.stores.runs.get(run_id)
    form = REPORT_FORMS.get(visit.query.get("format", "html"))
    if form is None:
        raise UsageError("There is no such form.", remedy=f"There are: {', '.join(REPORT_FORMS)}.", param="format")
    check = visit.query.get("check", "")
    kept = visit.services.choices.last(run)
    if kept is None:
        kept = visit.services.evaluations.selection(run, SelectionAsked(check=check)), None
    data = visit.services.choices.report(run, *kept, form[0])
    headers = {**HEADERS, "content-disposition": f'attachment; filename="selection-{run.id}.{form[2]}"'}
    return Response(data, media_type=form[1], headers=headers)


def _page(visit: Visit, run: Run, draft: Drafted, error: GenaiopsError | None = None) -> Response[str]:
    checks, kept = _checks(visit, run), visit.services.choices.last(run)
    as_kept = kept is not None and draft == Drafted()
    selection: Selection | None = None
    if kept is not None and as_kept:
        selection = kept[0]
        draft = _again(*kept)
    elif not draft.check and not draft.text and checks:
        draft = msgspec.structs.replace(draft, check=checks[0])
    try:
        selection = selection or visit.services.evaluations.selection(run, draft.asked())
    except GenaiopsError as fault:
        error = error or fault
    return visit.page(
        "arena_select.html",
        title="ARENA",
        nav="arena",
        tab="runs",
        status=200 if error is None or visit.request.method == "GET" else 400,
        knows=("check",),
        run=run,
        draft=draft,
        checks=checks,
        fault=error,
        selection=selection,
        table=None if selection is None else candidates(selection),
        pairs_=None if selection is None else pairs(selection),
        how_="" if selection is None else how(selection),
        charts=[] if selection is None else _charts(selection),
        described=[] if selection is None else [(each.target, retrieval(each)) for each in selection.candidates],
        decision=None if kept is None else kept[1],
        as_kept=as_kept,
        approver="" if kept is None else visit.name_of(kept[1].approver),
        proposer="" if kept is None else visit.name_of(kept[1].proposed_by),
        may=visit.can("approve"),
    )


def _again(selection: Selection, decision: Decision) -> Drafted:
    """What the form had when it was decided."""
    asked = {name: value for name, value in msgspec.to_builtins(selection.asked).items() if value}
    text = msgspec.json.format(msgspec.json.encode(asked), indent=2).decode() if asked else ""
    return Drafted(text=text, check=selection.check, chosen=decision.chosen)


def _checks(visit: Visit, run: Run) -> list[str]:
    suite = visit.services.evaluations.suite(run)
    checks = () if suite is None else suite.check
    return [each.name for each in checks if metric(each.metric, each.options).card.over == "sample"]


def _charts(selection: Selection) -> list[Chart]:
    made: list[Chart] = []
    for across in panels(selection):
        spec: Spec = {
            "$schema": SCHEMA,
            "width": "container",
            "height": 220,
            "autosize": {"type": "fit-x", "contains": "padding"},
            "description": f"Quality and {across}",
            **pareto(selection, across, _COLOURS),
        }
        head: list[str] = ["candidate", "standing", "quality", across]
        rows = [[str(value[name]) for name in head] for value in spec["data"]["values"]]
        made.append(Chart(f"Quality and {across}", spec, head, rows))
    return made


HANDLERS: list[Any] = [show, choose, report]
