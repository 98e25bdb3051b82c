"""Which target serves: weights, fallbacks, retries, breakers, credentials."""

import asyncio

import pytest

from genaiops.domain import BreakerPolicy, RetryPolicy, Route, RouteTarget
from genaiops.gateway.breaker import CLOSED, HALF_OPEN, OPEN, Breaker
from tests.gateway.harness import CHAT, Home, Worker, key, route, running, target, until
from tests.gateway.upstream import Script, Seen, Upstream, Wire, answers, completion, fails, response

ROUTED = {**CHAT, "model": "r"}


def breaker_of(worker: Worker, name: str) -> Breaker:
    return next(one for one in worker.gateway._fleet if one.target.id == name).breaker


async def test_weights(home: Home) -> None:
    async with Upstream(answers()) as one, Upstream(answers()) as two, Upstream(answers()) as none:
        weights = (RouteTarget("a", 3), RouteTarget("b", 1), RouteTarget("c", 0))
        targets = (target(one.url, id="a"), target(two.url, id="b"), target(none.url, id="c"))
        home.publish(key(), targets=targets, routes=(Route(id="r", targets=weights, created_us=1),))
        async with running(home) as worker:
            for _ in range(400):
                assert (await worker.post(body=ROUTED)).status == 200
    assert len(one.seen) + len(two.seen) == 400
    assert 240 < len(one.seen) < 360  # 300, eight standard deviations either way
    assert not none.seen


async def test_a_model_served_by_several_targets_is_spread(home: Home) -> None:
    async with Upstream(answers()) as one, Upstream(answers()) as two:
        home.publish(key(), targets=(target(one.url, id="a"), target(two.url, id="b")))
        async with running(home) as worker:
            for _ in range(40):
                await worker.post()
    assert one.seen
    assert two.seen


async def test_a_route_hides_the_model_of_the_same_name(home: Home) -> None:
    async with Upstream(answers()) as one, Upstream(answers()) as two:
        targets = (target(one.url, id="a"), target(two.url, id="b", model="other"))
        home.publish(key(), targets=targets, routes=(route("b", name="m"),))
        async with running(home) as worker:
            await worker.post()
    assert not one.seen
    assert home.admitted()[0].route_id == "m"


async def test_equivalents_are_tried_before_fallbacks_and_fallbacks_in_order(home: Home) -> None:
    async with Upstream(fails(500)) as bad, Upstream(answers()) as good:
        names = ("a", "b", "c", "d")
        targets = (*(target(bad.url, id=name) for name in names), target(good.url, id="z"))
        retry = RetryPolicy(attempts=9, backoff=0.001, deadline=20)
        home.publish(key(), targets=targets, routes=(route("a", "b", fallbacks=("c", "d", "z"), retry=retry),))
        async with running(home) as worker:
            got = await worker.post(body=ROUTED)
    assert got.headers["x-genaiops-attempts"] == "5"
    order = [attempt.target_id for attempt in home.attempts()]
    assert set(order[:2]) == {"a", "b"}
    assert order[2:] == ["c", "d", "z"]
    assert [attempt.reason for attempt in home.attempts()] == ["first", "equivalent", *["fallback"] * 3]


async def test_the_same_target_is_tried_again(home: Home) -> None:
    async with Upstream(fails(500), fails(503), answers()) as up:
        home.publish(key(), targets=(target(up.url),), routes=(route("t"),))
        async with running(home) as worker:
            got = await worker.post(body=ROUTED)
            await worker.quiet()
    assert (got.status, got.headers["x-genaiops-attempts"]) == (200, "3")
    assert [(one.status, one.http_status, one.reason) for one in home.attempts()] == [
        ("error", 500, "first"),
        ("error", 503, "retry"),
        ("ok", 200, "retry"),
    ]
    assert [one.pays for one in home.attempts()] == [False, False, True]


async def test_no_attempt_begins_after_the_deadline(home: Home) -> None:
    async with Upstream(fails(500)) as up:
        retry = RetryPolicy(attempts=1000, backoff=0.01, backoff_max=0.02, deadline=0.15)
        home.publish(key(), targets=(target(up.url),), routes=(route("t", retry=retry),))
        async with running(home) as worker:
            got = await worker.post(body=ROUTED)
            await worker.quiet()
    assert got.status == 502
    settled = home.settled()[0]
    assert 1 < len(settled.attempts) < 1000
    # Between looking at the clock and beginning, a busy machine may pause; a thousand attempts would take ten seconds.
    assert settled.attempts[-1].start_us - home.admitted()[0].start_us <= 1_000_000


