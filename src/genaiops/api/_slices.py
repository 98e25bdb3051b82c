"""`/api/runs/{run_id}/slices`: what the checks of a run measured, group by group."""

from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, get
from litestar.params import FromPath
from msgspec import Meta

from genaiops.api._access import Calling, needs
from genaiops.api._documents import Listing
from genaiops.api._query import QUERY, described, read_query
from genaiops.api._runs import check_reads_run, seen
from genaiops.api._services import Serving
from genaiops.arena import Sliced


class SlicesQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What tells groups apart; repeatable."""

    by: Annotated[
        tuple[str, ...], Meta(description="a field of the cases' metadata, or what stands before the colon of slices")
    ] = ()


class SlicesController(Controller):
    path = "/runs"
    tags = ("ARENA",)

    @get(
        "/{run_id:str}/slices",
        summary="Figures of a run by group",
        guards=[needs("content")],
        sync_to_thread=True,
        opt={QUERY: SlicesQuery},
        operation_class=described(SlicesQuery),
    )
    def slices(
        self, run_id: FromPath[str], request: Request[Any, Any, Any], services: Serving, caller: Calling
    ) -> Listing[Sliced]:
        """What each check measured of each target in each group, with bounds. Without `by`: by all that tells 2 to 20
        groups apart. For who may read the cases: the names of groups stand in them."""
        query = read_query(request, SlicesQuery)
        run = seen(services, caller, run_id)
        check_reads_run(services, caller, run)
        return Listing(services.evaluations.sliced(run, query.by), None)
