"""`/api/runs/{run_id}/selection`: the targets of a run as candidates, compared, and which one was chosen."""

import msgspec
from litestar import Controller, get, post
from litestar.params import FromPath, JSONBody

from genaiops.api._access import Caller, Calling, needs
from genaiops.api._runs import seen
from genaiops.api._services import Services, Serving
from genaiops.arena import (
    SELECTION_PREFIX,
    Decision,
    Selection,
    SelectionAsked,
    decided,
    kept_decision,
    read_selection,
)
from genaiops.checks.written import WrittenForm
from genaiops.core.clock import now_us, to_iso
from genaiops.core.errors import NotFound


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
    """Which candidate was `chosen`, and the `reasons`. Whoever calls approves of it."""

    chosen: str
    reasons: list[str]


class SelectionDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`decision` null: it is a comparison, and nothing is chosen."""

    selection: Selection
    decision: Decision | None = None


class SelectionsController(Controller):
    path = "/runs/{run_id:str}/selection"
    tags = ("Arena",)

    @get(summary="What was chosen", guards=[needs("read")], sync_to_thread=True)
    def one(self, run_id: FromPath[str], services: Serving, caller: Calling) -> SelectionDocument:
        """The last decision of a run, with the comparison that it stands on as it was then."""
        run = seen(services, caller, run_id)
        try:
            last = services.hub.artifacts.versions(f"report/{SELECTION_PREFIX}{run.id}")[-1]
        except NotFound:
            raise NotFound(
                f"Nothing is chosen of {run.id} yet.",
                remedy=f"Choose: genaiops suite select {run.id} --choose NAME --reason TEXT",
                param="run",
            ) from None
        selection, decision = kept_decision(last.manifest, last.id)
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
        """Kept in the Hub as `report/selection/RUN`, with the comparison, the reasons and who approved it: the
        caller."""
        selection = _compared(services, caller, run_id, data)
        run = seen(services, caller, run_id)
        by = caller.actor.id
        made = decided(selection, data.chosen, data.reasons, approver=by, run_by=run.created_by, at=to_iso(now_us()))
        version = services.hub.artifacts.register("report", SELECTION_PREFIX + run.id, made.manifest(selection), by=by)
        return SelectionDocument(selection=selection, decision=msgspec.structs.replace(made, version=version.id))


def _compared(services: Services, caller: Caller, run_id: str, data: SelectionRequest) -> Selection:
    return services.evaluations.selection(seen(services, caller, run_id), data.asked())
