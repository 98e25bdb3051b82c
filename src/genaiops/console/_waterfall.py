"""The spans of a trace as bars over time, in the order of a tree."""

from collections.abc import Iterator, Sequence

import msgspec

from genaiops.domain import Span
from genaiops.ports.telemetry import Trace

_LEAST_PERCENT = 0.4


class Bar(msgspec.Struct, frozen=True):
    """`left` and `width` in percent of the whole; `first_token` likewise from the left edge of the drawing; `after_ms`:
    how long after the trace it began."""

    span_id: str
    depth: int
    left: float
    width: float
    first_token: float | None
    after_ms: float


def waterfall(trace: Trace) -> dict[str, Bar]:
    """By span id, in the order in which they are shown."""
    begin = min(span.start_us for span in trace.spans)
    end = max(span.start_us + span.duration_us for span in trace.spans)
    whole = max(1, end - begin)
    bars: dict[str, Bar] = {}
    for depth, span in _tree(trace.spans):
        left = 100 * (span.start_us - begin) / whole
        width = max(_LEAST_PERCENT, 100 * span.duration_us / whole)
        first = None if span.first_token_us is None else left + 100 * span.first_token_us / whole
        left, after_ms = min(left, 100 - _LEAST_PERCENT), (span.start_us - begin) / 1000
        bars[span.span_id.hex()] = Bar(span.span_id.hex(), depth, left, width, first, after_ms)
    return bars


def _tree(spans: Sequence[Span]) -> Iterator[tuple[int, Span]]:
    """(depth, span), a span before those below it. A span whose parent is not here stands at the top."""
    ids = {span.span_id for span in spans}
    below: dict[bytes | None, list[Span]] = {}
    for span in spans:
        parent = span.parent_id if span.parent_id in ids and span.parent_id != span.span_id else None
        below.setdefault(parent, []).append(span)
    stack = [(0, span) for span in reversed(below.get(None, []))]
    seen: set[bytes] = set()
    while stack:
        depth, span = stack.pop()
        if span.span_id in seen:
            continue
        seen.add(span.span_id)
        yield depth, span
        stack += [(depth + 1, child) for child in reversed(below.get(span.span_id, []))]
