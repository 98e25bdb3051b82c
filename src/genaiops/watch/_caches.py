"""Caches of routes: their figures over time, and how alike the questions of semantic hits were."""

from collections.abc import Mapping, Sequence

import msgspec

from genaiops.domain import Route
from genaiops.ports.telemetry import CacheSums, Dimension, Telemetry, TraceFilter
from genaiops.watch._figures import UsageRow, usage
from genaiops.watch._spans import LOOKUP

_PAGE = 100


class RouteCache(msgspec.Struct, frozen=True, kw_only=True):
    """What a route's cache did in a stretch of time. `calls` are all calls of the route."""

    route: Route
    calls: int
    sums: CacheSums

    @property
    def hit_rate(self) -> float | None:
        return hit_rate(self.sums)


class Similarities(msgspec.Struct, frozen=True):
    """Cosines of the latest semantic hits, of `looked_at` hits; the others were the same request, letter for letter, or
    what was said of them is no longer kept."""

    cosines: Sequence[float]
    looked_at: int


def hit_rate(sums: CacheSums) -> float | None:
    """Of the calls that were looked up; None when none were."""
    looked_up = sums.hits + sums.misses
    return sums.hits / looked_up if looked_up else None


def route_caches(
    telemetry: Telemetry,
    routes: Sequence[Route],
    *,
    since_us: int,
    until_us: int,
    where: Mapping[Dimension, str] | None = None,
) -> list[RouteCache]:
    """In the order of `routes`."""
    rows = usage(telemetry, since_us=since_us, until_us=until_us, group_by=("request_model",), where=where)
    by_name: Mapping[str, UsageRow] = {row.group["request_model"]: row for row in rows}
    found: list[RouteCache] = []
    for route in routes:
        row = by_name.get(route.id)
        calls, sums = (0, CacheSums()) if row is None else (row.calls, row.cache)
        found.append(RouteCache(route=route, calls=calls, sums=sums))
    return found


def similarities(telemetry: Telemetry, where: TraceFilter, *, most: int = 100) -> Similarities:
    """Of the newest hits that fit the filter, at most so many of them."""
    where = msgspec.structs.replace(where, cache="hit")
    cosines: list[float] = []
    looked_at, cursor = 0, None
    while looked_at < most:
        page = telemetry.list(where, cursor=cursor, limit=min(_PAGE, most - looked_at))
        for row in page.rows:
            looked_at += 1
            cosine = _cosine(telemetry, row.root.trace_id, row.root.span_id)
            if cosine is not None:
                cosines.append(cosine)
        cursor = page.next
        if cursor is None:
            break
    return Similarities(cosines, looked_at)


def _cosine(telemetry: Telemetry, trace_id: bytes, span_id: bytes) -> float | None:
    trace = telemetry.trace(trace_id)
    content = trace.contents.get(span_id.hex()) if trace is not None else None
    said = content.attributes.get(LOOKUP) if content is not None and content.attributes is not None else None
    if said is None:
        return None
    lookup = msgspec.json.decode(said, type=_Lookup)
    return lookup.similarity if lookup.how == "semantic" else None


class _Lookup(msgspec.Struct):
    how: str = ""
    similarity: float | None = None
