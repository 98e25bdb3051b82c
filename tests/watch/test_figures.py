"""Figures for people, from the real store and the real counters."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from genaiops.core.clock import window
from genaiops.domain import Budget, Scope, Target
from genaiops.engines import spool_files
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.counters_mmap import open_counters
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.ports.counters import Gauge
from genaiops.ports.telemetry import Telemetry
from genaiops.watch import Folder, budget_states, overview, target_health, usage
from tests.watch.calls import ANSWER, NOW, REQUEST, admitted, attempt, refused, settled

LATER = NOW + 60_000_000


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[Telemetry]:
    """Three calls: two answered (one of unknown cost), one refused."""
    store = open_telemetry(tmp_path / "telemetry", writer=True, clock=lambda: LATER)
    writer = spool_files.open_writer(tmp_path / "spool", column=0, life_us=1)
    writer.append(admitted(1), REQUEST)
    writer.append(settled(1), ANSWER)
    writer.append(admitted(2, team_id="support", model="other"), REQUEST)
    writer.append(settled(2, (attempt(2, nano=None),)), ANSWER)
    writer.append(refused(3))
    writer.close()
    Folder(spool_files.open_reader(tmp_path / "spool"), store, open_blobs(tmp_path / "blobs")).finish_dead()
    yield store
    store.close()


def test_the_overview_counts_every_call_and_no_token_twice(telemetry: Telemetry) -> None:
    found = overview(telemetry, now_us=LATER)
    assert (found.now.calls, found.now.errors, found.now.error_rate) == (3, 1, pytest.approx(1 / 3))
    assert (found.now.input_tokens, found.now.output_tokens) == (10, 4)
    assert (found.now.cost_nano, found.now.cost_unknown) == (70, 1)
    assert found.previous.calls == 0
    assert found.previous.error_rate is None
    assert [row.root.error_type for row in found.recent_errors] == ["budget_exceeded"]


def test_usage_by_a_dimension_adds_up(telemetry: Telemetry) -> None:
    rows = usage(telemetry, since_us=NOW, until_us=LATER, group_by=["team_id"])
    assert {row.group["team_id"]: row.calls for row in rows} == {"search": 2, "support": 1}
    assert rows[0].group["team_id"] == "search"  # the dearest first


def test_a_targets_state_is_the_worst_that_a_worker_tells(telemetry: Telemetry) -> None:
    target = Target(id="t", provider="openai", model="m", upstream_model="up", created_us=0)
    silent = Target(id="silent", provider="openai", model="m", upstream_model="up", created_us=0)
    gauges = [
        Gauge("breaker/t", 0, 0),
        Gauge("breaker/t", 1, 2),
        Gauge("target_in_flight/t", 0, 3),
        Gauge("target_in_flight/t", 1, 1),
        Gauge("resting/t", 1, 1),
        Gauge("credentials_resting/t", 0, 1),
        Gauge("credentials_resting/t", 1, 2),
    ]
    healths = target_health(telemetry, [target, silent], gauges, now_us=LATER)
    assert [(one.state, one.in_flight) for one in healths] == [("open", 4), ("unknown", 0)]
    assert [(one.resting, one.credentials_resting) for one in healths] == [(True, 2), (False, 0)]
    assert healths[0].calls >= 2


@pytest.mark.parametrize(("settled_total", "state"), [(0, "ok"), (85, "warn"), (100, "exceeded")])
def test_how_a_budget_stands(tmp_path: Path, settled_total: int, state: str) -> None:
    budget = Budget(id="bud_1", scope=Scope("team", "search"), meter="tokens", limit=100, period="day", created_us=0)
    start_us, end_us = window("day", "UTC", NOW)
    half = (start_us + end_us) // 2
    counters = open_counters(tmp_path / "counters", column=None, slots=64)
    counters.load({("bud_1", start_us): (settled_total, end_us)})
    (found,) = budget_states([budget], counters, now_us=half)
    assert (found.settled, found.state) == (settled_total, state)
    assert found.remaining == 100 - settled_total
    counters.close()
