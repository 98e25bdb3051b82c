"""What the control process answers over HTTP: the REST API, the console, `/metrics`."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, get
from litestar.exceptions import HTTPException
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

    handlers: list[ControllerRouterHandler] = [figures, api.create_ingest(services)]
    on_error: dict[Any, Any] = {**api.EXCEPTION_HANDLERS}
    if services.settings.only == "all":
        from genaiops import console

        sessions = console.Sessions(services.hub)
        handlers += [
            api.create(services, status=lambda: status_of(services), sessions=sessions),
            console.create(services, sessions),
        ]
        on_error[HTTPException] = _with_a_page(on_error[HTTPException], console.wants_page, console.nothing_there)
    else:
        handlers.append(api.create(services, status=lambda: status_of(services)))
    return Litestar(
        route_handlers=handlers,
        exception_handlers=on_error,
        before_send=[api.add_headers],
        openapi_config=api.openapi_config(genaiops.__version__),
        logging_config=None,
    )


Handler = Callable[[Request[Any, Any, Any], HTTPException], Response[Any]]


def _with_a_page(
    otherwise: Handler,
    wanted: Callable[[Request[Any, Any, Any]], bool],
    page: Callable[[Request[Any, Any, Any]], Response[Any]],
) -> Handler:
    """An address that nothing answers to is a page for a browser; below `/api` and for programs it is JSON."""

    def on_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
        below_api = request.url.path == "/api" or request.url.path.startswith("/api/")
        if error.status_code == 404 and wanted(request) and not below_api:
            return page(request)
        return otherwise(request, error)

    return on_http_error


def _families(services: Services) -> Iterable[Family]:
    yield from limit_families(services.hub, services.counters, now_us())
    yield from services.anomalies.families()
    yield from process_families(read_state(services.home))
    yield from machine_families(services.home.path)
    failing = float(services.folding.failing is not None)
    yield one("genaiops_traces_failing", "Whether traces cannot be stored at the moment.", failing)
    yield from _trace_families(services)
    if services.sharing is not None:
        told = services.sharing.keeper.told
        yield one("genaiops_machines_alive", "Machines that share limits with this one and live.", float(told.peers))
        yield one(
            "genaiops_machines_awaited", "Machines that must first tell what they hold.", float(len(told.pending))
        )


def _trace_families(services: Services) -> Iterable[Family]:
    came = msgspec.structs.asdict(services.ingest.counts)
    yield Family(
        "genaiops_ingest_spans_total",
        "counter",
        "Spans that other programs sent, by what became of them.",
        [({"outcome": outcome}, float(spans)) for outcome, spans in came.items()],
    )
    if services.settings.export.otlp:
        went = {"sent": services.export.sent, "dropped": services.export.dropped}
        yield Family(
            "genaiops_export_spans_total",
            "counter",
            "Spans passed on to a collector, and those that it refused for good.",
            [({"outcome": outcome}, float(spans)) for outcome, spans in went.items()],
        )
        failing = float(services.export.failing is not None)
        yield one("genaiops_export_failing", "Whether spans cannot be passed on at the moment.", failing)
