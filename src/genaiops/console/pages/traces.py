"""Traces: the list with its filters, one trace beside it or on a page of its own, and the live tail."""

import asyncio
import json
import re
import shlex
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, cast

import msgspec
from litestar import Response, get
from litestar.params import FromPath
from litestar.response import Stream

from genaiops.console._fact_text import Facts, facts_of
from genaiops.console._filters import CHIPS, read_filter, shown_by
from genaiops.console._running import running
from genaiops.console._templates import templates
from genaiops.console._visit import HEADERS, Chip, Visit, Visiting
from genaiops.console._volume import volume
from genaiops.console._waterfall import waterfall
from genaiops.core.errors import NotFound
from genaiops.ports.telemetry import RollupQuery, Trace, TraceFilter
from genaiops.watch import medium, trace_document, trace_row_document

PAGE = 50
MOST_SHOWN = 50_000
"""Characters of a raw body on a page."""
MOST_SENT = 100_000
MOST_PICTURES = 8
MOST_MODELS = 200
_ID = re.compile("([0-9a-f]{12})[0-9a-f]{20}")
_WEEK_US = 7 * 86_400_000_000
YOUNG_US = 20_000_000
"""A trace whose id was made so short a time ago may be on its way from the worker's spool."""
TAIL_SECONDS = 1.0
TAIL_LOOKS = 600
"""After ten minutes the browser asks anew, and it is checked again who it is."""


