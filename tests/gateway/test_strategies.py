"""How a route chooses between equivalents: strategies, sticky shares, and what the trace says of it."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops import providers
from genaiops.domain import Cost, Decision, Snapshot, Usage
from genaiops.gateway.asked import Asked
from genaiops.gateway.choice import choose
from genaiops.gateway.pace import Average, Pace
from genaiops.gateway.plan import Lineup, Plan
from genaiops.gateway.strategy import kept
from genaiops.gateway.upstream import Fleet, clock
from genaiops.ports.providers import Transport
from tests.gateway.harness import CHAT, Home, Worker, key, price, route, running, target, until
from tests.gateway.upstream import Seen, Upstream, Wire, answers, completion, fails, response

ROUTED = {**CHAT, "model": "r"}


NO_SECRETS: Any = None
"""Targets without credentials ask for none."""


def no_transport(one: object) -> Transport:
    raise AssertionError("nothing is sent here")


def lineup_of(
    *named: str, prices: tuple[Any, ...] = (), targets: dict[str, Any] | None = None, **changes: Any
) -> Lineup:
    """The line-up for chats of a route to targets of these names (`a=3`: with that weight)."""
    names = [one.partition("=")[0] for one in named]
    found = tuple(target("http://h/v1", id=name, **(targets or {}).get(name, {})) for name in names)
    one = route(*named, **changes)
    snapshot = Snapshot(version=1, compiled_us=1, targets=found, routes=(one,), prices=prices)
    return Plan(snapshot, Fleet(providers.load, no_transport, NO_SECRETS)).names["r"].lineups["chat"]


def first(lineup: Lineup, asked: Asked | None = None) -> str:
    pick = choose(lineup, (), (), clock(), asked or Asked())
    assert pick is not None
    return pick[0].target.id


def slow(seconds: float) -> Any:
    async def script(seen: Seen, wire: Wire) -> bool:
        await asyncio.sleep(seconds)
        await wire.write(response(200, completion()))
        return True

    return script


@contextlib.asynccontextmanager
async def two(home: Home, one: Any, other: Any, **changes: Any) -> AsyncGenerator[tuple[Worker, Upstream, Upstream]]:
    async with Upstream(one) as a, Upstream(other) as b:
        home.publish(
            key(), targets=(target(a.url, id="a"), target(b.url, id="b")), routes=(route("a", "b", **changes),)
        )
        async with running(home) as worker:
            yield worker, a, b


# -- averages


def test_an_average_weighs_by_age() -> None:
    average = Average()
    assert average.value(0) is None
    average.add(4.0, 0)
    assert average.value(1) == 4.0
    average.add(1.0, 30)  # the first is one half-life old: (0.5 * 4 + 1) / 1.5
    assert average.value(30) == pytest.approx(2.0)
    assert average.value(149) == pytest.approx(2.0)
    assert average.value(151) is None  # too long ago to say anything


@given(st.lists(st.floats(0.001, 100), min_size=1, max_size=50), st.floats(0, 10))
def test_an_average_lies_between_its_samples(samples: list[float], gap: float) -> None:
    average, now = Average(), 0.0
    for sample in samples:
        average.add(sample, now)
        now += gap
    value = average.value(now)
    assert value is not None
    assert min(samples) * 0.999999 <= value <= max(samples) * 1.000001


def test_a_percentile_needs_enough_of_them() -> None:
    pace = Pace()
    for number in range(19):
        pace.observe(number, 0, streamed=False)
    assert pace.percentile(95, streamed=False) is None
    for number in range(19, 100):
        pace.observe(number, 0, streamed=False)
    assert pace.percentile(95, streamed=False) == 94
    assert pace.percentile(100, streamed=False) == 99
    assert pace.percentile(95, streamed=True) is None


def test_a_fast_failure_does_not_look_quick() -> None:
    pace = Pace()
    pace.observe(1.0, 0, streamed=False)
    pace.fail(0.001, 0, streamed=False)
    assert pace.seconds(0, streamed=False) == pytest.approx(1.5)


# -- latency


async def test_latency_prefers_the_quicker_and_measures_both(home: Home) -> None:
    async with two(home, slow(0.05), answers(), strategy="latency") as (worker, a, b):
        for _ in range(30):
            assert (await worker.post(body=ROUTED)).status == 200
        await worker.quiet()
    assert len(a.seen) == 1  # tried once, because nobody had measured it
    assert len(b.seen) == 29


async def test_latency_of_streams_is_the_time_to_the_first_content(home: Home) -> None:
    lineup = lineup_of("a", "b", strategy="latency")
    (a, _), (b, _) = lineup.primary
    now = clock()
    assert a.upstream.pace is not None
    assert b.upstream.pace is not None
    for one, whole, start in ((a, 1.0, 9.0), (b, 2.0, 1.0)):
        assert one.upstream.pace is not None
        one.upstream.pace.observe(whole, now, streamed=False)
        one.upstream.pace.observe(start, now, streamed=True)
    assert {first(lineup, Asked()) for _ in range(20)} == {"a"}
    assert {first(lineup, Asked(streamed=True)) for _ in range(20)} == {"b"}
    a.upstream.in_flight = 3  # four calls that take one second each are no quicker than one that takes two
    assert {first(lineup, Asked()) for _ in range(20)} == {"b"}


def test_latency_does_not_herd() -> None:
    """Of eight, all but the slowest of the draws get some of the calls that begin before anything is measured anew."""
    lineup = lineup_of(*"abcdefgh", strategy="latency")
    for rank, (one, _) in enumerate(lineup.primary):
        assert one.upstream.pace is not None
        one.upstream.pace.observe(1.0 + rank / 100, clock(), streamed=False)
    counts: Counter[str] = Counter()
    for _ in range(400):
        pick = choose(lineup, (), (), clock(), Asked())
        assert pick is not None
        pick[0].upstream.in_flight += 1
        counts[pick[0].target.id] += 1
    assert min(counts[name] for name in "abcdefgh") > 30  # 50 each, were they all the same
    assert max(counts.values()) < 75


# -- cost and load


def test_cost_takes_the_cheapest_for_the_size_of_the_request() -> None:
    prices = (
        price(id="p1", model="long-in", input=1_000_000_000, output=9_000_000_000),
        price(id="p2", model="long-out", input=5_000_000_000, output=1_000_000_000),
        price(id="p3", model="francs", currency="CHF", input=1, output=1),
    )
    upstream = {"a": "long-in", "b": "long-out", "c": "francs", "d": "unpriced"}
    targets = {name: {"upstream_model": model} for name, model in upstream.items()}
    lineup = lineup_of(*upstream, prices=prices, targets=targets, strategy="cost")
    assert {first(lineup, Asked(into=10_000, out=10)) for _ in range(20)} == {"a"}
    assert {first(lineup, Asked(into=10, out=10_000)) for _ in range(20)} == {"b"}
    known = [one for one, _ in lineup.primary[:2]]
    pick = choose(lineup, known, (), clock(), Asked(into=10, out=10))
    assert pick is not None
    assert pick[0].target.id in "cd"  # what is not known comes last, but before nothing
    assert pick[1] == "equivalent"


async def test_cost_over_the_wire(home: Home) -> None:
    async with Upstream(answers()) as dear, Upstream(answers()) as cheap:
        targets = (target(dear.url, id="a"), target(cheap.url, id="b", upstream_model="small"))
        prices = (price(), price(id="pri_2", model="small", input=1_000_000_000, output=1_000_000_000))
        home.publish(key(), targets=targets, prices=prices, routes=(route("a", "b", strategy="cost"),))
        async with running(home) as worker:
            for _ in range(10):
                await worker.post(body=ROUTED)
    assert (len(dear.seen), len(cheap.seen)) == (0, 10)
    assert home.attempts()[0].decision == Decision("cost", ("a", "b"))
    assert home.attempts()[0].cost == Cost(7000, "USD", "pri_2", 1)
    assert home.attempts()[0].usage == Usage(input_uncached=5, output_text=2)


def test_least_busy_takes_weights_into_account() -> None:
    lineup = lineup_of("a=2", "b=1", strategy="least_busy")
    (a, _), (b, _) = lineup.primary
    a.upstream.in_flight, b.upstream.in_flight = 3, 1  # 1.5 and 1 for each part of the weight
    assert first(lineup) == "b"
    b.upstream.in_flight = 2
    assert first(lineup) == "a"


async def test_least_busy_over_the_wire(home: Home) -> None:
    async with two(home, slow(0.3), answers(), strategy="least_busy") as (worker, a, b):
        busy = [asyncio.create_task(worker.post(body=ROUTED)) for _ in range(8)]
        await until(lambda: len(a.seen) >= 1)
        await asyncio.gather(*busy)
        await worker.quiet()
    assert len(a.seen) >= 2
    assert len(b.seen) >= 2
    assert abs(len(a.seen) - len(b.seen)) <= 4


# -- sticky


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5))
def test_another_target_moves_only_its_own_share(one: int, two: int, three: int) -> None:
    before = lineup_of(f"a={one}", f"b={two}")
    after = lineup_of(f"a={one}", f"b={two}", f"c={three}")
    moved: Counter[str] = Counter()
    for user in range(600):
        former = kept(before.primary, f"u{user}", "r").target.id
        now = kept(after.primary, f"u{user}", "r").target.id
        if now != former:
            moved[now] += 1
    assert set(moved) <= {"c"}
    share = three / (one + two + three)
    assert abs(moved["c"] / 600 - share) < 5 * (share * (1 - share) / 600) ** 0.5


def test_shares_follow_weights() -> None:
    lineup = lineup_of("a=3", "b=1")
    counts = Counter(kept(lineup.primary, f"u{user}", "r").target.id for user in range(4000))
    assert 2850 < counts["a"] < 3150


def test_who_is_together_on_one_route_is_not_on_all() -> None:
    lineup = lineup_of("a", "b")
    same = sum(kept(lineup.primary, f"u{n}", "r") is kept(lineup.primary, f"u{n}", "s") for n in range(1000))
    assert 400 < same < 600


async def test_a_label_keeps_its_target_as_long_as_that_is_able(home: Home) -> None:
    async with two(home, answers(), answers(), sticky="label") as (worker, a, _b):
        bodies = [{**ROUTED, "user": f"u{number}"} for number in range(20)]
        homes = [(await worker.post(body=body)).headers["x-genaiops-target"] for body in bodies]
        for _ in range(3):
            assert [(await worker.post(body=body)).headers["x-genaiops-target"] for body in bodies] == homes
        assert set(homes) == {"a", "b"}
        a.scripts = [fails(500)]
        again = [(await worker.post(body=body)).headers["x-genaiops-target"] for body in bodies]
        assert set(again) == {"b"}
        a.scripts = [answers()]
        assert [(await worker.post(body=body)).headers["x-genaiops-target"] for body in bodies] == homes
        nameless = {(await worker.post(body=ROUTED)).headers["x-genaiops-target"] for _ in range(40)}
    assert nameless == {"a", "b"}
    decisions = [one.decision for one in home.attempts()]
    assert decisions[0] == Decision("sticky", ("a", "b"), (), "by label")
    assert Decision("weighted", ("a", "b"), (), "no label to keep it by") in decisions
    assert Decision("sticky", ("b",), (("a", "tried"),), "by label") in decisions


async def test_sticky_by_user_wants_a_signed_one(home: Home) -> None:
    async with two(home, answers(), answers(), sticky="user") as (worker, _, _b):
        found = {(await worker.post(body={**ROUTED, "user": "ann"})).headers["x-genaiops-target"] for _ in range(40)}
    assert found == {"a", "b"}  # anybody can write a `user`


async def test_sticky_by_key_and_by_session(home: Home) -> None:
    async with Upstream(answers()) as up:
        targets = tuple(target(up.url, id=name) for name in "abcd")
        routes = (route(*"abcd", sticky="key"), route(*"abcd", name="s", sticky="session"))
        keys = [key(f"sk-{number}", key_id=f"key_{number}") for number in range(8)]
        home.publish(*keys, targets=targets, routes=routes)
        async with running(home) as worker:
            by_key = [
                {(await worker.post(body=ROUTED, key=f"sk-{one}")).headers["x-genaiops-target"] for _ in range(4)}
                for one in range(8)
            ]
            by_session = [
                {
                    (
                        await worker.post(body={**ROUTED, "model": "s", "genaiops": {"session": f"s{one}"}}, key="sk-0")
                    ).headers["x-genaiops-target"]
                    for _ in range(4)
                }
                for one in range(8)
            ]
    for found in (by_key, by_session):
        assert [len(each) for each in found] == [1] * 8
        assert len(set.union(*found)) > 1


# -- the trace


async def test_a_plain_choice_says_between_whom(home: Home) -> None:
    async with two(home, answers(), answers()) as (worker, _, _b):
        await worker.post(body=ROUTED)
    assert home.attempts()[0].decision == Decision("weighted", ("a", "b"))


async def test_where_there_is_nothing_to_choose_nothing_is_said(home: Home) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home) as worker:
            await worker.post()
    assert home.attempts()[0].decision is None


async def test_a_fallback_says_why_the_others_were_passed_over(home: Home) -> None:
    async with Upstream(fails(429, headers={"retry-after": "60"})) as bad, Upstream(answers()) as good:
        targets = (target(bad.url, id="a"), target(good.url, id="b"))
        home.publish(key(), targets=targets, routes=(route("a", fallbacks=("b",)),))
        async with running(home) as worker:
            await worker.post(body=ROUTED)
            await worker.post(body=ROUTED)
    decisions = [one.decision for one in home.attempts()]
    assert decisions == [
        Decision("weighted", ("a",)),
        Decision("in order", ("b",), (("a", "tried"),)),
        Decision("in order", ("b",), (("a", "resting"),)),
    ]
