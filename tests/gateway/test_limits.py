"""Budgets and rate limits: reserved before, settled after, refused with what a client needs to know."""

import asyncio
import json
from typing import Any

import pytest

from genaiops.domain import Fees, Scope, Settled, Tier
from tests.gateway.harness import CHAT, Home, budget, key, price, rate, route, running, target, until
from tests.gateway.upstream import (
    Script,
    Seen,
    Upstream,
    Wire,
    answers,
    completion,
    fails,
    response,
    stream_events,
    streams,
)

SIZE = len(json.dumps(CHAT)) + 256


def waits_for(gate: asyncio.Event, body: Any = None) -> Script:
    async def script(seen: Seen, wire: Wire) -> bool:
        await gate.wait()
        await wire.write(response(200, completion() if body is None else body))
        return True

    return script


async def test_a_budget_on_calls_ends(home: Home) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(budgets=(budget("calls", 2, period="day"),)), targets=(target(up.url),))
        async with running(home) as worker:
            statuses = [(await worker.post()).status for _ in range(2)]
            got = await worker.post()
            await worker.quiet()
            assert worker.used("bud_calls") == 2
    assert statuses == [200, 200]
    assert (got.status, got.error["code"], got.error["type"]) == (429, "budget_exceeded", "insufficient_quota")
    assert 0 < int(got.headers["retry-after"]) <= 86_400
    assert "x-should-retry" not in got.headers
    for word in ("'bud_calls'", "key 'key_1'", "2 calls a day", "used 2 calls", "reserved 0 calls", "1 calls"):
        assert word in got.error["message"]
    refused = home.refused()[0]
    assert (refused.http_status, refused.error_type, refused.admitted.model) == (429, "budget_exceeded", "m")
    assert len(up.seen) == 2


async def test_a_call_that_can_never_fit(home: Home) -> None:
    home.publish(key(budgets=(budget("tokens", 100, period="total"),)), targets=(target("http://127.0.0.1:1/v1"),))
    async with running(home) as worker:
        got = await worker.post(body={**CHAT, "max_tokens": 10})
        await worker.quiet()
    assert got.status == 429
    assert "retry-after" not in got.headers
    assert got.headers["x-should-retry"] == "false"
    assert "smaller max_tokens" in got.error["message"]


@pytest.mark.parametrize(
    ("body", "bound"),
    [
        ({**CHAT, "max_tokens": 100}, 100),
        ({**CHAT, "max_completion_tokens": 100}, 100),
        ({**CHAT, "max_tokens": 50, "max_completion_tokens": 100}, 100),
        ({**CHAT, "max_tokens": 100, "n": 3}, 300),
        ({**CHAT}, 777),
        ({**CHAT, "n": 2}, 2 * 777),
        ({**CHAT, "max_tokens": 1, "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}, 1),
        (
            {**CHAT, "max_tokens": 1, "messages": [{"role": "user", "content": [{"type": "image_url"}]}] * 2},
            1 + 2 * 4096,
        ),
    ],
)
async def test_the_upper_bound_of_a_chat(home: Home, body: dict[str, Any], bound: int) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(budgets=(budget("tokens", 1 << 40),)), targets=(target(up.url, max_output_tokens=777),))
        async with running(home) as worker:
            await worker.post(body=body)
            await worker.quiet()
    assert home.admitted()[0].reserved[0].amount == len(json.dumps(body)) + 256 + bound
    assert home.settled()[0].charged[0].amount == 7
    capped = "max_tokens" in body or "max_completion_tokens" in body
    assert up.seen[0].json.get("max_tokens") == (body.get("max_tokens") if capped else 777)


@pytest.mark.parametrize(
    ("path", "body", "bound"),
    [
        ("/v1/completions", {"model": "m", "prompt": "a", "max_tokens": 10, "n": 2, "best_of": 5}, 50),
        ("/v1/completions", {"model": "m", "prompt": ["a", "b", "c"], "max_tokens": 10}, 30),
        ("/v1/completions", {"model": "m", "prompt": "a", "max_tokens": 0}, 4096),
        ("/v1/completions", {"model": "m", "prompt": [1, 2, 3], "max_tokens": 10}, 10),
        ("/v1/completions", {"model": "m", "prompt": [[1, 2], [3]], "max_tokens": 10}, 20),
        ("/v1/embeddings", {"model": "m", "input": ["a", "b"]}, 0),
    ],
)
async def test_the_upper_bound_of_others(home: Home, path: str, body: dict[str, Any], bound: int) -> None:
    async with Upstream(answers({"choices": [{"text": "a"}], "data": [{}], "usage": {"prompt_tokens": 3}})) as up:
        home.publish(key(budgets=(budget("tokens", 1 << 40),)), targets=(target(up.url),))
        async with running(home) as worker:
            await worker.post(path, body)
            await worker.quiet()
    assert home.admitted()[0].reserved[0].amount == len(json.dumps(body)) + 256 + bound
    assert home.settled()[0].charged[0].amount == 3


@pytest.mark.parametrize("given", [0, -1])
@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/chat/completions", CHAT, "max_tokens"),
        ("/v1/chat/completions", CHAT, "max_completion_tokens"),
        ("/v1/responses", {"model": "m", "input": "a"}, "max_output_tokens"),
    ],
)
async def test_no_answer_cannot_be_asked_for(home: Home, path: str, body: Any, field: str, given: int) -> None:
    """As at OpenAI, whose completions alone take 0 (to score a prompt)."""
    home.publish(key(), targets=(target("http://127.0.0.1:1/v1"),))
    async with running(home) as worker:
        got = await worker.post(path, {**body, field: given})
    assert (got.status, got.error["param"]) == (400, field)
    assert ">= 1" in got.error["message"]


