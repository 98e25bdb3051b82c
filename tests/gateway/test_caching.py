"""Answers given again: to whom, for how long, in which form; and what is never kept."""

import asyncio
import json
from typing import Any

import pytest
from msgspec.structs import replace

from genaiops.domain import CachePolicy, EndUser, IdentityIssuer, Route, RouteTarget
from genaiops.gateway.identity import sign
from tests.gateway.harness import CHAT, QUICK, Got, Home, budget, key, price, rate, route, running, target, until
from tests.gateway.upstream import (
    DONE,
    ROLE,
    Upstream,
    answers,
    completion,
    event,
    fails,
    gated,
    stream_events,
    streams,
)

EXACT = CachePolicy(mode="exact")
ASK = {**CHAT, "model": "r"}


def cached(policy: CachePolicy = EXACT, **changes: Any) -> Route:
    return replace(route("t"), cache=policy, **changes)


def publish(home: Home, up: Upstream, *keys: Any, policy: CachePolicy = EXACT, **parts: Any) -> None:
    parts = {"targets": (target(up.url),), "routes": (cached(policy),), "prices": (price(),), **parts}
    home.publish(*(keys or (key(),)), **parts)


def said(got: Got) -> str:
    assert got.status == 200, got.body
    return got.headers["x-genaiops-cache"].partition(";")[0]


async def test_the_second_call_is_answered_from_the_cache_at_no_cost(home: Home) -> None:
    async with Upstream(answers()) as up:
        publish(home, up, key(budgets=(budget("calls", 10), budget("money", 10**12))))
        async with running(home) as worker:
            first, second = await worker.post(body=ASK), await worker.post(body=ASK)
            await worker.quiet()
            assert (said(first), said(second)) == ("miss", "hit")
            assert second.body == first.body
            assert second.headers["x-genaiops-cache"] == "hit; age=0"
            assert second.headers["x-genaiops-cost"] == "0"
            assert second.headers["x-genaiops-saved"] == first.headers["x-genaiops-cost"] != "0"
            assert (worker.used("bud_calls"), worker.used("bud_money")) == (2, 26_000)
    assert len(up.seen) == 1
    miss, hit = home.settled()
    assert (miss.cache, hit.cache, hit.attempts) == ("miss", "hit", ())
    assert miss.lookup is not None
    assert miss.lookup.outcome == "miss"
    assert hit.lookup is not None
    assert (hit.lookup.source, hit.lookup.how) == (miss.trace_id, "exact")
    assert hit.lookup.usage == miss.attempts[0].usage
    assert hit.lookup.cost == miss.attempts[0].cost


async def test_off_by_default(home: Home) -> None:
    async with Upstream(answers()) as up:
        publish(home, up, routes=(route("t"),))
        async with running(home) as worker:
            assert [said(await worker.post(body=ASK)) for _ in range(2)] == ["off", "off"]
    assert len(up.seen) == 2
    assert [one.lookup for one in home.settled()] == [None, None]


@pytest.mark.parametrize(
    "body",
    [
        {**ASK, "temperature": 0.5},
        {**ASK, "messages": [{"role": "user", "content": "Say hello "}]},
        {**ASK, "seed": 1},
        {**ASK, "tools": [{"type": "function", "function": {"name": "f"}}]},
        {**ASK, "messages": [{"role": "system", "content": "Be brief"}, *CHAT["messages"]]},
    ],
)
async def test_another_request_is_another_answer(home: Home, body: Any) -> None:
    async with Upstream(answers()) as up:
        publish(home, up)
        async with running(home) as worker:
            assert said(await worker.post(body=ASK)) == "miss"
            assert said(await worker.post(body=body)) == "miss"


