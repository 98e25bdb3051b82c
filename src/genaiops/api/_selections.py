"""`/api/runs/{run_id}/selection`: the targets of a run as candidates, compared, and which one was chosen."""

from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from genaiops.api._access import Caller, Calling, needs
from genaiops.api._query import QUERY, described, read_query
from genaiops.api._runs import seen
from genaiops.api._services import Services, Serving
from genaiops.arena import (
    Decision,
    Selection,
    SelectionAsked,
    decided,
    read_selection,
)
from genaiops.checks.written import WrittenForm
from genaiops.core.clock import now_us, to_iso
from genaiops.core.errors import NotFound

KINDS: Final = {
    "html": ("text/html; charset=utf-8", "html"),
    "markdown": ("text/markdown; charset=utf-8", "md"),
    "pdf": ("application/pdf", "pdf"),
}


class SelectionRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What no answer shows of the candidates, as a `text` (TOML, YAML or JSON; `form` null: what it looks like).
    `check`: in place of what the text says."""

    text: str = ""
    form: WrittenForm | None = None
    check: str | None = None

    def asked(self) -> SelectionAsked:
        found = read_selection(self.text, self.form) if self.text.strip() else SelectionAsked()
        return found if self.check is None else msgspec.structs.replace(found, check=self.check)


class DecisionRequest(SelectionRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which candidate was `chosen`, and the `reasons`. Whoever calls proposes it: another
    person approves, where there is one."""

    chosen: str
    reasons: list[str]


class SelectionDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`decision` null: it is a comparison, and nothing is chosen."""

    selection: Selection
    decision: Decision | None = None


class SelectionReportQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: Annotated[Literal["html", "markdown", "pdf"], Meta(description="in which form")] = "html"
    check: Annotated[str, Meta(description="of a comparison: what says how good an answer is")] = ""


class SelectionsController(Controller):
    path = "/runs/{run_id:str}/selection"
    tags = ("ARENA",)

    @get(summary="What was chosen", guards=[needs("read")], sync_to_thread=True)
    def one(self, run_id: FromPath[str], services: Serving, caller: Calling) -> SelectionDocument:
        """The last decision of a run, with the comparison that it stands on as it was then."""
        run = seen(services, caller, run_id)
        kept = services.choices.last(run)
        if kept is None:
            raise NotFound(
                f"Nothing is chosen of {run.id} yet.",
                remedy=f"Choose: genaiops suite select {run.id} --choose NAME --reason TEXT",
                param="run",
            )
        selection, decision = kept
        return SelectionDocument(selection=selection, decision=decision)

    @post("/comparison", summary="Compare candidates", guards=[needs("read")], status_code=200, sync_to_thread=True)
    def compare(
        self, run_id: FromPath[str], data: JSONBody[SelectionRequest], services: Serving, caller: Calling
    ) -> SelectionDocument:
        """By quality, cost, latency, energy, licence and risk. Nothing is kept."""
        return SelectionDocument(selection=_compared(services, caller, run_id, data))

    @post(summary="Choose a candidate", guards=[needs("approve")], status_code=201, sync_to_thread=True)
    def decide(
        self, run_id: FromPath[str], data: JSONBody[DecisionRequest], services: Serving, caller: Calling
    ) -> SelectionDocument:
        """Kept in the Hub as `report/selection/RUN`, with the comparison, the reasons and who proposed it: the
        caller. Until another person approves its `approval`, its `state` is `proposed`; the only person of an
        installation approves at once, and the decision says so."""
        selection = _compared(services, caller, run_id, data)
        run = seen(services, caller, run_id)
        by = caller.actor.id
        made = decided(selection, data.chosen, data.reasons, by=by, run_by=run.created_by, at=to_iso(now_us()))
        return SelectionDocument(selection=selection, decision=services.choices.keep(run, selection, made))

    @get(
        "/report",
        summary="The report of a choice",
        guards=[needs("read")],
        sync_to_thread=True,
        opt={QUERY: SelectionReportQuery},
        operation_class=described(SelectionReportQuery),
    )
    def report(
        self, run_id: FromPath[str], request: Request[Any, Any, Any], services: Serving, caller: Calling
    ) -> Response[bytes]:
        """As a file, signed: of the last decision, else of the comparison. `genaiops suite verify` checks it."""
        query = read_query(request, SelectionReportQuery)
        run = seen(services, caller, run_id)
        kept = services.choices.last(run)
        if kept is None:
            kept = services.evaluations.selection(run, SelectionAsked(check=query.check)), None
        data = services.choices.report(run, *kept, query.format)
        kind, suffix = KINDS[query.format]
        headers = {"content-disposition": f'attachment; filename="selection-{run.id}.{suffix}"'}
        return Response(data, media_type=kind, headers=headers)


def _compared(services: Services, caller: Caller, run_id: str, data: SelectionRequest) -> Selection:
    return services.evaluations.selection(seen(services, caller, run_id), data.asked())