async def test_an_embedding_reserves_what_embeddings_can_cost(home: Home) -> None:
    """Neither audio nor cache writes, however dear the price says those are."""
    dear = price(cache_write=90_000_000_000, audio_input=90_000_000_000)
    body = {"model": "m", "input": "a"}
    async with Upstream(answers({"data": [{}], "usage": {"prompt_tokens": 3}})) as up:
        home.publish(key(budgets=(budget("money", 1 << 50),)), targets=(target(up.url),), prices=(dear,))
        async with running(home) as worker:
            await worker.post("/v1/embeddings", body)
            await worker.quiet()
            assert worker.used("bud_money") == 3 * 2000
    assert 0 <= home.admitted()[0].reserved[0].amount - (len(json.dumps(body)) + 256) * 2000 < 100


async def test_no_cap_is_put_in_where_nothing_can_refuse(home: Home) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(budgets=(budget("tokens", 5, hard=False),)), targets=(target(up.url),))
        async with running(home) as worker:
            got = await worker.post()
            assert worker.used("bud_tokens") == 7
    assert got.status == 200
    assert "max_tokens" not in up.seen[0].json


async def test_another_cap_than_max_tokens_is_refused_where_a_limit_relies_on_it(home: Home) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(budgets=(budget("tokens", 1 << 40),)), key("free", key_id="free"), targets=(target(up.url),))
        async with running(home) as worker:
            body = {**CHAT, "max_tokens": 1, "n_predict": -1}
            limited, free = await worker.post(body=body), await worker.post(body=body, key="free")
    assert (limited.status, limited.error["param"], free.status) == (400, "n_predict", 200)


async def test_money_is_bound_by_the_dearest_target_and_charged_by_the_one_that_served(home: Home) -> None:
    prices = (price(), price(id="p2", model="dear-model", input=20_000_000_000, output=80_000_000_000))
    async with Upstream(answers()) as up:
        targets = (target(up.url), target(up.url, id="dear", upstream_model="dear-model"))
        routes = (route("t", fallbacks=("dear",)),)
        home.publish(key(budgets=(budget("money", 10**12),)), targets=targets, routes=routes, prices=prices)
        async with running(home) as worker:
            body = {**CHAT, "model": "r", "max_tokens": 10}
            got = await worker.post(body=body)
            await worker.quiet()
    into = len(json.dumps(body)) + 256
    assert home.admitted()[0].reserved[0].amount == into * 20_000 + 10 * 80_000 + 11
    assert home.settled()[0].charged[0].amount == 5 * 2000 + 2 * 8000
    assert got.headers["x-genaiops-cost"] == "0.000026000"


async def test_a_hard_budget_in_money_takes_only_priced_targets(home: Home) -> None:
    async with Upstream(answers()) as up:
        targets = (target(up.url), target(up.url, id="free", upstream_model="no-price", model="free"))
        home.publish(
            key(budgets=(budget("money", 10**12),)),
            key("soft", key_id="soft", budgets=(budget("money", 1, hard=False),)),
            key("eur", key_id="eur", budgets=(budget("money", 10**12, currency="EUR", id="bud_eur"),)),
            targets=targets,
            routes=(route("free", "t"),),
            prices=(price(),),
        )
        async with running(home) as worker:
            only = [await worker.post(body={**CHAT, "model": "r"}) for _ in range(10)]
            unknown = await worker.post(body={**CHAT, "model": "free"})
            soft = await worker.post(body={**CHAT, "model": "free"}, key="soft")
            euro = await worker.post(key="eur")
            await worker.quiet()
    assert {one.headers["x-genaiops-target"] for one in only} == {"t"}
    assert (unknown.status, unknown.error["code"]) == (403, "price_unknown")
    assert (euro.status, euro.error["code"]) == (403, "price_unknown")
    assert (soft.status, soft.headers["x-genaiops-cost"]) == (200, "unknown")


