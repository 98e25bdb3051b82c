"""The reading half of a server's connection: requests in, in order, one at a time; deadlines.

    idle -> head -> (body) -> answering -> idle          one request
                                  \\-> lingering -> closed  a response was sent before its request was read

While a request is answered, what arrives behind it waits unparsed (and reading pauses when that is much): responses
keep their order, and a flood of pipelined requests costs nothing but its bytes.
"""

import asyncio
import socket
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, cast

from genaiops.http1._exchange import Exchange
from genaiops.http1._heads import parse_request_head
from genaiops.http1._incoming import IncomingBody
from genaiops.http1._outgoing import NEVER, Outgoing
from genaiops.http1.errors import BadRequest, Disconnected, HeadTooLarge, RequestError, RequestTimeout

if TYPE_CHECKING:
    from genaiops.http1._server import Server

_HEAD_END = b"\r\n\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_CR, _FIRST_LETTER, _LAST_LETTER = b"\rAZ"


class ServerConnection(Outgoing):
    """Made by the server for each connection that it accepts."""

    __slots__ = (
        "_body",
        "_body_since",
        "_buffer",
        "_eof",
        "_exchange",
        "_last",
        "_limits",
        "_pending",
        "_probed",
        "_scanned",
        "_server",
        "peer",
    )

    def __init__(self, server: "Server") -> None:
        super().__init__(server.clock)
        self._server = server
        self._limits = server.limits
        self._buffer = server.read_buffer
        self._exchange: Exchange | None = None
        self._body: IncomingBody | None = None
        self._body_since = 0.0
        self._pending = bytearray()
        """Bytes that are not parsed yet: a head that is not complete, or what follows a request being answered."""
        self._scanned = 0
        self._eof = False
        self._last = False
        """No request after the one being answered."""
        self._probed = False
        self.peer = ""

    # -- the transport's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = wire = cast("asyncio.Transport", transport)
        self._open = True
        peer: object = wire.get_extra_info("peername")
        if isinstance(peer, tuple):
            self.peer = str(cast("tuple[object, ...]", peer)[0])
        wire.set_write_buffer_limits(high=self._limits.write_high_water)
        refusal = self._server.register(self)
        self.deadline = self.clock.now + self._limits.header_timeout
        if refusal is not None:
            self._reject(refusal)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 (the protocol's signature)
        body = self._body
        if body is not None and body.counted:
            return body.space()
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        body = self._body
        if body is not None and body.counted:
            body.advance(nbytes)
            self._body_progress(body)
            return
        data = bytes(self._buffer[:nbytes])
        if body is None and self._exchange is None and not self._ending:
            data = self._receive_head(data)
            if not data:
                return
        self._receive(data)

    def eof_received(self) -> bool:
        """True keeps the connection for the response: a client may close its half after a whole request."""
        self._eof = True
        if self._exchange is None or self._ending:
            return False
        if self._body is not None:
            self._disconnect()
            return False
        if not self.write_paused:
            self._watch_half_closed()
        return True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.lost = True
        self._open = False
        self.deadline = NEVER
        self._server.unregister(self)
        self._disconnect()
        self._wire = None
        self._wake()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._ending or self._exchange is None:
            return
        self.deadline = NEVER
        if self._body is not None:
            self.deadline = self.clock.now + self._limits.body_timeout
        elif self._eof:
            self._watch_half_closed()

    # -- receiving

    def _receive(self, data: bytes) -> None:
        while data and not self._ending:
            body = self._body
            if body is not None:
                data = body.feed(data)
                self._body_progress(body)
            elif self._exchange is not None:
                self._pending += data
                if len(self._pending) > self._limits.pipeline_bytes:
                    self._pause_reading()
                return
            else:
                data = self._receive_head(data)

    def _receive_head(self, data: bytes) -> bytes:
        """Returns what follows the head (and a body that came whole with it)."""
        if self._pending:
            self._pending += data
            if self._pending.find(_HEAD_END, self._scanned) < 0:
                self._head_unfinished(self._pending)
                return b""
            data = bytes(self._pending)
            self._pending.clear()
            self._scanned = 0
        while data[:2] == b"\r\n":  # empty lines before a request are allowed; some clients end a body with one
            data = data[2:]
        raw, found, data = data.partition(_HEAD_END)
        if not found:
            if raw:
                self._pending += raw
                self.deadline = min(self.deadline, self.clock.now + self._limits.header_timeout)
                self._head_unfinished(self._pending)
            return b""
        try:
            if len(raw) > self._limits.header_bytes:
                raise _head_too_large(self._limits.header_bytes)
            head = parse_request_head(raw, self._limits)
        except RequestError as error:
            self._reject(error)
            return b""
        if not head.keep_alive:
            self._last = True
        length = head.length
        if length == len(data):
            exchange = Exchange(self, head, time.monotonic_ns(), data)
            self.deadline = NEVER
            data = b""
        elif 0 <= length < len(data):
            exchange = Exchange(self, head, time.monotonic_ns(), data[:length])
            self.deadline = NEVER
            data = data[length:]
        else:
            exchange = Exchange(self, head, time.monotonic_ns(), None)
            self._body = body = IncomingBody(length, len(data), self._limits.body_window)
            exchange.await_body(body)
            self._body_since = self.clock.now
            self.deadline = self._body_since + self._limits.body_timeout
        self._exchange = exchange
        self._server.dispatch(exchange)
        return data

    def _head_unfinished(self, head: bytearray) -> None:
        """A head has not ended yet: refuse at once what can no longer become one."""
        self._scanned = max(0, len(head) - len(_HEAD_END) + 1)
        if len(head) > self._limits.header_bytes:
            self._reject(_head_too_large(self._limits.header_bytes))
        elif not _FIRST_LETTER <= head[0] <= _LAST_LETTER and head[0] != _CR:
            self._reject(BadRequest("This is not HTTP.", remedy="Speak HTTP/1.1 in the clear to this port."))
        elif head.count(b"\n") != head.count(b"\r\n"):
            self._reject(BadRequest("A line does not end with CR LF.", remedy="End every line with CR LF."))

    def _body_progress(self, body: IncomingBody) -> None:
        if body.complete:
            self._body = None
            self.deadline = NEVER
            return
        if body.error is not None:
            self._last = True
        if not body.wants_more:
            self._pause_reading()
            self.deadline = NEVER
            return
        limits = self._limits
        self.deadline = min(self.clock.now + limits.body_timeout, self._body_since + limits.body_total_timeout)

    def want_body(self, *, expect: bool) -> None:
        """The handler asked for a body that has not come whole."""
        body = self._body
        if body is None or body.error is not None:
            return
        if expect and not body.received:
            self.write(_CONTINUE)
        self._body_since = self.clock.now
        self.deadline = self._body_since + self._limits.body_timeout
        self._resume_reading()

    def _pause_reading(self) -> None:
        if self._wire is not None:
            self._wire.pause_reading()

    def _resume_reading(self) -> None:
        if self._wire is not None:
            self._wire.resume_reading()

    # -- answering

    def run(self, exchange: Exchange, work: Coroutine[Any, Any, None]) -> None:
        self._server.run(exchange, work)

    def begin_response(self, *, close: bool) -> bool:
        """Whether the response is the connection's last."""
        if close or self._body is not None or self._server.draining:
            self._last = True
        return self._last

    def response_done(self) -> None:
        self._exchange = None
        if self.lost:
            return
        if self._body is not None:
            self._body = None
            self.linger()
        elif self._last or self._server.draining:
            self.linger() if self._pending else self.close()
        elif self._pending:
            data = bytes(self._pending)
            self._pending.clear()
            self._resume_reading()
            self.deadline = self.clock.now + self._limits.header_timeout
            self._receive(data)
            if self._eof and self._exchange is None:
                self.close()
        elif self._eof:
            self.close()
        else:
            self.deadline = self.clock.now + self._limits.keep_alive

    def cut(self, *, reset: bool) -> None:
        """End the connection without ending the response."""
        self._exchange = None
        if reset:
            self.abort(reset=True)
        else:
            self.close()

    @property
    def idle(self) -> bool:
        """Nothing asked, nothing half received."""
        return self._exchange is None and not self._pending

    def _reject(self, error: RequestError) -> None:
        """Answer what is not a request, and end the connection."""
        self._pending.clear()
        self.write(self._server.refusal(error))
        self.linger()

    # -- deadlines and endings

    def expired(self, now: float) -> None:
        """The deadline has passed."""
        body = self._body
        if self._ending or self.write_paused:
            if self.stalled():
                self.abort()
        elif body is not None:
            self._last = True
            self.deadline = NEVER
            body.fail(RequestTimeout("The body did not arrive in time.", remedy="Send it without pausing."))
        elif self._exchange is not None:
            self._probe_half_closed(now)
        elif self._pending:
            self._reject(RequestTimeout("The head did not arrive in time.", remedy="Send it without pausing."))
        else:
            self.close()

    def _watch_half_closed(self) -> None:
        wait = self._limits.half_close_probe
        self.deadline = self.clock.now + wait if wait else NEVER

    def _probe_half_closed(self, now: float) -> None:
        """Tell a client that closed only its half from one that is gone: the latter answers any byte with a reset.

        An interim response may be sent before any final one, so it is the byte to send; the error shows on the socket.
        """
        sock: socket.socket | None = self._wire.get_extra_info("socket") if self._wire is not None else None
        if sock is None or sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._disconnect()
            self.abort()
            return
        exchange = self._exchange
        if exchange is not None and not exchange.started and not self._probed and exchange.http11:
            self._probed = True
            self.write(_CONTINUE)
        self.deadline = now + self._limits.half_close_probe

    def _disconnect(self) -> None:
        exchange, self._exchange = self._exchange, None
        body, self._body = self._body, None
        if body is not None:
            body.fail(Disconnected("The client went away before its request was complete."))
        if exchange is not None:
            for callback in exchange.lost():
                self._server.call(callback)


def _head_too_large(limit: int) -> HeadTooLarge:
    return HeadTooLarge(f"The request's head is longer than {limit} bytes.", remedy="Send fewer or shorter headers.")
