"""Limits of sessions: steps, seconds and cost that a guard policy allows, however a client names its session."""

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from genaiops.domain import CachePolicy, GuardVersion, ToolRules
from genaiops.engines.counters_redis import place_of
from genaiops.gateway import call as calls
from tests.engines.counters.machines import Machine, forget_all
from tests.gateway import harness
from tests.gateway.guarding_calls import TICKET, asked, policy, rule
from tests.gateway.harness import CHAT, Home, budget, key, price, route, running, target, until
from tests.gateway.test_limits import waits_for
from tests.gateway.upstream import Upstream, answers, completion

RUN = {"x_genaiops_session": "run-1"}


def limited(**rules: Any) -> GuardVersion:
    return policy(tools=ToolRules(**rules))


def events(home: Home) -> list[tuple[str, str, dict[str, int]]]:
    """Of the records in order: (rule, action, kinds)."""
    found = [event for one in home.records() for event in getattr(one, "guard", ())]
    return [(event.rule, event.action, event.kinds) for event in found]


async def test_steps_end_and_say_so(home: Home) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),), guards=(limited(steps=2),))
        async with running(home) as worker:
            assert [(await worker.post(**RUN)).status for _ in range(2)] == [200, 200]
            got = await worker.post(**RUN)
            other = await worker.post(x_genaiops_session="run-2")
            await worker.quiet()
    assert (got.status, got.error["code"]) == (429, "session_limit_exceeded")
    assert got.headers["x-should-retry"] == "false"
    for words in ("'default'", "2 steps in a session", "2 are made", "Begin another session", "T00:00:00"):
        assert words in got.error["message"]
    assert other.status == 200
    assert len(up.seen) == 3
    [refused] = home.refused()
    [event] = refused.guard
    assert (event.rule, event.detector, event.direction, event.action) == ("tools.session", "tools", "in", "block")
    assert (event.kinds, event.policy, event.places) == (
        {"steps": 1},
        "default@sha256:default",
        ("a limit of 2 steps",),
    )
    assert refused.admitted.session_id == "run-1"


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("/v1/chat/completions", {**CHAT, "genaiops": {"session": "run-1"}}, {}),
        ("/v1/chat/completions", CHAT, {"baggage": "a=b, session.id=run%2D1;x=y"}),
        ("/v1/chat/completions", CHAT, {"baggage": "gen_ai.conversation.id=run-1"}),
        ("/v1/chat/completions", {**CHAT, "metadata": {"session_id": "run-1"}}, {}),
        ("/v1/chat/completions", CHAT, {"helicone-session-id": "run-1"}),
        ("/v1/messages", {**CHAT, "max_tokens": 9}, RUN),
        ("/v1/responses", {"model": "m", "input": "Hi", "genaiops": {"session": "run-1"}}, {}),
        ("/v1/embeddings", {"model": "m", "input": "Hi"}, RUN),
    ],
)
async def test_all_ways_to_name_it_are_one_session(home: Home, path: str, body: Any, headers: dict[str, str]) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),), guards=(limited(steps=1),))
        async with running(home) as worker:
            assert (await worker.post(**RUN)).status == 200
            got = await worker.post(path, body, **headers)
    assert got.status == 429
    assert "1 step in a session" in got.body.decode()


async def test_a_name_that_is_too_long_is_refused(home: Home) -> None:
    home.publish(key(), targets=(target("http://127.0.0.1:1/v1"),))
    async with running(home) as worker:
        got = await worker.post(x_genaiops_session="x" * 257)
    assert (got.status, got.error["param"]) == (400, "x-genaiops-session")


async def test_another_key_has_sessions_of_its_own(home: Home) -> None:
    async with Upstream(answers()) as up:
        keys = key(), key("sk-other-0123456789", key_id="key_2")
        home.publish(*keys, targets=(target(up.url),), guards=(limited(steps=1),))
        async with running(home) as worker:
            assert (await worker.post(**RUN)).status == 200
            assert (await worker.post(key="sk-other-0123456789", **RUN)).status == 200
            assert (await worker.post(**RUN)).status == 429


