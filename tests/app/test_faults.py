"""SIGKILL of any process under load: no answered call loses its trace, none is doubled, budgets stay exact."""

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from genaiops.core.clock import now_us, window
from genaiops.domain import Budget, Scope
from genaiops.engines.counters_mmap import open_counters
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.hub import NewBudget
from genaiops.ports.counters import Reading
from genaiops.ports.telemetry import TraceFilter, TraceRow
from tests.app.running import Installation, until

CALLERS = 6
LIMIT = 1500


class Load:
    """Callers that go on until they are told to stop. A call that its worker's death cut off counts as nothing here."""

    def __init__(self, installation: Installation) -> None:
        self.answered: set[str] = set()
        self.refused = 0
        self.cut_off = 0
        self._installation = installation
        self._url, self._key = installation.url, installation.key
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(CALLERS)]

    @contextlib.contextmanager
    def running(self) -> Generator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()

    def _call(self) -> None:
        while not self._stop.is_set():
            try:
                answer = self._installation.ask("slow")
            except OSError:
                self.cut_off += 1
                continue
            if answer.status == 200:
                self.answered.add(answer.headers["x-genaiops-request-id"])
            elif answer.status == 429:
                self.refused += 1
            else:
                raise AssertionError(answer)


def all_traces(installation: Installation) -> list[TraceRow]:
    rows: list[TraceRow] = []
    cursor = None
    with open_telemetry(installation.home.telemetry, writer=False) as telemetry:
        while True:
            page = telemetry.list(TraceFilter(), cursor=cursor, limit=500)
            rows += page.rows
            cursor = page.next
            if cursor is None:
                return rows


def counted(installation: Installation, budget: Budget) -> Reading:
    with contextlib.closing(open_counters(installation.home.counters, column=None)) as counters:
        return counters.read(budget.id, window(budget.period, budget.timezone, now_us())[0])


def in_force(installation: Installation, version: int) -> bool:
    status = installation.status()
    return status["snapshot_version"] >= version and status["workers"] == 2


def kill(installation: Installation, name: str) -> None:
    process = installation.named(name)
    if process.pid is not None:
        with contextlib.suppress(ProcessLookupError):  # dead already, and about to be started again
            os.kill(process.pid, signal.SIGKILL)


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_doubled(tmp_path: Path) -> None:
    chance = random.Random(20261121)
    with Installation(tmp_path, "--no-embedded", "--workers", "2") as installation:
        installation.start().add_echo("slow", delay="0.02")
        version = installation.status()["snapshot_version"]
        with installation.hub() as hub:
            (admin,) = [key for key in hub.keys.page() if key.name == "admin"]
            new = NewBudget(scope=Scope("key", admin.id), limit=f"{LIMIT} calls", period="month")
            budget = hub.budgets.create(new, by="admin")
        until(lambda: in_force(installation, version + 1), "the budget to be in force")
        load = Load(installation)
        with load.running():
            for _ in range(12):
                time.sleep(chance.uniform(0.2, 0.6))  # the moment of the kill is what is random here
                kill(installation, chance.choice(["worker-0", "worker-1", "worker-0", "worker-1", "control"]))
                assert counted(installation, budget).settled <= LIMIT
            until(lambda: load.refused > 0 or len(load.answered) > 300, "enough calls")
        for name in ("worker-0", "worker-1", "control"):
            installation.wait_ready(name)
        until(lambda: counted(installation, budget).reserved == 0, "the reservations of the dead to be recovered")
        assert installation.stop() == 0
        rows = Counter(row.root.request_id for row in all_traces(installation))
        assert not load.answered - set(rows)
        assert max(rows.values()) == 1
        statuses = Counter(row.root.status for row in all_traces(installation))
        charged = sum(statuses[status] for status in ("ok", "aborted", "cancelled"))
        before = counted(installation, budget)
        assert before == Reading(charged, 0)
        assert before.settled <= LIMIT
        assert len(load.answered) + load.cut_off >= statuses["ok"] - 5
    with Installation(tmp_path, "--no-embedded") as again:
        again.start()
        assert counted(again, budget) == before
        again.stop(signal.SIGKILL)


@pytest.mark.slow
def test_one_ctrl_c_waits_and_two_do_not(tmp_path: Path) -> None:
    with Installation(tmp_path, "--no-embedded") as installation:
        installation.start().add_echo("soon", delay="1")
        installation.add_echo("never", delay="300")
        with ThreadPoolExecutor() as pool:
            asked = pool.submit(installation.ask, "soon")
            until(lambda: in_flight(installation), "the call to be under way")
            assert installation.stop() == 0
            assert asked.result().status == 200
            installation.start()
            asked = pool.submit(installation.ask, "never")
            until(lambda: in_flight(installation), "the call to be under way")
            installation.process.send_signal(signal.SIGINT)
            installation.say_until("Stopping")
            assert installation.stop() == 0
            with pytest.raises(OSError):
                asked.result()
        installation.start()
        statuses = Counter(row.root.status for row in all_traces(installation))
        assert statuses["aborted"] == 1
        installation.stop()


def in_flight(installation: Installation) -> bool:
    with contextlib.closing(open_counters(installation.home.counters, column=None)) as counters:
        return any(gauge.name == "in_flight" and gauge.value for gauge in counters.gauges())


@pytest.mark.slow
def test_a_killed_supervisor_loses_nothing(tmp_path: Path) -> None:
    with Installation(tmp_path, "--no-embedded") as installation:
        installation.start().add_echo("slow", delay="0.02")
        load = Load(installation)
        try:
            with load.running():
                until(lambda: len(load.answered) > 50, "some calls")
                installation.stop(signal.SIGKILL)
        finally:
            answered = set(load.answered)
    with Installation(tmp_path, "--no-embedded") as again:
        again.start()
        rows = Counter(row.root.request_id for row in all_traces(again))
        assert not answered - set(rows)
        assert max(rows.values()) == 1
        again.stop()
