"""Regions, tags and context windows: where a call may go at all, and where it can."""

from typing import Any

import pytest

from genaiops.domain import Decision
from tests.gateway.harness import CHAT, Home, budget, key, price, route, running, target
from tests.gateway.upstream import Upstream, answers, fails

ROUTED = {**CHAT, "model": "r"}
TOO_LONG = fails(400, "This model's maximum context length is 4096 tokens.")


def prompt(words: int, **changes: Any) -> dict[str, Any]:
    return {**ROUTED, "messages": [{"role": "user", "content": "word " * words}], **changes}


# -- regions


async def test_a_route_of_a_region_never_goes_elsewhere(home: Home) -> None:
    async with Upstream(fails(500)) as here, Upstream(answers()) as there, Upstream(answers()) as nowhere:
        targets = (
            target(here.url, id="here", region="eu"),
            target(there.url, id="there", region="us"),
            target(nowhere.url, id="nowhere"),
        )
        routes = (route("here", "there", "nowhere", fallbacks=("there",), regions=("eu",)),)
        home.publish(key(), targets=targets, routes=routes)
        async with running(home) as worker:
            got = await worker.post(body=ROUTED)
            await worker.quiet()
    assert got.status == 502
    assert {one.target_id for one in home.attempts()} == {"here"}
    assert not there.seen
    assert not nowhere.seen


async def test_no_target_in_the_region(home: Home) -> None:
    async with Upstream(answers()) as up:
        targets = (target(up.url, id="a", region="eu", enabled=False), target(up.url, id="b", region="us"))
        home.publish(key(), targets=targets, routes=(route("a", "b", regions=("eu",)),))
        async with running(home) as worker:
            got = await worker.post(body=ROUTED)
    assert (got.status, got.error["code"]) == (503, "region_unavailable")
    assert "'eu'" in got.error["message"]
    assert not up.seen


async def test_a_resting_region_is_named(home: Home) -> None:
    async with Upstream(fails(429, headers={"retry-after": "60"})) as here, Upstream(answers()) as there:
        targets = (target(here.url, id="a", region="eu"), target(there.url, id="b", region="us"))
        home.publish(key(), targets=targets, routes=(route("a", "b", regions=("eu",)),))
        async with running(home) as worker:
            await worker.post(body=ROUTED)
            got = await worker.post(body=ROUTED)
    assert (got.status, got.error["code"]) == (503, "no_target_available")
    assert "Only targets in the region 'eu' may serve it" in got.error["message"]
    assert not there.seen


async def test_a_key_of_a_region(home: Home) -> None:
    async with Upstream(answers()) as here, Upstream(answers()) as there:
        targets = (
            target(here.url, id="a", region="eu"),
            target(there.url, id="b", region="us"),
            target(there.url, id="c", model="other"),
        )
        home.publish(key(regions=("eu",)), targets=targets, routes=(route("a", fallbacks=("b",)),))
        async with running(home) as worker:
            statuses = [(await worker.post()).status for _ in range(10)]
            here.scripts = [fails(500)]
            failing = await worker.post(body=ROUTED)
            other = await worker.post(body={**CHAT, "model": "other"})
            listed = [one["id"] for one in (await worker.get("/v1/models")).json["data"]]
            hidden = await worker.get("/v1/models/other")
    assert statuses == [200] * 10
    assert failing.status == 502
    assert listed == ["m", "r"]
    assert hidden.status == 404
    assert (other.status, other.error["code"]) == (403, "region_not_allowed")
    assert "'eu'" in other.error["message"]
    assert not there.seen


# -- tags


async def test_a_request_asks_for_tags(home: Home) -> None:
    async with Upstream(answers()) as up:
        targets = (
            target(up.url, id="a", tags=("fast", "private")),
            target(up.url, id="b", tags=("fast",), region="eu"),
            target(up.url, id="c"),
        )
        home.publish(key(), targets=targets, routes=(route("a", "b", fallbacks=("c",)),))
        async with running(home) as worker:

            async def of(body: dict[str, Any] = ROUTED, **headers: str) -> set[str]:
                return {(await worker.post(body=body, **headers)).headers["x-genaiops-target"] for _ in range(12)}

            assert await of(x_genaiops_tags="fast") == {"a", "b"}
            assert await of(x_genaiops_tags="fast, private") == {"a"}
            assert await of(x_genaiops_tags="region:eu") == {"b"}
            assert await of({**ROUTED, "metadata": {"genaiops_tags": "private", "mine": "1"}}) == {"a"}
            assert await of({**ROUTED, "metadata": {"genaiops_tags": "fast"}}, x_genaiops_tags="region:eu") == {"b"}
            assert await of({**ROUTED, "metadata": {"tags": "private"}}) == {"a", "b"}  # somebody else's
            assert await of({**ROUTED, "metadata": None}) == {"a", "b"}
            none = await worker.post(body=ROUTED, x_genaiops_tags="slow")
            many = await worker.post(body=ROUTED, x_genaiops_tags=",".join(f"t{n}" for n in range(17)))
            no_text = await worker.post(body={**ROUTED, "metadata": {"genaiops_tags": ["fast"]}})
    assert (none.status, none.error["code"]) == (503, "no_target_with_tags")
    assert "'fast', 'private', 'region:eu'" in none.error["message"]
    assert (many.status, no_text.status) == (400, 400)
    assert no_text.error["param"] == "metadata.genaiops_tags"


