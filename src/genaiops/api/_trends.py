"""`/api/suites/trend`: how a suite went from run to run, by commit and time; and looks of golden sets."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from litestar import Controller, get, post
from litestar.params import JSONBody, QueryParameter

from genaiops.api._access import Calling, needs
from genaiops.api._documents import Listing
from genaiops.api._runs import sees
from genaiops.api._services import Serving
from genaiops.arena import WATCH, Figure, RunDocument, run_document
from genaiops.ports.runs import RunFilter


class TrendDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A run of the suite. `watched` null: nobody's watch began it; else what it says beside the runs before: `p=...`,
    the chance of such a difference when what answers is what it was, or `learned`."""

    run: RunDocument
    figures: Sequence[Figure]
    watched: str | None


class LookRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A suite whose version `@prod` says `watch`."""

    suite: str


class TrendsController(Controller):
    path = "/suites"
    tags = ("Arena",)

    @get("/trend", summary="How a suite went over time", guards=[needs("read")], sync_to_thread=True)
    def trend(
        self,
        services: Serving,
        caller: Calling,
        suite: Annotated[str, QueryParameter(description="its name; runs of all its versions count")],
        commit: Annotated[str | None, QueryParameter(description="only runs for this commit")] = None,
        branch: Annotated[str | None, QueryParameter(description="only runs for this branch")] = None,
        cursor: Annotated[str | None, QueryParameter(description="`next` of the page before")] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=200, description="runs a page")] = 30,
    ) -> Listing[TrendDocument]:
        """Its runs that are done, newest first, with the mean of each check, its interval, commit and branch."""
        facts: dict[str, Any] = {name: value for name, value in (("commit", commit), ("branch", branch)) if value}
        where = RunFilter(
            kind="evaluation",
            state="done",
            subject=f"suite/{suite.removeprefix('suite/')}@",
            tenant_id=caller.reach.tenant_id,
            environment=facts,
        )
        page = services.runs.list(where, cursor=cursor, limit=limit)
        rows = [
            TrendDocument(
                run=run_document(run),
                figures=services.evaluations.figures(run),
                watched=run.environment.get("watched", "") if WATCH in run.environment else None,
            )
            for run in page.rows
            if sees(caller, run)
        ]
        return Listing(rows, page.next)

    @post("/look", summary="Ask a golden set now", guards=[needs("playground")], status_code=201, sync_to_thread=True)
    def look(self, data: JSONBody[LookRequest], services: Serving, caller: Calling) -> RunDocument:
        """Without waiting until it is due. The run is that of whoever let the alias prod name the suite's version."""
        name = data.suite.removeprefix("suite/").removesuffix("@prod")
        services.hub.artifacts.visible(f"suite/{name}", caller.actor)
        return run_document(services.watches.now(name))
