"""Figures of caches, and how alike the questions of semantic hits were."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from genaiops.domain import Content, Route, RouteTarget
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.ports.telemetry import Batch, CacheSums, Telemetry, TraceFilter
from genaiops.watch import hit_rate, route_caches, similarities
from tests.engines.telemetry.calls import NOW, attempt, root, span_id, trace_id


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[Telemetry]:
    store = open_telemetry(tmp_path / "telemetry", writer=True)
    yield store
    store.close()


def looked_up(number: int, outcome: str, **lookup: Any) -> Batch:
    facts: dict[str, Any] = {"kind": "cache", "name": f"cache {outcome}", "owns_usage": False, "attempt": None}
    if outcome == "miss":
        facts |= {"usage": None, "cost": None}
    span = attempt(number, NOW, **facts)
    attributes = {"genaiops.cache.lookup": msgspec.Raw(msgspec.json.encode({"outcome": outcome, **lookup}))}
    content = Content(trace_id=trace_id(number), span_id=span_id(number), start_us=NOW, text="", attributes=attributes)
    return Batch(spans=[root(number, NOW, content="digest"), span], contents=[content])


def test_cosines_of_semantic_hits_alone(telemetry: Telemetry) -> None:
    for batch in (
        looked_up(0, "hit", how="semantic", similarity=0.91),
        looked_up(1, "hit", how="exact", similarity=None),
        looked_up(2, "miss", how="semantic", similarity=0.7),
        looked_up(3, "hit", how="semantic", similarity=0.99),
    ):
        telemetry.write(batch)
    telemetry.write(Batch(spans=[root(4, NOW), attempt(4, NOW, kind="cache", name="cache hit", owns_usage=False)]))
    found = similarities(telemetry, TraceFilter(model="smollm2"))
    assert (sorted(found.cosines), found.looked_at) == ([0.91, 0.99], 4)
    assert similarities(telemetry, TraceFilter(), most=2).looked_at == 2


def test_a_route_without_calls_has_no_rate(telemetry: Telemetry) -> None:
    telemetry.write(looked_up(0, "hit", how="exact"))
    telemetry.write(looked_up(1, "miss", how="exact"))
    routes = [Route(id=name, targets=(RouteTarget("t"),), created_us=0) for name in ("smollm2", "idle")]
    busy, idle = route_caches(telemetry, routes, since_us=NOW - 60_000_000, until_us=NOW + 60_000_000)
    assert (busy.calls, busy.sums.hits, busy.sums.misses, busy.hit_rate) == (2, 1, 1, 0.5)
    assert (idle.calls, idle.sums, idle.hit_rate) == (0, CacheSums(), None)
    assert hit_rate(CacheSums(hits=3)) == 1
