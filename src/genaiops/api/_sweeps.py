"""`/api/runs/{run_id}/sweep`: what a run of several numbers of examples and sizes of context shows."""

from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, get
from litestar.params import FromPath
from msgspec import Meta

from genaiops.api._access import Calling, needs
from genaiops.api._query import QUERY, described, read_query
from genaiops.api._runs import seen
from genaiops.api._services import Serving
from genaiops.arena import Sweep


class SweepQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    check: Annotated[str, Meta(description="what says how good an answer is; empty: the suite's only check")] = ""


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
