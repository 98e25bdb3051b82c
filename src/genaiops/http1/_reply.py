"""The response of an upstream, read as it arrives."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from genaiops.http1._heads import Headers, ResponseHead
from genaiops.http1.errors import Truncated, UpstreamFault, UpstreamTooLarge

if TYPE_CHECKING:
    from genaiops.http1._upstream import UpstreamConnection

_HIGH_WATER = 262_144
_MANY = 16


class Reply:
    """A response whose head is here. Read it to its end, or `abort` it: either gives the connection back or ends it."""

    complete = False
    """Whether the whole response has arrived (it may not have been read)."""

    _conn: "UpstreamConnection | None" = None
    _size = 0
    _high = _HIGH_WATER
    _error: UpstreamFault | None = None
    _waiter: asyncio.Future[None] | None = None

    def __init__(self, head: ResponseHead, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.status: int = head.status
        self._head = head
        self._length: int = head.length
        self._parts: list[bytes] = []

    @property
    def headers(self) -> Headers:
        """Every field, names in lower case, in the order they came."""
        return self._head.headers

    def header(self, name: bytes) -> bytes | None:
        """The first value of a field; `name` in lower case."""
        return self._head.index.get(name)

    def all_here(self) -> bytes | None:
        """The whole body when it has arrived and nothing of it was read; None: `await read()`."""
        return self._take() if self.complete and self._error is None else None

    async def read(self, limit: int) -> bytes:
        """What is left of the body. Raises UpstreamTooLarge beyond `limit` bytes, and the faults of `chunk`.

        Does not suspend when all of it is here.
        """
        if not self.complete:
            if self._length > limit:
                raise self._overrun(limit)
            self._high = max(self._high, limit)
            if self._conn is not None:
                self._conn.resume()
            while not self.complete and self._error is None and self._size <= limit:
                self._waiter = waiter = self._loop.create_future()
                await waiter
        if self._size > limit:
            raise self._overrun(limit)
        if self._error is not None:
            raise self._error
        return self._take()

    async def chunk(self) -> bytes | None:
        """The next piece of the body as it arrived, several in one when they waited; None at its proper end.

        Raises Truncated, IdleTimeout, TotalTimeout, BadResponse, after the pieces that came before the fault. May be
        cancelled (by a heartbeat's timeout, say) and called again.
        """
        while not self._parts:
            if self._error is not None:
                raise self._error
            if self.complete:
                return None
            self._waiter = waiter = self._loop.create_future()
            await waiter
        data = self._take()
        if self._conn is not None:
            self._conn.resume()
        return data

    def release(self) -> None:
        """Done with the response. One that has not arrived whole costs its connection, as with `abort`."""
        self.abort()

    def abort(self) -> None:
        """Drop the response, and the connection with it when more is to come."""
        self._parts.clear()
        self._size = 0
        if self._conn is not None:
            self._conn.abort(Truncated("The response was aborted by its reader."))

    def _take(self) -> bytes:
        parts = self._parts
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        self._size = 0
        return data

    def _overrun(self, limit: int) -> UpstreamTooLarge:
        self.abort()
        return UpstreamTooLarge(f"The upstream's response is longer than {limit} bytes.", remedy="Raise the limit.")

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    # -- what the connection tells

    def expect(self, conn: "UpstreamConnection") -> None:
        """More will arrive, from `conn`."""
        self._conn = conn

    def feed(self, pieces: Sequence[bytes]) -> bool:
        """Append payload. Returns whether the reader has enough for now."""
        if len(pieces) > _MANY:
            pieces = (b"".join(pieces),)  # an object for each tiny piece would weigh more than the bytes
        self._parts += pieces
        self._size += len(pieces[0]) if len(pieces) == 1 else sum(map(len, pieces))
        self._wake()
        return self._size > self._high

    def whole(self, data: bytes) -> None:
        """All the payload there is came with the head."""
        if data:
            self._parts.append(data)
            self._size = len(data)
        self.complete = True

    def end(self) -> None:
        """The proper end has arrived."""
        self.complete = True
        self._conn = None
        self._wake()

    def fail(self, error: UpstreamFault) -> None:
        """No more will arrive."""
        self._error = error
        self._conn = None
        self._wake()
