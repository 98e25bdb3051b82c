"""Answers that come piece by piece, as their guard lets them go out."""

from typing import TYPE_CHECKING

from genaiops.ports.guard import Blocked, Ruling, StreamGuard, Withheld
from genaiops.ports.providers import Answer, StreamPiece, StreamReader

if TYPE_CHECKING:
    from genaiops.gateway.call import Call


class RuledReader:
    """A whole answer to a call that asked for a stream, once the guard has ruled on it. Raises Blocked, and Withheld
    for one that waits for a person."""

    def __init__(self, reader: StreamReader, body: bytes, ruling: Ruling) -> None:
        self._reader = reader
        self._ruling = ruling
        reader.feed(body)

    def feed(self, chunk: bytes) -> StreamPiece | None:  # noqa: ARG002 - it is all there
        return None

    def end(self) -> StreamPiece | None:
        ruling = self._ruling
        piece = self._reader.end()
        if ruling.action == "hold":
            raise Withheld(ruling)
        if not ruling.body:
            raise Blocked(ruling.action, ruling.rule, ruling.message)
        return None if piece is None else StreamPiece(ruling.body, piece.content, piece.error, piece.done)

    def finish(self) -> Answer:
        return self._reader.finish()

    def keep(self) -> bytes:
        return self._ruling.body if self._ruling.kept is None else self._ruling.kept

    @property
    def truncated(self) -> bool:
        return False


class GuardedReader:
    """A stream as the client may have it. Raises Blocked and Withheld.

    Where its guard waits, `feed` and `end` give what may go out without asking, and once `due` is true `wait` gives
    what may go out then: before the next `feed`, and in the place of the end.
    """

    def __init__(self, reader: StreamReader, guard: StreamGuard) -> None:
        self.inner = reader
        self._guard = guard
        self._over = False
        self._content = False
        self.begun = False
        """Content has come from the target, whether or not any has gone out."""
        self.ended = False
        """The end has come, whether or not it has gone out."""

    @property
    def due(self) -> bool:
        return self._over or self._guard.due

    def feed(self, chunk: bytes) -> StreamPiece | None:
        piece = self.inner.feed(chunk)
        return None if piece is None else self._guarded(piece)

    def end(self) -> StreamPiece | None:
        piece = self.inner.end()
        if piece is not None and (piece.done or self._guard.waits):
            return self._guarded(piece, over=True)
        data = self._guard.feed(piece.data) if piece is not None else b""
        if self._guard.waits:
            self._over = True
            return None
        rest = data + self._guard.end()
        if not rest and piece is None:
            return None
        return StreamPiece(rest, content=bool(rest), done=False)

    async def wait(self) -> StreamPiece:
        """See above; `done` is true with the end."""
        if self._guard.due:
            return self._piece(await self._guard.wait(), None, done=False)
        data = await self._guard.wait_end()
        self._over = False
        return self._piece(data, None, done=True)

    def _guarded(self, piece: StreamPiece, *, over: bool = False) -> StreamPiece:
        self.begun = self.begun or piece.content
        self.ended = self.ended or piece.done
        self._content = self._content or piece.content
        data = self._guard.feed(piece.data)
        over = over or piece.done
        if self._guard.waits:  # what goes out without asking says nothing
            self._over = self._over or over
            return StreamPiece(data, content=False, error=piece.error, done=False)
        if over:
            data += self._guard.end()
        return self._piece(data, piece.error, done=piece.done)

    def _piece(self, data: bytes, error: str | None, *, done: bool) -> StreamPiece:
        """Content counts where it goes out, which may be later than where it came."""
        content = self._content and bool(data)
        if content:
            self._content = False
        return StreamPiece(data, content, error, done)

    def finish(self) -> Answer:
        return self.inner.finish()

    def keep(self) -> bytes:
        self._guard.close()
        return self._guard.keep()

    @property
    def truncated(self) -> bool:
        return self.inner.truncated or self._guard.truncated


def guarded_reader(call: "Call", reader: StreamReader) -> StreamReader:
    """The reader, behind the guard where something looks at what goes out: of events only, for a whole answer has been
    ruled on, and sound and pictures have no text."""
    if call.answer_type is not None and not call.answer_type.startswith(b"text/event-stream"):
        return reader
    guard = call.guard.stream() if call.guard is not None else None
    return reader if guard is None else GuardedReader(reader, guard)
