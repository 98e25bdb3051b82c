"""Calls in Cohere's own words to Cohere: byte for byte as they came when nothing has to change in them."""

import msgspec
from msgspec import Raw

from genaiops.core.errors import UpstreamError
from genaiops.dialects.cohere.wire import decode_embedded, usage_of
from genaiops.ports.providers import Answer, CallBody, StreamPiece
from genaiops.providers._chat_answer import KEEP, read_upstream
from genaiops.providers._cohere_answer import CohereStream, read_chat
from genaiops.providers._events import EventSplitter

_vectors = msgspec.json.Decoder(dict[str, list[Raw]])


def read_own(call: CallBody, body: bytes) -> Answer:
    """What a whole answer says about itself. `finish_reason` is in chat's words. UpstreamError when it is none."""
    if call.operation == "chat":
        return msgspec.structs.replace(read_chat(call, body), body=None)
    found = read_upstream(decode_embedded, body, "its answer")
    if not any(read_upstream(_vectors, found.embeddings or b"{}", "its answer").values()):
        raise UpstreamError("its answer has no embeddings.", code="upstream_bad_answer")
    return Answer(usage_of(found.meta)[0], found.id)


class OwnStream:
    """Passes a stream on as it is, and follows it as the translation to chat does."""

    __slots__ = ("_kept", "_notes", "_size", "_splitter")

    def __init__(self, call: CallBody) -> None:
        self._notes = CohereStream(call)
        self._splitter = EventSplitter()
        self._kept: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> StreamPiece | None:
        out: list[bytes] = []
        content = done = False
        error: str | None = None
        for event in self._splitter.feed(chunk):
            out.append(event)
            piece = self._notes.feed(event)
            if piece is None:
                continue
            content = content or piece.content
            done, error = piece.done, piece.error
            if done or error is not None:
                break
        if not out:
            return None
        data = b"".join(out)
        if self._size <= KEEP:
            self._kept.append(data)
        self._size += len(data)
        return StreamPiece(data, content, error, done)

    def end(self) -> StreamPiece | None:
        """UpstreamError when the answer is not whole."""
        self._notes.end()
        return None

    def finish(self) -> Answer:
        return self._notes.finish()

    def keep(self) -> bytes:
        return b"".join(self._kept)

    @property
    def truncated(self) -> bool:
        return self._size > sum(map(len, self._kept))
