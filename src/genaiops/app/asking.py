"""POSTs of JSON to one endpoint of another process or machine, over our own HTTP pool."""

import asyncio
from urllib.parse import urlsplit

from genaiops.http1 import Origin, Pool, Timeouts, field_block

_LARGEST_ANSWER = 4 << 20


class HttpAsk:
    """`ports.classifiers.Ask` for one URL. Made anywhere, used on one event loop; no redirect is followed."""

    def __init__(self, url: str, *, key: str | None = None, timeout: float = 2.0, max_connections: int = 8) -> None:
        """`key` is sent as a bearer token. `timeout`, in seconds, bounds the whole exchange. More questions than
        `max_connections` at a time wait for each other, for as long as who asks has patience."""
        parts = urlsplit(url)
        self._path = (parts.path or "/").encode() + (b"?" + parts.query.encode() if parts.query else b"")
        fields = [(b"content-type", b"application/json"), (b"accept", b"application/json")]
        if key is not None:
            fields.append((b"authorization", b"Bearer " + key.encode()))
        self._headers = field_block(fields)
        self._places = asyncio.Semaphore(max_connections)
        self._pool = Pool(Origin.parse(url), max_connections=max_connections)
        self._timeouts = Timeouts(connect=timeout, first_byte=timeout, idle=timeout, total=timeout)

    async def __call__(self, body: bytes) -> tuple[int, bytes]:
        async with self._places:
            reply = await self._pool.request(b"POST", self._path, self._headers, body, timeouts=self._timeouts)
            try:
                return reply.status, await reply.read(_LARGEST_ANSWER)
            except BaseException:
                reply.abort()
                raise

    async def aclose(self) -> None:
        await self._pool.aclose()
