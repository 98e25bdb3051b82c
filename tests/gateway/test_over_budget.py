"""What serves a route when a hard budget refuses its targets."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from genaiops.domain import Decision, Scope
from tests.engines.counters.machines import Machine, forget_all
from tests.gateway import harness
from tests.gateway.harness import CHAT, Home, budget, key, price, rate, route, running, target
from tests.gateway.upstream import Upstream, answers, fails, stream_events, streams

ROUTED = {**CHAT, "model": "r", "max_tokens": 10}
PRICES = (price(), price(id="pri_2", model="cheap", input=1_000_000, output=1_000_000))
SMALL = 100_000  # nano-units: less than a call to the usual target may cost, more than one to the cheap one
HELD = (len(json.dumps(ROUTED)) + 256) * 2000 + 10 * 8000


def _targets(dear: Upstream, cheap: Upstream, **changes: Any) -> tuple[Any, ...]:
    return target(dear.url, id="dear"), target(cheap.url, id="cheap", upstream_model="cheap", **changes)


ROUTES = (route("dear", over_budget=("cheap",)),)


async def test_a_budget_in_money_sends_calls_to_what_is_there_for_it(home: Home) -> None:
    async with Upstream(answers()) as dear, Upstream(answers(), streams(*stream_events("Hi"))) as cheap:
        limits = (budget("money", HELD + SMALL, period="total"),)
        home.publish(key(budgets=limits), targets=_targets(dear, cheap), prices=PRICES, routes=ROUTES)
        async with running(home) as worker:
            first = await worker.post(body=ROUTED)
            used = worker.used("bud_money")
            while used + HELD <= HELD + SMALL:
                await worker.post(body=ROUTED)
                used = worker.used("bud_money")
            second = await worker.post(body=ROUTED)
            streamed = await worker.stream({**ROUTED, "stream": True})
            await worker.quiet()
            assert worker.gateway._books.tally.over_budget == 2
            assert used < worker.used("bud_money") <= HELD + SMALL
    assert (first.status, first.headers["x-genaiops-target"]) == (200, "dear")
    assert (second.status, second.headers["x-genaiops-target"]) == (200, "cheap")
    assert streamed.headers["x-genaiops-target"] == "cheap"
    attempts = home.attempts()
    assert (attempts[0].reason, attempts[0].decision) == ("first", None)
    assert attempts[-1].reason == attempts[-2].reason == "over_budget"
    why = "the budget 'bud_money' of the key 'key_1' refused the usual targets"
    assert attempts[-2].decision == Decision("weighted", ("cheap",), (), why)
    assert home.admitted()[-1].route_id == "r"
    assert len(cheap.seen) == 2


async def test_a_budget_in_tokens_and_a_target_with_a_smaller_cap(home: Home) -> None:
    body = {**CHAT, "model": "r"}
    async with Upstream(answers()) as dear, Upstream(answers()) as cheap:
        limits = (budget("tokens", 2000, period="total"),)
        home.publish(
            key(budgets=limits), targets=_targets(dear, cheap, max_output_tokens=20), prices=PRICES, routes=ROUTES
        )
        async with running(home) as worker:
            got = await worker.post(body=body)
            await worker.quiet()
    assert (got.status, got.headers["x-genaiops-target"]) == (200, "cheap")
    assert json.loads(cheap.seen[0].body)["max_tokens"] == 20


async def test_what_cannot_be_served_there_either_is_refused_and_says_both(home: Home) -> None:
    async with Upstream(answers()) as dear, Upstream(answers()) as cheap:
        limits = (budget("money", 10, period="total"),)
        home.publish(key(budgets=limits), targets=_targets(dear, cheap), prices=PRICES, routes=ROUTES)
        async with running(home) as worker:
            got = await worker.post(body=ROUTED)
            home.publish(prices=PRICES[:1], targets=_targets(dear, cheap), routes=ROUTES)
            unpriced = await worker.post(body=ROUTED)
            await worker.quiet()
    assert (got.status, got.error["code"]) == (429, "budget_exceeded")
    assert got.error["message"].count("'bud_money'") == 2
    assert (unpriced.status, unpriced.error["code"]) == (429, "budget_exceeded")
    assert "no price in it is known for 'cheap'" in unpriced.error["message"]
    assert not dear.seen
    assert not cheap.seen
    assert [one.error_type for one in home.refused()] == ["budget_exceeded"] * 2


async def test_other_limits_send_nobody_there(home: Home) -> None:
    async with Upstream(answers()) as dear, Upstream(answers()) as cheap:
        targets = _targets(dear, cheap)
        home.publish(key(rate_limits=(rate(tokens_per_minute=1),)), targets=targets, prices=PRICES, routes=ROUTES)
        async with running(home) as worker:
            rated = await worker.post(body=ROUTED)
            home.publish(
                key(budgets=(budget("calls", 1, period="total"),)), targets=targets, prices=PRICES, routes=ROUTES
            )
            await worker.post(body=ROUTED)
            counted = await worker.post(body=ROUTED)
            await worker.quiet()
    assert (rated.status, rated.error["code"]) == (429, "rate_limit_exceeded")
    assert (counted.status, counted.error["code"]) == (429, "budget_exceeded")
    assert not cheap.seen


async def test_what_a_key_may_not_reach_does_not_serve_it(home: Home) -> None:
    """Environments, regions, models and tags of the key and the request hold there as anywhere."""
    async with Upstream(answers()) as dear, Upstream(answers()) as cheap:
        limits = (budget("money", SMALL, period="total"),)
        usual = target(dear.url, id="dear", region="eu", tags=("private",))
        statuses: dict[str, int] = {}
        async with running_after(home, key(budgets=limits), usual, target(cheap.url, id="cheap")) as worker:
            cases: tuple[tuple[str, dict[str, Any], dict[str, Any], str], ...] = (
                ("environment", {}, {"environments": ("prod",)}, ""),
                ("region", {"regions": ("eu",)}, {"region": "us"}, ""),
                ("model", {"models": ("m",)}, {"model": "other"}, ""),
                ("tag", {}, {}, "private"),
                ("none", {}, {}, ""),
            )
            for name, grant, changes, tags in cases:
                other = target(cheap.url, id="cheap", upstream_model="cheap", **changes)
                home.publish(key(budgets=limits, **grant), targets=(usual, other), prices=PRICES, routes=ROUTES)
                headers = {"x_genaiops_tags": tags} if tags else {}
                statuses[name] = (await worker.post(body=ROUTED, **headers)).status
            await worker.quiet()
    assert statuses == {"environment": 429, "region": 429, "model": 429, "tag": 429, "none": 200}
    assert len(cheap.seen) == 1


def running_after(home: Home, grant: Any, *targets: Any) -> Any:
    home.publish(grant, targets=targets, prices=PRICES, routes=ROUTES)
    return running(home)


async def test_they_are_tried_in_order(home: Home) -> None:
    async with Upstream(answers()) as dear, Upstream(fails(500)) as broken, Upstream(answers()) as cheap:
        targets = (*_targets(dear, cheap), target(broken.url, id="broken", upstream_model="cheap"))
        limits = (budget("money", SMALL, scope=Scope("team", "search"), period="total"),)
        routes = (route("dear", over_budget=("broken", "cheap")),)
        home.publish(key(), budgets=limits, targets=targets, prices=PRICES, routes=routes)
        async with running(home) as worker:
            got = await worker.post(body=ROUTED)
            await worker.quiet()
    assert got.headers["x-genaiops-target"] == "cheap"
    assert [(one.target_id, one.reason) for one in home.attempts()] == [
        ("broken", "over_budget"),
        ("cheap", "fallback"),
    ]
    assert all("the team 'search'" in one.decision.note for one in home.attempts() if one.decision is not None)


@pytest.mark.needs_redis
async def test_machines_that_share_a_budget_ask_each_other_first(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one machine has not been lent is no reason to go elsewhere; what all together have used up is."""
    url = f"{redis_url}?prefix=test-{uuid.uuid4().hex}"
    machine = Machine(tmp_path, url, "a")
    machine.keeper.start()
    monkeypatch.setattr(harness.counters_mmap, "open_counters", lambda _, column, **_more: machine.open(column))
    home = Home(tmp_path / "home")
    try:
        async with Upstream(answers()) as dear, Upstream(answers()) as cheap:
            limits = (budget("money", HELD + SMALL, period="total"),)
            home.publish(key(budgets=limits), targets=_targets(dear, cheap), prices=PRICES, routes=ROUTES)
            async with running(home) as worker:
                served: list[str] = []
                while "cheap" not in served:
                    got = await worker.post(body=ROUTED)
                    assert got.status == 200
                    served.append(got.headers["x-genaiops-target"])
                await worker.quiet()
        assert served[:-1] == ["dear"] * (1 + SMALL // (5 * 2000 + 2 * 8000))
    finally:
        home.close()
        await machine.close()
        forget_all(url)
