"""Clients that leave, half or whole, and a server that drains."""

import asyncio
import logging
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from genaiops.http1 import Exchange, Server
from genaiops.http1.errors import Disconnected
from tests.http1.wire import GET, QUICK, Client, echo, eventually, post, serving, stalled_client


async def test_half_closed_clients_get_their_response() -> None:
    async def handler(exchange: Exchange) -> None:
        body = await exchange.body(100)
        await asyncio.sleep(0.02)
        exchange.respond(200, [], bytes(body))

    async with serving(handler) as running:
        client = await running.client()
        await client.send(post(b"one") + post(b"two"))
        client.half_close()
        assert (await client.answer()).body == b"one"
        assert (await client.answer()).body == b"two"
        assert await client.rest() == b""


async def test_a_half_closed_client_that_is_there_survives_the_probe() -> None:
    gone: list[int] = []

    async def handler(exchange: Exchange) -> None:
        exchange.on_disconnect(lambda: gone.append(1))
        await asyncio.sleep(0.3)
        exchange.respond(200, [], b"late")

    async with serving(handler, replace(QUICK, half_close_probe=0.03)) as running:
        client = await running.client()
        await client.send(GET)
        client.half_close()
        answer = await client.answer()
        assert (answer.body, answer.interim) == (b"late", [100])
    assert not gone


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_handler_is_told_when_its_client_leaves(how: str) -> None:
    told = asyncio.Event()
    states: list[bool] = []

    async def handler(exchange: Exchange) -> None:
        def gone() -> None:
            states.append(exchange.disconnected)
            told.set()

        exchange.on_disconnect(gone)
        await told.wait()
        with pytest.raises(Disconnected):
            await exchange.drain()
        exchange.on_disconnect(lambda: states.append(True))

    async with serving(handler, replace(QUICK, half_close_probe=0.02)) as running:
        client = await running.client()
        await client.send(GET)
        await eventually(lambda: running.server.in_flight == 1)
        if how == "close":
            await client.close()
        else:
            client.reset()
        async with asyncio.timeout(5):
            await told.wait()
        await eventually(lambda: running.server.in_flight == 0)
    assert states == [True, True]


async def test_a_client_that_leaves_in_the_middle_of_its_body() -> None:
    errors: list[BaseException] = []

    async def handler(exchange: Exchange) -> None:
        try:
            await exchange.body(1000)
        except Disconnected as error:
            errors.append(error)
            raise

    async with serving(handler) as running:
        client = await running.client()
        await client.send(post(b"x" * 100)[:-50])
        await eventually(lambda: running.server.in_flight == 1)
        client.half_close()  # the request can never be complete
        await eventually(lambda: running.server.in_flight == 0)
        assert await client.rest() == b""
    assert len(errors) == 1


async def test_a_stream_to_a_client_that_left_ends() -> None:
    ended = asyncio.Event()

    async def handler(exchange: Exchange) -> None:
        exchange.start(200, [])
        try:
            while True:
                exchange.send(b"x" * 1000)
                await exchange.drain()
                await asyncio.sleep(0.001)
        except Disconnected:
            ended.set()
            raise

    async with serving(handler) as running:
        client = await running.client()
        await client.send(GET)
        await client.reader.readuntil(b"\r\n\r\n")
        await client.close()
        async with asyncio.timeout(5):
            await ended.wait()


async def test_a_failing_disconnect_callback_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    told = asyncio.Event()

    def broken() -> None:
        raise RuntimeError("callback bug")

    async def handler(exchange: Exchange) -> None:
        exchange.on_disconnect(broken)
        exchange.on_disconnect(told.set)
        await told.wait()

    async with serving(handler) as running:
        client = await running.client()
        await client.send(GET)
        await eventually(lambda: running.server.in_flight == 1)
        client.reset()
        async with asyncio.timeout(5):
            await told.wait()
    assert "callback bug" in caplog.text


async def test_a_client_that_takes_nothing_is_dropped() -> None:
    dropped = asyncio.Event()

    async def handler(exchange: Exchange) -> None:
        exchange.on_disconnect(dropped.set)
        exchange.start(200, [])

        async def send_forever() -> None:
            while True:
                exchange.send(b"x" * 65_536)
                await exchange.drain()

        with pytest.raises(Disconnected):
            await send_forever()

    async with serving(handler, replace(QUICK, write_timeout=0.1)) as running:
        client = await stalled_client(running.port)
        client.send(GET)
        async with asyncio.timeout(5):
            await dropped.wait()
        client.close()


async def test_drain_lets_what_is_in_flight_finish() -> None:
    gate = asyncio.Event()

    async def handler(exchange: Exchange) -> None:
        if exchange.path == "/stream":
            exchange.start(200, [])
            await gate.wait()
            exchange.send(b"whole")
            exchange.finish()
        else:
            await gate.wait()
            exchange.respond(200, [], b"whole")

    async with serving(handler) as running:
        idle, busy, stream = [await running.client() for _ in range(3)]
        await busy.send(GET)
        await stream.send(b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n")
        await eventually(lambda: running.server.in_flight == 2)
        draining = asyncio.ensure_future(running.server.drain(5))
        assert await idle.rest() == b""
        with pytest.raises(ConnectionRefusedError):
            await running.client()
        assert not draining.done()
        gate.set()
        answer = await busy.answer()
        assert (answer.body, answer.headers["connection"]) == (b"whole", "close")
        assert (await stream.answer()).body == b"whole"
        assert await busy.rest() == b""
        await draining
        assert running.server.connections == 0


async def test_drain_aborts_at_the_deadline() -> None:
    cancelled = asyncio.Event()

    async def handler(exchange: Exchange) -> None:
        exchange.start(200, [])
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with serving(handler) as running:
        client = await running.client()
        await client.send(GET)
        await client.reader.readuntil(b"\r\n\r\n")
        await running.server.drain(0.05)
        assert cancelled.is_set()
        assert running.server.in_flight == 0
        assert not (await client.rest()).endswith(b"0\r\n\r\n")


async def test_a_request_that_arrives_while_draining_is_answered() -> None:
    async with serving(echo) as running:
        client = await running.client()
        await client.ask(GET)
        draining = asyncio.ensure_future(running.server.drain(5))
        answer = await client.ask(GET)
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        await draining


async def test_handlers_of_clients_that_left_are_not_logged_as_failures(caplog: pytest.LogCaptureFixture) -> None:
    told = asyncio.Event()

    async def handler(exchange: Exchange) -> None:
        exchange.on_disconnect(told.set)
        await told.wait()
        raise ConnectionError("the upstream call was cut off")

    caplog.set_level(logging.WARNING)
    async with serving(handler) as running:
        client = await running.client()
        await client.send(GET)
        await eventually(lambda: running.server.in_flight == 1)
        client.reset()
        await eventually(lambda: running.server.in_flight == 0)
    assert not caplog.records


async def test_a_unix_socket(tmp_path: Path) -> None:
    path = f"{tmp_path}/s"
    peers: list[str] = []

    async def handler(exchange: Exchange) -> None:
        peers.append(exchange.peer)
        exchange.respond(200, [], b"unix")

    server = Server(handler, limits=QUICK)
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    await server.serve(sock)
    client = Client(*await asyncio.open_unix_connection(path))
    assert (await client.ask(GET)).body == b"unix"
    await client.close()
    await server.drain(1)
    assert peers == [""]
