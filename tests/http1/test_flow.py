"""Many streams, slow readers, and departures, through a server and a pool together."""

import asyncio
import resource
from pathlib import Path
from typing import cast

import pytest

from genaiops.http1 import Exchange, Handler, Pool, Timeouts
from genaiops.http1.errors import Disconnected
from tests.http1.wire import GET, eventually, serving, stalled_client, upstream

T = Timeouts()
OK = b"HTTP/1.1 200 OK\r\n"
HOP = {b"content-length", b"transfer-encoding", b"connection"}


def relay(pool: Pool, left: list[str], *, pump: bool = False) -> Handler:
    """Passes a request on and its response back, piece by piece: as they are asked for, or pumped."""

    async def handler(exchange: Exchange) -> None:
        reply = await pool.request(b"GET", exchange.target, [], timeouts=T)
        exchange.on_disconnect(reply.abort)
        exchange.start(reply.status, [field for field in reply.headers if field[0] not in HOP])
        try:
            if pump:

                def sink(piece: bytes) -> bool:
                    exchange.send(piece)
                    return exchange.congested

                while not await reply.pump(sink):
                    await exchange.drain()
            else:
                while (piece := await reply.chunk()) is not None:
                    exchange.send(piece)
                    await exchange.drain()
        except Disconnected:
            reply.abort()
            left.append(exchange.path)
            raise
        exchange.finish()

    return handler


def resident() -> int:
    """Bytes of memory this process holds."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * resource.getpagesize()


@pytest.mark.parametrize("pump", [False, True])
async def test_a_reader_that_stalls_holds_no_memory(pump: bool) -> None:
    size = 400_000_000
    sent = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"content-length: %d\r\n\r\n" % size)
        block = bytes(100_000)
        while sent < size:
            writer.write(block)
            sent += len(block)
            await writer.drain()
        await reader.read()

    left: list[str] = []
    async with upstream(script) as (scripted, origin):
        pool = Pool(origin)
        async with serving(relay(pool, left, pump=pump)) as running:
            before = resident()
            sock = await stalled_client(running.port)
            sock.send(GET)
            loop = asyncio.get_running_loop()
            taken = 0
            for pause in range(3):  # takes a little, then stalls again
                settled = -1
                while settled != sent:
                    settled = sent
                    await asyncio.sleep(0.1)
                assert sent < size / 4
                assert resident() - before < 8_000_000
                if pause < 2:
                    taken += len(await loop.sock_recv(sock, 65_536))
            assert taken
            sock.close()
            await eventually(lambda: left and running.server.in_flight == 0)
        await eventually(lambda: pool.connections == 0)
        await scripted.gone()
        await pool.aclose()


@pytest.mark.parametrize("pump", [False, True])
async def test_a_slow_reader_gets_every_byte(pump: bool) -> None:
    block = bytes(range(256)) * 256
    blocks = 200

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"transfer-encoding: chunked\r\n\r\n")
        for _ in range(blocks):
            writer.write(b"%x\r\n%b\r\n" % (len(block), block))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await reader.read()

    async with upstream(script) as (_, origin):
        pool = Pool(origin)
        async with serving(relay(pool, [], pump=pump)) as running:
            client = await running.client()
            await client.send(GET)
            await asyncio.sleep(0.05)
            assert (await client.answer()).body == block * blocks
        assert (pool.connections, pool.busy) == (1, 0)
        await pool.aclose()


async def test_a_slow_reader_does_not_make_the_upstream_look_idle() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = bytes(20_000_000)
        writer.write(OK + b"content-length: %d\r\n\r\n" % len(body) + body)
        await reader.read()

    async with upstream(script) as (_, origin):
        pool = Pool(origin)
        reply = await pool.request(b"GET", b"/", [], timeouts=Timeouts(idle=0.4))
        size = len(await reply.chunk() or b"")
        await asyncio.sleep(1.0)
        while (piece := await reply.chunk()) is not None:
            size += len(piece)
        assert size == 20_000_000
        await pool.aclose()


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_client_that_leaves_ends_the_call_upstream(how: str) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await reader.read()

    async with upstream(script) as (scripted, origin):
        pool = Pool(origin)
        async with serving(relay(pool, [])) as running:
            client = await running.client()
            await client.send(GET)
            await client.reader.readuntil(b"hello\r\n")
            assert pool.busy == 1
            if how == "close":
                await client.close()
                await running.client()
                client.writer.transport.abort()
            else:
                client.reset()
                await scripted.gone()
                assert pool.connections == 0
        await pool.aclose()


class Stream(asyncio.Protocol):
    """A client that only counts and keeps what comes."""

    def __init__(self, done: asyncio.Semaphore) -> None:
        self.data = bytearray()
        self.transport: asyncio.Transport | None = None
        self._done = done

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(GET)

    def data_received(self, data: bytes) -> None:
        self.data += data
        if self.data.endswith(b"\r\n0\r\n\r\n"):
            self._done.release()


async def test_two_thousand_streams() -> None:
    count = 2000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 2 * count + 200:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * count + 1000), hard))
    everyone = asyncio.Event()
    streaming = 0

    async def handler(exchange: Exchange) -> None:
        nonlocal streaming
        exchange.start(200, [(b"content-type", b"text/event-stream")])
        streaming += 1
        if streaming == count:
            everyone.set()
        await everyone.wait()
        for number in range(5):
            exchange.send(b"data: %d\n\n" % number)
            await exchange.drain()
            await asyncio.sleep(0.01)
        exchange.finish()

    expected = b"".join(b"9\r\ndata: %d\n\n\r\n" % number for number in range(5)) + b"0\r\n\r\n"
    async with serving(handler) as running:
        loop = asyncio.get_running_loop()
        done = asyncio.Semaphore(0)
        streams = [Stream(done) for _ in range(count)]
        for stream in streams:
            await loop.create_connection(lambda stream=stream: stream, "127.0.0.1", running.port)
        async with asyncio.timeout(30):
            for _ in streams:
                await done.acquire()
        assert running.server.connections == count
        assert all(bytes(stream.data).partition(b"\r\n\r\n")[2] == expected for stream in streams)
        for stream in streams:
            assert stream.transport is not None
            stream.transport.close()
        await eventually(lambda: running.server.connections == 0)
