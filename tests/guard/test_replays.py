"""Replays as work that goes on by itself: kept with how far they are, gone on with after a restart."""

import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from genaiops.core.errors import Conflict, GenaiopsError, NotFound
from genaiops.domain import GuardPolicy, GuardVersion
from genaiops.engines.telemetry_sqlite import SqliteReplays, SqliteTelemetry, open_telemetry
from genaiops.guard import Progress, ReplayReport, ReplayRun, Replays, ReplayWish, Work
from genaiops.guard._replays import WAITING
from genaiops.ports.telemetry import TraceFilter

POLICY = GuardVersion(name="p", digest="sha256:1", policy=GuardPolicy())

REPORT = ReplayReport(candidate="a", against="b", since_us=0, until_us=1)
WISH = ReplayWish(candidate=POLICY, against=POLICY, where=TraceFilter(), most=5)


class Shop:
    """Replays of one store, as one process after the other has them."""

    def __init__(self, telemetry: SqliteTelemetry) -> None:
        self._store = SqliteReplays(telemetry)
        self._opened: list[Replays] = []

    def open(self) -> Replays:
        self._opened.append(Replays(lambda: 5_000_000, self._store))
        return self._opened[-1]

    def close(self) -> None:
        for each in self._opened:
            each.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    telemetry = open_telemetry(tmp_path / "telemetry", writer=True)
    made = Shop(telemetry)
    yield made
    made.close()
    telemetry.close()


@pytest.fixture
def replays(shop: Shop) -> Replays:
    return shop.open()


def begin(replays: Replays, work: Work) -> ReplayRun:
    return replays.begin(WISH, work, tenant_id="default", by="ann")


def ended(replays: Replays, run_id: str) -> ReplayRun:
    """Waits for the single thread to be free again."""
    replays._pool.submit(lambda: None).result(20)
    return replays.get(run_id)


def test_a_replay_tells_how_far_it_is_and_can_be_stopped(replays: Replays) -> None:
    reached, going = threading.Event(), threading.Event()

    def work(progress: Progress, _: ReplayReport | None) -> ReplayReport:
        progress(msgspec.structs.replace(REPORT, seen=1))
        reached.set()
        assert going.wait(20)
        seen = msgspec.structs.replace(REPORT, seen=2, next="on")
        return seen if not progress(seen) else msgspec.structs.replace(REPORT, seen=3, complete=True)

    run = begin(replays, work)
    assert reached.wait(20)
    during = replays.get(run.id)
    assert (during.state, during.report and during.report.seen) == ("running", 1)
    with pytest.raises(Conflict, match="goes on"):
        replays.remove(run.id)
    waiting = begin(replays, work)
    replays.stop(waiting.id)
    replays.stop(run.id)
    going.set()
    after = ended(replays, run.id)
    assert after.report is not None
    assert (after.state, after.report.seen, after.ended_us) == ("stopped", 2, 5_000_000)
    assert replays.get(waiting.id).state == "stopped"
    assert [each.id for each in replays.list()] == [waiting.id, run.id]


def test_a_failure_is_told(replays: Replays, caplog: pytest.LogCaptureFixture) -> None:
    def fails(_: Progress, __: ReplayReport | None) -> ReplayReport:
        raise NotFound("The store is gone.")

    def breaks(_: Progress, __: ReplayReport | None) -> ReplayReport:
        raise ZeroDivisionError

    run, other = begin(replays, fails), begin(replays, breaks)
    ended(replays, run.id)
    assert (replays.get(run.id).state, replays.get(run.id).error) == ("failed", "The store is gone.")
    assert replays.get(other.id).state == "failed"
    assert "ZeroDivisionError" in caplog.text


def test_only_so_many_wait(replays: Replays) -> None:
    going = threading.Event()

    def work(_: Progress, __: ReplayReport | None) -> ReplayReport:
        assert going.wait(20)
        return msgspec.structs.replace(REPORT, complete=True)

    first = begin(replays, work)
    for _ in range(WAITING - 1):
        begin(replays, work)
    with pytest.raises(Conflict):
        begin(replays, work)
    going.set()
    assert ended(replays, first.id).state == "done"
    with pytest.raises(GenaiopsError):
        replays.get("rpl_none")


def test_a_restart_keeps_what_was_found_and_goes_on_with_what_was_not(shop: Shop, replays: Replays) -> None:
    reached, going, told = threading.Event(), threading.Event(), list[ReplayReport | None]()

    def broken_off(progress: Progress, begun: ReplayReport | None) -> ReplayReport:
        told.append(begun)
        report = msgspec.structs.replace(REPORT, seen=2, next="on")
        reached.set()
        assert going.wait(20)
        assert not progress(report), "the process ends"
        return report

    def rest(_: Progress, begun: ReplayReport | None) -> ReplayReport:
        told.append(begun)
        assert begun is not None
        return msgspec.structs.replace(begun, seen=4, complete=True, next=None)

    run = begin(replays, broken_off)
    assert reached.wait(20)
    killed = shop.open().get(run.id)
    assert (killed.state, killed.wish) == ("interrupted", WISH), "what another process left running"
    replays._closed = True
    going.set()
    assert ended(replays, run.id).state == "interrupted"
    later = shop.open()
    found = later.get(run.id)
    assert found.resumable
    later.resume(run.id, rest)
    done = ended(later, run.id)
    assert (done.state, done.report and done.report.seen) == ("done", 4)
    assert [None if each is None else each.seen for each in told] == [None, 2]
    with pytest.raises(Conflict, match="all that"):
        later.resume(run.id, rest)
    later.remove(run.id)
    assert shop.open().list() == []


def test_the_oldest_are_forgotten(shop: Shop, replays: Replays, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genaiops.guard._replays.KEPT", 2)

    def work(_: Progress, __: ReplayReport | None) -> ReplayReport:
        return msgspec.structs.replace(REPORT, complete=True)

    ids: list[str] = []
    for _ in range(4):
        ids.insert(0, begin(replays, work).id)
        ended(replays, ids[0])
    assert [each.id for each in replays.list()] == ids[:2]
    assert {each.id for each in shop.open().list()} == set(ids[:2])
