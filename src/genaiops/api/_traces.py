"""`/api/traces`: what happened, as it happens, and judgements of it added later."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.params import FromPath, JSONBody
from litestar.response import ServerSentEvent, ServerSentEventMessage

from genaiops.api._access import Authentication, Calling, needs
from genaiops.api._documents import Listing
from genaiops.api._query import QUERY, described, read_query
from genaiops.api._scores import NewScoreRequest, ScoreDocument, added, existing_trace
from genaiops.api._services import Services, Serving
from genaiops.api._trace_query import TailQuery, TraceQuery, parsed_trace_id
from genaiops.core.clock import now_us
from genaiops.core.errors import GenaiopsError
from genaiops.hub import allows
from genaiops.ports.telemetry import TraceFilter
from genaiops.watch import medium, trace_document, trace_row_document

Document = dict[str, Any]

_BYTES = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "private, no-store",
}

LOOK_SECONDS = 0.25
HEARTBEAT_SECONDS = 15.0
"""After so long without a trace the tail says that it lives, and looks whether its caller still may listen."""

EXPORTED_AT_ONCE = 10
EXPORTED_BYTES = 4 * 1024 * 1024
"""A page of whole traces that is larger has no further ones."""


class TracesController(Controller):
    path = "/traces"
    tags = ("Traces",)

    @get(
        summary="List traces",
        guards=[needs("read")],
        sync_to_thread=True,
        opt={QUERY: TraceQuery},
        operation_class=described(TraceQuery),
    )
    def list(self, request: Request[Any, Any, Any], services: Serving) -> Listing[Document]:
        """Newest first. A page may be short and still have a `next`: the work for one page is bounded."""
        query = read_query(request, TraceQuery)
        page = services.telemetry.list(query.filter(now_us()), cursor=query.cursor, limit=query.limit)
        return Listing([trace_row_document(row) for row in page.rows], page.next)

    @get(
        "/tail",
        summary="Follow traces",
        guards=[needs("read")],
        opt={QUERY: TailQuery},
        operation_class=described(TailQuery),
    )
    async def tail(self, request: Request[Any, Any, Any], services: Serving) -> ServerSentEvent:
        """Server-sent events of the kind `trace`, one for each new trace, with what the list has of it as JSON. With
        `Last-Event-ID` it goes on where it ended."""
        query = read_query(request, TailQuery)
        head = await asyncio.to_thread(_first_head, request, services)
        return ServerSentEvent(_follow(request, services, query, head))

    @get(
        "/export",
        summary="Whole traces",
        guards=[needs("read")],
        sync_to_thread=True,
        opt={QUERY: TraceQuery},
        operation_class=described(TraceQuery),
    )
    def export(self, request: Request[Any, Any, Any], services: Serving) -> Listing[Document]:
        """What the list has, each as `/api/traces/{trace_id}` has it: to take traces elsewhere. A trace that several
        lines of the list are about comes once a page. A page ends early when its traces are large."""
        query = read_query(request, TraceQuery)
        return exported(services, query.filter(now_us()), query.cursor, query.limit)

    @get("/{trace_id:str}", summary="One trace", guards=[needs("read")], sync_to_thread=True)
    def one(self, trace_id: FromPath[str], services: Serving) -> Document:
        """With its spans, the conversation and scores. `usage` counts each token once, whatever was tried."""
        return trace_document(existing_trace(services, parsed_trace_id(trace_id)), services.blobs)

    @get(
        "/{trace_id:str}/media/{digest:str}",
        summary="An image or a piece of audio",
        guards=[needs("read")],
        sync_to_thread=True,
        media_type="application/octet-stream",
    )
    def medium(self, trace_id: FromPath[str], digest: FromPath[str], services: Serving) -> Response[bytes]:
        """The bytes that the trace refers to, by their SHA-256 in hexadecimal."""
        kind, data = medium(existing_trace(services, parsed_trace_id(trace_id)), digest, services.blobs)
        return Response(data, media_type=kind, headers=_BYTES)

    @post("/{trace_id:str}/scores", summary="Score a trace", guards=[needs("playground")], sync_to_thread=True)
    def score(
        self, trace_id: FromPath[str], data: JSONBody[NewScoreRequest], services: Serving, caller: Calling
    ) -> ScoreDocument:
        """Scores are added and never change the trace."""
        return added(services, data, existing_trace(services, parsed_trace_id(trace_id)), caller.actor.id)


def exported(services: Services, where: TraceFilter, cursor: str | None, limit: int) -> Listing[Document]:
    """A few traces at a time until the page is full or large: what one page takes of memory is bounded by its last
    traces."""
    found: dict[bytes, Document] = {}
    size = 0
    while True:
        page = services.telemetry.list(where, cursor=cursor, limit=min(EXPORTED_AT_ONCE, limit))
        for trace_id in dict.fromkeys(row.root.trace_id for row in page.rows):
            trace = services.telemetry.trace(trace_id) if trace_id not in found else None
            if trace is not None:
                found[trace_id] = trace_document(trace, services.blobs)
                size += len(msgspec.json.encode(found[trace_id]))
        limit -= len(page.rows)
        cursor = page.next
        if cursor is None or limit <= 0 or size > EXPORTED_BYTES:
            return Listing(list(found.values()), cursor)


def _first_head(request: Request[Any, Any, Any], services: Services) -> int:
    last = request.headers.get("last-event-id", "")
    head = services.telemetry.head()
    return min(int(last), head) if last.isascii() and last.isdigit() and len(last) < 19 else head


async def _follow(
    request: Request[Any, Any, Any], services: Services, query: TailQuery, head: int
) -> AsyncIterator[ServerSentEventMessage]:
    yield ServerSentEventMessage(data=None, comment="following")
    silent = 0.0
    while True:
        before = head
        head, rows = await asyncio.to_thread(services.telemetry.since, head)
        for number, row in enumerate(rows):
            if query.matches(row):
                silent = 0.0
                # The id stands on the last one of a batch: who comes back in the middle of one gets it whole again.
                event_id = head if number == len(rows) - 1 else None
                data = msgspec.json.encode(trace_row_document(row)).decode()
                yield ServerSentEventMessage(data=data, event="trace", id=event_id)
        if head == before:
            await asyncio.sleep(LOOK_SECONDS)
            silent += LOOK_SECONDS
        if silent >= HEARTBEAT_SECONDS:
            silent = 0.0
            if not await asyncio.to_thread(_still_may, request):
                return
            yield ServerSentEventMessage(data=None, comment="alive")


def _still_may(request: Request[Any, Any, Any]) -> bool:
    try:
        authentication: Authentication = request.scope["auth"]
        return allows(authentication.caller(request).actor, "read")
    except GenaiopsError:
        return False
