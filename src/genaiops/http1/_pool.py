"""Connections to one origin, kept alive between requests."""

import asyncio
import math
from collections import deque
from collections.abc import Sequence

from genaiops.http1._dial import dial, tls_context
from genaiops.http1._fields import request_head
from genaiops.http1._reply import Reply
from genaiops.http1._settings import Origin, Timeouts
from genaiops.http1._upstream import UpstreamConnection, Waiter
from genaiops.http1.errors import ConnectFailed, ConnectTimeout, PoolExhausted, TotalTimeout, Truncated, UpstreamClosed

_TICK = 0.1
_JOIN_BYTES = 16_384


class Pool:
    """Requests to one origin. Made anywhere; used on one event loop."""

    def __init__(self, origin: Origin, *, max_connections: int = 1000, idle_timeout: float = 55.0) -> None:
        self.origin = origin
        self.clock = 0.0
        """Loop time at the last tick: near enough for timeouts of seconds, and free."""
        self._max = max_connections
        self._idle_timeout = idle_timeout
        self._host_line = b"host: %b\r\n" % origin.authority
        self._context = tls_context(origin)
        self._idle: deque[UpstreamConnection] = deque()
        self._all: set[UpstreamConnection] = set()
        self._dialling = 0
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._stalled = False

    @property
    def connections(self) -> int:
        """Open and opening."""
        return len(self._all) + self._dialling

    @property
    def busy(self) -> int:
        """Connections with a request out, or a response not read."""
        return len(self._all) - len(self._idle)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        loop = self._loop
        if loop is None:
            self._loop = loop = asyncio.get_running_loop()
        return loop

    async def request(
        self,
        method: bytes,
        target: bytes,
        headers: Sequence[tuple[bytes, bytes]] | bytes,
        body: bytes | bytearray | Sequence[bytes | bytearray] = b"",
        *,
        timeouts: Timeouts,
        extra: bytes = b"",
    ) -> Reply:
        """Send a request and return when the head of its response is here.

        `headers` may be one prebuilt block (`b"host: a\\r\\nx: y\\r\\n"`), best the same one each time: it is checked
        once. `extra` is more lines, which the caller vouches for. `host` is added where it is missing, and
        `content-length`. A kept-alive connection that turns out closed before any byte of a response is replaced by a
        fresh one, once. Raises InvalidField or an UpstreamFault. When cancelled, the connection is dropped.
        """
        head, parts = self._compose(method, target, headers, body, extra)
        since = self.loop.time()
        bodiless = method == b"HEAD"
        if self._idle:
            conn = self._idle.pop()  # the one used last: the others may grow old and be closed
            waiting = conn.send(head, parts, bodiless=bodiless, timeouts=timeouts, since=since)
            try:
                return await waiting
            except UpstreamClosed as closed:
                if not closed.retry_safe:
                    raise
            except asyncio.CancelledError:
                conn.withdraw(waiting)
                raise
        conn = await self._open(timeouts, since)
        waiting = conn.send(head, parts, bodiless=bodiless, timeouts=timeouts, since=since)
        try:
            return await waiting
        except asyncio.CancelledError:
            conn.withdraw(waiting)
            raise

    def post(
        self,
        method: bytes,
        target: bytes,
        headers: Sequence[tuple[bytes, bytes]] | bytes,
        body: bytes | bytearray | Sequence[bytes | bytearray],
        *,
        timeouts: Timeouts,
        waiter: Waiter,
        extra: bytes = b"",
    ) -> UpstreamConnection | None:
        """Send a request at once, on a connection that is there; None (and nothing done) when there is none.

        The waiter is told of the reply or the fault, perhaps before this returns; of UpstreamClosed with `retry_safe`
        too: then `request` does what is to be done. To cancel, call the connection's `forsake`.
        """
        if not self._idle:
            return None
        head, parts = self._compose(method, target, headers, body, extra)
        conn = self._idle.pop()
        conn.post(head, parts, waiter, bodiless=method == b"HEAD", timeouts=timeouts, since=self.loop.time())
        return conn

    def _compose(
        self,
        method: bytes,
        target: bytes,
        headers: Sequence[tuple[bytes, bytes]] | bytes,
        body: bytes | bytearray | Sequence[bytes | bytearray],
        extra: bytes,
    ) -> tuple[bytes, Sequence[bytes | bytearray] | None]:
        """The head, with a small body behind it, and what is to be written after."""
        if isinstance(body, bytes) and len(body) <= _JOIN_BYTES:
            return request_head(method, target, headers, len(body), self._host_line, extra) + body, None
        parts = (body,) if isinstance(body, (bytes, bytearray)) else body
        return request_head(method, target, headers, sum(map(len, parts)), self._host_line, extra), parts

    async def aclose(self) -> None:
        """Close every connection; requests that are out fail with UpstreamClosed or Truncated."""
        self._closed = True
        for conn in list(self._all):
            conn.abort(Truncated("The pool was closed."))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await asyncio.sleep(0)  # transports report their end in the next step of the loop

    # -- connections

    async def _open(self, timeouts: Timeouts, since: float) -> UpstreamConnection:
        if self._closed:
            raise ConnectFailed(f"The pool of {self.origin} is closed.", remedy="Use a pool that is open.")
        if self.connections >= self._max:
            raise PoolExhausted(
                f"All {self._max} connections to {self.origin} are in use.", remedy="Try again, or raise the limit."
            )
        left = since + timeouts.total - self.loop.time() if timeouts.total else math.inf
        bound = min(timeouts.connect or math.inf, left)
        self._dialling += 1
        try:
            conn = await dial(self.origin, self._make, self._context, 0 if bound == math.inf else max(bound, 0.001))
        except ConnectTimeout as error:
            if bound == left:
                raise TotalTimeout(str(error)) from None
            raise
        finally:
            self._dialling -= 1
        self._all.add(conn)
        if self._timer is None:
            self._arm()
        return conn

    def _make(self) -> UpstreamConnection:
        return UpstreamConnection(self)

    def give_back(self, conn: UpstreamConnection) -> None:
        """A response is complete and the connection can carry another."""
        conn.idle_since = self.clock
        self._idle.append(conn)

    def forget(self, conn: UpstreamConnection) -> None:
        """The connection has ended."""
        self._all.discard(conn)
        if conn.idle:
            conn.idle = False
            self._idle.remove(conn)

    # -- the one timer

    def _arm(self) -> None:
        loop = self.loop
        self.clock = loop.time()
        self._timer = loop.call_later(_TICK, self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        now = self.loop.time()
        # When the loop itself stood still, what has arrived meanwhile is not read yet: judge at the next tick.
        self._stalled = not self._stalled and now - self.clock > 3 * _TICK
        self.clock = now
        if not self._stalled:
            for conn in list(self._all):
                conn.overdue(now)
        while self._idle and now - self._idle[0].idle_since > self._idle_timeout:
            self._idle[0].abort(Truncated("Idle for too long."))
        if self._all:
            self._arm()
