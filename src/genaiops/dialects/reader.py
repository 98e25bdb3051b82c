"""A target's chat stream, followed by its provider, as a stream in the client's dialect."""

from typing import Protocol

from genaiops.ports.providers import Answer, StreamPiece, StreamReader

KEEP = 1 << 20
"""Bytes of a stream that are kept for the trace."""


class Translation(Protocol):
    """Says a chat stream in another dialect; the events of a chunk may come with a later one."""

    def feed(self, data: bytes, /) -> bytes: ...

    def end(self) -> bytes:
        """The last events, when the stream has ended properly. Nothing the second time."""
        ...

    def fail(self, message: str, code: str = ..., /) -> bytes:
        """The last events, when it has not. Nothing after an end."""
        ...


class TranslatedReader:
    """A StreamReader: `chat` reads what the target sends, `stream` says it in the client's dialect.

    One pair per attempt: a stream that was begun for one target cannot go on with another.
    """

    __slots__ = ("_chat", "_content", "_kept", "_size", "_stream")

    def __init__(self, chat: StreamReader, stream: Translation) -> None:
        self._chat = chat
        self._stream = stream
        self._content = False
        self._kept: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> StreamPiece | None:
        piece = self._chat.feed(chunk)
        if piece is None:
            return None
        data = self._stream.feed(piece.data)
        if piece.error is not None:
            data += self._stream.fail(piece.error)
        elif piece.done:
            data += self._stream.end()
        content = self._content or piece.content
        if not data and piece.error is None and not piece.done:
            self._content = content  # it shows when the event is whole
            return None
        self._content = False
        self._keep(data)
        return StreamPiece(data, content, piece.error, piece.done)

    def end(self) -> StreamPiece:
        piece = self._chat.end()
        data = (self._stream.feed(piece.data) if piece is not None else b"") + self._stream.end()
        self._keep(data)
        return StreamPiece(data, piece is not None and piece.content, done=True)

    def fail(self, message: str, code: str) -> bytes:
        """The last events of a stream that breaks after content: what the client is told instead of the rest."""
        data = self._stream.fail(message, code)
        self._keep(data)
        return data

    def _keep(self, data: bytes) -> None:
        if data and self._size <= KEEP:
            self._kept.append(data)
        self._size += len(data)

    def finish(self) -> Answer:
        return self._chat.finish()

    def keep(self) -> bytes:
        return b"".join(self._kept)

    @property
    def truncated(self) -> bool:
        return self._size > sum(map(len, self._kept))
