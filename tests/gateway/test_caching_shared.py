"""The cache that workers share, on a real Redis: found by the next worker, away, slow, corrupt, after a kill."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from msgspec.structs import replace

from genaiops.core.errors import StoreError
from genaiops.domain import CachePolicy
from genaiops.engines.cache_redis import RedisCache
from tests.gateway.harness import CHAT, Got, Home, key, route, running, target, until
from tests.gateway.upstream import Upstream, answers

URL = os.environ.get("GENAIOPS_TEST_REDIS", "")
ASK = {**CHAT, "model": "r"}
PATIENT = 2.0


def publish(home: Home, up: Upstream, *, namespace: str) -> None:
    policy = CachePolicy(mode="exact", namespace=namespace)
    home.publish(key(), targets=(target(up.url),), routes=(replace(route("t"), cache=policy),))


def said(got: Got) -> str:
    assert got.status == 200, got.body
    return got.headers["x-genaiops-cache"].partition(";")[0]


@pytest.fixture
async def redis() -> AsyncGenerator[Any]:
    from redis import asyncio as package

    client = package.Redis.from_url(URL)
    yield client
    await client.aclose()


@pytest.fixture
def namespace(home: Home) -> str:
    return f"test-{time.time_ns()}"


async def written(redis: Any, before: set[bytes]) -> bytes:
    """The one key that is new."""
    for _ in range(500):
        new = set(await redis.keys("genaiops:cache:1:*")) - before
        if new:
            return new.pop()
        await asyncio.sleep(0.01)
    raise AssertionError("nothing was written")


@pytest.mark.needs_redis
async def test_another_worker_finds_it(home: Home, redis: Any, namespace: str) -> None:
    before = set(await redis.keys("genaiops:cache:1:*"))
    async with Upstream(answers()) as up:
        publish(home, up, namespace=namespace)
        async with running(home, shared=RedisCache(URL, deadline=PATIENT)) as worker:
            assert said(await worker.post(body=ASK)) == "miss"
            name = await written(redis, before)
            # No drain, no aclose of the first worker is needed: an entry is there whole, or not at all.
            async with running(home, column=1, shared=RedisCache(URL, deadline=PATIENT)) as other:
                assert said(await other.post(body=ASK)) == "hit"
                assert said(await other.post(body={**ASK, "stream": True})) == "hit"
    assert len(up.seen) == 1
    assert 0 < await redis.pttl(name) <= 600_000
    await redis.delete(name)


@pytest.mark.needs_redis
@pytest.mark.parametrize("damage", [b"", b"garbage", b"flip", b"swap"])
async def test_a_corrupt_entry_is_a_miss(home: Home, redis: Any, namespace: str, damage: bytes) -> None:
    before = set(await redis.keys("genaiops:cache:1:*"))
    async with Upstream(answers()) as up:
        publish(home, up, namespace=namespace)
        async with running(home, shared=RedisCache(URL, deadline=PATIENT)) as worker:
            assert said(await worker.post(body=ASK)) == "miss"
            name = await written(redis, before)
            good = await redis.get(name)
            if damage == b"flip":
                await redis.set(name, good[:-9] + bytes([good[-9] ^ 1]) + good[-8:])
            elif damage != b"swap":
                await redis.set(name, damage)
            asked = ASK
            if damage == b"swap":  # the right answer to another question
                asked = {**ASK, "seed": 2}
                await worker.post(body=asked)
                other = await written(redis, {*before, name})
                await redis.set(other, good)
            async with running(home, column=1, shared=RedisCache(URL, deadline=PATIENT)) as second:
                assert said(await second.post(body=asked)) == "miss"
                await second.quiet()
    notes = [one.lookup.note for one in home.settled() if one.lookup is not None]
    assert notes[-1] == "corrupt"
    for one in set(await redis.keys("genaiops:cache:1:*")) - before:
        await redis.delete(one)


async def test_a_redis_that_is_away_is_a_miss_and_counted(home: Home) -> None:
    async with Upstream(answers()) as up:
        publish(home, up, namespace="")
        async with running(home, shared=RedisCache("redis://127.0.0.1:9")) as worker:
            assert said(await worker.post(body=ASK)) == "miss"
            assert said(await worker.post(body={**ASK, "seed": 1})) == "miss"
            assert said(await worker.post(body=ASK)) == "hit"  # of the worker's own
            await worker.quiet()
            await until(lambda: worker.gateway._books.tally.cache_failures >= 2)
    notes = [one.lookup.note for one in home.settled() if one.lookup is not None]
    assert notes == ["cache_away", "cache_away", None]


async def test_a_redis_that_does_not_answer_costs_its_deadline_once(home: Home) -> None:
    async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(nothing, "127.0.0.1", 0)
    url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    cache = RedisCache(url, deadline=0.1, rest=5.0)
    began = time.monotonic()
    for _ in range(20):
        with pytest.raises(StoreError) as away:
            await cache.get(b"k")
        assert away.value.code == "cache_away"
        cache.put(b"k", b"v", 1.0)
    assert time.monotonic() - began < 1.0
    assert cache.failures == 40
    await cache.aclose()
    server.close()


@pytest.mark.needs_redis
async def test_more_writes_than_it_bears_are_dropped(namespace: str) -> None:
    cache = RedisCache(URL, deadline=PATIENT, most_writes=4)
    for number in range(10):
        cache.put(f"{namespace}{number}".encode(), b"v", 1.0)
    assert cache.failures == 6
    await cache.aclose()
