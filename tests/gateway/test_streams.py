"""Streams: what is held back, heartbeats, back-pressure, and what usage the client sees."""

import asyncio
import json
import resource
from typing import Any

from genaiops.domain import TargetTimeouts
from genaiops.http1 import Origin, Pool
from tests.gateway.harness import CHAT, KEY, PATIENCE, Home, key, route, running, target, until
from tests.gateway.upstream import (
    DONE,
    ROLE,
    STREAM_HEAD,
    Seen,
    Upstream,
    Wire,
    chunked,
    event,
    fails,
    stalls,
    stream_events,
    streams,
)

STREAM = {**CHAT, "stream": True}


async def test_usage_reaches_the_client_that_asked_for_it(home: Home) -> None:
    async with Upstream(streams(*stream_events("a"))) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home) as worker:
            got = await worker.stream({**STREAM, "stream_options": {"include_usage": True}})
    assert got.events[-2]["usage"] == {"prompt_tokens": 5, "completion_tokens": 2}


async def test_a_target_that_is_not_to_be_asked_for_usage(home: Home) -> None:
    async with Upstream(streams(*stream_events("a b", usage=None))) as up:
        home.publish(key(), targets=(target(up.url, stream_usage=False),))
        async with running(home) as worker:
            await worker.stream()
    assert "stream_options" not in up.seen[0].json
    usage = home.attempts()[0].usage
    assert usage is not None
    assert usage.estimated


async def test_heartbeats_before_and_between_events(home: Home) -> None:
    before, between = asyncio.Event(), asyncio.Event()
    beats = 0

    async def script(seen: Seen, wire: Wire) -> bool:
        await before.wait()
        await wire.write(STREAM_HEAD + chunked(event("a")))
        await between.wait()
        await streams(event("b"), event(finish="stop"), DONE)(seen, _Bodyless(wire))
        return True

    async with Upstream(script) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home, heartbeat=0.05) as worker:

            def piece() -> None:
                nonlocal beats
                beats += 1
                (before if beats < 3 else between).set()

            worker.on_piece = piece
            got = await worker.stream()
            await worker.quiet()
    assert got.status == 200
    assert got.text == "ab"
    assert got.body.startswith(b": keep-alive\n\n")
    assert got.body.count(b": keep-alive\n\n") >= 2
    assert "x-genaiops-target" not in got.headers  # it was not known yet when the first comment was sent
    assert not got.cut


