"""`/api/runs/{run_id}/sweep`: what a run of several numbers of examples and sizes of context shows."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Request, Response, get
from litestar.params import FromPath
from msgspec import Meta

from genaiops.api._access import Calling, needs
from genaiops.api._query import QUERY, described, read_query
from genaiops.api._runs import seen
from genaiops.api._selections import KINDS
from genaiops.api._services import Serving
from genaiops.arena import Sweep


class SweepQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    check: Annotated[str, Meta(description="what says how good an answer is; empty: the suite's only check")] = ""


class SweepReportQuery(SweepQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: Annotated[Literal["html", "markdown", "pdf"], Meta(description="in which form")] = "html"


class SweepsController(Controller):
    path = "/runs/{run_id:str}/sweep"
    tags = ("ARENA",)

    @get(
        summary="What a sweep shows",
        guards=[needs("read")],
        sync_to_thread=True,
        opt={QUERY: SweepQuery},
        operation_class=described(SweepQuery),
    )
    def one(self, run_id: FromPath[str], request: Request[Any, Any, Any], services: Serving, caller: Calling) -> Sweep:
        """Quality, tokens by part, money, time and energy of each cell, its differences from its neighbours and from
        the best, and from where on more examples are not shown to be better."""
        return services.evaluations.sweep(seen(services, caller, run_id), read_query(request, SweepQuery).check)

    @get(
        "/report",
        summary="The report of a sweep",
        guards=[needs("read")],
        sync_to_thread=True,
        opt={QUERY: SweepReportQuery},
        operation_class=described(SweepReportQuery),
    )
    def report(
        self, run_id: FromPath[str], request: Request[Any, Any, Any], services: Serving, caller: Calling
    ) -> Response[bytes]:
        """As a file, signed. `genaiops suite verify` checks it."""
        query = read_query(request, SweepReportQuery)
        run = seen(services, caller, run_id)
        data = services.evaluations.sweep_written(run, query.check, query.format)
        kind, suffix = KINDS[query.format]
        headers = {"content-disposition": f'attachment; filename="sweep-{run.id}.{suffix}"'}
        return Response(data, media_type=kind, headers=headers)
