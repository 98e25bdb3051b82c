"""The pool's side of one connection: one request out, one response in, then back to the pool or closed.

idle -> waiting for a head -> (reading a body) -> idle
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, cast

from genaiops.http1._chunked import ChunkedDecoder, MalformedChunk
from genaiops.http1._heads import CHUNKED, UNTIL_CLOSE, ResponseHead, parse_response_head
from genaiops.http1._reply import Leftovers, Reply
from genaiops.http1._settings import Timeouts
from genaiops.http1.errors import (
    BadResponse,
    FirstByteTimeout,
    IdleTimeout,
    TotalTimeout,
    Truncated,
    UpstreamClosed,
    UpstreamFault,
)

if TYPE_CHECKING:
    from genaiops.http1._pool import Pool

_HEAD_END = b"\r\n\r\n"
_MAX_HEAD = 65_536
_MAX_HEADERS = 200
_MAX_INTERIM = 16
_RUNNING_OUT = Timeouts(idle=1.0, total=2.0)


class Waiter(Protocol):
    """Who is told of the response's head, or of the fault: a future, or what does with the reply at once what a task
    would do in the loop's next step."""

    def done(self) -> bool:
        """It does not wait any more."""
        ...

    def set_result(self, result: Reply, /) -> None: ...
    def set_exception(self, exception: UpstreamFault, /) -> None: ...


