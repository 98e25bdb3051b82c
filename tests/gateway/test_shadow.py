"""Copies of calls to a shadow target: for nobody's answer, with a trace and limits of their own."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from genaiops.domain import Budget, Environment, Scope, ShadowPolicy
from tests.gateway.harness import CHAT, Home, Worker, budget, key, price, route, running, target, until
from tests.gateway.upstream import Script, Seen, Upstream, Wire, answers, completion, fails, stream_events, streams

ROUTED = {**CHAT, "model": "r"}
ALL = ShadowPolicy("shadow", "shadow/r", share=1.0)


def shadow_budget(meter: Any = "tokens", limit: int = 10**6) -> Budget:
    return budget(meter, limit, id="bud_shadow", scope=Scope("application", "shadow/r"))


@contextlib.asynccontextmanager
async def shadowed(
    home: Home,
    script: Script,
    *keys: Any,
    policy: ShadowPolicy = ALL,
    limit: Budget | None = None,
    shadow: dict[str, Any] | None = None,
    **more: Any,
) -> AsyncGenerator[tuple[Worker, Upstream]]:
    async with Upstream(answers()) as a, Upstream(script) as b:
        targets = (target(a.url, id="a"), target(b.url, id="shadow", model="candidate", **(shadow or {})))
        routes = (route("a", shadow=policy, **more),)
        budgets = () if limit is None else (limit,)
        home.publish(*(keys or (key(),)), targets=targets, routes=routes, budgets=budgets, prices=(price(),))
        async with running(home) as worker:
            yield worker, b
            await until(lambda: not worker.gateway._shadows._tasks)
            await worker.quiet()


async def test_a_copy_has_a_trace_and_a_charge_of_its_own(home: Home) -> None:
    mine = (budget("tokens", 10**6),)
    async with shadowed(
        home, answers(completion("another answer", usage=(6, 3))), key(budgets=mine), limit=shadow_budget()
    ) as (worker, up):
        got = await worker.post(body={**ROUTED, "user": "ann"})
        await until(lambda: len(home.settled()) == 2)
        assert worker.used("bud_tokens") == 7
        assert worker.used("bud_shadow") == 9
    assert (got.status, got.headers["x-genaiops-target"]) == (200, "a")
    assert got.json["choices"][0]["message"]["content"] == "Hello there"
    assert up.seen[0].json["messages"] == CHAT["messages"]
    call, copy = home.admitted()
    assert call.shadow_of is None
    assert copy.shadow_of == call.trace_id
    assert copy.trace_id != call.trace_id
    assert (copy.application, copy.team_id, copy.key_id) == ("shadow/r", None, "shadow/r")
    assert (copy.user_id, copy.actor_id, copy.environment_id, copy.route_id) == ("ann", "act_1", "dev", "r")
    attempt = home.settled()[1].attempts[0]
    assert (attempt.target_id, attempt.status) == ("shadow", "ok")
    assert b"another answer" in home.bodies()[-1]


async def test_a_stream_is_copied_too(home: Home) -> None:
    async with (
        Upstream(streams(*stream_events("Hel", "lo"))) as a,
        Upstream(streams(*stream_events("Bon", "jour"))) as b,
    ):
        targets = (target(a.url, id="a"), target(b.url, id="shadow", model="candidate"))
        home.publish(key(), targets=targets, routes=(route("a", shadow=ALL),), budgets=(shadow_budget(),))
        async with running(home) as worker:
            got = await worker.stream({**ROUTED, "stream": True})
            await until(lambda: len(home.settled()) == 2)
            await worker.quiet()
    assert got.text == "Hello"
    copy = home.settled()[1]
    assert (copy.status, copy.attempts[0].target_id) == ("ok", "shadow")
    assert b"jour" in home.bodies()[-1]


async def test_a_slow_or_failing_shadow_is_not_noticed(home: Home) -> None:
    gate = asyncio.Event()

    async def slow(seen: Seen, wire: Wire) -> bool | None:
        await gate.wait()
        return await fails(500)(seen, wire)

    policy = ShadowPolicy("shadow", "shadow/r", share=1.0, concurrency=2)
    async with shadowed(home, slow, policy=policy, limit=shadow_budget()) as (worker, up):
        for _ in range(6):
            assert (await worker.post(body=ROUTED)).status == 200
        await until(lambda: len(up.seen) == 2)
        assert worker.gateway._books.tally.unshadowed == 4  # more than `concurrency` are left out
        gate.set()
        await until(lambda: len(home.settled()) == 8)
    assert [one.status for one in home.settled()].count("error") == 2
    assert len(up.seen) == 2  # no retries


async def test_its_budget_refuses_it(home: Home) -> None:
    async with shadowed(home, answers(), limit=shadow_budget(limit=10)) as (worker, up):
        assert (await worker.post(body=ROUTED)).status == 200
        await until(lambda: len(home.refused()) == 1)
    refused = home.refused()[0]
    assert (refused.error_type, refused.admitted.shadow_of) == ("budget_exceeded", home.admitted()[0].trace_id)
    assert not up.seen


@pytest.mark.parametrize(
    ("limit", "changes", "shadow", "keys"),
    [
        (None, {}, {}, ()),
        (budget("tokens", 10, id="soft", hard=False, scope=Scope("application", "shadow/r")), {}, {}, ()),
        (shadow_budget(), {}, {"enabled": False}, ()),
        (shadow_budget(), {}, {"operations": ("embeddings",)}, ()),
        (shadow_budget(), {}, {"environments": ("prod",)}, ()),
        (shadow_budget(), {}, {"region": "us"}, (key(regions=("eu",)),)),
    ],
)
async def test_where_none_may_be_made(home: Home, limit: Any, changes: Any, shadow: Any, keys: Any) -> None:
    """No hard budget; off; other operations; another environment; out of the region that the key insists on."""
    async with Upstream(answers()) as a, Upstream(answers()) as b:
        targets = (target(a.url, id="a", region="eu"), target(b.url, id="shadow", model="candidate", **shadow))
        home.publish(
            *(keys or (key(),)),
            targets=targets,
            routes=(route("a", shadow=ALL, **changes),),
            budgets=() if limit is None else (limit,),
            environments=(Environment(id="prod", kind="prod", created_us=1),),
        )
        async with running(home) as worker:
            assert (await worker.post(body=ROUTED)).status == 200
            await asyncio.sleep(0.05)
            await worker.quiet()
            assert worker.gateway._books.tally.unshadowed == 1
    assert not b.seen
    assert len(home.admitted()) == 1


async def test_only_a_share_is_copied(home: Home) -> None:
    policy = ShadowPolicy("shadow", "shadow/r", share=0.25, concurrency=100)
    async with shadowed(home, answers(), policy=policy, limit=shadow_budget()) as (worker, up):
        for _ in range(200):
            await worker.post(body=ROUTED)
        await until(lambda: not worker.gateway._shadows._tasks)
    assert 20 < len(up.seen) < 85  # 50, five standard deviations either way


async def test_a_worker_that_stops_settles_its_copies(home: Home) -> None:
    async def silent(seen: Seen, wire: Wire) -> bool:
        await wire.closed()
        return False

    async with Upstream(answers()) as a, Upstream(silent) as b:
        targets = (target(a.url, id="a"), target(b.url, id="shadow", model="candidate"))
        home.publish(key(), targets=targets, routes=(route("a", shadow=ALL),), budgets=(shadow_budget(),))
        async with running(home) as worker:
            await worker.post(body=ROUTED)
            await until(lambda: len(b.seen) == 1)
    assert [(one.status, one.error_type) for one in home.settled()] == [("ok", None), ("error", "worker_stopped")]


async def test_a_call_in_another_dialect_is_copied_in_it(home: Home) -> None:
    async with shadowed(home, answers(completion("another answer")), limit=shadow_budget()) as (worker, up):
        body = {"model": "r", "max_tokens": 20, "messages": CHAT["messages"], "metadata": {"user_id": "ann"}}
        got = await worker.post("/v1/messages", body, helicone_property_plan="pro")
        await until(lambda: len(home.settled()) == 2)
    assert (got.status, got.json["content"][0]["text"]) == (200, "Hello there")
    assert up.seen[0].path == "/v1/chat/completions"
    call, copy = home.admitted()
    assert copy.properties == call.properties
    assert copy.properties["plan"] == "pro"
    assert home.settled()[1].status == "ok"
    assert b"another answer" in home.bodies()[-1]
