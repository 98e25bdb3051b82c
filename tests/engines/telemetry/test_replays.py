"""Replays are kept as they are given, the newest first."""

import pytest

from genaiops.engines.telemetry_sqlite import SqliteReplays, SqliteTelemetry
from genaiops.ports.replays import ReplayStore
from genaiops.ports.telemetry import Telemetry
from tests.engines.telemetry.calls import NOW
from tests.engines.telemetry.conftest import OpenTelemetry


@pytest.fixture
def replays(telemetry: Telemetry) -> ReplayStore:
    assert isinstance(telemetry, SqliteTelemetry)
    return SqliteReplays(telemetry)


def test_what_is_kept_comes_back_and_is_replaced_by_its_id(replays: ReplayStore) -> None:
    assert replays.kept() == []
    replays.keep("a", NOW, b"first")
    replays.keep("b", NOW + 1, b"\x00second")
    assert replays.kept() == [b"\x00second", b"first"]
    replays.keep("a", NOW, b"first, further on")
    assert replays.kept() == [b"\x00second", b"first, further on"]
    replays.drop(["b", "none"])
    assert replays.kept() == [b"first, further on"]


def test_it_outlives_its_process(replays: ReplayStore, telemetry: Telemetry, open_store: OpenTelemetry) -> None:
    replays.keep("a", NOW, b"kept")
    telemetry.close()
    again = open_store()
    assert isinstance(again, SqliteTelemetry)
    assert SqliteReplays(again).kept() == [b"kept"]
