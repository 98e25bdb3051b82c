"""Answers given again: for how long, and what is never kept."""

import asyncio
import json
from typing import Any

import pytest
from msgspec.structs import replace

from genaiops.domain import CachePolicy
from tests.gateway.caching_calls import ASK, cached, publish, said
from tests.gateway.harness import CHAT, QUICK, Home, budget, key, rate, route, running, target
from tests.gateway.upstream import (
    Upstream,
    answers,
    completion,
    fails,
    stream_events,
    streams,
)


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


async def test_an_idempotency_key_repeats_a_miss(home: Home) -> None:
    async with Upstream(answers()) as up:
        publish(home, up)
        async with running(home) as worker:
            got = [await worker.post(body=ASK, idempotency_key="k") for _ in range(2)]
            assert said(await worker.post(body=ASK)) == "hit"
            await worker.quiet()
    assert [said(one) for one in got] == ["miss", "miss"]
    assert len(up.seen) == 1


async def test_an_idempotency_key_repeats_a_hit(home: Home) -> None:
    async with Upstream(answers()) as up:
        publish(home, up)
        async with running(home) as worker:
            await worker.post(body=ASK)
            got = [await worker.post(body=ASK, idempotency_key="k") for _ in range(2)]
            await worker.quiet()
    assert got[1].headers["x-genaiops-idempotent-replay"] == "true"
    assert [said(one) for one in got] == ["hit", "hit"]
