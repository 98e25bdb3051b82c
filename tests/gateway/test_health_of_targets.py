"""How a target comes to rest and back: shares of failures, probes, draining."""

import asyncio

from genaiops.domain import BreakerPolicy, ProbePolicy, RetryPolicy
from genaiops.gateway.breaker import CLOSED, HALF_OPEN, OPEN, Breaker
from tests.gateway.harness import CHAT, Home, Worker, key, route, running, target, until
from tests.gateway.upstream import Script, Seen, Upstream, Wire, answers, completion, fails, response

ROUTED = {**CHAT, "model": "r"}
ONCE = RetryPolicy(attempts=1)


def breaker_of(worker: Worker, name: str = "t") -> Breaker:
    return next(one for one in worker.gateway._fleet if one.target.id == name).breaker


def split(calls: Script, probes: Script) -> Script:
    async def script(seen: Seen, wire: Wire) -> bool | None:
        return await (calls if "completions" in seen.path else probes)(seen, wire)

    return script


# -- the share of failures


def test_a_breaker_opens_by_the_share_of_failures() -> None:
    breaker = Breaker(BreakerPolicy(failures=1000, cooldown=10, share=0.5, window=60, least=10))
    for number in range(4):
        breaker.succeed(number)
        breaker.fail(number)
    assert breaker.allows(4)  # half of them, but only eight
    breaker.succeed(4)
    assert breaker.allows(4)
    breaker.fail(4)
    assert not breaker.allows(4)
    assert breaker.state(4) == OPEN
    breaker.succeed(5)  # a call that was under way
    assert breaker.state(5) == OPEN
    assert breaker.state(14) == HALF_OPEN
    assert breaker.begin()
    breaker.succeed(15)
    assert breaker.state(15) == CLOSED
    breaker.fail(16)
    assert breaker.state(16) == CLOSED  # what was before the rest is forgotten


def test_a_share_forgets_what_is_older_than_its_window() -> None:
    breaker = Breaker(BreakerPolicy(failures=1000, cooldown=10, share=0.5, window=60, least=10))
    for _ in range(9):
        breaker.fail(100)
    for second in range(161, 170):
        breaker.succeed(second)
    breaker.fail(170)
    assert breaker.state(170) == CLOSED


def test_a_probe_that_fails_in_half_open_opens_again() -> None:
    breaker = Breaker(BreakerPolicy(failures=1000, cooldown=10, share=0.5, window=60, least=2))
    breaker.fail(0)
    breaker.fail(0)
    assert breaker.begin()
    breaker.fail(11)
    assert breaker.state(20) == OPEN
    assert breaker.state(21) == HALF_OPEN


async def test_a_target_that_fails_now_and_then_is_left_alone(home: Home) -> None:
    policy = BreakerPolicy(failures=1000, cooldown=60, share=0.5, window=60, least=8)
    async with Upstream(*[fails(500), answers()] * 8) as flaky, Upstream(answers()) as good:
        targets = (target(flaky.url, breaker=policy), target(good.url, id="u"))
        home.publish(key(), targets=targets, routes=(route("t", fallbacks=("u",)),))
        async with running(home) as worker:
            for _ in range(20):
                assert (await worker.post(body=ROUTED)).status == 200
            assert breaker_of(worker).tripped
    assert len(flaky.seen) == 9


# -- probes


async def test_a_probe_brings_a_target_back_without_a_call(home: Home) -> None:
    home.secrets.put("KEY", "sk-probe")
    broken = BreakerPolicy(failures=1, cooldown=600)
    async with Upstream(split(fails(500), fails(503))) as up:
        probed = target(up.url, breaker=broken, credentials=("KEY",), probe=ProbePolicy(every=0.02))
        home.publish(key(), targets=(probed,), routes=(route("t", retry=ONCE),))
        async with running(home) as worker:
            await asyncio.sleep(0.1)
            assert not up.seen  # it is well: nobody asks
            assert (await worker.post(body=ROUTED)).status == 502
            await until(lambda: len(up.seen) >= 3)
            assert breaker_of(worker).tripped  # they fail, too
            up.scripts = [split(answers(), answers({"data": []}))]
            await until(lambda: not breaker_of(worker).tripped)
            assert (await worker.post(body=ROUTED)).status == 200
            await worker.quiet()
    probes = [seen for seen in up.seen if seen.path == "/v1/models"]
    assert probes
    assert probes[0].headers["authorization"] == "Bearer sk-probe"
    assert probes[0].body == b""
    assert len(home.settled()) == 2  # probes are no calls