async def test_only_tags_that_the_key_allows(home: Home) -> None:
    async with Upstream(answers()) as up:
        targets = (target(up.url, id="a", tags=("gold",)), target(up.url, id="b", tags=("tin",)))
        home.publish(key(tags=("tin",)), targets=targets, routes=(route("a", "b"),))
        async with running(home) as worker:
            allowed = await worker.post(body=ROUTED, x_genaiops_tags="tin")
            refused = await worker.post(body=ROUTED, x_genaiops_tags="tin,gold")
    assert allowed.headers["x-genaiops-target"] == "b"
    assert (refused.status, refused.error["code"]) == (403, "tag_not_allowed")
    assert "'gold'" in refused.error["message"]
    assert home.refused()[0].error_type == "tag_not_allowed"


# -- context windows


async def test_what_cannot_fit_goes_to_who_has_room(home: Home) -> None:
    async with Upstream(answers()) as small, Upstream(answers()) as large, Upstream(answers()) as huge:
        targets = (
            target(small.url, id="small", context_window=1000),
            target(large.url, id="large", context_window=5000),
            target(huge.url, id="huge", context_window=100_000),
        )
        routes = (route("small", fallbacks=("large",), context_fallbacks=("large", "huge")),)
        home.publish(key(), targets=targets, routes=routes)
        async with running(home) as worker:
            found = [
                (await worker.post(body=prompt(words, **more))).headers["x-genaiops-target"]
                for words, more in (
                    (10, {}),
                    (900, {}),  # 4500 bytes, but by estimate it fits
                    (900, {"max_tokens": 200}),  # with the answer it does not
                    (3000, {}),
                    (9000, {}),
                    (200_000, {}),  # fits nowhere: the provider shall say so
                )
            ]
    assert found == ["small", "small", "large", "large", "huge", "small"]
    long = home.attempts()[3]
    assert (long.reason, long.decision) == (
        "context",
        Decision("in order", ("large",), (("small", "context too small"),), "the prompt is long"),
    )


async def test_an_equivalent_with_room_comes_before_a_fallback(home: Home) -> None:
    async with Upstream(answers()) as up:
        targets = (target(up.url, id="a", context_window=500), target(up.url, id="b", context_window=9000))
        home.publish(
            key(), targets=(*targets, target(up.url, id="c")), routes=(route("a", "b", context_fallbacks=("c",)),)
        )
        async with running(home) as worker:
            found = {(await worker.post(body=prompt(600))).headers["x-genaiops-target"] for _ in range(12)}
    assert found == {"b"}


@pytest.mark.parametrize("window", [None, 4096])
async def test_a_provider_says_that_it_is_too_long(home: Home, window: int | None) -> None:
    async with Upstream(TOO_LONG) as small, Upstream(answers()) as large:
        targets = (
            target(small.url, id="a", context_window=window),
            target(small.url, id="same", context_window=window),
            target(large.url, id="b", context_window=9000),
        )
        home.publish(key(), targets=targets, routes=(route("a", fallbacks=("same",), context_fallbacks=("b",)),))
        async with running(home) as worker:
            got = await worker.post(body=prompt(100))
            await worker.quiet()
    assert got.headers["x-genaiops-target"] == "b"
    assert [one.target_id for one in home.settled()[0].attempts] == ["a", "b"]  # `same` is no larger
    assert [one.reason for one in home.settled()[0].attempts] == ["first", "context"]


async def test_too_long_for_everybody_is_told_as_the_provider_told_it(home: Home) -> None:
    async with Upstream(TOO_LONG) as up:
        home.publish(
            key(), targets=(target(up.url, id="a"), target(up.url, id="b")), routes=(route("a", fallbacks=("b",)),)
        )
        async with running(home) as worker:
            got = await worker.post(body=ROUTED)
    assert got.status == 400
    assert "maximum context length" in got.error["message"]
    assert len(up.seen) == 1


async def test_a_budget_covers_the_dearer_context_fallback(home: Home) -> None:
    """The reservation is at the dearest price of anybody who may serve, those for long prompts included."""
    async with Upstream(TOO_LONG) as small, Upstream(answers()) as large:
        targets = (target(small.url, id="a"), target(large.url, id="b", upstream_model="dear"))
        prices = (price(), price(id="pri_2", model="dear", input=90_000_000_000, output=90_000_000_000))
        limits = (budget("money", 40_000_000),)
        home.publish(
            key(budgets=limits), targets=targets, prices=prices, routes=(route("a", context_fallbacks=("b",)),)
        )
        async with running(home) as worker:
            refused = await worker.post(body={**ROUTED, "max_tokens": 1000})
            served = await worker.post(body={**ROUTED, "max_tokens": 10})
            await worker.quiet()
            assert worker.used("bud_money") == 7 * 90_000
    assert refused.status == 429
    assert served.headers["x-genaiops-target"] == "b"
