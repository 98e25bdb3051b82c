"""One request and its response, as a handler sees them."""

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from genaiops.http1 import _coding
from genaiops.http1._fields import NOTHING, Special, serialise, status_line
from genaiops.http1._heads import Headers, Index, RequestHead
from genaiops.http1._incoming import IncomingBody
from genaiops.http1.errors import BodyTooLarge, Disconnected, ResponseMisuse

if TYPE_CHECKING:
    from genaiops.http1._connection import ServerConnection

_JOIN_BYTES = 16_384
_UNCOUNTED = -1


class Exchange:
    """A request, with the means to answer it: `respond` for a whole response, or `start`, `send`..., `finish`.

    `headers` has lower-case names in the order they came; `target` is the raw request target, `path` its decoded path
    and `query` what followed the `?`, as it came; `received_ns` is `time.monotonic_ns()` when the head was complete.
    `headers` stay as they came: after `body` has undone a `content-encoding` it is still named there.
    """

    started = False
    """A response was begun."""
    finished = False
    """The response is complete, or was aborted."""
    disconnected = False
    """The client went away before the response was complete."""

    # Defaults on the class: what most exchanges never change costs them nothing.
    _body: IncomingBody | None = None
    _decoded = False
    _callbacks: list[Callable[[], None]] | None = None
    _chunked = False
    _silent = False
    _comes_from: str | None = None
    _remaining = _UNCOUNTED

    def __init__(self, conn: "ServerConnection", head: RequestHead, received_ns: int, payload: bytes | None) -> None:
        self._conn = conn
        self._head = head
        self._payload: bytes | bytearray | None = payload
        self.method, self.target, self.path, self.query, self.http11 = head.line
        self.received_ns = received_ns

    @property
    def headers(self) -> Headers:
        """Every field, names in lower case, in the order they came."""
        return self._head.headers

    @property
    def peer(self) -> str:
        """The client's address; empty on a unix socket."""
        return self._comes_from or self._conn.peer

    @property
    def neighbour(self) -> str:
        """Who is at the other end of the connection: the client, or a proxy."""
        return self._conn.peer

    def comes_from(self, client: str) -> None:
        """A proxy that is believed said so."""
        self._comes_from = client

    def header(self, name: bytes) -> bytes | None:
        """The first value of a field; `name` in lower case."""
        return self._head.index.get(name)

    @property
    def index(self) -> Index:
        """The first value of each field, by name in lower case."""
        return self._head.index

    @property
    def whole(self) -> bytes | bytearray | None:
        """The body when all of it is here and in the clear; None: `await body()`."""
        return None if b"content-encoding" in self._head.index else self._payload

    async def body(self, limit: int) -> bytes | bytearray:
        """The whole body, decoded when it has a content-encoding of gzip or deflate.

        Raises BodyTooLarge beyond `limit` bytes (before or after decoding), BadRequest, RequestTimeout,
        UnsupportedCoding, Disconnected. Does not suspend when the body is complete and not encoded.
        """
        payload = self._payload
        if payload is None:
            body = self._body
            assert body is not None
            body.grant(limit)
            self._conn.want_body(expect=self._head.expect_continue and not self.started)
            self._payload = payload = await body.wait()
        if len(payload) > limit:
            raise BodyTooLarge(f"The body is longer than {limit} bytes.", remedy="Send a smaller body.")
        if payload and not self._decoded:
            coding = self.header(b"content-encoding")
            if coding is not None:
                payload = await _coding.decode(payload, _coding.codings_of(coding), limit)
                self._payload = payload
            self._decoded = True
        return payload

    # -- answering

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Let this work end with the answer, as a task (a handler that did not return any calls this later)."""
        self._conn.run(self, work)

    def respond(self, status: int, headers: Sequence[tuple[bytes, bytes]] | bytes, body: bytes = b"") -> None:
        """Send a whole response. `content-length` is added; one that is given must be true (or the request HEAD).

        `headers` may be one block of lines (`b"x: y\r\n"`) that the caller vouches for: no value in it is a client's,
        none of its fields is of the framing (`content-length`, `transfer-encoding`, `connection`, `date`).
        """
        lines, special = (headers, NOTHING) if isinstance(headers, bytes) else serialise(headers)
        size = len(body)
        if status < 200 or status in (204, 304):
            if body:
                raise ResponseMisuse(f"A response with status {status} has no body.", remedy="Send none.")
            self._conn.write(self._begin(status, lines, special, b"", close=False))
        elif self.method == "HEAD":
            length = special.length or b"%d" % size
            self._conn.write(self._begin(status, lines, special, b"content-length: %b\r\n" % length, close=False))
        else:
            if special.length is not None and int(special.length) != size:
                raise ResponseMisuse(f"content-length {special.length!r} for {size} bytes.", remedy="Leave it out.")
            head = self._begin(status, lines, special, b"content-length: %d\r\n" % size, close=False)
            if size <= _JOIN_BYTES:
                self._conn.write(head + body)
            else:
                self._conn.write_all((head, body))
        self._end()

    def start(self, status: int, headers: Sequence[tuple[bytes, bytes]] | bytes) -> None:
        """Begin a response: counted when a `content-length` is given, else chunked (until close for HTTP/1.0).
        `headers` may be a block of lines, as in `respond`."""
        lines, special = (headers, NOTHING) if isinstance(headers, bytes) else serialise(headers)
        bodiless = status < 200 or status in (204, 304)
        self._silent = bodiless or self.method == "HEAD"
        framing = b""
        close = False
        if bodiless:
            pass
        elif special.length is not None:
            framing = b"content-length: %b\r\n" % special.length
            self._remaining = _UNCOUNTED if self._silent else int(special.length)
        elif self.http11:
            framing = b"transfer-encoding: chunked\r\n"
            self._chunked = not self._silent
        else:
            close = True
        self._conn.write(self._begin(status, lines, special, framing, close=close))

    def send(self, data: bytes) -> None:
        """Append to the body. Never blocks: `await drain()` where more may come than a client takes."""
        if not self.started or self.finished:
            raise ResponseMisuse("send() outside of start() and finish().", remedy="Call start() first.")
        if not data or self._silent or self.disconnected:
            return
        size = len(data)
        if self._chunked:
            if size <= _JOIN_BYTES:
                self._conn.write(b"%x\r\n%b\r\n" % (size, data))
            else:
                self._conn.write_all((b"%x\r\n" % size, data, b"\r\n"))
            return
        if self._remaining != _UNCOUNTED:
            if size > self._remaining:
                self.abort()
                raise ResponseMisuse("The response is longer than its content-length.", remedy="Send what it says.")
            self._remaining -= size
        self._conn.write(data)

    @property
    def congested(self) -> bool:
        """Whether `drain` has to be awaited before more is sent: it would suspend, or raise."""
        return self.disconnected or self._conn.write_paused

    async def drain(self) -> None:
        """Return when the write buffer is under its mark. Raises Disconnected."""
        if self.disconnected:
            raise Disconnected("The client went away.")
        if self._conn.write_paused and not self.finished:
            await self._conn.writable()

    def finish(self, trailers: bytes = b"") -> None:
        """End the body. A counted response that is not complete is cut off, and ResponseMisuse raised. `trailers`: a
        block of lines, as in `respond`, behind a chunked body; of another they are left out."""
        if not self.started or self.finished:
            raise ResponseMisuse("finish() without start(), or twice.", remedy="Call it once, after start().")
        if self._remaining > 0:
            self.abort()
            raise ResponseMisuse("The response is shorter than its content-length.", remedy="Send what it says.")
        if self._chunked:
            self._conn.write(b"0\r\n%b\r\n" % trailers if trailers else b"0\r\n\r\n")
        self._end()

    def abort(self) -> None:
        """Close the connection without a proper end, so that the client sees a truncated message."""
        if not self.finished:
            self.finished = True
            # Only a reset tells a client of a body that ends with the connection that the end is not the end.
            self._conn.cut(reset=self.started and not self._chunked and self._remaining == _UNCOUNTED)

    def on_disconnect(self, callback: Callable[[], None]) -> None:
        """Call `callback` when the client goes away before the response is finished (at once if it already has)."""
        if self.disconnected:
            callback()
        elif not self.finished:
            if self._callbacks is None:
                self._callbacks = []
            self._callbacks.append(callback)

    def _begin(self, status: int, lines: bytes, special: Special, framing: bytes, *, close: bool) -> bytes:
        if self.started or self.finished:
            raise ResponseMisuse("A second response to one request.", remedy="Call respond() or start() once.")
        line = status_line(status)
        self.started = True
        if self._conn.begin_response(close=close or special.close):
            connection = b"" if special.close else b"connection: close\r\n"
        else:
            connection = b"" if self.http11 else b"connection: keep-alive\r\n"
        date = b"" if special.date else self._conn.clock.date
        return b"".join((line, lines, date, framing, connection, b"\r\n"))

    def _end(self) -> None:
        self.finished = True
        self._callbacks = None
        self._conn.response_done()

    # -- what the connection tells

    def await_body(self, body: IncomingBody) -> None:
        """The request's body is arriving."""
        self._body = body

    def lost(self) -> list[Callable[[], None]]:
        """The connection is gone. Returns whom to tell."""
        if self.finished:
            return []
        self.disconnected = True
        callbacks, self._callbacks = self._callbacks or [], None
        return callbacks
