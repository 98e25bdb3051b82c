"""What arrives: requests, their bodies, pipelining."""

import asyncio
import gzip
import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from genaiops.http1 import Exchange
from genaiops.http1.errors import BodyTooLarge
from tests.http1.wire import GET, QUICK, echo, eventually, post, serving


async def test_a_request_and_its_response() -> None:
    seen: list[Exchange] = []

    async def handler(exchange: Exchange) -> None:
        seen.append(exchange)
        await echo(exchange)

    async with serving(handler) as running:
        answer = await running.one(
            b"POST /a%20b?c=%20d HTTP/1.1\r\nHost: x\r\nX-One: 1 \r\nContent-Length: 2\r\n\r\nhi"
        )
    assert (answer.status, answer.body) == (200, b"hi")
    assert answer.headers["x-about"] == "POST /a b c=%20d 2"
    assert answer.headers["content-length"] == "2"
    assert "date" in answer.headers
    exchange = seen[0]
    assert exchange.target == b"/a%20b?c=%20d"
    assert exchange.headers == [(b"host", b"x"), (b"x-one", b"1"), (b"content-length", b"2")]
    assert exchange.header(b"x-one") == b"1"
    assert exchange.header(b"absent") is None
    assert exchange.peer == "127.0.0.1"
    assert exchange.received_ns > 0
    assert exchange.finished
    assert not exchange.disconnected


async def test_repeated_fields_keep_their_order_and_the_first_wins() -> None:
    seen: list[Exchange] = []

    async def handler(exchange: Exchange) -> None:
        seen.append(exchange)
        exchange.respond(200, [])

    async with serving(handler) as running:
        await running.one(b"GET / HTTP/1.1\r\nhost: x\r\na: 1\r\nb: 2\r\nA: 3\r\n\r\n")
    assert seen[0].headers == [(b"host", b"x"), (b"a", b"1"), (b"b", b"2"), (b"a", b"3")]
    assert seen[0].header(b"a") == b"1"


async def test_connections_are_kept_and_counted() -> None:
    async with serving(echo) as running:
        client = await running.client()
        for _ in range(3):
            assert (await client.ask(GET)).status == 200
        assert running.server.connections == 1
        assert running.server.in_flight == 0


async def test_pipelined_requests_are_answered_in_order() -> None:
    async def handler(exchange: Exchange) -> None:
        if exchange.path == "/0":
            await asyncio.sleep(0.02)
        exchange.respond(200, [], exchange.path.encode())

    async with serving(handler) as running:
        client = await running.client()
        await client.send(b"".join(b"GET /%d HTTP/1.1\r\nhost: x\r\n\r\n" % i for i in range(20)))
        assert [(await client.answer()).body for _ in range(20)] == [b"/%d" % i for i in range(20)]


async def test_a_flood_of_pipelined_requests_pauses_reading() -> None:
    gate = asyncio.Event()

    async def handler(exchange: Exchange) -> None:
        await gate.wait()
        exchange.respond(200, [])

    flood = GET * 500_000  # more than the socket buffers and `pipeline_bytes` hold
    async with serving(handler, replace(QUICK, pipeline_bytes=4096)) as running:
        client = await running.client()
        client.writer.write(flood)
        sending = asyncio.ensure_future(client.writer.drain())
        await eventually(lambda: running.server.in_flight == 1)
        await asyncio.sleep(0.05)
        assert not sending.done()
        gate.set()
        for _ in range(100):
            assert (await client.answer()).status == 200
        client.reset()
        await asyncio.wait([sending])
        sending.exception()