async def test_a_price_change_takes_effect_at_its_time(home: Home) -> None:
    future = price(id="later", version=2, input=1, output=1, valid_from_us=1 << 60)
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),), prices=(future, price(), price(id="star", model="*", input=9)))
        async with running(home) as worker:
            got = await worker.post()
    assert got.headers["x-genaiops-cost"] == "0.000026000"
    cost = home.attempts()[0].cost
    assert cost is not None
    assert (cost.price_id, cost.price_version) == ("pri_1", 1)


async def test_limits_of_every_scope_hold(home: Home) -> None:
    scopes = [
        Scope("team", "search"),
        Scope("environment", "dev"),
        Scope("tenant", "default"),
        Scope("application", "app1"),
    ]
    budgets = tuple(budget("calls", 10, id=f"b_{scope.kind}", scope=scope) for scope in scopes)
    elsewhere = budget("calls", 0, id="b_other", scope=Scope("team", "other"))
    async with Upstream(answers()) as up:
        home.publish(
            key(budgets=(budget("calls", 10),), application="app1"),
            targets=(target(up.url),),
            budgets=(*budgets, elsewhere),
        )
        async with running(home) as worker:
            assert (await worker.post()).status == 200
    expected = {"bud_calls", "b_team", "b_environment", "b_tenant", "b_application"}
    assert {one.budget_id for one in home.settled()[0].charged} == expected


async def test_requests_a_minute(home: Home) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(rate_limits=(rate(requests_per_minute=3),)), targets=(target(up.url),))
        async with running(home) as worker:
            gots = [await worker.post() for _ in range(4)]
            await worker.quiet()
    assert [one.status for one in gots] == [200, 200, 200, 429]
    assert [one.headers["x-ratelimit-remaining-requests"] for one in gots[:3]] == ["2", "1", "0"]
    assert gots[0].headers["x-ratelimit-limit-requests"] == "3"
    assert gots[0].headers["x-ratelimit-reset-requests"] == "20.000s"
    assert (gots[3].error["code"], gots[3].error["type"]) == ("rate_limit_exceeded", "rate_limit_error")
    assert 0 < int(gots[3].headers["retry-after"]) <= 20
    assert "3 requests a minute" in gots[3].error["message"]


async def test_questions_for_the_size_of_a_prompt_have_the_same_limit_beside_the_calls(home: Home) -> None:
    google = {"contents": [{"parts": [{"text": "hello"}]}]}
    async with Upstream(answers()) as up:
        limits = rate(requests_per_minute=3, tokens_per_minute=90_000)
        home.publish(key(rate_limits=(limits,)), targets=(target(up.url),))
        async with running(home) as worker:
            gots = [await worker.post("/v1/messages/count_tokens", body=CHAT) for _ in range(3)]
            gots += [await worker.post("/v1beta/models/m:countTokens", body=google) for _ in range(2)]
            called = await worker.post(body={**CHAT, "max_tokens": 10})
            await worker.quiet()
    assert [one.status for one in gots] == [200, 200, 200, 429, 429]
    assert 0 < int(gots[3].headers["retry-after"]) <= 20
    assert "3 requests a minute" in gots[3].error["message"]
    assert (called.status, called.headers["x-ratelimit-remaining-requests"]) == (200, "2")


async def test_tokens_a_minute_are_corrected_by_what_was_used(home: Home) -> None:
    async with Upstream(answers(completion(usage=(5, 5)))) as up:
        home.publish(key(rate_limits=(rate(tokens_per_minute=2000),)), targets=(target(up.url),))
        async with running(home) as worker:
            body = {**CHAT, "max_tokens": 1000}
            gots = [await worker.post(body=body) for _ in range(10)]
            await worker.quiet()
    assert {one.status for one in gots} == {200}
    assert int(gots[9].headers["x-ratelimit-remaining-tokens"]) == pytest.approx(2000 - SIZE - 1000 - 90, abs=50)