async def test_a_short_rest_is_waited_for_and_a_long_one_is_not(home: Home) -> None:
    async with Upstream(fails(429, headers={"retry-after": "0.05"}), answers()) as short:
        retry = RetryPolicy(attempts=3, backoff=0.001, backoff_max=1, deadline=20)
        home.publish(key(), targets=(target(short.url),), routes=(route("t", retry=retry),))
        async with running(home) as worker:
            assert (await worker.post(body=ROUTED)).status == 200
    async with Upstream(fails(429, "slow down", headers={"retry-after": "77"})) as long:
        home.publish(targets=(target(long.url),), routes=(route("t", retry=retry),))
        async with running(home, column=1) as worker:
            got, again = await worker.post(body=ROUTED), await worker.post(body=ROUTED)
    assert (got.status, got.headers["retry-after"], got.error["message"]) == (429, "77", "slow down")
    assert (again.status, again.error["code"]) == (503, "no_target_available")
    assert "'t' is resting" in again.error["message"]
    assert len(long.seen) == 1


async def test_credentials_take_turns_and_a_limited_one_rests(home: Home) -> None:
    for name in ("ONE", "TWO"):
        home.secrets.put(name, f"sk-{name}")

    async def script(seen: Seen, wire: Wire) -> bool:
        limited = seen.headers["authorization"] == "Bearer sk-ONE"
        await (fails(429, headers={"retry-after": "60"}) if limited else answers())(seen, wire)
        return True

    async with Upstream(script) as up:
        home.publish(key(), targets=(target(up.url, credentials=("ONE", "MISSING", "TWO")),), routes=(route("t"),))
        async with running(home) as worker:
            statuses = [(await worker.post(body=ROUTED)).status for _ in range(4)]
            worker.gateway._gauges._next = 0
            worker.gateway.poll()
            assert home.gauge("credentials_resting/t") == 1
            assert "resting/t" not in {one.name for one in home.observer.gauges()}, "what never rested takes no room"
    assert statuses == [200] * 4
    used = [seen.headers["authorization"][-3:] for seen in up.seen]
    assert used == ["ONE", "TWO", "TWO", "TWO", "TWO"]


async def test_a_secret_that_is_set_later_is_found_by_the_next_call(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genaiops.gateway.upstream._LOOKS_AGAIN", 0.0)
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url, credentials=("MISSING",)),))
        async with running(home) as worker:
            assert (await worker.post()).status == 503
            home.secrets.put("MISSING", "sk-now")
            assert (await worker.post()).status == 200


async def test_a_target_without_its_credential(home: Home) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url, credentials=("MISSING",)),))
        async with running(home) as worker:
            got = await worker.post()
            home.secrets.put("MISSING", "sk-now")
            home.publish(targets=(target(up.url, credentials=("MISSING",)),))
            worker.gateway.poll()
            again = await worker.post()
    assert got.status == 503
    assert "without a credential" in got.error["message"]
    assert again.status == 200


def test_a_breaker_opens_probes_and_closes() -> None:
    breaker = Breaker(BreakerPolicy(failures=2, cooldown=10))
    breaker.begin()
    breaker.fail(now=0)
    assert breaker.allows(0)
    breaker.fail(now=1)
    assert not breaker.allows(10.9)
    assert breaker.state(10.9) == OPEN
    assert breaker.wait(1) == 10
    assert breaker.state(11) == HALF_OPEN
    assert breaker.allows(11)
    assert breaker.begin()
    assert not breaker.allows(11)  # one probe at a time
    breaker.fail(now=11)
    assert not breaker.allows(20.9)
    assert breaker.begin()
    breaker.forget(probe=True)  # the probe's client left: somebody else may probe
    assert breaker.allows(21)
    breaker.succeed()
    assert breaker.state(21) == CLOSED


async def test_a_failing_target_is_left_alone_and_the_gauge_tells(home: Home) -> None:
    broken = BreakerPolicy(failures=2, cooldown=60)
    async with Upstream(fails(500)) as bad, Upstream(answers()) as good:
        targets = (target(bad.url, breaker=broken), target(good.url, id="u"))
        home.publish(key(), targets=targets, routes=(route("t", fallbacks=("u",)),))
        async with running(home) as worker:
            for _ in range(6):
                assert (await worker.post(body=ROUTED)).status == 200
            worker.gateway._gauges._next = 0
            worker.gateway.poll()
            assert home.gauge("breaker/t") == OPEN
            assert home.gauge("breaker/u") == CLOSED
    assert len(bad.seen) == 2
    assert len(good.seen) == 6


