"""The server: accepts on a bound socket, runs the handler for each request, drains."""

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine
from typing import Any

from genaiops.http1._connection import ServerConnection
from genaiops.http1._exchange import Exchange
from genaiops.http1._fields import Fields, serialise, status_line
from genaiops.http1._outgoing import Clock
from genaiops.http1._settings import ServerLimits
from genaiops.http1.errors import Disconnected, Http1Error, Overloaded, RequestError

Handler = Callable[[Exchange], Coroutine[Any, Any, None] | None]
"""Answers a request, or returns the work that will, to be run as a task. One that returns None without having answered
sees to the answer itself, from a callback; `Exchange.run` is there for work that turns up later."""
ErrorBody = Callable[[int, str, str], tuple[Fields, bytes]]
"""(status, code, message) -> headers and body of an error response."""

_READ_BUFFER = 32_768
_IDLE_GRACE = 0.25
_log = logging.getLogger("genaiops.http1")


def plain_error(status: int, code: str, message: str) -> tuple[Fields, bytes]:
    """The error body of a server that was not given another."""
    return [(b"content-type", b"text/plain; charset=utf-8")], f"{status} {code}: {message}\n".encode()


class Server:
    """Serves `handler` on the running event loop. One instance, any number of sockets."""

    def __init__(
        self, handler: Handler, *, limits: ServerLimits | None = None, error_body: ErrorBody = plain_error
    ) -> None:
        self.limits = limits or ServerLimits()
        self.clock = Clock(self.limits)
        self.draining = False
        self.read_buffer = memoryview(bytearray(_READ_BUFFER))
        """Shared by all connections: a transport fills it and hands it over in one step."""
        self._handler = handler
        self._error_body = error_body
        self._connections: set[ServerConnection] = set()
        self._running: dict[Exchange, asyncio.Task[None]] = {}
        self._listeners: list[asyncio.Server] = []
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed: asyncio.Event | None = None
        self._stalled = False

    async def serve(self, sock: socket.socket) -> None:
        """Start accepting on a bound TCP or unix socket, which is the server's from then on. Returns at once."""
        self._loop = loop = asyncio.get_running_loop()
        sock.setblocking(False)
        if sock.family == socket.AF_UNIX:
            listener = await loop.create_unix_server(self.connect, sock=sock, backlog=4096)
        else:
            listener = await loop.create_server(self.connect, sock=sock, backlog=4096)
        self._listeners.append(listener)

    async def drain(self, deadline_s: float) -> None:
        """Stop accepting, let what is in flight finish with `connection: close`, abort what has not by the deadline.

        Connections without a request get a moment, because one may be on its way. Returns when none is left.
        """
        if self._loop is None:
            return
        loop = self._loop
        self.draining = True
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        end = loop.time() + deadline_s
        await self._until_empty(min(end, loop.time() + _IDLE_GRACE))
        for connection in list(self._connections):
            if connection.idle:
                connection.close()
        await self._until_empty(end)
        for connection in list(self._connections):
            connection.abort()
        await self._until_empty(loop.time() + 1.0)
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def connections(self) -> int:
        return len(self._connections)

    @property
    def in_flight(self) -> int:
        """Handlers that are running."""
        return len(self._running)

    async def _until_empty(self, end: float) -> None:
        assert self._loop is not None
        while self._connections or self._running:
            left = end - self._loop.time()
            if left <= 0:
                return
            self._changed = asyncio.Event()
            try:
                async with asyncio.timeout(left):
                    await self._changed.wait()
            except TimeoutError:
                return

    # -- for connections

    def register(self, connection: ServerConnection) -> Overloaded | None:
        """Count a connection in. Returns the refusal when it is one too many."""
        self._connections.add(connection)
        if self._timer is None:
            self._arm()
        if len(self._connections) > self.limits.max_connections:
            return Overloaded("The server has as many connections as it takes.", remedy="Try again in a moment.")
        return None

    def unregister(self, connection: ServerConnection) -> None:
        self._connections.discard(connection)
        self._notify()

    def dispatch(self, exchange: Exchange) -> None:
        try:
            work = self._handler(exchange)
        except Exception as error:  # noqa: BLE001 (supervision, as in `_run`)
            self._failed(exchange, error)
            return
        if work is not None:
            self.run(exchange, work)

    def run(self, exchange: Exchange, work: Coroutine[Any, Any, None]) -> None:
        """Run work that ends with the exchange's answer. Its failure is the answer otherwise."""
        assert self._loop is not None
        self._running[exchange] = self._loop.create_task(self._run(exchange, work))

    def refusal(self, error: Http1Error) -> bytes:
        """A whole response that ends its connection."""
        fields, body = self._render(error.status, error.code, str(error))
        return b"%b%b%bcontent-length: %d\r\nconnection: close\r\n\r\n%b" % (
            status_line(error.status),
            serialise(fields)[0],
            self.clock.date,
            len(body),
            body,
        )

    def call(self, callback: Callable[[], None]) -> None:
        """Run a callback of the owner's; its failure is logged and ends nothing."""
        try:
            callback()
        except Exception:  # noqa: BLE001 (supervision: a callback's bug must not stop the others)
            _log.exception("a disconnect callback failed")

    # -- running handlers

    def connect(self) -> ServerConnection:
        """The protocol of one more connection, for a transport that is not from `serve`."""
        self._loop = self._loop or asyncio.get_running_loop()
        return ServerConnection(self)

    async def _run(self, exchange: Exchange, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
            if not exchange.finished and not exchange.disconnected:
                _log.error(
                    "the handler of %s %s returned without finishing its response", exchange.method, exchange.path
                )
                self._fail(exchange, 500, "internal_error", "The server did not finish its answer.")
        except Exception as error:  # noqa: BLE001 (supervision: a handler's bug is one 500, and ends nobody else's call)
            self._failed(exchange, error)
        except BaseException:
            exchange.abort()
            raise
        finally:
            self._running.pop(exchange)
            if self.draining:
                self._notify()

    def _failed(self, exchange: Exchange, error: Exception) -> None:
        if isinstance(error, Disconnected):
            exchange.abort()
        elif isinstance(error, RequestError):
            self._fail(exchange, error.status, error.code, str(error))
        else:
            if not exchange.disconnected:  # what fails because its client left is no failure of ours
                _log.error("the handler of %s %s failed", exchange.method, exchange.path, exc_info=error)
            status = error.status if isinstance(error, Http1Error) else 500
            code = error.code if isinstance(error, Http1Error) else "internal_error"
            self._fail(exchange, status, code, "The server failed to answer.")

    def _fail(self, exchange: Exchange, status: int, code: str, message: str) -> None:
        if exchange.disconnected or exchange.finished:
            return
        if exchange.started:
            exchange.abort()
            return
        fields, body = self._render(status, code, message)
        exchange.respond(status, fields, body)

    def _render(self, status: int, code: str, message: str) -> tuple[Fields, bytes]:
        try:
            return self._error_body(status, code, message)
        except Exception:  # noqa: BLE001 (supervision: the owner's format failed, the answer is still due)
            _log.exception("the error body failed")
            return plain_error(status, code, message)

    # -- the one timer

    def _arm(self) -> None:
        assert self._loop is not None
        self.clock.tick(self._loop.time())
        self._timer = self._loop.call_later(self.limits.tick, self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        assert self._loop is not None
        now = self._loop.time()
        # When the loop itself stood still, what has arrived meanwhile is not read yet: judge at the next tick.
        self._stalled = not self._stalled and now - self.clock.now > 3 * self.limits.tick
        self.clock.tick(now)
        if not self._stalled:
            expired = [connection for connection in self._connections if connection.deadline < now]
            for connection in expired:
                connection.expired(now)
        if self._connections:
            self._arm()

    def _notify(self) -> None:
        if self._changed is not None:
            self._changed.set()
