"""Keys that probe the guards: what raises an alert, and that it is one a pattern and window, whatever is restarted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from genaiops.app.settings import AbuseOptions
from genaiops.core.clock import from_iso
from genaiops.domain import Alert, GuardEvent, Span, guard_spans, verdicts_of
from genaiops.engines.records_sql import open_records
from genaiops.engines.telemetry_sqlite import SqliteTelemetry, open_telemetry
from genaiops.hub import Hub
from genaiops.ports.telemetry import Batch
from genaiops.watch import AbuseBounds, AbuseWatch

NOW = 1_790_000_010_000_000
MINUTE = 60_000_000
DAY = 24 * 60 * MINUTE
BLOCK = GuardEvent("default@sha256:1", "cards", "pii", "in", "block", {"card": 1})
OVER = GuardEvent("default@sha256:1", "tools.session", "tools", "in", "block", {"steps": 1})
INJECTION = GuardEvent("default@sha256:1", "injection", "injection", "in", "flag", {"injection": 1})
LEAK = GuardEvent("default@sha256:1", "canary", "canary", "out", "flag", {"canary": 1})


class World:
    """An installation as far as the watch knows it. Its clock says NOW until it is set."""

    def __init__(self, path: Path) -> None:
        self.records = open_records(f"sqlite:///{path / 'records.db'}")
        self.records.migrate()
        self.telemetry: SqliteTelemetry = open_telemetry(path / "telemetry", writer=True)
        self.telemetry.migrate()
        self.now = NOW
        self.calls = 0
        self.start()

    def start(self) -> None:
        """As after a restart of the control process."""
        self.hub = Hub(self.records, clock=lambda: self.now)
        self.watch = AbuseWatch(self.telemetry, self.hub.alerts, lambda: self.now)

    def call(self, *events: GuardEvent, times: int = 1, at_us: int | None = None, **facts: Any) -> None:
        spans: list[Span] = []
        verdicts: list[Any] = []
        for _ in range(times):
            self.calls += 1
            known: dict[str, Any] = {
                "trace_id": self.calls.to_bytes(16, "big"),
                "span_id": self.calls.to_bytes(8, "big"),
                "name": "chat",
                "kind": "gateway",
                "operation": "chat",
                "start_us": self.now if at_us is None else at_us,
                "key_id": "key_1",
                "target_id": "t",
                "environment_id": "dev",
            }
            root = Span(**{**known, **facts})
            spans += [root, *guard_spans(root, events)]
            verdicts += verdicts_of(root, events)
        self.telemetry.write(Batch(spans=spans, verdicts=verdicts))

    def blocked(self, times: int, **facts: Any) -> None:
        refusal: dict[str, Any] = {
            "status": "error",
            "error_type": "content_filter",
            "http_status": 400,
            "target_id": None,
        }
        self.call(BLOCK, times=times, **{**refusal, **facts})

    def alerts(self) -> list[tuple[str, str, int]]:
        found: list[Alert] = sorted(self.hub.alerts.in_state(), key=lambda each: each.first_us)
        return [(each.kind, each.subject, each.count) for each in found]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.telemetry.close()
    made.records.close()


def test_many_blocks_of_a_key(world: World) -> None:
    world.call(times=3)
    world.blocked(8)
    world.call(times=2, key_id="key_2")
    assert world.watch.step() == 1
    [alert] = world.hub.alerts.in_state("open")
    assert (alert.kind, alert.subject, alert.severity) == ("abuse_blocked", "key/key_1", "warning")
    assert "8 of 11 calls of the key key_1 were stopped by a guard" in alert.message
    assert "genaiops key revoke" in alert.remedy
    assert alert.evidence["calls"] == "8 of 11"
    assert len(alert.evidence["trace_id"]) == 32
    assert from_iso(alert.evidence["until"]) > NOW - MINUTE


def test_its_bounds_can_be_others(world: World) -> None:
    world.call(times=3)
    world.blocked(8)
    for bounds in (AbuseBounds(blocked_calls=9), AbuseBounds(blocked=0.8), AbuseBounds(minutes_between=10**9)):
        watch = AbuseWatch(world.telemetry, world.hub.alerts, lambda: world.now, bounds)
        assert watch.step() == 0, bounds
    loose = AbuseBounds(blocked_calls=8, blocked=0.1, minutes_between=1000)
    assert AbuseWatch(world.telemetry, world.hub.alerts, lambda: world.now, loose).step() == 1


def test_the_settings_have_the_same_bounds() -> None:
    assert structs.asdict(AbuseOptions()) == structs.asdict(AbuseBounds())


def test_it_is_told_once_also_after_a_restart(world: World) -> None:
    world.blocked(10)
    assert world.watch.step() == 1
    for _ in range(3):
        world.now += 20_000_000
        assert world.watch.step() == 0
        world.start()
        assert world.watch.step() == 0
    assert world.alerts() == [("abuse_blocked", "key/key_1", 1)]
    world.now += 2 * MINUTE
    world.blocked(10)
    assert world.watch.step() == 1
    assert world.alerts() == [("abuse_blocked", "key/key_1", 2)], "it goes on: the same alert, counted"
    [alert] = world.hub.alerts.in_state()
    world.hub.alerts.close(alert.id, by="admin")
    world.start()
    world.now += MINUTE
    assert world.watch.step() == 0, "what was dealt with is over"
    world.now += MINUTE
    world.blocked(10)
    assert world.watch.step() == 1
    assert len(world.alerts()) == 2


@pytest.mark.parametrize(("event", "times", "kind"), [(INJECTION, 8, "abuse_injection"), (LEAK, 6, "abuse_extraction")])
def test_injections_and_extractions(world: World, event: GuardEvent, times: int, kind: str) -> None:
    world.call(event, times=times)
    assert world.watch.step() == 1
    assert world.alerts() == [(kind, "key/key_1", 1)]


def test_what_a_classifier_says_late_counts(world: World) -> None:
    world.call(times=8)
    assert world.watch.step() == 0
    for number in range(1, 9):
        world.telemetry.add_verdicts(number.to_bytes(16, "big"), [INJECTION])
    world.now += MINUTE
    assert world.watch.step() == 1


@pytest.mark.parametrize("error", ["rate_limit_exceeded", "session_limit_exceeded", "model_not_found"])
def test_a_burst_of_refused_calls(world: World, error: str) -> None:
    refused: dict[str, Any] = {"status": "error", "error_type": error, "http_status": 429, "target_id": None}
    world.call(*((OVER,) if "session" in error else ()), times=40, **refused)
    assert world.watch.step() == 1
    assert world.alerts() == [("abuse_refused", "key/key_1", 1)]


def test_failures_of_targets_are_no_refusals(world: World) -> None:
    world.call(times=60, status="error", error_type="upstream_error", http_status=502)
    assert world.watch.step() == 0


def test_what_a_key_always_does_is_nothing_new(world: World) -> None:
    """Of its calls of the week before, as large a share was stopped."""
    world.blocked(300, at_us=NOW - DAY)
    world.call(times=600, at_us=NOW - DAY)
    world.blocked(12)
    world.call(times=24)
    assert world.watch.step() == 0


@pytest.mark.parametrize("times", [0, 1, 4])
def test_a_few_are_nothing(world: World, times: int) -> None:
    if times:
        world.blocked(times)
    assert world.watch.step() == 0


def test_rules_in_shadow_do_not_count(world: World) -> None:
    world.call(msgspec.structs.replace(BLOCK, shadow=True), times=20)
    assert world.watch.step() == 0


def test_each_unit_has_its_own(world: World) -> None:
    world.blocked(8, key_id="key_9", tenant_id="retail")
    assert world.watch.step() == 1
    [alert] = world.hub.alerts.in_state()
    assert (alert.tenant_id, alert.subject) == ("retail", "key/key_9")
