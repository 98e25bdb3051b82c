"""A second try at another target when the first is silent."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from typing import Any

from genaiops.domain import HedgePolicy
from tests.gateway.harness import CHAT, Home, Worker, budget, key, price, route, running, target, until
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

ROUTED = {**CHAT, "model": "r"}
EAGER = HedgePolicy(after=0.05, share=1.0)


class Silent:
    """Says nothing until it is let; notes whether the gateway hung up."""

    def __init__(self, then: Script | None = None) -> None:
        self.gate = asyncio.Event()
        self.asked = 0
        self.hung_up = 0
        self._then = then or answers(completion("late"))

    async def __call__(self, seen: Seen, wire: Wire) -> bool | None:
        self.asked += 1
        opened = asyncio.create_task(self.gate.wait())
        closed = asyncio.create_task(wire.closed())
        await asyncio.wait((opened, closed), return_when=asyncio.FIRST_COMPLETED)
        if closed.done():
            self.hung_up += 1
            opened.cancel()
            return False
        closed.cancel()
        return await self._then(seen, wire)


@contextlib.asynccontextmanager
async def hedged(
    home: Home, one: Any, other: Any, *keys: Any, hedge: HedgePolicy = EAGER, **more: Any
) -> AsyncGenerator[Worker]:
    """Every call goes to `a` first, which is `one`; `b` is a fallback."""
    async with Upstream(one) as a, Upstream(other) as b:
        targets = (target(a.url, id="a"), target(b.url, id="b"))
        routes = (route("a", fallbacks=("b",), hedge=hedge),)
        home.publish(*(keys or (key(),)), targets=targets, routes=routes, **more)
        async with running(home) as worker:
            yield worker
            await worker.quiet()
            await until(lambda: sum(transport.busy for transport in worker.transports) == 0)


async def test_the_second_wins_and_the_first_is_cancelled_and_charged(home: Home) -> None:
    silent = Silent()
    prices = (price(),)
    limits = (budget("money", 10**9), budget("tokens", 10**6), budget("calls", 100))
    async with hedged(home, silent, answers(), key(budgets=limits), prices=prices) as worker:
        got = await worker.post(body=ROUTED)
        await until(lambda: silent.hung_up == 1)
        await worker.quiet()
        lost, won = home.attempts()
        assert worker.used("bud_tokens") == 2 + 7
        assert worker.used("bud_calls") == 1
        assert worker.used("bud_money") == 2 * 2000 + 5 * 2000 + 2 * 8000
    assert (got.status, got.headers["x-genaiops-target"], got.headers["x-genaiops-attempts"]) == (200, "b", "2")
    assert (lost.status, lost.error_type, lost.reason, lost.pays) == ("cancelled", "hedge_lost", "first", True)
    assert lost.usage is not None
    assert (lost.usage.input_tokens, lost.usage.output_tokens, lost.usage.estimated) == (2, 0, True)
    assert (won.status, won.reason, won.pays) == ("ok", "hedge", True)
    assert won.decision is not None
    assert "'a' was silent for 0.050 s" in won.decision.note


async def test_the_first_wins_after_all(home: Home) -> None:
    first, second = Silent(), Silent()
    async with hedged(home, first, second) as worker:
        call = asyncio.create_task(worker.post(body=ROUTED))
        await until(lambda: second.asked == 1)
        first.gate.set()
        got = await call
        await until(lambda: second.hung_up == 1)
    assert got.headers["x-genaiops-target"] == "a"
    assert [(one.target_id, one.status) for one in home.attempts()] == [("b", "cancelled"), ("a", "ok")]


async def test_a_quick_answer_needs_no_hedge(home: Home) -> None:
    never = Silent()
    async with hedged(home, answers(), never) as worker:
        for _ in range(10):
            assert (await worker.post(body=ROUTED)).headers["x-genaiops-attempts"] == "1"
    assert never.asked == 0


async def test_at_most_its_share_of_the_calls(home: Home) -> None:
    async def slow(seen: Seen, wire: Wire) -> bool:
        await asyncio.sleep(0.03)
        await wire.write(response(200, completion()))
        return True

    async with hedged(home, slow, answers(), hedge=HedgePolicy(after=0.005, share=0.25)) as worker:
        for _ in range(20):
            await worker.post(body=ROUTED)
    attempts = home.attempts()
    assert sum(one.reason == "hedge" for one in attempts) == 5
    notes = [one.decision.note for one in attempts if one.decision is not None]
    assert sum("the share of the route is used up" in note for note in notes) == 15


async def test_a_hedge_stays_within_the_budget(home: Home) -> None:
    """Both tries are held against it, or the second is not made."""
    silent = Silent()
    body = {**ROUTED, "max_tokens": 100}
    bound = len(json.dumps(body)) + 256 + 100
    limits = (budget("tokens", 2 * bound - 1),)
    async with hedged(home, silent, answers(), key(budgets=limits)) as worker:
        call = asyncio.create_task(worker.post(body=body))
        await asyncio.sleep(0.15)
        assert worker.reserved() == bound
        silent.gate.set()
        assert (await call).headers["x-genaiops-target"] == "a"
        await worker.quiet()
        assert worker.used("bud_tokens") == 7
        assert [one.target_id for one in home.attempts()] == ["a"]
        decision = home.attempts()[0].decision
        assert decision is not None
        assert "a limit leaves no room" in decision.note


async def test_while_both_are_under_way_both_are_held(home: Home) -> None:
    first, second = Silent(), Silent()
    body = {**ROUTED, "max_tokens": 100}
    bound = len(json.dumps(body)) + 256 + 100
    async with hedged(home, first, second, key(budgets=(budget("tokens", 2 * bound),))) as worker:
        call = asyncio.create_task(worker.post(body=body))
        await until(lambda: second.asked == 1)
        assert worker.reserved() == 2 * bound
        first.gate.set()
        await call
        await worker.quiet()
        assert worker.used("bud_tokens") == 2 + 7


async def test_a_failure_of_one_leaves_the_other(home: Home) -> None:
    first = Silent(fails(500))
    second = Silent()
    async with hedged(home, first, second) as worker:
        call = asyncio.create_task(worker.post(body=ROUTED))
        await until(lambda: second.asked == 1)
        first.gate.set()
        await until(lambda: first.asked == 1)
        await asyncio.sleep(0.05)
        second.gate.set()
        got = await call
    assert (got.status, got.headers["x-genaiops-target"]) == (200, "b")
    assert [(one.target_id, one.status, one.pays) for one in home.attempts()] == [
        ("a", "error", False),
        ("b", "ok", True),
    ]


async def test_when_both_fail_the_call_goes_on_as_ever(home: Home) -> None:
    first, second = Silent(fails(500)), Silent(fails(503, "b is full"))
    async with hedged(home, first, second) as worker:
        call = asyncio.create_task(worker.post(body=ROUTED))
        await until(lambda: second.asked == 1)
        first.gate.set()
        second.gate.set()
        got = await call
    assert got.status in (502, 503)
    assert len(home.attempts()) == 3  # the third is one of them again
    assert {one.reason for one in home.attempts()} == {"first", "hedge", "retry"}


async def test_the_client_leaves_while_both_are_under_way(home: Home) -> None:
    first, second = Silent(), Silent()
    limits = (budget("tokens", 10**6),)
    async with hedged(home, first, second, key(budgets=limits)) as worker:
        call = asyncio.create_task(worker.post(body=ROUTED))
        await until(lambda: second.asked == 1)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await until(lambda: first.hung_up == second.hung_up == 1)
        await worker.quiet()
        assert worker.used("bud_tokens") == 4  # the prompt, twice
    assert [one.error_type for one in home.attempts()] == ["client_disconnected"] * 2
    assert home.settled()[0].status == "cancelled"


async def test_a_stream_is_hedged_before_its_head_and_never_after(home: Home) -> None:
    silent = Silent()
    async with hedged(home, silent, streams(*stream_events("Hel", "lo"))) as worker:
        got = await worker.stream({**ROUTED, "stream": True})
        assert (got.text, got.headers["x-genaiops-target"]) == ("Hello", "b")
        await until(lambda: silent.hung_up == 1)

    async def drips(seen: Seen, wire: Wire) -> bool:
        pieces = stream_events("Hel", "lo")
        await streams(*pieces[:2], end=False)(seen, wire)
        await asyncio.sleep(0.2)
        for piece in pieces[2:]:
            await wire.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        await wire.write(b"0\r\n\r\n")
        return True

    never = Silent()
    async with Upstream(drips) as a, Upstream(never) as b:
        home.publish(targets=(target(a.url, id="a"), target(b.url, id="b")), routes=(route("a", "b=0", hedge=EAGER),))
        async with running(home, column=1) as worker:
            got = await worker.stream({**ROUTED, "stream": True})
            await worker.quiet()
    assert got.text == "Hello"
    assert never.asked == 0


async def test_by_percentile_once_enough_is_known(home: Home) -> None:
    silent = Silent()
    async with Upstream(answers()) as a, Upstream(answers()) as b:
        targets = (target(a.url, id="a"), target(b.url, id="b"))
        policy = HedgePolicy(percentile=95, share=1.0)
        home.publish(key(), targets=targets, routes=(route("a", fallbacks=("b",), hedge=policy),))
        async with running(home) as worker:
            for _ in range(25):
                await worker.post(body=ROUTED)
            asked = len(b.seen)
            a.scripts[:] = [silent]
            got = await worker.post(body=ROUTED)
            assert got.headers["x-genaiops-target"] == "b"
            await until(lambda: silent.hung_up == 1)
            await worker.quiet()
    assert asked <= 5  # above the 95th percentile are a few


async def test_a_try_whose_cost_nobody_knows_is_charged_what_was_reserved(home: Home) -> None:
    """The winner's class of service has no price, so a hard budget is charged what was reserved for it; the loser's try
    has one, and is charged that."""
    silent = Silent()
    odd = completion()
    odd["service_tier"] = "flex"
    prices = (price(),)
    async with hedged(home, silent, answers(odd), key(budgets=(budget("money", 10**9),)), prices=prices) as worker:
        await worker.post(body={**ROUTED, "max_tokens": 10})
        await until(lambda: silent.hung_up == 1)
        await worker.quiet()
        lost, won = home.attempts()
        reserved = home.admitted()[0].reserved[0].amount
        assert lost.cost is not None
        assert won.cost is not None
        assert (lost.cost.nano, won.cost.nano) == (4000, None)
        assert worker.used("bud_money") == 4000 + reserved
