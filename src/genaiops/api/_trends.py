"""`/api/suites/trend` and `board`: how a suite went from run to run, and who answered it best; and looks of golden
sets."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from litestar import Controller, get, post
from litestar.params import JSONBody, QueryParameter

from genaiops.api._access import Caller, Calling, needs
from genaiops.api._documents import Listing
from genaiops.api._known_suites import check_kept
from genaiops.api._runs import sees
from genaiops.api._services import Services, Serving
from genaiops.arena import WATCH, BoardEntry, Figure, Measured, RunDocument, run_document
from genaiops.core.clock import to_iso
from genaiops.ports.runs import RunFilter

_LOOKED: Final = 200
"""Of the newest runs of a suite, to know whether there is one."""


class TrendDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A run of the suite. `watched` null: nobody's watch began it; else what it says beside the runs before: `p=...`,
    the chance of such a difference when what answers is what it was, or `learned`."""

    run: RunDocument
    figures: Sequence[Figure]
    watched: str | None


class BoardEntryDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A target of the newest run that asked it. `asked`: what it is, pinned where the run pinned it. `quality` in the
    board's unit, `cost` in the currency of the prices and `latency` in seconds, each an answer, with bounds. `first` to
    `last`: ranks that the bounds leave open; null: it is not ranked, and `apart` says why."""

    target: str
    asked: str
    run: str
    created_at: str
    commit: str
    quality: Measured | None
    cost: Measured | None
    latency: Measured | None
    first: int | None
    last: int | None
    apart: str


class BoardDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Best first. `falling`: less is better. `alpha`: the chance that any of the ranges of ranks is wrong; `each`: that
    of each bound of `quality` (those of cost and latency: `alpha`). `runs`: how many that are done were looked at.
    `unranked`: why the check ranks nobody."""

    suite: str
    check: str
    checks: Sequence[str]
    unit: str
    falling: bool
    alpha: float
    each: float
    runs: int
    unranked: str
    entries: Sequence[BoardEntryDocument]


class LookRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A suite whose version `@prod` says `watch`."""

    suite: str


class TrendsController(Controller):
    path = "/suites"
    tags = ("ARENA",)

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
        """Its runs that are done, newest first, with the mean of each check, its interval, commit and branch. 404
        for a suite that nobody knows."""
        suite = suite.removeprefix("suite/")
        facts: dict[str, Any] = {name: value for name, value in (("commit", commit), ("branch", branch)) if value}
        where = RunFilter(
            kind="evaluation",
            state="done",
            subject=f"suite/{suite}@",
            tenant_id=caller.reach.tenant_id,
            environment=facts,
        )
        page = services.runs.list(where, cursor=cursor, limit=limit)
        if not page.rows:
            _check_known(services, caller, suite)
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

    @get("/board", summary="Who answered a suite best", guards=[needs("read")], sync_to_thread=True)
    def board(
        self,
        services: Serving,
        caller: Calling,
        suite: Annotated[str, QueryParameter(description="its name; runs of all its versions count")],
        check: Annotated[str, QueryParameter(description="by which of its checks (default: the first)")] = "",
    ) -> BoardDocument:
        """Targets over the latest 200 runs that are done, each by its newest: mean with bounds, cost, latency, and its
        rank as a range, for bounds that overlap tell nobody apart. Without such a run there are no entries; 404
        for a suite that nobody knows."""
        suite = suite.removeprefix("suite/")
        found = services.evaluations.board(
            suite, check, tenant_id=caller.reach.tenant_id, sees=lambda run: sees(caller, run)
        )
        if not found.entries:
            _check_known(services, caller, suite)
        fields = {name: getattr(found, name) for name in BoardDocument.__struct_fields__ if name != "entries"}
        return BoardDocument(**fields, entries=[_entry(each) for each in found.entries])

    @post("/look", summary="Ask a golden set now", guards=[needs("playground")], status_code=201, sync_to_thread=True)
    def look(self, data: JSONBody[LookRequest], services: Serving, caller: Calling) -> RunDocument:
        """Without waiting until it is due. The run is that of whoever let the alias prod name the suite's version."""
        name = data.suite.removeprefix("suite/").removesuffix("@prod")
        check_kept(services, caller, name)
        return run_document(services.watches.now(name))


def _check_known(services: Services, caller: Caller, suite: str) -> None:
    """NotFound unless it is kept, or a run of it is there: commands run suites that the Hub never got."""
    where = RunFilter(kind="evaluation", subject=f"suite/{suite}@", tenant_id=caller.reach.tenant_id)
    if any(sees(caller, run) for run in services.runs.list(where, limit=_LOOKED).rows):
        return
    latest = services.runs.list(RunFilter(kind="evaluation", tenant_id=caller.reach.tenant_id), limit=_LOOKED).rows
    names = {run.subject.partition("@")[0].removeprefix("suite/") for run in latest if sees(caller, run)}
    check_kept(services, caller, suite, names)


def _entry(found: BoardEntry) -> BoardEntryDocument:
    return BoardEntryDocument(
        target=found.target,
        asked=found.asked,
        run=found.run.id,
        created_at=to_iso(found.run.created_us),
        commit=found.run.environment.get("commit", ""),
        quality=found.quality,
        cost=found.cost,
        latency=found.latency,
        first=found.first,
        last=found.last,
        apart=found.apart,
    )
