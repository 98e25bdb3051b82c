"""What the control process answers over HTTP: the REST API, the console, `/metrics`."""

from collections.abc import Iterable

from litestar import Litestar, Response, get
from litestar.types import ControllerRouterHandler

import genaiops
from genaiops import api
from genaiops.app import metrics
from genaiops.app.exposition import Family, one
from genaiops.app.installation import read_state
from genaiops.app.metric_limits import limit_families
from genaiops.app.metric_processes import machine_families, process_families
from genaiops.app.services import Services
from genaiops.app.status import status_of
from genaiops.core.clock import now_us


def build(services: Services) -> Litestar:
    """One application. With `only = "gateway"` it has no console."""

    @get("/metrics", include_in_schema=False, sync_to_thread=True)
    def figures() -> Response[bytes]:
        return Response(services.metrics.text(_families(services)), media_type=metrics.CONTENT_TYPE)

    handlers: list[ControllerRouterHandler] = [figures]
    if services.settings.only == "all":
        from genaiops import console

        sessions = console.Sessions(services.hub)
        handlers += [
            api.create(services, status=lambda: status_of(services), sessions=sessions),
            console.create(services, sessions),
        ]
    else:
        handlers.append(api.create(services, status=lambda: status_of(services)))
    return Litestar(
        route_handlers=handlers,
        exception_handlers={**api.EXCEPTION_HANDLERS},
        before_send=[api.add_headers],
        openapi_config=api.openapi_config(genaiops.__version__),
        logging_config=None,
    )


def _families(services: Services) -> Iterable[Family]:
    yield from limit_families(services.hub, services.counters, now_us())
    yield from process_families(read_state(services.home))
    yield from machine_families(services.home.path)
    failing = float(services.folding.failing is not None)
    yield one("genaiops_traces_failing", "Whether traces cannot be stored at the moment.", failing)
    if services.sharing is not None:
        told = services.sharing.keeper.told
        yield one("genaiops_machines_alive", "Machines that share limits with this one and live.", float(told.peers))
        yield one(
            "genaiops_machines_awaited", "Machines that must first tell what they hold.", float(len(told.pending))
        )