@pytest.mark.parametrize(
    "body",
    [
        dict(reversed(ASK.items())),
        {**ASK, "user": "anna"},
        {**ASK, "metadata": {"a": "b"}},
        {**ASK, "genaiops": {"session": "s"}},
        json.dumps(ASK).replace('", "m', '" ,\n"m').encode(),
    ],
)
async def test_what_does_not_change_the_answer_does_not_change_the_key(home: Home, body: Any) -> None:
    async with Upstream(answers()) as up:
        publish(home, up)
        async with running(home) as worker:
            assert said(await worker.post(body=ASK)) == "miss"
            got = await worker.post(body=body)
    assert said(got) == "hit"


async def test_a_field_that_stands_there_twice_keeps_the_call_out(home: Home) -> None:
    """Servers differ in which of the two they take: one key could hold the answer to the other."""
    twice = b'{"model":"r","messages":[{"role":"user","content":"a"}],"messages":[{"role":"user","content":"b"}]}'
    once = b'{"model":"r","messages":[{"role":"user","content":"b"}]}'
    async with Upstream(answers()) as up:
        publish(home, up)
        async with running(home) as worker:
            assert said(await worker.post(body=twice)) == "off"
            assert said(await worker.post(body=once)) == "miss"
            assert said(await worker.post(body=twice.replace(b":", b": "))) == "off"


# -- isolation


async def pairs(home: Home, first: Any, second: Any, policy: CachePolicy, **headers: str) -> str:
    async with Upstream(answers()) as up:
        publish(home, up, first, second, policy=policy)
        async with running(home) as worker:
            assert said(await worker.post(body=ASK, key="one")) == "miss"
            return said(await worker.post(body=ASK, key="two", **headers))


@pytest.mark.parametrize(
    ("scope", "changes", "outcome"),
    [
        ("team", {}, "hit"),
        ("team", {"team_id": "sales"}, "miss"),
        ("team", {"environment_id": "prod"}, "miss"),
        ("team", {"tenant_id": "other"}, "miss"),
        ("key", {}, "miss"),
        ("tenant", {"team_id": "sales"}, "hit"),
        ("tenant", {"tenant_id": "other"}, "miss"),
        ("tenant", {"environment_id": "prod"}, "miss"),
    ],
)
async def test_who_shares_an_answer(home: Home, scope: Any, changes: dict[str, Any], outcome: str) -> None:
    other = key("two", key_id="key_2", **changes)
    assert await pairs(home, key("one"), other, CachePolicy(mode="exact", scope=scope)) == outcome


async def test_a_key_without_a_team_shares_with_nobody(home: Home) -> None:
    alone = {"team_id": None}
    assert await pairs(home, key("one", **alone), key("two", key_id="key_2", **alone), EXACT) == "miss"


async def test_a_key_that_does_not_reach_the_same_targets_gets_no_answer_of_theirs(home: Home) -> None:
    targets = (target("http://127.0.0.1:9", id="t"), target("http://127.0.0.1:9", id="u", model="secret"))
    async with Upstream(answers()) as up:
        home.publish(
            key("one"),
            key("two", key_id="key_2", models=("m",)),
            targets=tuple(replace(one, base_url=up.url) for one in targets),
            routes=(
                Route(id="r", targets=(RouteTarget("t"), RouteTarget("u")), retry=QUICK, created_us=1, cache=EXACT),
            ),
        )
        async with running(home) as worker:
            assert said(await worker.post(body=ASK, key="one")) == "miss"
            assert said(await worker.post(body=ASK, key="two")) == "miss"
            assert said(await worker.post(body=ASK, key="two")) == "hit"


