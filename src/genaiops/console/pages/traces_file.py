"""The list of traces as a file: what the filters let through, newest first, a line a trace."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import msgspec
from litestar import get
from litestar.response import Stream

from genaiops.console._filters import CHIPS
from genaiops.console._format import cell
from genaiops.console._visit import HEADERS, Visit, Visiting
from genaiops.console.pages.traces import trace_filter
from genaiops.ports.telemetry import TraceFilter
from genaiops.watch import trace_row_document

MOST = 50_000
"""Traces of one file. `genaiops trace export` has no end."""
_AT_ONCE = 500
_COLUMNS = (
    *("trace_id", "started_at", "name", "status", "model", "target", "key_id", "team_id", "environment_id"),
    *("application", "session_id", "duration_ms", "first_token_ms", "spans", "input_preview", "output_preview"),
)


@get("/traces.csv", sync_to_thread=True)
def table(visit: Visiting) -> Stream:
    return _file(visit, _csv(_documents(visit, trace_filter(visit))), "csv", "text/csv; charset=utf-8")


@get("/traces.jsonl", sync_to_thread=True)
def lines(visit: Visiting) -> Stream:
    documents = _documents(visit, trace_filter(visit))
    return _file(visit, (msgspec.json.encode(each) + b"\n" for each in documents), "jsonl", "application/jsonl")


def _file(visit: Visit, parts: Iterator[bytes], suffix: str, kind: str) -> Stream:
    filters = {name: visit.query[name] for name in CHIPS if name in visit.query}
    visit.services.auditor.note("export", "traces", suffix, filters, by=visit.actor.id)
    headers = {**HEADERS, "content-disposition": f'attachment; filename="traces.{suffix}"'}
    return Stream(parts, headers=headers, media_type=kind)


def _documents(visit: Visit, where: TraceFilter) -> Iterator[dict[str, Any]]:
    telemetry, cursor, left = visit.services.stores.telemetry, None, MOST
    while left > 0:
        page = telemetry.list(where, cursor=cursor, limit=min(_AT_ONCE, left))
        yield from map(trace_row_document, page.rows)
        cursor, left = page.next, left - len(page.rows)
        if cursor is None:
            return


def _csv(documents: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    yield _line(*_COLUMNS, "input_tokens", "output_tokens", "cost_usd", "user_id", "error_type", "error_message")
    for each in documents:
        error: dict[str, Any] = each["error"] or {}
        user: dict[str, Any] = each["user"] or {}
        yield _line(
            *(each[name] for name in _COLUMNS),
            each["usage"]["input_tokens"],
            each["usage"]["output_tokens"],
            each["cost"]["amount"],
            user.get("id"),
            error.get("type"),
            error.get("message"),
        )


def _line(*values: object) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerow(["" if each is None else cell(each) if isinstance(each, str) else each for each in values])
    return out.getvalue().encode()


HANDLERS: list[Any] = [table, lines]
