"""Traces as the rows of a dataset."""

from collections.abc import Sequence
from typing import Any

import msgspec

from genaiops.api._services import Services
from genaiops.api._trace_query import TraceQuery
from genaiops.core.clock import now_us
from genaiops.core.errors import NotFound
from genaiops.watch import trace_example

_PAGE = 500
UNKNOWN = "unknown"
"""In the place of an environment that a trace does not say."""


class Examples(msgspec.Struct, frozen=True, kw_only=True):
    """Rows, oldest first, what was asked for, and the environments that the traces are of."""

    rows: Sequence[dict[str, Any]]
    environments: Sequence[str]
    skipped: int
    asked: dict[str, Any]


def examples(services: Services, query: TraceQuery, limit: int) -> Examples:
    """NotFound when no trace meets the conditions, or none of those has content."""
    where = query.filter(now_us())
    rows: list[dict[str, Any]] = []
    places: dict[str, None] = {}
    skipped = 0
    cursor = query.cursor
    while len(rows) < limit:
        page = services.telemetry.list(where, cursor=cursor, limit=_PAGE)
        for row in page.rows:
            trace = services.telemetry.trace(row.root.trace_id)
            example = None if trace is None else trace_example(trace, services.blobs)
            if example is None:
                skipped += 1
            else:
                rows.append(example)
                places[row.root.environment_id or UNKNOWN] = None
            if len(rows) == limit:
                break
        cursor = page.next
        if cursor is None:
            break
    if not rows:
        what = f"None of {skipped} traces has content." if skipped else "No trace meets these conditions."
        raise NotFound(
            what, remedy="Widen the conditions; environments say how much content they keep.", param="traces"
        )
    asked = {
        name: value
        for name, value in msgspec.to_builtins(query).items()
        if value not in (None, [], ()) and name not in {"cursor", "limit"}
    }
    return Examples(rows=list(reversed(rows)), environments=sorted(places), skipped=skipped, asked=asked)