@pytest.mark.parametrize("size", [0, 1, 40_000, 300_000, 3_000_000])
async def test_bodies_of_any_size(size: int) -> None:
    body = bytes(i % 251 for i in range(1000)) * (size // 1000) + b"z" * (size % 1000)
    async with serving(echo) as running:
        client = await running.client()
        for _ in range(2):
            answer = await client.ask(post(body))
            assert answer.body == body


async def test_a_body_in_pieces_and_a_request_behind_it() -> None:
    async with serving(echo) as running:
        client = await running.client()
        whole = post(b"a" * 1000) + GET
        for start in range(0, len(whole), 100):
            await client.send(whole[start : start + 100])
            await asyncio.sleep(0)
        assert (await client.answer()).body == b"a" * 1000
        assert (await client.answer()).body == b""


async def test_a_large_body_is_received_into_one_buffer() -> None:
    kinds: list[type] = []

    async def handler(exchange: Exchange) -> None:
        body = await exchange.body(1_000_000)
        kinds.append(type(body))
        exchange.respond(200, [], b"%d" % len(body))

    async with serving(handler) as running:
        assert (await running.one(post(b"x" * 500_000))).body == b"500000"
    assert kinds == [bytearray]


async def test_reading_stops_until_a_body_is_asked_for() -> None:
    gate = asyncio.Event()

    async def handler(exchange: Exchange) -> None:
        await gate.wait()
        exchange.respond(200, [], b"%d" % len(await exchange.body(20_000_000)))

    async with serving(handler, replace(QUICK, body_window=65_536)) as running:
        client = await running.client()
        client.writer.write(post(b"x" * 20_000_000))
        sending = asyncio.ensure_future(client.writer.drain())
        await eventually(lambda: running.server.in_flight == 1)
        await asyncio.sleep(0.05)
        assert not sending.done()
        gate.set()
        assert (await client.answer()).body == b"20000000"
        await sending


async def test_a_body_over_the_limit_is_413_and_the_answer_survives() -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.body(1000)
        raise AssertionError("not reached")

    async with serving(handler) as running:
        client = await running.client()
        client.writer.write(post(b"x" * 2_000_000))  # the client is still sending when it is refused
        answer = await client.answer()
        assert answer.status == 413
        assert answer.headers["connection"] == "close"
        assert b"1000" in answer.body


async def test_a_small_body_over_the_limit_keeps_the_connection() -> None:
    async def handler(exchange: Exchange) -> None:
        with pytest.raises(BodyTooLarge):
            await exchange.body(3)
        exchange.respond(413, [])

    async with serving(handler) as running:
        client = await running.client()
        assert (await client.ask(post(b"four"))).status == 413
        assert (await client.ask(post(b"four"))).status == 413


@pytest.mark.parametrize("chunks", [[b"hello"], [b"a", b"b" * 300, b"c"], [b"x" * 70_000, b"y" * 5]])
async def test_chunked_bodies_and_their_trailers(chunks: list[bytes]) -> None:
    coded = b"".join(b"%x;note=1\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    request = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" + coded + b"0\r\nx-sum: 1\r\n\r\n"
    async with serving(echo) as running:
        client = await running.client()
        assert (await client.ask(request)).body == b"".join(chunks)
        for start in range(0, len(request), 4096):
            await client.send(request[start : start + 4096])
        assert (await client.answer()).body == b"".join(chunks)


async def test_a_chunked_body_over_the_limit_is_413() -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.body(10)

    request = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    async with serving(handler) as running:
        client = await running.client()
        await client.send(request)
        await eventually(lambda: running.server.in_flight == 1)
        assert (await client.ask(b"20\r\n" + b"x" * 32 + b"\r\n")).status == 413


async def test_a_malformed_chunk_is_400() -> None:
    async with serving(echo) as running:
        answer = await running.one(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n")
    assert answer.status == 400
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    ("coding", "encode"),
    [
        (b"gzip", gzip.compress),
        (b"x-gzip", gzip.compress),
        (b"deflate", zlib.compress),
        (b"identity", bytes),
        (b"deflate, gzip", lambda data: gzip.compress(zlib.compress(data))),
        (b"deflate", lambda data: zlib.compress(data, wbits=-15)),
        (b"gzip", lambda data: gzip.compress(data[:7]) + gzip.compress(data[7:])),
    ],
)
async def test_encoded_bodies(coding: bytes, encode: Callable[[bytes], bytes]) -> None:
    body = b"prompt " * 20_000
    async with serving(echo) as running:
        assert (await running.one(post(encode(body), b"content-encoding: " + coding))).body == body


@pytest.mark.parametrize(
    ("coding", "body", "status"),
    [
        (b"gzip", b"not gzip", 400),
        (b"gzip", gzip.compress(b"hello", mtime=0)[:-4], 400),
        (b"deflate", zlib.compress(b"hello") + b"more", 400),
        (b"br", b"x", 415),
        (b"gzip, gzip, gzip", b"x", 415),
    ],
)
async def test_encoded_bodies_that_are_refused(coding: bytes, body: bytes, status: int) -> None:
    async with serving(echo) as running:
        assert (await running.one(post(body, b"content-encoding: " + coding))).status == status


async def test_encoded_bodies_that_grow_without_end_are_refused() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000, mtime=0)  # 50 MB in 50 KB
    bombs = {
        b"gzip": bomb,
        b"gzip, gzip": gzip.compress(bomb, mtime=0),
        b"deflate": zlib.compress(b"\0" * 20_000_000),
    }
    async with serving(echo) as running:
        for coding, body in bombs.items():
            assert (await running.one(post(body, b"content-encoding: " + coding))).status == 413


async def test_expect_100_continue() -> None:
    async def handler(exchange: Exchange) -> None:
        if exchange.path == "/no":
            exchange.respond(401, [])
        else:
            await echo(exchange)

    head = b"POST %b HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
    async with serving(handler) as running:
        client = await running.client()
        await client.send(head % b"/yes")
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert (await client.ask(b"hi")).body == b"hi"
        answer = await client.ask(head % b"/yes" + b"hi")  # did not wait: nothing to continue
        assert (answer.interim, answer.body) == ([], b"hi")
        refused = await client.ask(head % b"/no")
        assert (refused.interim, refused.status, refused.headers["connection"]) == ([], 401, "close")
