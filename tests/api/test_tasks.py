"""Held answers from the spool to the client: a worker that was killed, the folding, the reviewers, the poll."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from genaiops.app.prepare import prepare
from genaiops.app.services import Services
from genaiops.app.settings import Embedded, Settings
from genaiops.app.web import build
from genaiops.core.clock import now_us
from genaiops.domain import Held, HeldBody, HeldPart
from genaiops.engines.seals_secret import open_seals
from genaiops.engines.secrets_file import open_secrets
from genaiops.engines.spool_files import open_writer
from genaiops.hub import NewKey
from tests.api.conftest import Api

ANSWER = b'{"choices":[{"message":{"role":"assistant","content":"It is T-123456"}}]}'
SHOWN = "It is [ticket]"

DYING = """
import os, signal, sys
from pathlib import Path
from genaiops.engines.spool_files import open_writer
import msgspec
from genaiops.domain import Held
writer = open_writer(Path(sys.argv[1]), column=5, life_us=int(sys.argv[2]))
record = msgspec.json.decode(sys.stdin.buffer.readline(), type=Held)
writer.append(record, sys.stdin.buffer.read())
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    settings = Settings(home=str(tmp_path_factory.mktemp("tasks") / "home"), embedded=Embedded(enabled=False))
    prepare(settings, {})
    found = Services(settings)
    found.folding.start()
    found.publisher.publish(anew=True)
    yield found
    found.close(1.0)


@pytest.fixture(scope="module")
def client(services: Services) -> Iterator[TestClient[Litestar]]:
    with TestClient(build(services), raise_server_exceptions=False) as client:
        yield client


def member(services: Services, client: TestClient[Litestar], name: str, *roles: Any, scope: Any = "api") -> Api:
    actor = services.hub.actors.create(name, "person", roles=roles, by="admin")
    return Api(client, services.hub.keys.create(NewKey(name=name, actor_id=actor.id, scopes=(scope,)), by="admin")[1])


@pytest.fixture(scope="module")
def reviewer(services: Services, client: TestClient[Litestar]) -> Api:
    return member(services, client, "rita", "reviewer")


@pytest.fixture(scope="module")
def asker(services: Services, client: TestClient[Litestar]) -> Api:
    return member(services, client, "carl", "consumer", scope="calls")


def hold(services: Services, number: int, *, direction: Any = "out") -> tuple[Held, bytes]:
    """What a worker writes when the key of `carl` asked."""
    asked_by = next(actor.id for actor in services.hub.actors.list() if actor.name == "carl")
    record = Held(
        f"held_{number:016x}",
        number.to_bytes(16, "big"),
        now_us(),
        "key_1",
        asked_by,
        "default",
        "dev",
        None,
        "chat",
        "m",
        direction,
        "default@sha256:1",
        "tickets",
        "",
        {"ticket": 1},
        "cd" * 32 if direction == "in" else "",
    )
    content = HeldBody(ANSWER, "application/json", (HeldPart("model_output", "choices[0]", SHOWN),))
    seals = open_seals(open_secrets(services.home.path))
    return record, seals.seal(msgspec.msgpack.encode(content), record.id)


def written(services: Services, number: int, **more: Any) -> Held:
    record, sealed = hold(services, number, **more)
    writer = open_writer(services.home.spool, column=number % 8, life_us=now_us())
    writer.append(record, sealed)
    writer.close()
    return record


def poll(asker: Api, held_id: str) -> Any:
    return asker.client.get(f"/v1/held/{held_id}", headers={"authorization": f"Bearer {asker.key}"})


def test_a_killed_worker_loses_nothing(services: Services, asker: Api, reviewer: Api) -> None:
    record, sealed = hold(services, 5)
    given = msgspec.json.encode(record) + b"\n" + sealed
    died = subprocess.run(
        [sys.executable, "-c", DYING, str(services.home.spool), str(now_us())], input=given, check=False, env=os.environ
    )
    assert died.returncode == -signal.SIGKILL
    waiting = poll(asker, record.id)
    assert (waiting.status_code, waiting.json()["held"]["status"]) == (202, "pending")
    assert waiting.headers["retry-after"] == "10"
    shown = reviewer.get(f"/tasks/{record.id}")
    assert [part["text"] for part in shown["content"]] == [SHOWN]
    assert (shown["asker"], shown["found"], shown["state"]) == ("carl", {"ticket": 1}, "pending")
    assert "T-123456" not in str(shown)
    assert reviewer.call("POST", f"/tasks/{record.id}/release", {"reason": "made up"})["state"] == "released"
    got = poll(asker, record.id)
    assert (got.status_code, got.content) == (200, ANSWER)


