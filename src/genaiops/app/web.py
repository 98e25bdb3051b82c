"""What the control process answers over HTTP: the REST API, the console, `/metrics`."""

from collections.abc import Iterable

from litestar import Litestar, Response, get
from litestar.types import ControllerRouterHandler

import genaiops
from genaiops import api
from genaiops.app import metrics
from genaiops.app.installation import read_state
from genaiops.app.services import Services
from genaiops.app.status import status_of


def build(services: Services) -> Litestar:
    """One application. With `only = "gateway"` it has no console."""

    @get("/metrics", include_in_schema=False, sync_to_thread=True)
    def figures() -> Response[bytes]:
        return Response(services.metrics.text(_processes(services)), media_type=metrics.CONTENT_TYPE)

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


def _processes(services: Services) -> Iterable[tuple[str, dict[str, str], float]]:
    state = read_state(services.home)
    for process in state.processes if state is not None else ():
        labels = {"process": process.name}
        yield "genaiops_process_ready", labels, float(process.state == "ready")
        yield "genaiops_process_restarts", labels, float(process.restarts)
    if services.sharing is not None:
        yield "genaiops_machines_alive", {}, float(services.sharing.keeper.told.peers)
        yield "genaiops_machines_awaited", {}, float(len(services.sharing.keeper.told.pending))
