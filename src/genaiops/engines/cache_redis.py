"""A cache that workers share, on Redis or Valkey (extra `redis`).

A server that is slow or away costs a call the deadline once; then it is left alone for `rest` seconds. Entries are
written whole (`SET` with `PX`), so a process that is killed leaves none by halves.
"""

import asyncio
import logging
import time
from typing import Any

from genaiops.core.errors import ConfigError, StoreError

_log = logging.getLogger("genaiops.cache")
_PREFIX = b"genaiops:cache:1:"


class RedisCache:
    """`url` as redis-py takes it (`redis://`, `rediss://`, `unix://`). Seconds. At most `most_writes` are under way;
    more are dropped and counted."""

    def __init__(self, url: str, *, deadline: float = 0.05, rest: float = 1.0, most_writes: int = 64) -> None:
        try:
            from redis import asyncio as redis
            from redis import exceptions
        except ImportError as error:
            raise ConfigError(
                "stores.cache names Redis, and the package redis is not installed.",
                remedy="Install the extra: pip install 'genaiops[redis]'.",
                param="stores.cache",
            ) from error
        connection: Any = redis
        self._errors: tuple[type[BaseException], ...] = (exceptions.RedisError, OSError, TimeoutError)
        self._client: Any = connection.Redis.from_url(
            url, socket_timeout=deadline, socket_connect_timeout=deadline, max_connections=most_writes * 2
        )
        self._deadline = deadline
        self._rest = rest
        self._most_writes = most_writes
        self._away_until = 0.0
        self._writes: set[asyncio.Task[None]] = set()
        self._failures = 0

    @property
    def failures(self) -> int:
        """How often it could not be asked, or written to."""
        return self._failures

    async def get(self, key: bytes) -> bytes | None:
        """StoreError(code="cache_away")."""
        if time.monotonic() < self._away_until:
            self._failures += 1
            raise _away("it was away a moment ago")
        try:
            async with asyncio.timeout(self._deadline):
                found: bytes | None = await self._client.get(_PREFIX + key)
        except self._errors as error:
            self._fail(error)
            raise _away(type(error).__name__) from error
        return found

    def put(self, key: bytes, value: bytes, seconds: float) -> None:
        if time.monotonic() < self._away_until or len(self._writes) >= self._most_writes:
            self._failures += 1
            return
        task = asyncio.get_running_loop().create_task(self._write(key, value, max(1, int(seconds * 1000))))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)

    async def aclose(self) -> None:
        """Let what is being written end, within its deadline."""
        if self._writes:
            await asyncio.wait(self._writes, timeout=self._deadline * 2)
        await self._client.aclose()

    async def _write(self, key: bytes, value: bytes, milliseconds: int) -> None:
        try:
            async with asyncio.timeout(self._deadline):
                await self._client.set(_PREFIX + key, value, px=milliseconds)
        except self._errors as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self._failures += 1
        if time.monotonic() >= self._away_until:
            _log.warning("the shared cache cannot be used: %s", type(error).__name__)
        self._away_until = time.monotonic() + self._rest


def _away(why: str) -> StoreError:
    return StoreError(
        f"The shared cache cannot be asked: {why}.", remedy="Look after the Redis server.", code="cache_away"
    )
