"""A response handed to a sink: nothing lost, doubled or out of order, whatever sink, upstream or reader do."""

import asyncio

import pytest

from genaiops.http1 import Pool, Reply, Timeouts
from genaiops.http1.errors import Truncated
from tests.http1.wire import Upstream, eventually, upstream

OK = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


async def get(pool: Pool) -> Reply:
    return await pool.request(b"GET", b"/", [], timeouts=Timeouts())


class Steps:
    """An upstream that sends its next piece when it is told to."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = [OK, *pieces]
        self.told = asyncio.Semaphore(0)
        self.scripted: Upstream | None = None

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        assert self.scripted is not None
        await self.scripted.request(reader)
        for piece in self.pieces:
            writer.write(piece)
            await self.told.acquire()
        if self.pieces[-1] != END:
            writer.transport.abort()
        await reader.read()


def chunk(text: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(text), text)


async def test_pieces_are_handed_over_as_they_come_and_the_connection_goes_back() -> None:
    steps = Steps(chunk(b"a"), chunk(b"b") + chunk(b"c"), chunk(b"d"), END)
    taken: list[bytes] = []

    def sink(piece: bytes) -> bool:
        taken.append(piece)
        steps.told.release()
        return False

    async with upstream(steps) as (scripted, origin):
        steps.scripted = scripted
        pool = Pool(origin)
        reply = await get(pool)
        steps.told.release()
        assert await reply.pump(sink)
        assert taken == [b"a", b"bc", b"d"]
        assert await reply.pump(sink)  # the end stays the end
        assert (pool.connections, pool.busy) == (1, 0)
        await pool.aclose()


async def test_a_sink_that_has_enough_gets_the_rest_at_the_next_call() -> None:
    steps = Steps(chunk(b"a"), chunk(b"b"), chunk(b"c"), END)
    taken: list[bytes] = []

    def sink(piece: bytes) -> bool:
        taken.append(piece)
        return True

    async with upstream(steps) as (scripted, origin):
        steps.scripted = scripted
        pool = Pool(origin)
        reply = await get(pool)
        steps.told.release()
        assert not await reply.pump(sink)
        assert taken == [b"a"]
        for _ in range(3):
            steps.told.release()
        await eventually(lambda: reply.complete)
        assert taken == [b"a"]  # nobody asked
        assert not await reply.pump(sink)
        assert await reply.pump(sink)
        assert b"".join(taken) == b"abc"
        await pool.aclose()


async def test_what_the_sink_raises_comes_out_of_the_pump() -> None:
    steps = Steps(chunk(b"a"), chunk(b"b"), END)
    taken: list[bytes] = []

    def sink(piece: bytes) -> bool:
        taken.append(piece)
        if piece == b"b":
            raise ValueError("no")
        steps.told.release()
        return False

    async with upstream(steps) as (scripted, origin):
        steps.scripted = scripted
        pool = Pool(origin)
        reply = await get(pool)
        steps.told.release()
        with pytest.raises(ValueError, match="no"):
            await reply.pump(sink)
        assert taken == [b"a", b"b"]
        reply.abort()
        await eventually(lambda: pool.connections == 0)
        await pool.aclose()


async def test_a_fault_comes_after_the_pieces_before_it() -> None:
    steps = Steps(chunk(b"a"), chunk(b"b"))
    taken: list[bytes] = []

    def sink(piece: bytes) -> bool:
        taken.append(piece)
        steps.told.release()
        return False

    async with upstream(steps) as (scripted, origin):
        steps.scripted = scripted
        pool = Pool(origin)
        reply = await get(pool)
        steps.told.release()
        for _ in range(2):
            with pytest.raises(Truncated):
                await reply.pump(sink)
        assert taken == [b"a", b"b"]
        await pool.aclose()


async def test_a_pump_that_was_cancelled_can_be_taken_up_again() -> None:
    steps = Steps(chunk(b"a"), chunk(b"b"), END)
    taken: list[bytes] = []

    def sink(piece: bytes) -> bool:
        taken.append(piece)
        return False

    async with upstream(steps) as (scripted, origin):
        steps.scripted = scripted
        pool = Pool(origin)
        reply = await get(pool)
        steps.told.release()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reply.pump(sink), 0.05)
        assert taken == [b"a"]
        steps.told.release()
        steps.told.release()
        await eventually(lambda: reply.complete)
        assert taken == [b"a"]  # a sink that nobody waits with is not called
        assert await reply.chunk() == b"b"
        assert await reply.pump(sink)
        await pool.aclose()


# -- leaving before the end


async def test_a_response_left_just_before_its_end_gives_its_connection_back() -> None:
    steps = Steps(chunk(b"last"), END)

    async with upstream(steps) as (scripted, origin):
        steps.scripted = scripted
        pool = Pool(origin)
        reply = await get(pool)
        steps.told.release()
        assert await reply.chunk() == b"last"
        reply.leave()
        reply.release()
        assert (pool.connections, pool.busy) == (1, 1)
        steps.told.release()
        await eventually(lambda: not pool.busy)
        assert pool.connections == 1
        await pool.aclose()


async def test_a_response_that_goes_on_after_its_reader_left_costs_its_connection() -> None:
    steps = Steps(chunk(b"last"), chunk(bytes(10_000)), chunk(bytes(10_000)), chunk(b"x"))

    async with upstream(steps) as (scripted, origin):
        steps.scripted = scripted
        pool = Pool(origin)
        reply = await get(pool)
        steps.told.release()
        assert await reply.chunk() == b"last"
        reply.leave()
        steps.told.release()
        steps.told.release()
        await eventually(lambda: pool.connections == 0)
        await pool.aclose()


async def test_a_response_that_does_not_end_after_its_reader_left_costs_its_connection() -> None:
    steps = Steps(chunk(b"last"), END)

    async with upstream(steps) as (scripted, origin):
        steps.scripted = scripted
        pool = Pool(origin)
        reply = await get(pool)
        steps.told.release()
        assert await reply.chunk() == b"last"
        reply.leave()
        await eventually(lambda: pool.connections == 0)
        await pool.aclose()
