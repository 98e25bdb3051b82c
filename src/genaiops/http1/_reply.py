"""The response of an upstream, read as it arrives."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from genaiops.http1._heads import Headers, ResponseHead
from genaiops.http1.errors import Truncated, UpstreamFault, UpstreamTooLarge

if TYPE_CHECKING:
    from genaiops.http1._upstream import UpstreamConnection

_HIGH_WATER = 262_144
_MANY = 16
_LEFTOVERS = 16_384


class Reply:
    """A response whose head is here. Read it to its end, or `abort` it: either gives the connection back or ends it."""

    complete = False
    """Whether the whole response has arrived (it may not have been read)."""

    trailers: Sequence[tuple[bytes, bytes]] = ()
    """Fields behind the body, names in lower case; never among `headers`. Known when it is complete."""

    _conn: "UpstreamConnection | None" = None
    _size = 0
    _high = _HIGH_WATER
    _error: UpstreamFault | None = None
    _waiter: asyncio.Future[bool] | None = None
    """Done when there is something new (false) or a sink has enough (true); a sink's failure is raised from it."""
    _sink: Callable[[bytes], bool] | None = None

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

    async def pump(self, sink: Callable[[bytes], bool]) -> bool:
        """Hand each piece of the body to `sink` as it arrives, in the same step of the loop, until it returns true.

        Returns false when the sink has enough (what comes then waits for the next call), true at the body's proper
        end. Raises as `chunk` does, and whatever the sink raises. May be cancelled and called again.
        """
        while True:
            while self._parts:
                enough = sink(self._take())
                if self._conn is not None:
                    self._conn.resume()
                if enough:
                    return False
            if self._error is not None:
                raise self._error
            if self.complete:
                return True
            self._waiter = waiter = self._loop.create_future()
            self._sink = sink
            try:
                if await waiter:
                    return False
            finally:
                self._sink = None

    def leave(self) -> None:
        """All that mattered was read; the end of the body may not be here yet. Where it comes soon, and little before
        it, the connection is kept; else it is dropped."""
        conn, self._conn = self._conn, None
        self._parts.clear()
        self._size = 0
        if conn is not None:
            conn.run_out(Leftovers(conn))

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
                waiter.set_result(False)

    # -- what the connection tells

    def expect(self, conn: "UpstreamConnection") -> None:
        """More will arrive, from `conn`."""
        self._conn = conn

    def feed(self, pieces: Sequence[bytes]) -> bool:
        """Append payload. Returns whether the reader has enough for now."""
        sink = self._sink
        if sink is not None:
            self._pour(sink, pieces[0] if len(pieces) == 1 else b"".join(pieces))
            return False
        if len(pieces) > _MANY:
            pieces = (b"".join(pieces),)  # an object for each tiny piece would weigh more than the bytes
        self._parts += pieces
        self._size += len(pieces[0]) if len(pieces) == 1 else sum(map(len, pieces))
        self._wake()
        return self._size > self._high

    def _pour(self, sink: Callable[[bytes], bool], data: bytes) -> None:
        waiter = self._waiter
        assert waiter is not None
        try:
            if not sink(data):
                return
        except Exception as error:  # noqa: BLE001 (it is raised where the sink came from)
            if not waiter.done():
                waiter.set_exception(error)
        else:
            if not waiter.done():
                waiter.set_result(True)
        self._sink = None
        self._waiter = None

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


class Leftovers(Reply):
    """Takes the place of a response whose reader has left."""

    def __init__(self, conn: "UpstreamConnection") -> None:
        self._conn = conn
        self._room = _LEFTOVERS

    def feed(self, pieces: Sequence[bytes]) -> bool:
        self._room -= sum(map(len, pieces))
        if self._room < 0 and self._conn is not None:
            self._conn.abort(Truncated("The response went on after its reader had left."))
        return False
