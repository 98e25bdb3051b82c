"""Where calls of routes went, from the real store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from genaiops.core.clock import from_iso
from genaiops.domain import Cost, Route, RouteTarget, Span, Target, Usage
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.ports.telemetry import Batch, Telemetry
from genaiops.watch import route_shares, target_health, unknown_prices

NOW = from_iso("2026-11-18T10:00:00Z")
MINUTE_US = 60_000_000


def call(number: int, target: str | None, *, model: str = "support", ago: int = 5, ok: bool = True) -> Span:
    return Span(
        trace_id=number.to_bytes(16, "big"),
        span_id=number.to_bytes(8, "big"),
        name="chat",
        kind="gateway",
        start_us=NOW - ago * MINUTE_US,
        duration_us=1000 * number,
        request_model=model,
        target_id=target,
        status="ok" if ok else "error",
        usage=Usage(input_uncached=1),
        cost=Cost(None if target == "west" else 5),
        owns_usage=True,
    )


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[Telemetry]:
    with open_telemetry(tmp_path / "telemetry", writer=True) as store:
        store.migrate()
        spans = [call(number, "east") for number in range(1, 7)]
        spans += [call(7, "west"), call(8, "west", ok=False), call(9, "spare"), call(10, "gone"), call(11, None)]
        spans += [call(12, "east", ago=120), call(13, "east", model="east")]
        attempts = [("west", "error"), ("west", "ok"), ("east", "ok")]
        spans += [
            Span(
                trace_id=bytes(16),
                span_id=(100 + number).to_bytes(8, "big"),
                parent_id=b"parent..",
                name="chat",
                kind="llm",
                start_us=NOW - MINUTE_US,
                target_id=target,
                status="ok" if status == "ok" else "error",
            )
            for number, (target, status) in enumerate(attempts)
        ]
        store.write(Batch(spans=spans))
        yield store


def test_the_live_share_stands_beside_the_weights(telemetry: Telemetry) -> None:
    route = Route(
        id="support", targets=(RouteTarget("east", 3), RouteTarget("west", 1)), fallbacks=("spare",), created_us=0
    )
    idle = Route(id="idle", targets=(RouteTarget("east"),), created_us=0)
    shares = route_shares(telemetry, [route, idle], now_us=NOW)
    assert [(each.target_id, each.role, each.configured, each.calls, each.live) for each in shares] == [
        ("east", "weighted", 0.75, 6, 0.6),
        ("west", "weighted", 0.25, 2, 0.2),
        ("spare", "fallback", None, 1, 0.1),
        ("gone", "former", None, 1, 0.1),
        ("east", "weighted", 1.0, 0, None),
    ]
    assert shares[1].errors == 1


def test_calls_at_no_price(telemetry: Telemetry) -> None:
    west = Target(id="west", provider="openai", model="m", upstream_model="large-2026", created_us=0)
    since = NOW - 60 * MINUTE_US
    (found,) = unknown_prices(telemetry, [west], since_us=since, until_us=NOW)
    assert (found.target_id, found.provider, found.upstream_model, found.calls) == ("west", "openai", "large-2026", 2)
    (gone,) = unknown_prices(telemetry, [], since_us=since, until_us=NOW)
    assert gone.provider is None


def test_failed_attempts_show_where_another_target_helped_out(telemetry: Telemetry) -> None:
    west = Target(id="west", provider="openai", model="m", upstream_model="m", created_us=0)
    (found,) = target_health(telemetry, [west], [], now_us=NOW)
    assert (found.calls, found.errors, found.attempts, found.failed_attempts) == (2, 1, 2, 1)
    assert found.p95_ms is not None
