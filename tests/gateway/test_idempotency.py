"""`Idempotency-Key`: the same request again is answered again, and charged once."""

import asyncio

from genaiops.gateway.idempotency import Entry, Idempotency, Kept
from genaiops.gateway.settings import GatewaySettings
from tests.gateway.harness import CHAT, Home, budget, key, running, target, until
from tests.gateway.upstream import Seen, Upstream, Wire, answers, completion, fails, response, stream_events, streams


async def test_a_repeated_call_is_replayed(home: Home) -> None:
    async with Upstream(answers(completion("one")), answers(completion("two"))) as up:
        home.publish(key(budgets=(budget("calls", 10),)), key("b", key_id="b"), targets=(target(up.url),))
        async with running(home) as worker:
            first = await worker.post(idempotency_key="k")
            again = await worker.post(idempotency_key="k")
            other = await worker.post(idempotency_key="k2")
            stranger = await worker.post(idempotency_key="k", key="b")
            await worker.quiet()
            assert worker.home.observer.read("bud_calls", home.admitted()[0].reserved[0].window_us).settled == 2
    assert again.body == first.body
    assert (again.status, again.headers["x-genaiops-idempotent-replay"]) == (200, "true")
    assert again.headers["x-request-id"] == first.headers["x-request-id"]
    assert "x-genaiops-idempotent-replay" not in first.headers
    assert b"two" in other.body
    assert b"two" in stranger.body
    assert len(up.seen) == 3


async def test_another_body_under_the_same_key(home: Home) -> None:
    async with Upstream(answers()) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home) as worker:
            await worker.post(idempotency_key="k")
            got = await worker.post(body={**CHAT, "n": 2}, idempotency_key="k")
            bad = await worker.post(idempotency_key="x" * 256)
    assert (got.status, got.error["code"], got.error["param"]) == (422, "idempotency_key_reused", "Idempotency-Key")
    assert bad.status == 400
    assert len(up.seen) == 1


async def test_a_call_in_flight_is_waited_for(home: Home) -> None:
    gate = asyncio.Event()

    async def script(seen: Seen, wire: Wire) -> bool:
        await gate.wait()
        await wire.write(response(200, completion("once")))
        return True

    async with Upstream(script) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home) as worker:
            tasks = [asyncio.create_task(worker.post(idempotency_key="k")) for _ in range(5)]
            await until(lambda: worker.server.in_flight == 5 and len(up.seen) == 1)
            gate.set()
            gots = await asyncio.gather(*tasks)
            await worker.quiet()
    assert len({got.body for got in gots}) == 1
    assert sorted("x-genaiops-idempotent-replay" in got.headers for got in gots) == [False] + [True] * 4
    assert len(up.seen) == 1


async def test_a_stream_is_replayed(home: Home) -> None:
    async with Upstream(streams(*stream_events("Hel", "lo"))) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home) as worker:
            first, again = await worker.stream(idempotency_key="k"), await worker.stream(idempotency_key="k")
    assert again.body == first.body
    assert again.headers["content-type"].startswith("text/event-stream")
    assert len(up.seen) == 1


async def test_an_answer_that_invites_another_try_is_not_kept(home: Home) -> None:
    async with Upstream(fails(429), answers()) as up:
        home.publish(key(budgets=(budget("calls", 2),)), targets=(target(up.url),))
        async with running(home) as worker:
            statuses = [(await worker.post(idempotency_key="k")).status for _ in range(3)]
            bad = [await worker.post(body={**CHAT, "n": 0}, idempotency_key="bad") for _ in range(2)]
            await worker.quiet()
    assert statuses == [200, 200, 200] or statuses == [429, 200, 200]
    assert [one.status for one in bad] == [400, 400]


async def test_who_waits_takes_over_when_the_first_client_leaves(home: Home) -> None:
    gate = asyncio.Event()

    async def script(seen: Seen, wire: Wire) -> bool:
        if len(up.seen) == 1:
            await wire.closed()
            return False
        await wire.write(response(200, completion("second")))
        return True

    async with Upstream(script) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home) as worker:
            first = asyncio.create_task(worker.post(idempotency_key="k"))
            await until(lambda: len(up.seen) == 1)
            second = asyncio.create_task(worker.post(idempotency_key="k"))
            await until(lambda: worker.server.in_flight == 2)
            first.cancel()
            got = await second
            gate.set()
            await worker.quiet()
    assert b"second" in got.body
    assert [one.status for one in home.settled()] == ["cancelled", "ok"]


async def test_an_answer_too_large_to_keep_is_not_charged_again(home: Home) -> None:
    async with Upstream(answers(completion("x" * 5000))) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home, idempotency_answer=1000) as worker:
            first, again = await worker.post(idempotency_key="k"), await worker.post(idempotency_key="k")
    assert (first.status, again.status, again.error["code"]) == (200, 409, "idempotent_answer_not_kept")
    assert len(up.seen) == 1


async def test_what_is_kept_is_bounded() -> None:
    store = Idempotency(GatewaySettings(idempotency_entries=10, idempotency_bytes=3000))
    for number in range(50):
        entry = await store.claim("key", "/v1", b"%d" % number, b"")
        assert isinstance(entry, Entry)
        store.settle(entry, Kept(200, b"", b"x" * 1000))
    assert len(store._entries) == 10
    assert store._bytes == 3000
    assert isinstance(await store.claim("key", "/v1", b"49", b""), Kept)


async def test_what_is_old_is_forgotten() -> None:
    store = Idempotency(GatewaySettings(idempotency_window=0))
    entry = await store.claim("key", "/v1", b"k", b"")
    assert isinstance(entry, Entry)
    store.settle(entry, Kept(200, b"", b"x"))
    assert isinstance(await store.claim("key", "/v1", b"k", b""), Entry)