class _Bodyless(Wire):
    """Leaves out the head: it has been sent."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire.reader, wire.writer, wire.gate)

    async def write(self, data: bytes) -> None:
        await super().write(data.removeprefix(STREAM_HEAD))


async def test_another_target_serves_the_stream_also_after_a_heartbeat(home: Home) -> None:
    short = TargetTimeouts(connect=1, first_token=0.4, idle=5, total=10)
    async with Upstream(stalls(STREAM_HEAD + chunked(ROLE))) as bad, Upstream(streams(*stream_events("saved"))) as good:
        targets = (target(bad.url, timeouts=short), target(good.url, id="u"))
        home.publish(key(), targets=targets, routes=(route("t", fallbacks=("u",)),))
        async with running(home, heartbeat=0.05) as worker:
            got = await worker.stream({**STREAM, "model": "r"})
            await worker.quiet()
    assert got.body.startswith(b": keep-alive\n\n")
    assert got.text == "saved"
    assert b"assistant" in got.body
    assert got.body.count(b"assistant") == 1  # nothing of the first target's stream was passed on
    assert [one.error_type for one in home.attempts()] == ["upstream_first_token_timeout", None]
    assert home.settled()[0].status == "ok"


async def test_a_failure_after_a_heartbeat_is_told_inside_the_stream(home: Home) -> None:
    gate = asyncio.Event()

    async def script(seen: Seen, wire: Wire) -> bool:
        await gate.wait()
        return bool(await fails(400, "too long")(seen, wire))

    async with Upstream(script) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home, heartbeat=0.05) as worker:
            worker.on_piece = gate.set
            got = await worker.stream()
            await worker.quiet()
    assert (got.status, got.cut) == (200, True)
    assert got.events[-1]["error"]["message"] == "too long"
    settled = home.settled()[0]
    assert (settled.status, settled.http_status, settled.error_type) == ("error", 200, "c")


async def test_a_slow_reader_slows_the_upstream_down(home: Home) -> None:
    """40 MB through a client that does not read: the upstream is held up, and the worker does not take them in."""
    text = event("x" * 16_000)
    sent = 0

    async def script(seen: Seen, wire: Wire) -> bool:
        nonlocal sent
        await wire.write(STREAM_HEAD)
        for _ in range(2500):
            await wire.write(chunked(text))
            sent += len(text)
        await wire.write(chunked(event(finish="stop") + DONE) + b"0\r\n\r\n")
        return True

    async with Upstream(script) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home) as worker:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            reader, writer = await asyncio.open_connection("127.0.0.1", worker.port, limit=1024)
            body = json.dumps(STREAM).encode()
            head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {KEY}\r\n"
            writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
            await reader.readexactly(100)
            last = -1
            while last != sent:  # until everything between us and the upstream is full
                last = sent
                await asyncio.sleep(0.2)
            assert sent < 20_000_000
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            assert grown < 30_000  # KiB: kernel buffers of this same process's upstream and reader are no part of it
            received = 100
            while received < 40_000_000:
                received += len(await reader.read(1 << 20))
            writer.close()
            await worker.quiet()
    assert home.settled()[0].status == "ok"


async def test_many_streams_at_once_arrive_whole(home: Home) -> None:
    async def script(seen: Seen, wire: Wire) -> bool:
        name = seen.json["user"]
        await wire.write(STREAM_HEAD + chunked(ROLE))
        for number in range(20):
            await wire.write(chunked(event(f"{name}:{number} ")))
            await asyncio.sleep(0)
        await wire.write(chunked(event(finish="stop") + DONE) + b"0\r\n\r\n")
        return True

    async with Upstream(script) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home) as worker:
            gots = await asyncio.gather(*(worker.stream({**STREAM, "user": f"u{one}"}) for one in range(100)))
            await worker.quiet()
    for one, got in enumerate(gots):
        assert got.text == "".join(f"u{one}:{number} " for number in range(20))
    assert len(home.settled()) == 100


async def test_the_connection_is_kept_where_the_end_comes_apart_from_the_last_event(home: Home) -> None:
    peers: set[Any] = set()

    async def script(seen: Seen, wire: Wire) -> bool:
        peers.add(wire.writer.get_extra_info("peername"))
        await streams(*stream_events("a"), end=False)(seen, wire)
        await wire.gate.wait()
        await wire.write(b"0\r\n\r\n")
        return True

    async with Upstream(script) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home) as worker:
            for _ in range(3):
                up.gate.clear()
                assert (await worker.stream()).text == "a"  # it does not wait for the end
                up.gate.set()
                await asyncio.sleep(0.05)
    assert len(peers) == 1


async def test_clients_that_leave_at_any_moment_leave_nothing_behind(home: Home) -> None:
    async def script(seen: Seen, wire: Wire) -> bool:
        await wire.write(STREAM_HEAD)
        for piece in stream_events(*(["word "] * 10)):
            await wire.write(chunked(piece))
            await asyncio.sleep(0.001)
        await wire.write(b"0\r\n\r\n")
        return True

    async with Upstream(script) as up:
        home.publish(key(), targets=(target(up.url),))
        async with running(home, heartbeat=0.05) as worker:

            async def leave(after: float) -> None:
                pool = Pool(Origin(port=worker.port))
                task = asyncio.create_task(_read(pool))
                await asyncio.sleep(after)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                await pool.aclose()

            await asyncio.gather(*(leave(number / 2000) for number in range(60)))
            await worker.quiet()
            await until(lambda: len(home.settled()) == len(home.admitted()))
    assert {one.status for one in home.settled()} <= {"ok", "cancelled"}


async def _read(pool: Pool) -> Any:
    reply = await pool.request(
        b"POST",
        b"/v1/chat/completions",
        [(b"authorization", b"Bearer " + KEY.encode())],
        json.dumps(STREAM).encode(),
        timeouts=PATIENCE,
    )
    try:
        while await reply.chunk() is not None:
            pass
    finally:
        reply.release()