async def test_users_share_only_with_the_same_groups(home: Home) -> None:
    secret = "a-shared-secret-of-enough-bytes-for-hs256"
    home.secrets.put("PORTAL", secret)
    issuer = IdentityIssuer(id="portal", algorithm="HS256", secret="PORTAL", created_us=1)

    def user(name: str, *groups: str) -> str:
        return sign(EndUser(id=name, groups=groups), secret, 4e9).decode()

    async with Upstream(answers()) as up:
        publish(home, up, issuers=(issuer,))
        async with running(home) as worker:
            asked = [
                (user("anna", "legal", "staff"), "miss"),
                (user("ben", "staff"), "miss"),
                (user("eve"), "miss"),
                (user("carl", "staff", "legal"), "hit"),
                (user("dora", "staff"), "hit"),
                (user("fred", "staff,legal"), "miss"),
            ]
            for signed, outcome in asked:
                assert said(await worker.post(body=ASK, x_genaiops_user=signed)) == outcome
            assert said(await worker.post(body=ASK)) == "miss"


# -- time, and what clients say


async def test_time_to_live(home: Home) -> None:
    async with Upstream(answers()) as up:
        publish(home, up, policy=CachePolicy(mode="exact", ttl=0.2))
        async with running(home) as worker:
            assert [said(await worker.post(body=ASK)) for _ in range(2)] == ["miss", "hit"]
            await asyncio.sleep(0.25)
            assert said(await worker.post(body=ASK)) == "miss"


@pytest.mark.parametrize(
    ("headers", "outcomes", "calls"),
    [
        ({"cache_control": "no-store"}, ["off", "off", "miss"], 3),
        ({"x_genaiops_cache": "off"}, ["off", "off", "miss"], 3),
        ({"cache_control": "max-age=60, no-store"}, ["off", "off", "miss"], 3),
        ({"cache_control": "no-cache"}, ["miss", "miss", "hit"], 2),
        ({"cache_control": "max-age=0"}, ["miss", "miss", "hit"], 2),
        ({"cache_control": "max-age=60"}, ["miss", "hit", "hit"], 1),
        ({"cache_control": "max-age=x"}, ["miss", "miss", "hit"], 2),
        ({"cache_control": "only-if-cached"}, ["miss", "hit", "hit"], 1),
    ],
)
async def test_what_a_client_may_say(home: Home, headers: dict[str, str], outcomes: list[str], calls: int) -> None:
    async with Upstream(answers()) as up:
        publish(home, up)
        async with running(home) as worker:
            found = [said(await worker.post(body=ASK, **headers)) for _ in range(2)]
            found.append(said(await worker.post(body=ASK)))
    assert found == outcomes
    assert len(up.seen) == calls


async def test_other_configuration_means_other_answers(home: Home) -> None:
    async with Upstream(answers()) as up:
        publish(home, up)
        async with running(home) as worker:
            assert said(await worker.post(body=ASK)) == "miss"
            changes: list[tuple[dict[str, Any], str]] = [
                ({}, "hit"),
                ({"routes": (cached(), route("t", name="unrelated"))}, "hit"),
                ({"routes": (cached(cache_cleared_us=5),)}, "miss"),
                ({"routes": (cached(CachePolicy(mode="exact", namespace="b")),)}, "miss"),
                ({"targets": (target(up.url, upstream_model="real-model-2"),)}, "miss"),
            ]
            for parts, outcome in changes:
                publish(home, up, **parts)
                assert said(await worker.post(body=ASK)) == outcome


# -- what is kept


@pytest.mark.parametrize(
    "answer",
    [
        fails(500),
        answers({**completion(), "choices": [{**completion()["choices"][0], "finish_reason": "content_filter"}]}),
        answers({**completion(), "choices": [{**completion()["choices"][0], "finish_reason": None}]}),
        answers(completion("x" * 300_000)),
    ],
    ids=["an error", "filtered", "without an end", "too large"],
)
async def test_what_is_not_kept(home: Home, answer: Any) -> None:
    async with Upstream(answer) as up:
        publish(home, up, routes=(replace(cached(), retry=replace(QUICK, attempts=1)),))
        async with running(home) as worker:
            for _ in range(2):
                got = await worker.post(body=ASK)
                assert got.headers.get("x-genaiops-cache", "miss") == "miss"
            await worker.quiet()
    assert len(up.seen) == 2


