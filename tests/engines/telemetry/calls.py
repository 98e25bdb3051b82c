"""Calls to write: a root span, the attempt below it, and the content of the root, with ids that a number decides."""

import hashlib
from typing import Any

import msgspec

from genaiops.domain import Content, Cost, Span, Usage
from genaiops.ports.telemetry import Batch, Page, Telemetry, TraceFilter, TraceRow

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NOW = 20_000 * DAY + 12 * HOUR
"""Noon of a day in 2024."""


def trace_id(number: int) -> bytes:
    return hashlib.sha256(b"trace %d" % number).digest()[:16]


def span_id(number: int, step: int = 0) -> bytes:
    return hashlib.sha256(b"span %d %d" % (number, step)).digest()[:8]


def root(number: int, start_us: int = NOW, **facts: Any) -> Span:
    known: dict[str, Any] = {
        "trace_id": trace_id(number),
        "span_id": span_id(number),
        "kind": "gateway",
        "name": "chat smollm2",
        "operation": "chat",
        "duration_us": 250_000,
        "environment_id": "env_prod",
        "team_id": "team_a",
        "key_id": "key_a",
        "request_model": "smollm2",
    }
    return Span(start_us=start_us, **{**known, **facts})


def attempt(number: int, start_us: int = NOW, step: int = 1, **facts: Any) -> Span:
    known: dict[str, Any] = {
        "trace_id": trace_id(number),
        "span_id": span_id(number, step),
        "parent_id": span_id(number),
        "name": "chat smollm2",
        "operation": "chat",
        "kind": "llm",
        "duration_us": 200_000,
        "environment_id": "env_prod",
        "team_id": "team_a",
        "key_id": "key_a",
        "request_model": "smollm2",
        "target_id": "tgt_local",
        "usage": Usage(input_uncached=10, cache_read=5, output_text=7),
        "cost": Cost(nano=1000),
        "owns_usage": True,
        "attempt": 1,
    }
    return Span(start_us=start_us, **{**known, **facts})


def content(span: Span, text: str = "", **facts: Any) -> Content:
    return Content(trace_id=span.trace_id, span_id=span.span_id, start_us=span.start_us, text=text, **facts)


def call(number: int, start_us: int = NOW, text: str | None = None, **facts: Any) -> Batch:
    """One call of two spans; with `text`, the root span has content. `facts` hold for both spans."""
    first = root(number, start_us, **facts)
    spans = [first, attempt(number, start_us + 100, **facts)]
    if text is None:
        return Batch(spans=spans)
    spans[0] = msgspec.structs.replace(first, content="inline")
    return Batch(spans=spans, contents=[content(first, text, input=text.encode(), output=b"answer")])


def merged(*batches: Batch) -> Batch:
    return Batch(
        spans=[span for batch in batches for span in batch.spans],
        contents=[content for batch in batches for content in batch.contents],
        scores=[score for batch in batches for score in batch.scores],
        ledger=[charge for batch in batches for charge in batch.ledger],
        offsets=[offset for batch in batches for offset in batch.offsets],
    )


def pages(telemetry: Telemetry, where: TraceFilter, limit: int = 3) -> list[Page]:
    found = [telemetry.list(where, limit=limit)]
    while (cursor := found[-1].next) is not None:
        found.append(telemetry.list(where, cursor=cursor, limit=limit))
    return found


def listed(telemetry: Telemetry, where: TraceFilter | None = None, limit: int = 3) -> list[TraceRow]:
    return [row for page in pages(telemetry, where or TraceFilter(), limit) for row in page.rows]


def numbers(rows: list[TraceRow], count: int = 100) -> list[int]:
    """Which calls the rows are, by `root(number)`."""
    known = {span_id(number): number for number in range(count)}
    return [known[row.root.span_id] for row in rows]
