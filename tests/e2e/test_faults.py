"""Processes killed under load: no answered call's trace is lost, none is doubled, and budgets stay exact."""

import contextlib
import http.client
import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from genaiops.domain import Budget, Scope
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.hub import NewBudget
from genaiops.ports.telemetry import TraceFilter, TraceRow
from tests.app.running import Installation, is_alive, until

TOKENS = 5
"""Input and output of `LOAD` at the echo target: three words in, two out."""

LOAD = {"model": "echo", "messages": [{"role": "user", "content": "one two three"}], "max_tokens": 2}


class Client(threading.Thread):
    """Calls one after the other until told to stop; keeps the ids of answers that came whole."""

    def __init__(self, installation: Installation, *, stream: bool) -> None:
        super().__init__(daemon=True)
        self.answered: list[str] = []
        self.refused = 0
        self.broken = 0
        self.stop = threading.Event()
        self._port = int(installation.url.split(":")[2])
        self._key = installation.key
        self._body = json.dumps({**LOAD, "stream": stream}).encode()

    def run(self) -> None:
        while not self.stop.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
            with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
                while not self.stop.is_set():
                    self._call(connection)
            self.broken += 1
            time.sleep(0.01)

    def _call(self, connection: http.client.HTTPConnection) -> None:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        connection.request("POST", "/v1/chat/completions", self._body, headers)
        answer = connection.getresponse()
        request_id = answer.headers["x-genaiops-request-id"]
        body = answer.read()
        if answer.status == 429:
            self.refused += 1
        elif answer.status == 200 and (b"[DONE]" in body or body.startswith(b"{")):
            self.answered.append(request_id)


def rows(installation: Installation) -> list[TraceRow]:
    found: list[TraceRow] = []
    cursor: str | None = None
    with open_telemetry(installation.home.telemetry, writer=False) as telemetry:
        while True:
            page = telemetry.list(TraceFilter(), cursor=cursor, limit=500)
            found += page.rows
            cursor = page.next
            if cursor is None:
                return found


def under_load(installation: Installation, disturb: Callable[[], None], *, seconds: float) -> list[Client]:
    clients = [Client(installation, stream=bool(number % 2)) for number in range(4)]
    for client in clients:
        client.start()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(random.uniform(0.3, 0.8))
        disturb()
    time.sleep(0.5)
    for client in clients:
        client.stop.set()
    for client in clients:
        client.join(30)
    return clients


def check(installation: Installation, clients: list[Client], budget: Budget) -> None:
    """What clients got is traced once; the ledger is the sum of the traces; the limit held."""
    answered = [request_id for client in clients for request_id in client.answered]
    assert len(answered) > 20
    found = until(lambda: all_there(installation, answered), "all traces")
    ids = [row.root.request_id for row in found]
    assert len(ids) == len(set(ids)), "a call is there twice"
    with open_telemetry(installation.home.telemetry, writer=False) as telemetry:
        settled = sum(total for (name, _), total in telemetry.ledger().items() if name == budget.id)
    used = sum(row.input_tokens + row.output_tokens for row in found if row.root.status == "ok")
    aborted = sum(row.root.status == "aborted" for row in found)
    assert settled >= used
    if not aborted and all(row.root.status in ("ok", "error") for row in found):
        assert settled == used
    assert settled <= budget.limit


def all_there(installation: Installation, answered: list[str]) -> list[TraceRow] | None:
    found = rows(installation)
    known = {row.root.request_id for row in found}
    return found if all(request_id in known for request_id in answered) else None


def kill(installation: Installation, name: str) -> None:
    pid = installation.named(name).pid
    if pid is not None and is_alive(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def budget(installation: Installation, tokens: int) -> Budget:
    with installation.hub() as hub:
        made = hub.budgets.create(
            NewBudget(scope=Scope("environment", "dev"), limit=f"{tokens} tokens", period="total"), by="admin"
        )
    time.sleep(1.5)  # published by the control process, which looks twice a second
    return made


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["worker-0", "control"])
def test_killing_a_process_under_load(tmp_path: Path, victim: str) -> None:
    with Installation(tmp_path, "--no-embedded", "--workers", "2") as installation:
        installation.start().add_echo(delay="0.005")
        limit = budget(installation, 10_000_000)
        clients = under_load(installation, lambda: kill(installation, victim), seconds=8)
        installation.wait_ready(victim)
        check(installation, clients, limit)


@pytest.mark.slow
def test_a_hard_budget_holds_while_workers_die(tmp_path: Path) -> None:
    with Installation(tmp_path, "--no-embedded", "--workers", "2") as installation:
        installation.start().add_echo(delay="0.005")
        limit = budget(installation, 3_000)
        clients = under_load(
            installation, lambda: kill(installation, random.choice(["worker-0", "worker-1"])), seconds=6
        )
        assert sum(client.refused for client in clients) > 0
        check(installation, clients, limit)


@pytest.mark.slow
def test_killing_the_supervisor_and_starting_again(tmp_path: Path) -> None:
    answered: list[Client] = []
    with Installation(tmp_path, "--no-embedded", "--workers", "2") as first:
        first.start().add_echo(delay="0.005")
        limit = budget(first, 10_000_000)
        children = first.pids()

        def disturb() -> None:
            if is_alive(first.process.pid) and time.monotonic() > begin + 2:
                os.kill(first.process.pid, signal.SIGKILL)

        begin = time.monotonic()
        answered = under_load(first, disturb, seconds=4)
        until(lambda: not [pid for pid in children if is_alive(pid)], "the children to end with their supervisor")
    with Installation(tmp_path, "--no-embedded") as second:
        second.start()
        check(second, answered, limit)


def test_killing_one_of_two_workers_fails_no_call_that_it_had_not_accepted(tmp_path: Path) -> None:
    with Installation(tmp_path, "--no-embedded", "--workers", "2") as installation:
        installation.start().add_echo()
        kill(installation, "worker-1")
        answers = [installation.ask().status for _ in range(20)]
        assert answers == [200] * 20