async def test_several_answers_at_once_are_not_kept(home: Home) -> None:
    async with Upstream(answers()) as up:
        publish(home, up)
        async with running(home) as worker:
            assert [said(await worker.post(body={**ASK, "n": 2})) for _ in range(2)] == ["off", "off"]


async def test_warm_requests_can_be_left_out(home: Home) -> None:
    async with Upstream(answers()) as up:
        publish(home, up, policy=CachePolicy(mode="exact", max_temperature=0.2))
        async with running(home) as worker:
            for temperature, outcome in ((None, "off"), (0.7, "off"), (0.2, "hit"), (0, "hit")):
                body = ASK if temperature is None else {**ASK, "temperature": temperature}
                await worker.post(body=body)
                assert said(await worker.post(body=body)) == outcome


# -- streams


async def test_a_stream_is_given_again_as_a_stream_and_whole(home: Home) -> None:
    asked = {**ASK, "stream": True}
    async with Upstream(streams(*stream_events("Hel", "lo ", "there"))) as up:
        publish(home, up)
        async with running(home) as worker:
            first, second = await worker.post(body=asked), await worker.post(body=asked)
            third = await worker.post(body={**asked, "stream_options": {"include_usage": True}})
            whole = await worker.post(body=ASK)
            await worker.quiet()
    assert len(up.seen) == 1
    assert [said(one) for one in (first, second, third, whole)] == ["miss", "hit", "hit", "hit"]
    assert first.text == second.text == third.text == "Hello there"
    assert second.headers["content-type"].startswith("text/event-stream")
    assert second.events[-1] == third.events[-1] == "[DONE]"
    assert not any("usage" in one for one in second.events[:-1])
    assert third.events[-2]["usage"]["total_tokens"] == 7
    assert third.events[-2]["choices"] == []
    assert whole.json["choices"][0]["message"] == {"role": "assistant", "content": "Hello there"}
    assert whole.json["usage"] == {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}


async def test_a_whole_answer_is_given_again_as_a_stream(home: Home) -> None:
    async with Upstream(answers(completion("Hello there " * 100))) as up:
        publish(home, up)
        async with running(home) as worker:
            assert said(await worker.post(body=ASK)) == "miss"
            got = await worker.post(body={**ASK, "stream": True})
    assert said(got) == "hit"
    assert got.text == "Hello there " * 100
    assert len(got.events) > 3


async def test_a_stream_that_broke_off_is_not_kept(home: Home) -> None:
    broken = streams(ROLE, event("Hel"), end=False)
    async with Upstream(broken, streams(*stream_events("Hello"))) as up:
        publish(home, up)
        async with running(home) as worker:
            assert (await worker.post(body={**ASK, "stream": True})).cut
            assert said(await worker.post(body=ASK | {"stream": True})) == "miss"
            await worker.quiet()


# -- equal calls at the same time


async def test_equal_calls_that_come_together_make_one(home: Home) -> None:
    async def after(seen: Any, wire: Any) -> bool | None:
        for piece in (event("lo"), event(finish="stop"), event(usage=(5, 2)), DONE):
            await wire.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        await wire.write(b"0\r\n\r\n")
        return True

    async with Upstream(gated(ROLE + event("Hel"), after)) as up:
        publish(home, up)
        async with running(home) as worker:
            asked = [asyncio.create_task(worker.post(body={**ASK, "stream": True})) for _ in range(5)]
            await until(lambda: worker.gateway._caching._followers == 4)
            up.gate.set()
            got = await asyncio.gather(*asked)
            await worker.quiet()
            assert worker.gateway._caching._leaders == {}
    assert len(up.seen) == 1
    assert sorted(said(one) for one in got) == ["hit"] * 4 + ["miss"]
    assert {one.text for one in got} == {"Hello"}