async def test_steps_under_way_count_and_workers_share_them(home: Home) -> None:
    gate = asyncio.Event()
    async with Upstream(waits_for(gate)) as up:
        home.publish(key(), targets=(target(up.url),), guards=(limited(steps=2),))
        async with running(home) as one, running(home, column=1) as two:
            first = [asyncio.create_task(worker.post(**RUN)) for worker in (one, two)]
            await until(lambda: len(up.seen) == 2)
            got = await two.post(**RUN)
            gate.set()
            assert [(await each).status for each in first] == [200, 200]
            again = await one.post(**RUN)
            await one.quiet()
    assert got.status == again.status == 429
    assert "2 under way" in got.error["message"]


async def test_seconds_from_the_first_call(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    now = calls.now_us() // 86_400_000_000 * 86_400_000_000 + 3_600_000_000  # an hour into today

    def later(seconds: float) -> None:
        monkeypatch.setattr(calls, "now_us", lambda: now + int(seconds * 1e6))

    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),), guards=(limited(seconds=60),))
        async with running(home) as one, running(home, column=1) as two:
            later(0)
            assert (await one.post(**RUN)).status == 200
            later(59.9)
            assert (await two.post(**RUN)).status == 200, "another worker knows when it began"
            later(60.1)
            got = [await worker.post(**RUN) for worker in (one, two)]
            assert (await one.post(x_genaiops_session="another")).status == 200
            later(86_400)
            assert (await two.post(**RUN)).status == 200, "a day later it is another"
            await one.quiet()
    assert [each.status for each in got] == [429, 429]
    for words in ("60 seconds in a session", "it began 60.1 s ago"):
        assert words in got[1].error["message"]
    assert ("tools.session", "block", {"seconds": 1}) in events(home)


async def test_cost_is_reserved_and_settled(home: Home) -> None:
    body = {**CHAT, "max_tokens": 100}
    async with Upstream(answers(completion(usage=(10, 5)))) as up:
        home.publish(key(), targets=(target(up.url),), prices=(price(),), guards=(limited(cost="0.002"),))
        async with running(home) as worker:
            statuses = [(got := await worker.post(body=body, **RUN)).status for _ in range(40)]
            await worker.quiet()
    made = statuses.index(429)
    assert 0 < made < 40, statuses
    assert set(statuses[made:]) == {429}
    spent = made * (10 * 2_000 + 5 * 8_000)  # nano-dollars
    bound = 2_000_000 - spent
    assert bound < (len(str(body)) + 256) * 2_000 + 100 * 8_000, "it went on as long as another call surely fitted"
    assert got.error["code"] == "session_limit_exceeded"
    assert "allows 0.002 USD in a session" in got.error["message"]
    assert ("tools.session", "block", {"cost": 1}) in events(home)


async def test_cost_without_a_price_is_refused(home: Home) -> None:
    home.publish(key(), targets=(target("http://127.0.0.1:1/v1"),), guards=(limited(cost="1"),))
    async with running(home) as worker:
        got = await worker.post(**RUN)
    assert (got.status, got.error["code"]) == (403, "price_unknown")


async def test_a_flag_lets_them_go_on(home: Home) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),), guards=(limited(steps=1, action="flag"),))
        async with running(home) as worker:
            assert [(await worker.post(**RUN)).status for _ in range(3)] == [200] * 3
            await worker.quiet()
    assert events(home) == [("tools.session", "flag", {"steps": 1})] * 2


async def test_a_call_without_a_session(home: Home) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),), guards=(limited(steps=1),))
        async with running(home) as worker:
            assert [(await worker.post()).status for _ in range(2)] == [200, 200]
            home.publish(targets=(target(up.url),), guards=(limited(steps=1, session="required"),))
            await until(lambda: worker.gateway.poll() or worker.home.observer.acknowledged().get(0) == home.version)
            got = await worker.post()
            assert (await worker.post(**RUN)).status == 200
    assert (got.status, got.error["code"], got.error["param"]) == (400, "session_required", "genaiops.session")
    assert "x-genaiops-session" in got.error["message"]
    unnamed = "tools.session", "flag", {"unnamed": 1}
    assert events(home) == [unnamed, unnamed, ("tools.session", "block", {"unnamed": 1})]


