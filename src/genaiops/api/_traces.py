"""`/api/traces`: what happened, as it happens, and judgements of it added later."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.params import FromPath, JSONBody
from litestar.response import ServerSentEvent, ServerSentEventMessage
from msgspec import Meta

from genaiops.api._access import Authentication, Calling, needs
from genaiops.api._documents import Listing
from genaiops.api._query import QUERY, described, read_query
from genaiops.api._services import Services, Serving
from genaiops.api._trace_query import TailQuery, TraceQuery, parsed_span_id, parsed_trace_id
from genaiops.core.clock import now_us, to_iso
from genaiops.core.errors import GenaiopsError, NotFound, UsageError
from genaiops.core.ids import new_id
from genaiops.domain import Score
from genaiops.hub import allows
from genaiops.ports.telemetry import Trace
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


class NewScoreRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number, a label or both. `span_id`: of one span instead of the whole trace. The same `identifier` again changes
    nothing."""

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    value: float | None = None
    label: Annotated[str, Meta(max_length=200)] | None = None
    source: Literal["person", "model", "code", "user", "guardrail"] = "person"
    comment: Annotated[str, Meta(max_length=10_000)] = ""
    span_id: str | None = None
    identifier: Annotated[str, Meta(min_length=1, max_length=128)] | None = None


class ScoreDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A judgement of a trace or of one of its spans."""

    identifier: str
    trace_id: str
    span_id: str | None
    name: str
    value: float | None
    label: str | None
    source: str
    comment: str
    created_at: str
    created_by: str


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

    @get("/{trace_id:str}", summary="One trace", guards=[needs("read")], sync_to_thread=True)
    def one(self, trace_id: FromPath[str], services: Serving) -> Document:
        """With its spans, the conversation and scores. `usage` counts each token once, whatever was tried."""
        return trace_document(_existing(services, parsed_trace_id(trace_id)), services.blobs)

    @get(
        "/{trace_id:str}/media/{digest:str}",
        summary="An image or a piece of audio",
        guards=[needs("read")],
        sync_to_thread=True,
        media_type="application/octet-stream",
    )
    def medium(self, trace_id: FromPath[str], digest: FromPath[str], services: Serving) -> Response[bytes]:
        """The bytes that the trace refers to, by their SHA-256 in hexadecimal."""
        kind, data = medium(_existing(services, parsed_trace_id(trace_id)), digest, services.blobs)
        return Response(data, media_type=kind, headers=_BYTES)

    @post("/{trace_id:str}/scores", summary="Score a trace", guards=[needs("playground")], sync_to_thread=True)
    def score(
        self, trace_id: FromPath[str], data: JSONBody[NewScoreRequest], services: Serving, caller: Calling
    ) -> ScoreDocument:
        """Scores are added and never change the trace."""
        score = _checked(data, _existing(services, parsed_trace_id(trace_id)), caller.actor.id)
        services.telemetry.add_score(score)
        fields = msgspec.structs.asdict(score)
        fields["trace_id"] = score.trace_id.hex()
        fields["span_id"] = None if score.span_id is None else score.span_id.hex()
        fields["created_at"] = to_iso(fields.pop("created_us"))
        return ScoreDocument(**fields)


def _existing(services: Services, trace_id: bytes) -> Trace:
    trace = services.telemetry.trace(trace_id)
    if trace is None:
        raise NotFound(
            f"There is no trace {trace_id.hex()}.",
            remedy="A call becomes a trace within a second of its end; check the id.",
            param="trace_id",
        )
    return trace


def _checked(data: NewScoreRequest, trace: Trace, by: str) -> Score:
    if data.value is None and data.label is None:
        raise UsageError("The score says nothing.", remedy="Give value, label or both.", param="value")
    span_id = None if data.span_id is None else parsed_span_id(data.span_id)
    if span_id is not None and all(span.span_id != span_id for span in trace.spans):
        raise NotFound(f"The trace has no span {data.span_id}.", remedy="Name one of its own.", param="span_id")
    return Score(
        identifier=data.identifier or new_id("score"),
        trace_id=trace.trace_id,
        span_id=span_id,
        name=data.name,
        value=data.value,
        label=data.label,
        source=data.source,
        comment=data.comment,
        created_us=now_us(),
        created_by=by,
    )


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
