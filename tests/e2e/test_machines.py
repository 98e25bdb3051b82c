"""Two machines on one PostgreSQL and one Redis: what one writes is in force on the other, and a hard budget holds to
the call, and a rate to its burst, while one machine is killed and the other is cut off from Redis."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from genaiops.domain import Target
from genaiops.engines.counters_mmap._stock import HOLD_SECONDS
from genaiops.engines.records_sql import open_records
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.hub import Hub
from tests.app.running import Answer, Installation, environment, request, until
from tests.e2e.network import Wire
from tests.engines.counters.machines import forget_all

pytestmark = [pytest.mark.slow, pytest.mark.needs_postgres, pytest.mark.needs_redis]

LIMIT = 400
RATE = 600
THREADS = 3


@pytest.fixture
def records_url(postgres_url: str) -> Iterator[str]:
    """An empty schema."""
    name = f"machines_{uuid.uuid4().hex}"
    engine = create_engine(make_url(postgres_url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    url = make_url(postgres_url).update_query_dict({"options": f"-csearch_path={name}"})
    yield url.render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.execute(text(f"SET client_min_messages = error; DROP SCHEMA {name} CASCADE"))
    engine.dispose()


class Pair:
    """Two installations; `a` reaches Redis over a wire that can be cut."""

    def __init__(self, folder: Path, records_url: str, redis_url: str) -> None:
        self.records_url = records_url
        parts = urlsplit(redis_url)
        self.prefix = f"?prefix=test-{uuid.uuid4().hex}"
        self.redis_url = f"{redis_url}{self.prefix}"
        self.wire = Wire(parts.hostname or "127.0.0.1", parts.port or 6379)
        over_wire = f"redis://127.0.0.1:{self.wire.port}{parts.path}{self.prefix}"
        self.variables_of_a = self._stores(over_wire)
        self.a = self._installation(folder / "a", over_wire)
        self.b = self._installation(folder / "b", self.redis_url)

    def _installation(self, home: Path, redis_url: str) -> Installation:
        home.mkdir()
        return Installation(home, "--no-embedded", variables=self._stores(redis_url))

    def _stores(self, redis_url: str) -> dict[str, str]:
        return {"GENAIOPS_STORES_RECORDS": self.records_url, "GENAIOPS_STORES_COUNTERS": redis_url}

    @contextlib.contextmanager
    def hub(self) -> Generator[Hub]:
        with contextlib.closing(open_records(self.records_url)) as records:
            yield Hub(records)

    @property
    def key(self) -> str:
        return self.a.key

    def ask(self, machine: Installation, **fields: Any) -> Answer:
        body = {"model": "echo", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 8, **fields}
        return request(f"{machine.url}/v1/chat/completions", key=self.key, body=body)


@pytest.fixture
def pair(tmp_path: Path, records_url: str, redis_url: str) -> Iterator[Pair]:
    made = Pair(tmp_path, records_url, redis_url)
    with made.wire, made.a, made.b:
        made.a.start()
        made.b.start()
        with made.hub() as hub:
            hub.targets.create(
                Target(id="echo", provider="echo", model="echo", upstream_model="echo", created_us=0), by="admin"
            )
        for machine in (made.a, made.b):
            until(lambda at=machine: made.ask(at).status == 200, "the target")
        yield made
    forget_all(made.redis_url)


class Load:
    """Calls without a pause, to each machine from some threads; what was answered, by machine and status."""

    def __init__(self, pair: Pair, machines: dict[str, Installation], threads: int = THREADS) -> None:
        self.answers: list[tuple[str, int, str]] = []
        self.began = time.monotonic()
        self._pair = pair
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(name, machine), daemon=True)
            for name, machine in machines.items()
            for _ in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def _run(self, name: str, machine: Installation) -> None:
        url = machine.url
        body = {"model": "echo", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 8}
        while not self._stop.is_set():
            try:
                answer = request(f"{url}/v1/chat/completions", key=self._pair.key, body=body)
            except (OSError, ValueError):
                time.sleep(0.05)
                continue
            code = "" if answer.status == 200 else answer.body["error"]["code"]
            self.answers.append((name, answer.status, code))
            if answer.status != 200:
                time.sleep(0.02)

    def count(self, status: int, name: str | None = None) -> int:
        return sum(found == status and name in {None, who} for who, found, _ in self.answers)

    def codes(self, name: str) -> set[str]:
        return {code for who, status, code in self.answers if who == name and status != 200}

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def kill(machine: Installation) -> None:
    """The whole machine at once, as when its power fails."""
    pids = machine.pids()
    os.kill(machine.process.pid, signal.SIGKILL)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    machine.process.communicate()
    machine._process = None


def charged(machine: Installation, budget_id: str) -> int:
    with contextlib.closing(open_telemetry(machine.home.telemetry, writer=False)) as telemetry:
        return sum(amount for (budget, _), amount in telemetry.ledger().items() if budget == budget_id)


def health(machine: Installation) -> dict[str, Any]:
    answer = request(f"{machine.url}/readyz")
    assert answer.status == 200, answer.body
    return answer.body


def eventually(condition: Callable[[], bool], what: str) -> None:
    until(lambda: condition() or None, what)


def test_what_one_writes_is_in_force_on_the_other_when_it_is_answered(pair: Pair) -> None:
    for number in range(5):
        body = {"name": f"k{number}", "models": ["echo"]}
        made = request(f"{pair.a.url}/api/keys", key=pair.key, body=body)
        assert made.status in {200, 201, 202}, made.body
        used = request(
            f"{pair.b.url}/v1/chat/completions",
            key=made.body["secret"],
            body={"model": "echo", "messages": [{"role": "user", "content": "hi"}]},
        )
        assert used.status == 200 or made.status == 202, (made, used)
    assert health(pair.a) == {"status": "ok", "reasons": []}


def test_a_hard_budget_holds_while_one_is_killed_and_the_other_cut_off(pair: Pair) -> None:
    scope = {"kind": "tenant", "id": "default"}
    body = {"scope": scope, "limit": f"{LIMIT} calls", "period": "total"}
    made = request(f"{pair.a.url}/api/budgets", key=pair.key, body=body)
    assert made.status in {200, 201}, made.body  # in force on both machines
    budget = made.body["id"]
    before = 2  # the calls that the fixture made count, too
    load = Load(pair, {"a": pair.a, "b": pair.b})
    try:
        eventually(lambda: load.count(200, "b") > 30 and load.count(200, "a") > 30, "load")

        kill(pair.b)
        pair.wire.cut()
        eventually(
            lambda: "budgets_unreachable" in load.codes("a"), "the lease of a machine that is cut off to be spent"
        )
        eventually(lambda: health(pair.a)["status"] == "degraded", "it to be stated")
        state = health(pair.a)
        assert "cut off from the store of the shared counters" in state["reasons"][0]
        gauge = 'genaiops_worker_degraded{worker="0"} 1'
        eventually(lambda: gauge in request(f"{pair.a.url}/metrics").body, "the gauge")
        status = request(f"{pair.a.url}/api/status", key=pair.key).body
        assert status["status"] == "degraded"
        seen = subprocess.run(
            [sys.executable, "-m", "genaiops", "doctor", "--json", "--home", str(pair.a.home.path)],
            capture_output=True,
            text=True,
            env=environment(pair.variables_of_a),
            timeout=60,
            check=False,
        )
        assert seen.returncode == 1
        assert "cut off from the store of the shared counters" in seen.stdout
        alone = load.count(200)
        assert alone <= LIMIT

        pair.wire.mend()
        eventually(lambda: health(pair.a)["status"] == "ok", "the machine to join again")
        eventually(lambda: "budget_exceeded" in load.codes("a"), "the limit")
        unspent = LIMIT - load.count(200)
        assert unspent >= 0  # the dead machine holds some of it

        pair.b.start()
        second = Load(pair, {"c": pair.b})
        eventually(lambda: "budget_exceeded" in second.codes("c") and len(second.answers) > 20, "the limit")
        time.sleep(3.0)
        second.end()
    finally:
        load.end()
    answered = load.count(200) + second.count(200) + before
    eventually(lambda: charged(pair.a, budget) + charged(pair.b, budget) >= LIMIT, "all to be charged")
    assert charged(pair.a, budget) + charged(pair.b, budget) == LIMIT
    assert answered <= LIMIT
    # What was charged and not answered was under way when the power failed: at most what the threads had.
    assert LIMIT - answered <= 3 + 2


def allowed(load: Load) -> float:
    """By the limit, since the load began: the burst and what has drained. Also while one is cut off, as nobody else is
    called then."""
    return RATE + RATE * (time.monotonic() - load.began) / 60


def test_a_rate_holds_while_one_is_killed_and_the_other_cut_off(pair: Pair) -> None:
    body = {"scope": {"kind": "tenant", "id": "default"}, "requests_per_minute": RATE}
    made = request(f"{pair.a.url}/api/limits", key=pair.key, body=body)
    assert made.status in {200, 201, 202}, made.body
    for machine in (pair.a, pair.b):
        eventually(lambda at=machine: "x-ratelimit-limit-requests" in pair.ask(at).headers, "it to be in force")
    load = Load(pair, {"a": pair.a, "b": pair.b})
    try:
        eventually(lambda: {"rate_limit_exceeded"} == load.codes("a") == load.codes("b"), "the limit")
        eventually(lambda: load.count(200) >= RATE * 0.9, "all of the burst")
        assert load.count(200) <= allowed(load)
        assert min(load.count(200, "a"), load.count(200, "b")) > 0  # neither had all of it

        kill(pair.b)
        before = load.count(200, "a")
        eventually(lambda: load.count(200, "a") > before + 30, "the rate of a machine that is alone")
        assert load.count(200) <= allowed(load)

        cut_at = time.monotonic()
        pair.wire.cut()
        eventually(lambda: health(pair.a)["status"] == "degraded", "it to be stated")
        assert "this machine's part" in health(pair.a)["reasons"][0]
        eventually(lambda: time.monotonic() > cut_at + HOLD_SECONDS, "what was lent to be void")
        before = load.count(200, "a")
        eventually(lambda: load.count(200, "a") >= before + 40, "its part of the rate")
        passed, seconds = load.count(200, "a") - before, time.monotonic() - cut_at
        assert passed <= RATE / 60 * seconds / 2 + THREADS  # of two parts one, and what was under way
        assert load.codes("a") == {"rate_limit_exceeded"}

        pair.wire.mend()
        eventually(lambda: health(pair.a)["status"] == "ok", "the machine to join again")
        before = load.count(200, "a")
        eventually(lambda: load.count(200, "a") > before + 30, "the whole rate again")
        assert load.count(200) <= allowed(load)  # and what it admitted alone counts: no burst has followed
    finally:
        load.end()
