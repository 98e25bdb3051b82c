"""Floods and deadlines."""

import asyncio
from dataclasses import replace

import pytest

from genaiops.http1 import ServerLimits
from tests.http1.wire import GET, QUICK, echo, post, serving


@pytest.mark.parametrize(
    "request_head",
    [
        b"GET / HTTP/1.1\r\nhost: x\r\n" + b"a: %b\r\n" % (b"v" * 5000) + b"\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\n" + b"".join(b"h%d: v\r\n" % i for i in range(60)) + b"\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\n" + b"h: v\r\n" * 60 + b"\r\n",
        b"GET /" + b"a" * 5000,
        b"GET / HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 1000,
    ],
)
async def test_header_floods_are_431(request_head: bytes) -> None:
    async with serving(echo, replace(QUICK, header_bytes=4096, header_count=50)) as running:
        answer = await running.one(request_head)
        assert answer.status == 431
        assert answer.headers["connection"] == "close"


async def test_a_head_that_trickles_is_408() -> None:
    async with serving(echo, replace(QUICK, header_timeout=0.1)) as running:
        client = await running.client()

        async def trickle() -> None:
            for byte in GET * 100:
                await client.send(bytes([byte]))
                await asyncio.sleep(0.02)

        trickling = asyncio.ensure_future(trickle())
        answer = await client.answer()
        assert answer.status == 408
        trickling.cancel()
        await asyncio.wait([trickling])


async def test_a_body_that_stops_is_408() -> None:
    async with serving(echo, replace(QUICK, body_timeout=0.1)) as running:
        assert (await running.one(post(b"x" * 100)[:-50])).status == 408


async def test_a_body_that_trickles_is_408() -> None:
    async with serving(echo, replace(QUICK, body_total_timeout=0.2)) as running:
        client = await running.client()
        await client.send(post(b"x" * 1000)[:-1000])

        async def trickle() -> None:
            for _ in range(900):
                await client.send(b"x")
                await asyncio.sleep(0.02)

        trickling = asyncio.ensure_future(trickle())
        assert (await client.answer()).status == 408
        trickling.cancel()
        await asyncio.wait([trickling])


async def test_idle_connections_are_closed_without_a_word() -> None:
    async with serving(echo, replace(QUICK, keep_alive=0.05, header_timeout=0.1)) as running:
        fresh = await running.client()
        assert await fresh.rest() == b""
        used = await running.client()
        assert (await used.ask(GET)).status == 200
        assert await used.rest() == b""


async def test_one_connection_too_many_is_503() -> None:
    async with serving(echo, replace(QUICK, max_connections=2)) as running:
        first, _second = await running.client(), await running.client()
        assert (await first.ask(GET)).status == 200
        third = await running.client()
        assert (await third.answer()).status == 503
        await third.rest()
        await third.close()
        assert (await first.ask(GET)).status == 200


def test_limits_have_the_documented_defaults() -> None:
    limits = ServerLimits()
    assert (limits.header_bytes, limits.header_count, limits.header_timeout) == (65_536, 100, 10.0)
    assert (limits.body_timeout, limits.keep_alive, limits.max_connections) == (30.0, 75.0, 10_000)
    assert limits.write_high_water == 65_536