async def test_a_target_that_is_always_probed_rests_before_any_call_fails(home: Home) -> None:
    broken = BreakerPolicy(failures=2, cooldown=600)
    policy = ProbePolicy(path="/health?deep=1", every=0.02, when="always")
    async with Upstream(split(answers(), fails(500))) as up, Upstream(answers()) as spare:
        targets = (target(up.url, breaker=broken, probe=policy), target(spare.url, id="u"))
        home.publish(key(), targets=targets, routes=(route("t", fallbacks=("u",)),))
        async with running(home) as worker:
            await until(lambda: breaker_of(worker).tripped)
            assert (await worker.post(body=ROUTED)).headers["x-genaiops-target"] == "u"
    assert {seen.path for seen in up.seen} == {"/v1/health?deep=1"}


async def test_a_path_that_is_not_there_is_an_answer_and_silence_is_none(home: Home) -> None:
    async def silent(seen: Seen, wire: Wire) -> bool:
        await wire.closed()
        return False

    policy, patient = (ProbePolicy(every=0.02, when="always", timeout=seconds) for seconds in (0.05, 30.0))
    broken = BreakerPolicy(failures=1, cooldown=600)
    async with Upstream(fails(404)) as there, Upstream(silent) as gone:
        targets = (
            target(there.url, id="a", breaker=broken, probe=patient),
            target(gone.url, id="b", breaker=broken, probe=policy),
        )
        home.publish(key(), targets=targets)
        async with running(home) as worker:
            await until(lambda: breaker_of(worker, "b").tripped and len(there.seen) > 2)
            assert not breaker_of(worker, "a").tripped


async def test_probes_end_with_their_target(home: Home) -> None:
    policy = ProbePolicy(every=0.02, when="always")
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url, probe=policy),))
        async with running(home) as worker:
            await until(lambda: len(up.seen) >= 2)
            home.publish(targets=(target(up.url, probe=policy, enabled=False),))
            worker.gateway.poll()
            await asyncio.sleep(0.05)
            asked = len(up.seen)
            await asyncio.sleep(0.1)
            assert len(up.seen) == asked


# -- draining


async def test_a_target_that_is_switched_off_ends_its_calls(home: Home) -> None:
    gate = asyncio.Event()

    async def slow(seen: Seen, wire: Wire) -> bool:
        await gate.wait()
        await wire.write(response(200, completion("late")))
        return True

    async with Upstream(slow) as up, Upstream(answers()) as other:
        routes = (route("t", "u", retry=ONCE),)
        home.publish(key(), targets=(target(up.url, max_concurrency=5), target(other.url, id="u")), routes=routes)
        async with running(home) as worker:
            calls = [asyncio.create_task(worker.post(body={**CHAT, "model": "m"})) for _ in range(12)]
            await until(lambda: len(up.seen) + len(other.seen) == 12)
            begun = len(up.seen)
            home.publish(
                targets=(target(up.url, max_concurrency=5, enabled=False), target(other.url, id="u")), routes=routes
            )
            worker.gateway.poll()
            after = [await worker.post(body=ROUTED) for _ in range(10)]
            gate.set()
            got = await asyncio.gather(*calls)
            await worker.quiet()
            await until(lambda: up.connections == 0)  # its pool is closed with its last call
    assert {one.headers["x-genaiops-target"] for one in after} == {"u"}
    assert [one.status for one in got] == [200] * 12
    assert sum(one.headers["x-genaiops-target"] == "t" for one in got) == begun == len(up.seen)
