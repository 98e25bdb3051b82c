"""Groups of calls that are refused more often: a seeded disparity raises an alert, chance does not."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from genaiops.domain import Alert, Content, Span
from genaiops.engines.records_sql import open_records
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.hub import Hub
from genaiops.ports.telemetry import Batch
from genaiops.watch import DisparityBounds, DisparityWatch

NOW = 1_790_000_010_000_000
BY_REGION = DisparityBounds(by="region")


class World:
    def __init__(self, path: Path) -> None:
        self.records = open_records(f"sqlite:///{path / 'records.db'}")
        self.records.migrate()
        self.telemetry = open_telemetry(path / "telemetry", writer=True)
        self.telemetry.migrate()
        self.hub = Hub(self.records, clock=lambda: NOW)
        self.calls = 0

    def watch(self, bounds: DisparityBounds = BY_REGION) -> DisparityWatch:
        made = DisparityWatch(self.telemetry, self.hub.alerts, bounds)
        assert made.step() == 0
        return made

    def call(self, groups: list[tuple[str, bool]], **facts: Any) -> None:
        """Calls of these groups, each refused or not."""
        spans: list[Span] = []
        contents: list[Content] = []
        for group, refused in groups:
            self.calls += 1
            named: dict[str, Any] = {
                "trace_id": self.calls.to_bytes(16, "big"),
                "span_id": self.calls.to_bytes(8, "big"),
            }
            filtered: dict[str, Any] = {"status": "error", "error_type": "content_filter"} if refused else {}
            known: dict[str, Any] = {
                "name": "chat",
                "kind": "gateway",
                "content": "inline",
                "application": "app/loans",
                **filtered,
                **facts,
            }
            spans.append(Span(start_us=NOW + self.calls, **named, **known))
            raw = msgspec.Raw(msgspec.json.encode({"region": group}))
            contents.append(Content(start_us=NOW + self.calls, attributes={"genaiops.properties": raw}, **named))
        self.telemetry.write(Batch(spans=spans, contents=contents))

    def alerts(self) -> list[Alert]:
        return list(self.hub.alerts.in_state())


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.telemetry.close()
    made.records.close()


def mixed(shares: dict[str, float], times: int, seed: int = 1) -> list[tuple[str, bool]]:
    chance = random.Random(seed)
    return [(group, chance.random() < share) for _ in range(times) for group, share in shares.items()]


def test_a_seeded_disparity_raises_an_alert(world: World) -> None:
    watch = world.watch()
    world.call(mixed({"north": 0.1, "south": 0.6, "west": 0.1}, 300))
    assert watch.step() >= 1
    found = {alert.subject for alert in world.alerts()}
    assert "app/loans: region north and west" not in found
    alert = next(each for each in world.alerts() if "south" in each.subject)
    assert alert.kind == "disparity"
    assert "region 'south' are refused more often" in alert.message
    assert alert.evidence["false_alarm"] == "at most 0.01 of an application"
    assert len(alert.evidence["trace_id"]) == 32
    assert watch.step() == 0, "what was looked at counts once"


def test_groups_that_are_treated_alike_raise_none(world: World) -> None:
    watch = world.watch()
    world.call(mixed({"north": 0.3, "south": 0.3, "west": 0.3}, 400))
    assert watch.step() == 0


def test_answers_that_refuse_count(world: World) -> None:
    watch = world.watch()
    for _ in range(30):
        world.call([("north", False)] * 4, output_preview="Of course, here it is.")
        world.call([("south", False)] * 4, output_preview="I'm sorry, but I can't help with that.")
    assert watch.step() >= 1


def test_what_is_small_is_no_alert(world: World) -> None:
    watch = world.watch(DisparityBounds(by="region", least=0.9))
    world.call(mixed({"north": 0.1, "south": 0.6}, 300))
    assert watch.step() == 0


@pytest.mark.parametrize("bounds", [DisparityBounds(), DisparityBounds(by="colour")])
def test_nothing_is_watched_unless_named(world: World, bounds: DisparityBounds) -> None:
    watch = world.watch(bounds)
    world.call(mixed({"north": 0.0, "south": 1.0}, 100))
    assert watch.step() == 0


def test_what_came_before_is_not_looked_at_and_applications_are_apart(world: World) -> None:
    world.call(mixed({"north": 0.0, "south": 1.0}, 100))
    watch = world.watch()
    world.call([("north", False)] * 100)
    world.call([("south", True)] * 100, application="app/other")
    assert watch.step() == 0
