"""The pool: one request at a time on a connection, kept alive, and every way an upstream can fail."""

import asyncio

import pytest

from genaiops.http1 import Origin, Pool, Reply, Timeouts
from genaiops.http1.errors import (
    InvalidField,
    Truncated,
    UpstreamClosed,
)
from tests.http1.wire import eventually, upstream

OK = b"HTTP/1.1 200 OK\r\n"
T = Timeouts()


async def get(pool: Pool, timeouts: Timeouts = T, method: bytes = b"GET") -> Reply:
    return await pool.request(method, b"/", [], timeouts=timeouts)


async def test_what_is_sent() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        while True:
            await scripted.request(reader)
            writer.write(OK + b"X-Two: 2\r\ncontent-length: 2\r\n\r\nhi")

    async with upstream(script) as (scripted, origin):
        pool = Pool(origin)
        host = origin.authority
        block = b"host: other\r\nx-a: 1\r\n"
        reply = await pool.request(b"POST", b"/p?q", [(b"x-a", b"1")], b"body", timeouts=T)
        assert (reply.status, reply.header(b"x-two"), await reply.read(10)) == (200, b"2", b"hi")
        assert reply.headers == [(b"x-two", b"2"), (b"content-length", b"2")]
        for body in (b"", b"b" * 40_000, bytearray(b"c" * 40_000), [b"d", b"e" * 40_000]):
            await (await pool.request(b"POST", b"/", block, body, timeouts=T)).read(10)
        await get(pool)
        assert scripted.received == [
            b"POST /p?q HTTP/1.1\r\nhost: %b\r\nx-a: 1\r\ncontent-length: 4\r\n\r\nbody" % host,
            b"POST / HTTP/1.1\r\n" + block + b"content-length: 0\r\n\r\n",
            b"POST / HTTP/1.1\r\n" + block + b"content-length: 40000\r\n\r\n" + b"b" * 40_000,
            b"POST / HTTP/1.1\r\n" + block + b"content-length: 40000\r\n\r\n" + b"c" * 40_000,
            b"POST / HTTP/1.1\r\n" + block + b"content-length: 40001\r\n\r\nd" + b"e" * 40_000,
            b"GET / HTTP/1.1\r\nhost: %b\r\n\r\n" % host,
        ]
        assert (scripted.accepted, pool.connections, pool.busy) == (1, 1, 0)
        await pool.aclose()
        await scripted.gone()


@pytest.mark.parametrize(
    "headers",
    [
        [(b"a", b"b\r\nc: d")],
        [(b"a", b"b\n")],
        [(b"a\r\n", b"b")],
        [(b"a", b"\0")],
        [(b"transfer-encoding", b"chunked")],
        b"a: b",
        b"a: b\r\n\r\n",
        b"a: b\nc: d\r\n",
        b"a: b\rc: d\r\n",
        b"a: b\0\r\n",
        b"a: b\r\n folded\r\n",
        b" a: b\r\n",
        b"a : b\r\n",
        b"nonsense\r\n",
        b"Content-Length: 1\r\n",
        b"x: y\r\nTransfer-Encoding: chunked\r\n",
    ],
)
async def test_headers_that_would_break_a_request_apart_are_refused(headers: bytes | list[tuple[bytes, bytes]]) -> None:
    pool = Pool(Origin(port=9))
    with pytest.raises(InvalidField):
        await pool.request(b"GET", b"/", headers, timeouts=T)


@pytest.mark.parametrize(
    ("method", "target"),
    [(b"GET", b"/ HTTP/1.1\r\na: b"), (b"GET", b""), (b"GET", b"/\xe9"), (b"G T", b"/"), (b"", b"/")],
)
async def test_request_lines_that_would_break_apart_are_refused(method: bytes, target: bytes) -> None:
    pool = Pool(Origin(port=9))
    with pytest.raises(InvalidField):
        await pool.request(method, target, [], timeouts=T)


@pytest.mark.parametrize(
    ("response", "method", "body"),
    [
        (OK + b"content-length: 5\r\n\r\nhello", b"GET", b"hello"),
        (OK + b"content-length: 0\r\n\r\n", b"GET", b""),
        (OK + b"transfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nx-sum: 1\r\n\r\n", b"GET", b"hello"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"GET", b""),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", b"GET", b""),
        (OK + b"content-length: 5\r\n\r\n", b"HEAD", b""),
        (OK + b"transfer-encoding: chunked\r\n\r\n", b"HEAD", b""),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\na: b\r\n\r\n"
            + OK
            + b"content-length: 5\r\n\r\nhello",
            b"GET",
            b"hello",
        ),
        (b"HTTP/1.1 200\r\ncontent-length: 5\r\n\r\nhello", b"GET", b"hello"),
        (b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 5\r\n\r\nhello", b"GET", b"hello"),
    ],
)
@pytest.mark.parametrize("step", [1, 7, 10_000])
async def test_responses_that_keep_the_connection(response: bytes, method: bytes, body: bytes, step: int) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        while True:
            await scripted.request(reader)
            for at in range(0, len(response), step):
                writer.write(response[at : at + step])
                await asyncio.sleep(0)

    async with upstream(script) as (scripted, origin):
        pool = Pool(origin)
        for _ in range(2):
            assert await (await get(pool, method=method)).read(100) == body
        assert scripted.accepted == 1
        await pool.aclose()


