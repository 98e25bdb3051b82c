"""The body of a request while it arrives: into one buffer, without a callback or a copy per piece."""

import asyncio

from genaiops.http1._chunked import ChunkedDecoder, MalformedChunk
from genaiops.http1._heads import CHUNKED
from genaiops.http1.errors import BadRequest, BodyTooLarge, Http1Error

_FIRST_BUFFER = 16_384
_GROWTH = 8


class IncomingBody:
    """`length` bytes (or CHUNKED), `at_hand` of them known to be there. Until `grant` only `window` bytes are taken.

    A counted body is received straight into `data`, which grows with what has come: a large promise costs nothing.
    """

    __slots__ = ("_decoder", "_limit", "_waiter", "_window", "counted", "data", "error", "length", "received")

    def __init__(self, length: int, at_hand: int, window: int) -> None:
        self.counted = length != CHUNKED
        self.length = length
        self.received = 0
        self.data = bytearray(min(length, max(_FIRST_BUFFER, _GROWTH * at_hand)) if self.counted else 0)
        self.error: Http1Error | None = None
        self._window = window
        self._limit: int | None = None
        self._decoder = None if self.counted else ChunkedDecoder()
        self._waiter: asyncio.Future[None] | None = None

    @property
    def complete(self) -> bool:
        decoder = self._decoder
        return self.received == self.length if decoder is None else decoder.complete

    @property
    def wants_more(self) -> bool:
        """Whether reading should go on."""
        if self.complete or self.error is not None:
            return False
        return self._limit is not None or self.received < self._window

    # -- receiving

    def space(self) -> memoryview:
        """Where a counted body's next bytes go."""
        have = len(self.data)
        if self.received == have:
            grown = bytearray(min(self.length, _GROWTH * have))
            grown[:have] = self.data
            self.data = grown
        return memoryview(self.data)[self.received :]

    def advance(self, count: int) -> None:
        """`count` bytes were written to `space()`."""
        self.received += count
        if self.received == self.length:
            self._wake()

    def feed(self, piece: bytes) -> bytes:
        """Take bytes that came with others; returns those behind the body's end."""
        if self._decoder is None:
            size = min(len(piece), self.length - self.received, len(self.space()))
            self.data[self.received : self.received + size] = piece[:size]
            self.advance(size)
            return piece[size:]
        pieces: list[bytes] = []
        try:
            surplus = self._decoder.feed(piece, pieces)
        except MalformedChunk as error:
            self.fail(BadRequest(f"The chunked body is malformed: {error}.", remedy="Send valid chunks."))
            return b""
        for part in pieces:
            self.data += part
        self.received = len(self.data)
        if self._limit is not None and self.received > self._limit:
            self.fail(_too_large(self._limit))
        elif self._decoder.complete:
            self._wake()
        return surplus

    def fail(self, error: Http1Error) -> None:
        if self.error is None:
            self.error = error
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # -- reading

    def grant(self, limit: int) -> None:
        """The handler wants the whole body, of at most `limit` bytes. Raises BodyTooLarge where that is known."""
        if (self.length if self.counted else self.received) > limit:
            raise _too_large(limit)
        self._limit = limit

    async def wait(self) -> bytearray:
        """The whole body. Raises what ended it early."""
        while not self.complete:
            if self.error is not None:
                raise self.error
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if self.error is not None:
            raise self.error
        return self.data


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is longer than {limit} bytes.", remedy="Send a smaller body.")