async def test_when_the_first_fails_the_others_try_themselves(home: Home) -> None:
    async def slow(seen: Any, wire: Any) -> bool | None:
        await wire.gate.wait()
        return await fails(500)(seen, wire)

    async with Upstream(slow, answers()) as up:
        publish(home, up, routes=(replace(cached(), retry=replace(QUICK, attempts=1)),))
        async with running(home) as worker:
            asked = [asyncio.create_task(worker.post(body=ASK)) for _ in range(3)]
            await until(lambda: worker.gateway._caching._followers == 2)
            up.gate.set()
            got = await asyncio.gather(*asked)
            await worker.quiet()
    assert sorted(one.status for one in got) == [200, 200, 502]


async def test_nobody_waits_for_ever(home: Home) -> None:
    async def slow(seen: Any, wire: Any) -> bool | None:
        await wire.gate.wait()
        return await answers()(seen, wire)

    async with Upstream(slow, answers()) as up:
        publish(home, up)
        async with running(home, cache_wait=0.1) as worker:
            first = asyncio.create_task(worker.post(body=ASK))
            await until(lambda: bool(up.seen))
            second = await worker.post(body=ASK)
            assert said(second) == "miss"
            up.gate.set()
            assert said(await first) == "miss"
            await worker.quiet()
    notes = {one.lookup.note for one in home.settled() if one.lookup is not None}
    assert notes == {None, "waited in vain"}


async def test_a_follower_that_leaves_is_settled(home: Home) -> None:
    async def slow(seen: Any, wire: Any) -> bool | None:
        await wire.gate.wait()
        return await answers()(seen, wire)

    async with Upstream(slow) as up:
        publish(home, up)
        async with running(home) as worker:
            first = asyncio.create_task(worker.post(body=ASK))
            await until(lambda: bool(up.seen))
            second = asyncio.create_task(worker.post(body=ASK))
            await until(lambda: worker.gateway._caching._followers == 1)
            second.cancel()
            await until(lambda: worker.gateway._caching._followers == 0)
            up.gate.set()
            assert said(await first) == "miss"
            await worker.quiet()
    assert sorted(one.status for one in home.settled()) == ["cancelled", "ok"]


# -- limits, other endpoints


async def test_a_hit_counts_as_a_call(home: Home) -> None:
    async with Upstream(answers()) as up:
        publish(home, up, key(rate_limits=(rate(requests_per_minute=2),)))
        async with running(home) as worker:
            assert [(await worker.post(body=ASK)).status for _ in range(3)] == [200, 200, 429]


async def test_embeddings(home: Home) -> None:
    vectors = {"object": "list", "data": [{"embedding": [0.5], "index": 0}], "usage": {"prompt_tokens": 3}}
    async with Upstream(answers(vectors)) as up:
        publish(home, up)
        async with running(home) as worker:
            body = {"model": "r", "input": "hello"}
            got = [await worker.post("/v1/embeddings", body) for _ in range(2)]
    assert [said(one) for one in got] == ["miss", "hit"]
    assert got[0].body == got[1].body


@pytest.mark.parametrize("streamed", [False, True])
async def test_other_dialects_are_kept_as_they_were_sent(home: Home, streamed: bool) -> None:
    body = {"model": "r", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "stream": streamed}
    async with Upstream(streams(*stream_events("Hello")) if streamed else answers()) as up:
        publish(home, up)
        async with running(home) as worker:
            got = [await worker.post("/v1/messages", body) for _ in range(2)]
            await worker.quiet()
    assert [said(one) for one in got] == ["miss", "hit"]
    assert got[0].body == got[1].body


async def test_an_idempotency_key_repeats_a_hit(home: Home) -> None:
    async with Upstream(answers()) as up:
        publish(home, up)
        async with running(home) as worker:
            await worker.post(body=ASK)
            got = [await worker.post(body=ASK, idempotency_key="k") for _ in range(2)]
            await worker.quiet()
    assert got[1].headers["x-genaiops-idempotent-replay"] == "true"
    assert [said(one) for one in got] == ["hit", "hit"]