class UpstreamConnection(asyncio.Protocol):
    """Made and owned by a pool."""

    # What most requests never change stands on the class.
    _transport: asyncio.Transport | None = None
    _waiter: Waiter | None = None
    _reply: Reply | None = None
    _decoder: ChunkedDecoder | None = None
    _remaining = 0
    _partial = b""
    _bodiless = False
    _interim = 0
    _keep = False
    _paused = False
    _reused = False
    _seen = 0.0
    _since = 0.0
    _timeouts = Timeouts()
    idle = False
    """In the pool, without a request."""
    idle_since = 0.0

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._loop = pool.loop

    # -- one request

    def send(
        self, head: bytes, body: Sequence[bytes | bytearray] | None, *, bodiless: bool, timeouts: Timeouts, since: float
    ) -> asyncio.Future[Reply]:
        """Send; the future is done when the response's head is here. It fails with an UpstreamFault.

        `since` is when the request began, in the loop's time; `bodiless` that its method is HEAD.
        """
        waiter: asyncio.Future[Reply] = self._loop.create_future()
        self.post(head, body, waiter, bodiless=bodiless, timeouts=timeouts, since=since)
        return waiter

    def post(
        self,
        head: bytes,
        body: Sequence[bytes | bytearray] | None,
        waiter: Waiter,
        *,
        bodiless: bool,
        timeouts: Timeouts,
        since: float,
    ) -> None:
        """As `send`, with a waiter of the caller's (which may be told before this returns)."""
        self.idle = False
        self._waiter = waiter
        self._bodiless = bodiless
        self._timeouts = timeouts
        self._since = since
        transport = self._transport
        if transport is None or transport.is_closing():
            self._fault(UpstreamClosed("The upstream closed the connection.", retry_safe=self._reused))
        elif body:
            transport.writelines((head, *body))
        else:
            transport.write(head)

    # -- the transport's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        reply = self._reply
        if reply is None:
            self._receive_head(data)
        else:
            self._seen = self._pool.clock
            self._receive_body(reply, data)

    def eof_received(self) -> bool:
        if self._reply is not None and self._decoder is None and self._remaining == UNTIL_CLOSE:
            self._complete(b"")
        else:
            self._fault(self._closed_early())
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._fault(self._closed_early())
        self._transport = None

    # -- receiving

    def _receive_head(self, data: bytes) -> None:
        waiter = self._waiter
        if waiter is None:
            # Bytes that nobody asked for: the next response would be read from the wrong place.
            self._fault(BadResponse("The upstream sent bytes without a request."))
            return
        if self._partial:
            data = self._partial + data
            self._partial = b""
        head: ResponseHead | None = None
        while head is None:
            raw, found, data = data.partition(_HEAD_END)
            if not found or len(raw) > _MAX_HEAD:
                self._head_unfinished(raw)
                return
            try:
                head = parse_response_head(raw, bodiless=self._bodiless, max_headers=_MAX_HEADERS)
            except BadResponse as error:
                self._fault(error)
                return
            if head.status < 200:
                self._interim += 1
                if head.status == 101 or self._interim > _MAX_INTERIM:
                    self._fault(
                        BadResponse(f"The upstream sent {self._interim} interim answers, the last {head.status}.")
                    )
                    return
                head = None
        self._waiter = None
        reply = Reply(head, self._loop)
        length = head.length
        self._keep = head.keep_alive
        if length == len(data):  # all of it came at once, and nothing more
            reply.whole(data)
            self._hand_over()
        else:
            self._reply = reply
            self._seen = self._pool.clock
            self._remaining = length
            self._decoder = ChunkedDecoder() if length == CHUNKED else None
            reply.expect(self)
            if data:
                self._receive_body(reply, data)
        if not waiter.done():
            waiter.set_result(reply)

    def _head_unfinished(self, data: bytes) -> None:
        self._partial = data
        if len(data) > _MAX_HEAD:
            self._fault(BadResponse(f"The head of the upstream's answer is longer than {_MAX_HEAD} bytes."))
        elif not (data.startswith(b"HTTP/1.") or b"HTTP/1.".startswith(data)):
            self._fault(BadResponse(f"The upstream's answer is not HTTP/1.1: it begins with {data[:24]!r}."))

    def _receive_body(self, reply: Reply, data: bytes) -> None:
        decoder = self._decoder
        enough = False
        if decoder is not None:
            payload = decoder.single(data)
            if payload:  # as most chunks of a stream come
                if reply.feed((payload,)):
                    self._hold()
                return
            pieces: list[bytes] = []
            try:
                surplus = decoder.feed(data, pieces)
            except MalformedChunk as error:
                reply.feed(pieces)
                self._fault(BadResponse(f"The upstream's chunked answer is malformed: {error}."))
                return
            if pieces:
                enough = reply.feed(pieces)
            if decoder.complete:
                if decoder.trailers:
                    reply.trailers = decoder.trailers
                self._complete(surplus)
                return
        elif self._remaining == UNTIL_CLOSE:
            enough = reply.feed((data,))
        elif len(data) < self._remaining:
            self._remaining -= len(data)
            enough = reply.feed((data,))
        else:
            if self._remaining:
                reply.feed((data[: self._remaining],))
            self._complete(data[self._remaining :])
            return
        if enough:
            self._hold()

    def _hold(self) -> None:
        """The reader has enough for now."""
        if not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def _complete(self, surplus: bytes) -> None:
        """The response is whole."""
        reply, self._reply = self._reply, None
        self._decoder = None
        if surplus:
            self._keep = False  # bytes behind the end: whose they are cannot be known
        self.resume()
        self._hand_over()
        if reply is not None:
            reply.end()

    def _hand_over(self) -> None:
        """The connection goes back to the pool, if both sides are at a message's end."""
        transport = self._transport
        # Bytes still to be written: the upstream answered before it had read the whole request.
        if not self._keep or transport is None or transport.is_closing() or transport.get_write_buffer_size():
            self._end()
            return
        self._reused = True
        self._interim = 0
        self.idle = True
        self._pool.give_back(self)

    def resume(self) -> None:
        """The reader has room again."""
        if self._paused and self._transport is not None:
            self._paused = False
            self._seen = self._pool.clock
            self._transport.resume_reading()

    # -- endings

    def withdraw(self, waiting: asyncio.Future[Reply]) -> None:
        """That request was cancelled. Its response may have come meanwhile, and the connection moved on."""
        if self._waiter is waiting:
            self._fault(Truncated("The request was cancelled."))
        elif waiting.done() and not waiting.cancelled() and waiting.exception() is None:
            waiting.result().abort()

    def forsake(self, waiter: Waiter) -> None:
        """That waiter does not want its response any more, nor to hear of this."""
        if self._waiter is waiter:
            self._waiter = None
            self._end()

    def run_out(self, leftovers: Leftovers) -> None:
        """The reader has left: take what remains of the response, for a moment."""
        self._reply = leftovers
        self._timeouts = _RUNNING_OUT
        self._since = self._seen = self._pool.clock
        self.resume()

    def abort(self, error: UpstreamFault) -> None:
        """Drop the connection; whoever still waits gets `error`."""
        self._fault(error)

    def overdue(self, now: float) -> None:
        """Called by the pool's sweep."""
        if self.idle:
            return
        timeouts = self._timeouts
        if timeouts.total and now - self._since >= timeouts.total:
            self._fault(TotalTimeout("The upstream's response is not complete in time.", remedy="Raise `total`."))
        elif self._waiter is not None:
            if timeouts.first_byte and now - self._since >= timeouts.first_byte:
                self._fault(FirstByteTimeout("The upstream did not answer in time.", remedy="Raise `first_byte`."))
        elif self._reply is not None and timeouts.idle and not self._paused and now - self._seen > timeouts.idle:
            self._fault(IdleTimeout("The upstream went silent in the middle of its response.", remedy="Raise `idle`."))

    def _closed_early(self) -> UpstreamFault:
        if self._reply is not None:
            return Truncated("The upstream closed the connection in the middle of its response.")
        if self._partial or self._interim:
            return Truncated("The upstream closed the connection in the middle of its response's head.")
        return UpstreamClosed("The upstream closed the connection without an answer.", retry_safe=self._reused)

    def _fault(self, error: UpstreamFault) -> None:
        waiter, self._waiter = self._waiter, None
        reply, self._reply = self._reply, None
        self._end()
        if reply is not None:
            reply.fail(error)
        if waiter is not None and not waiter.done():
            waiter.set_exception(error)

    def _end(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        self._pool.forget(self)
