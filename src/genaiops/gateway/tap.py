"""What a stream goes through on its way from its upstream to its client."""

import time

from genaiops.core.errors import UpstreamError
from genaiops.gateway import guarded_readers
from genaiops.gateway.call import Call
from genaiops.gateway.marking import MarkedReader, Marking
from genaiops.gateway.trying import Try
from genaiops.ports.providers import StreamPiece, StreamReader

FOREVER = 1 << 62


class Live:
    """A streamed call that is under way: when its client last got something, and by when content must come."""

    __slots__ = ("call", "content_by_ns", "last_ns")

    def __init__(self, call: Call) -> None:
        self.call = call
        self.last_ns = time.monotonic_ns()
        self.content_by_ns = FOREVER


class Tap:
    """What takes a stream from its upstream and gives it to its client, piece by piece as they come. `last` is the
    piece with the end in it, which waits until the call is settled; `unmarked` one with an image that is to be signed
    first."""

    __slots__ = ("_attempt", "_exchange", "_feed", "_kept", "_live", "_marking", "guarded", "last", "unmarked")

    def __init__(self, live: Live, attempt: Try, reader: StreamReader, marking: Marking) -> None:
        self._live = live
        self._attempt = attempt
        self._exchange = live.call.exchange
        self._feed = reader.feed
        self._marking = marking
        self._kept = reader.sent if isinstance(reader, MarkedReader) else None
        self.guarded = guarded_in(reader)
        self.last: StreamPiece | None = None
        self.unmarked: StreamPiece | None = None

    def take(self, chunk: bytes) -> bool:
        """Whether to stop there for now: at the end, until somebody was asked, or until the client has taken
        something."""
        piece = self._feed(chunk)
        if piece is not None and self._marking.concerns(self._live.call, piece.data):
            self.unmarked = piece
            return True
        stops = piece is not None and self.pass_on(piece)
        return stops or (self.guarded is not None and self.guarded.due)

    def pass_on(self, piece: StreamPiece) -> bool:
        """As `take`. UpstreamError when there is an error event in the piece."""
        if piece.content and self._attempt.first_token_us is None:
            self._attempt.first_content()
        if self._kept is not None:
            self._kept(piece.data)
        if piece.done:
            self.last = piece
            return True
        exchange = self._exchange
        if piece.data:
            exchange.send(piece.data)
            self._live.last_ns = time.monotonic_ns()
        if piece.error is not None:
            raise UpstreamError(piece.error, code="upstream_stream_error")
        return exchange.congested


def guarded_in(reader: StreamReader) -> guarded_readers.GuardedReader | None:
    """Who looks at a stream, where somebody does."""
    inner = reader.inner if isinstance(reader, MarkedReader) else reader
    return inner if isinstance(inner, guarded_readers.GuardedReader) else None