async def test_calls_at_a_time(home: Home) -> None:
    gate = asyncio.Event()
    async with Upstream(waits_for(gate)) as up:
        home.publish(key(rate_limits=(rate(concurrency=2),)), targets=(target(up.url),))
        async with running(home) as worker:
            first = [asyncio.create_task(worker.post()) for _ in range(2)]
            await until(lambda: len(up.seen) == 2)
            refused = await worker.post()
            gate.set()
            done = await asyncio.gather(*first)
            await worker.quiet()
            assert (await worker.post()).status == 200
    assert [one.status for one in done] == [200, 200]
    assert (refused.status, refused.error["code"]) == (429, "concurrency_limit_exceeded")
    assert refused.headers["retry-after"] == "1"
    assert "2 calls at a time: 2 are running" in refused.error["message"]


async def test_what_a_failed_call_costs(home: Home) -> None:
    async with Upstream(fails(400)) as up:
        home.publish(key(budgets=(budget("tokens", 10_000), budget("calls", 10))), targets=(target(up.url),))
        async with running(home) as worker:
            await worker.post()
            await worker.quiet()
            assert worker.used("bud_tokens") == 0
            assert worker.used("bud_calls") == 1


async def test_what_nobody_knows_the_cost_of_is_charged_in_full_to_a_hard_budget(home: Home) -> None:
    """The answer's class of service has no price: unknown in the trace, but a hard budget must hold."""
    hard = budget("money", 10**12)
    async with Upstream(answers({**completion(), "service_tier": "priority"})) as up:
        home.publish(key(budgets=(hard,)), targets=(target(up.url),), prices=(price(),))
        async with running(home) as worker:
            got = await worker.post()
            await worker.quiet()
    assert got.headers["x-genaiops-cost"] == "unknown"
    [admitted], [settled] = home.admitted(), home.settled()
    assert settled.charged == admitted.reserved
    assert settled.charged[0].amount > 0


async def test_a_cancelled_stream_is_charged_by_estimate(home: Home) -> None:
    never = asyncio.Event()

    async def script(seen: Seen, wire: Wire) -> bool:
        await streams(*stream_events("one two three", usage=None)[:2], end=False)(seen, wire)
        await wire.closed()
        never.set()
        return False

    async with Upstream(script) as up:
        budgets = (budget("tokens", 10_000), budget("money", 10**12))
        home.publish(key(budgets=budgets), targets=(target(up.url),), prices=(price(),))
        async with running(home, heartbeat=0.2) as worker:  # a write tells a closed connection from a half-closed one
            gone = asyncio.create_task(worker.stream())
            seen = asyncio.Event()
            worker.on_piece = seen.set
            await seen.wait()
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            await worker.quiet()
            await never.wait()
            used = worker.used("bud_tokens")
    settled = home.settled()[0]
    assert (settled.status, settled.http_status, settled.error_type) == ("cancelled", 499, "client_disconnected")
    attempt = settled.attempts[0]
    assert attempt.status == "cancelled"
    assert attempt.usage is not None
    assert attempt.usage.estimated
    assert attempt.usage.output_tokens == 3
    assert used == attempt.usage.total_tokens == 5
    assert attempt.cost is not None
    assert [one.amount for one in settled.charged] == [5, attempt.cost.nano]


async def test_two_workers_share_their_limits(home: Home) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(budgets=(budget("calls", 3),)), targets=(target(up.url),))
        async with running(home, column=0) as one, running(home, column=1) as two:
            statuses = [(await worker.post()).status for worker in (one, two, one, two, one)]
    assert statuses == [200, 200, 200, 429, 429]
    charged = sum(record.charged[0].amount for record in home.records() if isinstance(record, Settled))
    assert charged == 3


async def test_money_is_bound_by_the_dearest_tier_and_charged_by_the_one_that_holds(home: Home) -> None:
    tier = Tier(above_tokens=4, input=20_000_000_000, output=80_000_000_000)
    later = Tier(above_tokens=1000, input=50_000_000_000, output=90_000_000_000)
    fees = Fees(call=7)
    async with Upstream(answers()) as up:
        home.publish(
            key(budgets=(budget("money", 10**12),)),
            targets=(target(up.url),),
            prices=(price(tiers=(tier, later), fees=fees),),
        )
        async with running(home) as worker:
            body = {**CHAT, "max_tokens": 10}
            await worker.post(body=body)
            await worker.quiet()
    into = len(json.dumps(body)) + 256
    assert home.admitted()[0].reserved[0].amount == into * 50_000 + 10 * 90_000 + 11 + 7
    assert home.settled()[0].charged[0].amount == 5 * 20_000 + 2 * 80_000 + 7  # five tokens of input are above four