def test_what_is_refused_is_gone_with_the_reason(services: Services, asker: Api, reviewer: Api) -> None:
    record = written(services, 6)
    assert poll(asker, record.id).status_code == 202
    reviewer.call("POST", f"/tasks/{record.id}/refuse", {"reason": "it names a ticket"})
    got = poll(asker, record.id)
    assert (got.status_code, got.json()["error"]["code"]) == (410, "held_refused")
    assert "it names a ticket" in got.json()["error"]["message"]
    assert reviewer.refused("POST", f"/tasks/{record.id}/release", {}, status=409)["code"] == "task_decided"


def test_a_released_request_says_until_when_it_passes(services: Services, asker: Api, reviewer: Api) -> None:
    record = written(services, 7, direction="in")
    assert poll(asker, record.id).status_code == 202
    made = reviewer.call("POST", f"/tasks/{record.id}/release", {})
    assert made["passes_until"] is not None
    got = poll(asker, record.id)
    assert got.json()["held"]["send_again_until"] == made["passes_until"]
    latest = services.publisher._latest
    assert latest is not None
    assert [one.request for one in latest.passes] == ["cd" * 32]


def test_nobody_else_gets_it(services: Services, client: TestClient[Litestar], asker: Api) -> None:
    record = written(services, 8)
    other = member(services, client, "olga", "consumer", scope="calls")
    assert poll(asker, record.id).status_code == 202
    assert poll(other, record.id).status_code == 404
    assert client.get(f"/v1/held/{record.id}").status_code == 401
    viewer = member(services, client, "vera", "viewer")
    assert viewer.get(f"/tasks/{record.id}")["content"] is None
    assert viewer.refused("POST", f"/tasks/{record.id}/release", {}, status=403)["code"] == "permission_missing"


def test_lists_begin_with_what_waits(services: Services, asker: Api, reviewer: Api) -> None:
    decided, waiting = written(services, 9), written(services, 10)
    assert poll(asker, decided.id).status_code == poll(asker, waiting.id).status_code == 202
    reviewer.call("POST", f"/tasks/{decided.id}/refuse", {})
    order = [each["id"] for each in reviewer.get("/tasks")["data"]]
    assert order.index(waiting.id) < order.index(decided.id)
    pending = {each["id"] for each in reviewer.get("/tasks", state="pending")["data"]}
    assert waiting.id in pending
    assert decided.id not in pending


TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


def test_the_console_shows_it_redacted_and_asks_before(services: Services, asker: Api, reviewer: Api) -> None:
    record = written(services, 11)
    assert poll(asker, record.id).status_code == 202
    with TestClient(build(services), raise_server_exceptions=False) as browser:
        browser.follow_redirects = False
        csrf = TOKEN.findall(browser.get("/login").text)[0]
        form = {"csrf": csrf, "key": str(reviewer.key), "next": "/"}
        assert browser.post("/login", data=form).status_code == 303
        page = browser.get("/guardrails/held").text
        assert record.id in page
        assert SHOWN in page
        assert "T-123456" not in page
        assert "Yes, refuse" not in page
        asked = browser.get(f"/guardrails/held?task={record.id}&verb=refuse").text
        assert "Yes, refuse" in asked
        decided = {"csrf": TOKEN.findall(asked)[0], "id": record.id, "verb": "refuse", "reason": "<b>no</b>"}
        assert browser.post("/guardrails/held", data=decided).status_code == 303
        after = browser.get("/guardrails/held").text
        assert f"{record.id} is refused." in after
        assert "&lt;b&gt;no&lt;/b&gt;" in after
        assert browser.post("/guardrails/held", data=decided).status_code == 303
        assert "refused already" in browser.get("/guardrails/held").text
    assert poll(asker, record.id).status_code == 410
