"""Traces: the list with its filters, one trace beside it or on a page of its own, and the live tail."""

import asyncio
import json
import shlex
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec
from litestar import Response, get
from litestar.params import FromPath
from litestar.response import Stream

from genaiops.console._filters import CHIPS, read_filter, shown_by
from genaiops.console._running import running
from genaiops.console._visit import HEADERS, Visit, Visiting, templates
from genaiops.console._waterfall import waterfall
from genaiops.core.errors import NotFound
from genaiops.ports.telemetry import Trace
from genaiops.watch import medium, trace_document, trace_row_document

PAGE = 50
TAIL_SECONDS = 1.0
TAIL_LOOKS = 600
"""After ten minutes the browser asks anew, and it is checked again who it is."""


class Chip(msgspec.Struct, frozen=True):
    label: str
    value: str
    without: str


@get("/traces", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    where = read_filter(visit.query, visit.now_us)
    page = visit.services.stores.telemetry.list(where, cursor=visit.query.get("cursor"), limit=PAGE)
    selected = visit.query.get("trace")
    chips = [
        Chip(label, visit.query[name], visit.same(**{name: None, "cursor": None, "trace": None}))
        for name, label in CHIPS.items()
        if name in visit.query
    ]
    return visit.page(
        "traces.html",
        title="Traces",
        nav="traces",
        rows=[trace_row_document(row) for row in page.rows],
        chips=chips,
        next=visit.same(cursor=page.next, trace=None) if page.next else None,
        first=visit.same(cursor=None, trace=None) if "cursor" in visit.query else None,
        targets=[target.id for target in visit.services.hub.targets.list()],
        models=sorted({target.model for target in visit.services.hub.targets.list()}),
        live=visit.link("/traces/live", **{name: visit.query.get(name) for name in CHIPS}),
        live_possible=not {"q", "until", "cursor"} & set(visit.query),
        selected=selected,
        trace=_details(visit, selected) if selected else None,
    )


@get("/traces/{trace_id:str}", sync_to_thread=True)
def one(visit: Visiting, trace_id: FromPath[str]) -> Response[str]:
    details = _details(visit, trace_id)
    if visit.query.get("panel"):
        return visit.fragment("trace_panel.html", trace=details, panel=True)
    return visit.page("trace.html", title=f"Trace {trace_id[:8]}", nav="traces", trace=details, panel=False)


@get("/traces/{trace_id:str}/json", sync_to_thread=True)
def raw(visit: Visiting, trace_id: FromPath[str]) -> Response[bytes]:
    document = trace_document(_found(visit, trace_id), visit.services.stores.blobs)
    return Response(msgspec.json.encode(document), media_type="application/json", headers=HEADERS)


@get("/traces/{trace_id:str}/media/{digest:str}", sync_to_thread=True)
def media(visit: Visiting, trace_id: FromPath[str], digest: FromPath[str]) -> Response[bytes]:
    """An image or a piece of audio, of a type that its bytes tell."""
    kind, data = medium(_found(visit, trace_id), digest, visit.services.stores.blobs)
    headers = {**HEADERS, "content-security-policy": "default-src 'none'; sandbox"}
    if kind == "application/octet-stream":
        headers["content-disposition"] = "attachment"
    return Response(data, media_type=kind, headers=headers)


@get("/traces/live", sync_to_thread=False)
def live(visit: Visiting) -> Stream:
    """Server-sent events: rows of the list, as they are written, oldest first."""
    headers = {**HEADERS, "content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no"}
    return Stream(_tail(visit), headers=headers, media_type="text/event-stream")


async def _tail(visit: Visit) -> AsyncIterator[str]:
    telemetry = visit.services.stores.telemetry
    where = read_filter(visit.query, visit.now_us)
    template = templates().get_template("trace_rows.html")
    head = await asyncio.to_thread(telemetry.head)
    yield "retry: 2000\n: following\n\n"
    for _ in range(TAIL_LOOKS):
        await asyncio.sleep(TAIL_SECONDS)
        head, rows = await asyncio.to_thread(telemetry.since, head)
        documents = [trace_row_document(row) for row in rows if shown_by(where, row)]
        if documents:
            text = template.render(rows=documents[::-1], visit=visit, selected=None)
            yield "event: rows\n" + "".join(f"data: {line}\n" for line in text.splitlines()) + "\n"
        else:
            yield ": nothing new\n\n"


def _found(visit: Visit, trace_id: str) -> Trace:
    try:
        binary = bytes.fromhex(trace_id)
    except ValueError:
        binary = b""
    trace = visit.services.stores.telemetry.trace(binary) if len(binary) == 16 else None
    if trace is None:
        raise NotFound(
            f"There is no trace {trace_id[:40]!r}.",
            remedy="It comes about a second after its call.",
        )
    return trace


def _details(visit: Visit, trace_id: str) -> Mapping[str, Any]:
    trace = _found(visit, trace_id)
    document = trace_document(trace, visit.services.stores.blobs)
    return {**document, "bars": waterfall(trace), "curl": curl(document, _url(visit)), "payers": _payers(document)}


def _payers(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return [span for span in document["spans"] if span["owns_usage"]]


def _url(visit: Visit) -> str:
    state = running(visit.services.home.state)
    return state.url if state is not None and state.url else "http://127.0.0.1:4000"


_PATHS = {
    "chat": "chat/completions",
    "text_completion": "completions",
    "embeddings": "embeddings",
    "rerank": "rerank",
    "moderations": "moderations",
    "image_generation": "images/generations",
    "speech": "audio/speech",
}


def curl(document: Mapping[str, Any], url: str) -> str | None:
    """The call as a command; None when its body was not kept."""
    path, body = _PATHS.get(document["operation"]), document["input"]
    if path is None or not isinstance(body, dict):
        return None
    text = json.dumps(body, ensure_ascii=False)
    return (
        f'curl {url}/v1/{path} \\\n  -H "authorization: Bearer $GENAIOPS_KEY" \\\n'
        f"  -H 'content-type: application/json' \\\n  -d {shlex.quote(text)}"
    )


HANDLERS: list[Any] = [show, one, raw, media, live]