@get("/traces", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    where = trace_filter(visit)
    page = visit.services.stores.telemetry.list(where, cursor=visit.query.get("cursor"), limit=PAGE)
    selected = visit.query.get("trace")
    keys = visit.services.hub.keys.names([visit.query.get("key", "")])
    chips = [
        Chip(
            label,
            keys.get(visit.query[name], visit.query[name]),
            visit.same(**{name: None, "cursor": None, "trace": None}),
        )
        for name, label in CHIPS.items()
        if name in visit.query
    ]
    return visit.page(
        "traces.html",
        title="Traces",
        nav="traces",
        knows=(*CHIPS, "cursor", "trace", "compare"),
        rows=[trace_row_document(row) for row in page.rows],
        chips=chips,
        next=visit.same(cursor=page.next, trace=None) if page.next else None,
        first=visit.same(cursor=None, trace=None) if "cursor" in visit.query else None,
        targets=[target.id for target in visit.services.hub.targets.list()],
        models=_models(visit),
        volume=volume(visit.services.stores.telemetry, where, visit.now_us),
        live=visit.link("/traces/live", **{name: visit.query.get(name) for name in CHIPS}),
        live_possible=not {"q", "until", "cursor", "cache", "score"} & set(visit.query),
        exported={name: value for name, value in visit.query.items() if name in CHIPS and name != "environment"},
        selected=selected,
        trace=_details(visit, selected) if selected else None,
    )


@get("/traces/{trace_id:str}", sync_to_thread=True)
def one(visit: Visiting, trace_id: FromPath[str]) -> Response[str]:
    try:
        details = _details(visit, trace_id)
    except NotFound:
        if "panel" in visit.query or not _on_its_way(trace_id, visit.now_us):
            raise
        return visit.page("trace_awaited.html", title=f"Trace {trace_id[:8]}", nav="traces")
    if visit.query.get("panel"):
        return visit.fragment("trace_panel.html", trace=details, panel=True)
    return visit.page(
        "trace.html", title=f"Trace {trace_id[:8]}", nav="traces", knows=("panel",), trace=details, panel=False
    )


@get("/traces/{trace_id:str}/json", sync_to_thread=True)
def raw(visit: Visiting, trace_id: FromPath[str]) -> Response[bytes]:
    document = trace_document(found_trace(visit, trace_id), visit.services.stores.blobs)
    return Response(msgspec.json.encode(document), media_type="application/json", headers=HEADERS)


@get("/traces/{trace_id:str}/media/{digest:str}", sync_to_thread=True)
def media(visit: Visiting, trace_id: FromPath[str], digest: FromPath[str]) -> Response[bytes]:
    """An image or a piece of audio, of a type that its bytes tell."""
    kind, data = medium(found_trace(visit, trace_id), digest, visit.services.stores.blobs)
    headers = {**HEADERS, "content-security-policy": "default-src 'none'; sandbox"}
    if kind == "application/octet-stream":
        headers["content-disposition"] = "attachment"
    return Response(data, media_type=kind, headers=headers)


@get("/traces/live", sync_to_thread=False)
def live(visit: Visiting) -> Stream:
    """Server-sent events: rows of the list, as they are written, oldest first, while the session lasts."""
    headers = {**HEADERS, "content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no"}
    return Stream(_tail(visit), headers=headers, media_type="text/event-stream")


async def _tail(visit: Visit) -> AsyncIterator[str]:
    telemetry = visit.services.stores.telemetry
    where = await asyncio.to_thread(trace_filter, visit)
    template = templates().get_template("trace_rows.html")
    head = await asyncio.to_thread(telemetry.head)
    yield "retry: 2000\n: following\n\n"
    for _ in range(TAIL_LOOKS):
        await asyncio.sleep(TAIL_SECONDS)
        if not await asyncio.to_thread(visit.sessions.goes_on, visit.session):
            return  # disabled or signed out meanwhile
        head, rows = await asyncio.to_thread(telemetry.since, head)
        documents = [trace_row_document(row) for row in rows if shown_by(where, row)]
        if documents:
            text = template.render(rows=documents[::-1], visit=visit, selected=None)
            yield "event: rows\n" + "".join(f"data: {line}\n" for line in text.splitlines()) + "\n"
        else:
            yield ": nothing new\n\n"


def _models(visit: Visit) -> list[str]:
    """What targets serve and what was called lately: traces of other programs name models that no target has."""
    query = RollupQuery(
        since_us=visit.now_us - _WEEK_US, until_us=visit.now_us, step="all", group_by=("request_model",)
    )
    called = {row.group["request_model"] for row in visit.services.stores.telemetry.rollup(query)}
    served = {target.model for target in visit.services.hub.targets.list()}
    asked = {visit.query.get("model", "")}
    return sorted((called | served | asked) - {""}, key=str.casefold)[:MOST_MODELS]


def trace_filter(visit: Visit) -> TraceFilter:
    found = read_filter(visit.query, visit.now_us)
    return found if found.key_id is None else msgspec.structs.replace(found, key_id=visit.key_id(found.key_id))


def _on_its_way(trace_id: str, now_us: int) -> bool:
    """Whether the id says that its call was just made (`core.ids.new_trace_id`)."""
    made = _ID.fullmatch(trace_id)
    return made is not None and 0 <= now_us - int(made[1], 16) * 1000 < YOUNG_US


def found_trace(visit: Visit, trace_id: str) -> Trace:
    """NotFound when there is none, or it is no id."""
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
    trace = found_trace(visit, trace_id)
    document = trace_document(trace, visit.services.stores.blobs)
    key_id = document["key_id"]
    costs = [(span.name, span.cost.nano if span.cost else None) for span in trace.spans if span.owns_usage]
    return {
        **document,
        "known_cost": sum(nano for _, nano in costs if nano is not None),
        "unpriced": sorted({name for name, nano in costs if nano is None}),
        "most_shown": MOST_SHOWN,
        "pictures": pictures(document["input"]),
        "bars": waterfall(trace),
        "curl": curl(document, _url(visit)),
        "payers": _payers(document),
        "judged": _judged(visit, trace),
        "facts": _facts(visit, trace),
        "key": visit.services.hub.keys.names([key_id or ""]).get(key_id, key_id),
    }


def _facts(visit: Visit, trace: Trace) -> Facts | None:
    """None: it has no answer, or nothing that its answer could be held against."""
    try:
        checked = visit.services.facts.of_found(trace)
    except NotFound:
        return None
    return facts_of(checked) if checked.claims else None


def _payers(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return [span for span in document["spans"] if span["owns_usage"]]


def _judged(visit: Visit, trace: Trace) -> Sequence[Mapping[str, Any]]:
    """Scores, the latest first; `current` unless a later one by the same author took its place."""
    seen: set[tuple[object, ...]] = set()
    found: list[Mapping[str, Any]] = []
    for score in reversed(trace.scores):
        author = (score.name, score.span_id, score.source, score.created_by)
        found.append(
            {"score": score, "by": visit.name_of(score.created_by), "current": author not in seen or not score.label}
        )
        seen.add(author)
    return found


_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]{8,4000000}")


def pictures(body: Any) -> list[str]:
    """Pictures that stand in a request itself, as data URLs."""
    found: list[str] = []
    places: list[Any] = [body]
    while places and len(found) < MOST_PICTURES:
        place = places.pop()
        if isinstance(place, str):
            found += [place] if _PICTURE.fullmatch(place) else []
        elif isinstance(place, dict):
            places += reversed(list(cast("dict[str, Any]", place).values()))
        elif isinstance(place, list):
            places += reversed(cast("list[Any]", place))
    return found


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
    "video_generation": "videos",
}


def curl(document: Mapping[str, Any], url: str) -> str | None:
    """The call as a command; None when its body was not kept, or is longer than a command line may be."""
    path, body = _PATHS.get(document["operation"]), document["input"]
    if path is None or not isinstance(body, dict):
        return None
    text = json.dumps(body, ensure_ascii=False)
    if len(text) > MOST_SENT:
        return None
    return (
        f'curl {url}/v1/{path} \\\n  -H "authorization: Bearer $GENAIOPS_KEY" \\\n'
        f"  -H 'content-type: application/json' \\\n  -d {shlex.quote(text)}"
    )


HANDLERS: list[Any] = [show, one, raw, media, live]