async def test_answers_from_memory_are_steps(home: Home) -> None:
    async with Upstream(answers()) as up:
        cached = CachePolicy(mode="exact")
        routes = (route("t", name="r", cache=cached),)
        home.publish(key(), targets=(target(up.url),), routes=routes, guards=(limited(steps=2),))
        async with running(home) as worker:
            body = {**CHAT, "model": "r", "temperature": 0}
            assert [(await worker.post(body=body, **RUN)).status for _ in range(3)] == [200, 200, 429]
            await worker.quiet()


async def test_the_limits_of_the_key_hold_beside_it(home: Home) -> None:
    async with Upstream(answers()) as up:
        home.publish(
            key(budgets=(budget("calls", 1, period="day"),)), targets=(target(up.url),), guards=(limited(steps=5),)
        )
        async with running(home) as worker:
            assert (await worker.post(**RUN)).status == 200
            got = await worker.post(**RUN)
            await worker.quiet()
    assert got.error["code"] == "budget_exceeded"
    assert events(home) == []


async def test_a_session_with_a_secret_in_its_name_counts_and_is_not_recorded(home: Home) -> None:
    guards = (policy(rule(), tools=ToolRules(steps=1)),)
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),), guards=guards)
        async with running(home) as worker:
            statuses = [(await worker.post(body=asked("Hi"), x_genaiops_session=f"of {TICKET}")).status for _ in "ab"]
    assert statuses == [200, 429]
    assert all(TICKET not in str(one) for one in home.records())


_Machines = tuple[Home, Home, str]


@asynccontextmanager
async def machines(
    path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[tuple[Home, Home, str]]:
    """Two data directories, each of a machine, that share their counters at that URL."""
    url = f"{redis_url}?prefix=test-{uuid.uuid4().hex}"
    made = {name: Machine(path, url, name, members=lambda: ["a", "b"]) for name in "ab"}

    def opened(file: Path, *, column: int | None, **_more: Any) -> Any:
        return made[file.parent.name].open(column)

    monkeypatch.setattr(harness.counters_mmap, "open_counters", opened)
    for machine in made.values():
        machine.keeper.start()
    homes = Home(path / "a"), Home(path / "b")
    try:
        yield *homes, url
    finally:
        for home in homes:
            home.close()
        for machine in made.values():
            await machine.close()
        forget_all(url)


def told(url: str) -> bool:
    """Whether a machine has said that it settled something."""
    place = place_of(url)
    client = redis.Redis.from_url(place.url)
    used = [int(value) for key in client.scan_iter(f"{place.prefix}used:*") for value in client.hvals(key)]
    client.close()
    return sum(used) > 0


@pytest.mark.needs_redis
async def test_machines_share_the_steps_of_a_session(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with machines(tmp_path, redis_url, monkeypatch) as homes, Upstream(answers()) as up:
        for home in homes[:2]:
            home.publish(key(), targets=(target(up.url),), guards=(limited(steps=6, seconds=3600),))
        async with running(homes[0]) as one, running(homes[1]) as two:
            statuses = [(await worker.post(**RUN)).status for _ in range(12) for worker in (one, two)]
            refused = await one.post(**RUN)
    assert statuses.count(200) == len(up.seen) == 6
    assert refused.error["code"] == "session_limit_exceeded"


@pytest.mark.needs_redis
async def test_machines_agree_when_a_session_began(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = calls.now_us()
    async with machines(tmp_path, redis_url, monkeypatch) as homes, Upstream(answers()) as up:
        for home in homes[:2]:
            home.publish(key(), targets=(target(up.url),), guards=(limited(seconds=600),))
        async with running(homes[0]) as one, running(homes[1]) as two:
            began = now // 86_400_000_000 * 86_400_000_000 + 1_000_000
            monkeypatch.setattr(calls, "now_us", lambda: began)
            assert (await one.post(**RUN)).status == 200
            monkeypatch.setattr(calls, "now_us", lambda: began + 601_000_000)
            await until(lambda: told(homes[2]), 30)
            got = await two.post(**RUN)
    assert got.status == 429, got.body
    assert "it began 601.0 s ago" in got.error["message"]
