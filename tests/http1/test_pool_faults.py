"""Upstreams that fail, calls that end early, and the pool's bounds."""

import asyncio

import pytest

from genaiops.http1 import Origin, Pool, Reply, Timeouts
from genaiops.http1._upstream import UpstreamConnection
from genaiops.http1.errors import (
    ConnectFailed,
    ConnectTimeout,
    FirstByteTimeout,
    IdleTimeout,
    PoolExhausted,
    TotalTimeout,
    Truncated,
    UpstreamTooLarge,
)
from tests.http1.wire import Script, Upstream, Wire, eventually, upstream

OK = b"HTTP/1.1 200 OK\r\n"
T = Timeouts()


async def get(pool: Pool, timeouts: Timeouts = T, method: bytes = b"GET") -> Reply:
    return await pool.request(method, b"/", [], timeouts=timeouts)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
    await reader.read()


async def stalling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(OK + b"content-length: 100\r\n\r\nhello")
    await reader.read()


async def dribbling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(OK + b"content-length: 100000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("script", "timeouts", "error"),
    [
        (silent, Timeouts(first_byte=0.05), FirstByteTimeout),
        (stalling, Timeouts(idle=0.05), IdleTimeout),
        (silent, Timeouts(first_byte=0, total=0.05), TotalTimeout),
        (dribbling, Timeouts(idle=30, total=0.2), TotalTimeout),
    ],
)
async def test_timeouts(script: Script, timeouts: Timeouts, error: type[Exception]) -> None:
    async with upstream(script) as (scripted, origin):
        pool = Pool(origin)
        with pytest.raises(error):
            await (await get(pool, timeouts)).read(1_000_000)
        assert pool.connections == 0
        await scripted.gone()
        await pool.aclose()


async def test_refused_and_unknown() -> None:
    async with upstream(silent) as (_, origin):
        pass
    for broken in (origin, Origin(host="no-such-host.invalid"), Origin(unix_path="/nonexistent/socket")):
        pool = Pool(broken)
        with pytest.raises(ConnectFailed, match="cannot be reached"):
            await get(pool)
        assert pool.connections == 0
        await pool.aclose()


async def test_connecting_is_bounded() -> None:
    """A TLS handshake that never comes stands in for a host that never answers."""
    async with upstream(silent) as (scripted, origin):
        for timeouts, error in ((Timeouts(connect=0.05), ConnectTimeout), (Timeouts(total=0.05), TotalTimeout)):
            pool = Pool(Origin(scheme="https", host=origin.host, port=origin.port))
            with pytest.raises(error):
                await get(pool, timeouts)
            assert pool.connections == 0
            await pool.aclose()
        await scripted.gone()


async def test_the_pool_is_bounded() -> None:
    async with upstream(stalling) as (scripted, origin):
        pool = Pool(origin, max_connections=2)
        first, second = await get(pool), await get(pool)
        with pytest.raises(PoolExhausted):
            await get(pool)
        first.abort()
        third = await get(pool)
        assert third.status == 200
        second.release()
        third.release()
        assert pool.connections == 0
        await scripted.gone()
        await pool.aclose()


async def test_a_response_over_the_limit() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if number == 0:
            writer.write(OK + b"content-length: 100\r\n\r\n")
        else:
            writer.write(OK + b"transfer-encoding: chunked\r\n\r\n" + b"a\r\n0123456789\r\n" * 20)
        await reader.read()

    async with upstream(script) as (scripted, origin):
        pool = Pool(origin)
        for _ in range(2):
            with pytest.raises(UpstreamTooLarge):
                await (await get(pool)).read(99)
            assert pool.connections == 0
        await scripted.gone()
        await pool.aclose()


async def test_cancelling_drops_the_connection() -> None:
    async with upstream(silent) as (scripted, origin):
        pool = Pool(origin)
        task = asyncio.create_task(get(pool))
        await eventually(lambda: scripted.open == 1 and pool.busy == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert pool.connections == 0
        await scripted.gone()
        await pool.aclose()


async def test_cancelling_while_connecting_leaves_nothing() -> None:
    async with upstream(silent) as (scripted, origin):
        pool = Pool(Origin(scheme="https", host=origin.host, port=origin.port))
        task = asyncio.create_task(get(pool))
        await eventually(lambda: scripted.open == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert pool.connections == 0
        await scripted.gone()
        await pool.aclose()


async def test_closing_the_pool_ends_what_is_out() -> None:
    async with upstream(stalling) as (scripted, origin):
        pool = Pool(origin)
        reply = await get(pool)
        assert await reply.chunk() == b"hello"
        waiting = asyncio.create_task(reply.chunk())
        await asyncio.sleep(0)
        await pool.aclose()
        with pytest.raises(Truncated):
            await waiting
        assert pool.connections == 0
        with pytest.raises(ConnectFailed):
            await get(pool)
        await scripted.gone()


async def test_many_at_once_keep_their_answers_apart() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        while True:
            body = await scripted.request(reader)
            await asyncio.sleep(0.001 * (len(body) % 3))
            writer.write(OK + b"content-length: %d\r\n\r\n%b" % (len(body), body))

    async with upstream(script) as (scripted, origin):
        assert isinstance(scripted, Upstream)
        pool = Pool(origin)

        async def ask(number: int) -> bool:
            body = b"%d" % number * (number + 1)
            reply = await pool.request(b"POST", b"/", [], body, timeouts=T)
            return await reply.read(10_000) == body

        for _ in range(3):
            assert all(await asyncio.gather(*(ask(number) for number in range(50))))
        assert scripted.accepted <= 50
        assert (pool.connections, pool.busy) == (scripted.accepted, 0)
        await pool.aclose()


async def test_cancelling_after_the_response_came_spares_whoever_has_the_connection_now() -> None:
    pool = Pool(Origin())
    conn, wire = UpstreamConnection(pool), Wire()
    conn.connection_made(wire)
    first = conn.send(b"", None, bodiless=False, timeouts=T, since=0.0)
    conn.data_received(OK + b"content-length: 2\r\n\r\nok")
    second = conn.send(b"", None, bodiless=False, timeouts=T, since=0.0)
    conn.withdraw(first)
    conn.data_received(OK + b"content-length: 3\r\n\r\nyes")
    assert await (await second).read(10) == b"yes"
    third = conn.send(b"", None, bodiless=False, timeouts=T, since=0.0)
    conn.data_received(OK + b"content-length: 2\r\n\r\no")
    conn.withdraw(third)
    assert wire.closed