@pytest.mark.parametrize(
    "response",
    [
        OK + b"connection: close\r\ncontent-length: 5\r\n\r\nhello",
        OK + b"\r\nhello",
        b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\n\r\nhello",
        OK + b"connection: Close\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ],
)
async def test_responses_that_end_the_connection(response: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await scripted.request(reader)
        writer.write(response)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    async with upstream(script) as (scripted, origin):
        pool = Pool(origin)
        for number in (1, 2):
            assert await (await get(pool)).read(100) == b"hello"
            assert scripted.accepted == number
            assert pool.connections == 0
        await pool.aclose()


async def test_pieces_arrive_as_they_come_and_waiting_ones_together() -> None:
    more = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await scripted.request(reader)
        writer.write(OK + b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n")
        await more.wait()
        writer.write(b"1\r\nb\r\n1\r\nc\r\n0\r\n\r\n")
        await reader.read()

    async with upstream(script) as (scripted, origin):
        pool = Pool(origin)
        reply = await get(pool)
        assert await reply.chunk() == b"a"
        with pytest.raises(TimeoutError):  # a heartbeat's wait: gives up, and asks again later
            await asyncio.wait_for(reply.chunk(), 0.01)
        more.set()
        assert await reply.chunk() == b"bc"
        assert await reply.chunk() is None
        assert await reply.chunk() is None
        assert reply.complete
        assert (pool.connections, pool.busy) == (1, 0)
        await pool.aclose()


async def test_tiny_chunks_are_not_kept_apart() -> None:
    body = b"x" * 5000

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await scripted.request(reader)
        writer.write(OK + b"transfer-encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * len(body) + b"0\r\n\r\n")
        await reader.read()

    async with upstream(script) as (scripted, origin):
        pool = Pool(origin)
        assert await (await get(pool)).read(len(body)) == body
        await pool.aclose()


async def test_a_fault_comes_after_the_pieces_before_it() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await scripted.request(reader)
        writer.write(OK + b"transfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)
        writer.transport.abort()

    async with upstream(script) as (scripted, origin):
        pool = Pool(origin)
        reply = await get(pool)
        await scripted.gone()
        await eventually(lambda: pool.connections == 0)
        assert await reply.chunk() == b"first"
        for _ in range(2):
            with pytest.raises(Truncated):
                await reply.chunk()
        assert not reply.complete
        await pool.aclose()


# -- kept-alive connections that are stale


async def test_a_stale_connection_is_replaced_once() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await scripted.request(reader)
        writer.write(OK + b"content-length: 2\r\n\r\nok")
        await reader.readexactly(1)  # the next request has begun: too late for the pool to have seen us go
        writer.transport.abort()

    async with upstream(script) as (scripted, origin):
        pool = Pool(origin)
        for number in (1, 2, 3):
            assert await (await get(pool)).read(10) == b"ok"
            assert scripted.accepted == number
        await pool.aclose()


async def test_a_fresh_connection_that_closes_is_not_retried() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await scripted.request(reader)

    async with upstream(script) as (scripted, origin):
        pool = Pool(origin)
        with pytest.raises(UpstreamClosed) as caught:
            await get(pool)
        assert not caught.value.retry_safe
        assert (scripted.accepted, pool.connections) == (1, 0)
        await pool.aclose()


async def test_a_stale_connection_and_then_one_that_closes_too() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await scripted.request(reader)
        if number == 0:
            writer.write(OK + b"content-length: 2\r\n\r\nok")
            await reader.readexactly(1)

    async with upstream(script) as (scripted, origin):
        pool = Pool(origin)
        assert await (await get(pool)).read(10) == b"ok"
        with pytest.raises(UpstreamClosed) as caught:
            await get(pool)
        assert not caught.value.retry_safe
        assert scripted.accepted == 2
        await pool.aclose()


async def test_a_connection_that_answered_a_byte_is_not_retried() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await scripted.request(reader)
        writer.write(OK + b"content-length: 2\r\n\r\nok")
        await scripted.request(reader)
        writer.write(b"H")
        await writer.drain()

    async with upstream(script) as (scripted, origin):
        pool = Pool(origin)
        assert await (await get(pool)).read(10) == b"ok"
        with pytest.raises(Truncated):
            await get(pool)
        assert scripted.accepted == 1
        await pool.aclose()


async def test_idle_connections_that_close_leave_the_pool() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await scripted.request(reader)
        writer.write(OK + b"content-length: 2\r\n\r\nok")
        await writer.drain()

    async with upstream(script) as (scripted, origin):
        pool = Pool(origin)
        await (await get(pool)).read(10)
        await eventually(lambda: pool.connections == 0)
        assert await (await get(pool)).read(10) == b"ok"
        assert scripted.accepted == 2
        await pool.aclose()


async def test_idle_connections_are_closed_in_time() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await scripted.request(reader)
        writer.write(OK + b"content-length: 2\r\n\r\nok")
        await reader.read()

    async with upstream(script) as (scripted, origin):
        pool = Pool(origin, idle_timeout=0.05)
        await (await get(pool)).read(10)
        assert pool.connections == 1
        await scripted.gone()
        assert pool.connections == 0


async def test_an_answer_before_the_request_was_read_ends_the_connection() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig")
        await writer.drain()
        await asyncio.sleep(1)

    async with upstream(script, limit=4096) as (_, origin):
        pool = Pool(origin)
        reply = await pool.request(b"POST", b"/", [], b"x" * 30_000_000, timeouts=T)
        assert (reply.status, await reply.read(10)) == (413, b"big")
        assert pool.connections == 0
        await pool.aclose()