async def test_errors_of_the_request_do_not_open_a_breaker(home: Home) -> None:
    async with Upstream(fails(400), fails(429), fails(404), answers()) as up:
        targets = (target(up.url, breaker=BreakerPolicy(failures=1, cooldown=60)),)
        home.publish(key(), targets=targets)
        async with running(home) as worker:
            statuses = [(await worker.post()).status for _ in range(3)]
    assert statuses == [400, 200, 200] or statuses == [400, 404, 200]


async def test_a_probe_brings_a_target_back(home: Home) -> None:
    async with Upstream(fails(500), answers()) as up:
        broken = BreakerPolicy(failures=1, cooldown=0.05)
        home.publish(
            key(), targets=(target(up.url, breaker=broken),), routes=(route("t", retry=RetryPolicy(attempts=1)),)
        )
        async with running(home) as worker:
            assert (await worker.post(body=ROUTED)).status == 502
            assert (await worker.post(body=ROUTED)).error["code"] == "no_target_available"
            await until(lambda: breaker_of(worker, "t").allows(asyncio.get_running_loop().time()))
            assert (await worker.post(body=ROUTED)).status == 200
            assert breaker_of(worker, "t").state(0) == CLOSED


async def test_a_busy_target_passes_calls_on(home: Home) -> None:
    gate = asyncio.Event()

    async def slow(seen: Seen, wire: Wire) -> bool:
        await gate.wait()
        await wire.write(response(200, completion("slow")))
        return True

    scripts: Script = slow
    async with Upstream(scripts) as busy, Upstream(answers()) as spare:
        targets = (target(busy.url, max_concurrency=1), target(spare.url, id="u"))
        routes = (route("t", fallbacks=("u",)), route("t", name="alone"))
        home.publish(key(), targets=targets, routes=routes)
        async with running(home) as worker:
            first = asyncio.create_task(worker.post(body=ROUTED))
            await until(lambda: len(busy.seen) == 1)
            second = await worker.post(body=ROUTED)
            third = await worker.post(body={**CHAT, "model": "alone"})
            gate.set()
            assert (await first).headers["x-genaiops-target"] == "t"
            await worker.quiet()
    assert second.headers["x-genaiops-target"] == "u"
    assert (third.status, third.headers["retry-after"]) == (503, "1")
    assert "'t' is busy" in third.error["message"]


async def test_the_client_may_leave_during_a_pause_between_tries(home: Home) -> None:
    async with Upstream(fails(500)) as up:
        retry = RetryPolicy(attempts=50, backoff=60, backoff_max=60, deadline=100)
        home.publish(key(), targets=(target(up.url),), routes=(route("t", retry=retry),))
        async with running(home) as worker:
            gone = asyncio.create_task(worker.post(body=ROUTED))
            await until(lambda: len(up.seen) >= 1)
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            await worker.quiet()
    settled = home.settled()[0]
    assert settled.status == "cancelled"
    assert not any(one.pays for one in settled.attempts if one.status == "error")


async def test_a_call_that_was_cancelled_before_an_answer(home: Home) -> None:
    asked = asyncio.Event()

    async def script(seen: Seen, wire: Wire) -> bool:
        asked.set()
        await wire.closed()
        return False

    async with Upstream(script) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home) as worker:
            gone = asyncio.create_task(worker.post())
            await asked.wait()
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            await worker.quiet()
            await until(lambda: up.connections == 0)
    settled = home.settled()[0]
    assert (settled.status, settled.http_status) == ("cancelled", 499)
    attempt = settled.attempts[0]
    assert attempt.usage is not None
    assert (attempt.usage.input_tokens, attempt.usage.output_tokens, attempt.usage.estimated) == (2, 0, True)


async def test_no_time_heals_a_missing_secret(home: Home) -> None:
    home.publish(key(), targets=(target("http://127.0.0.1:1/v1", credentials=("NOBODY_SET_THIS",)),))
    async with running(home) as worker:
        got = await worker.post()
    assert (got.status, got.error["code"]) == (503, "no_target_available")
    assert "without a credential" in got.error["message"]
    assert "retry-after" not in got.headers
