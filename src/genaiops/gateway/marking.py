"""Generated images that go out: each is signed as such before its client and the record get it.

Images stand in answers of the images endpoint, and where chat models give them: items of responses, parts of Gemini's
contents, data URLs. An answer without one costs a look for a few words.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from genaiops.core.errors import UpstreamError
from genaiops.domain import ImageMark
from genaiops.gateway.call import Call
from genaiops.gateway.failure import Failure
from genaiops.gateway.trying import Try
from genaiops.ports.provenance import ImageMarker, MadeBy
from genaiops.ports.providers import Answer, StreamPiece, StreamReader

_SIGNS: Final = (b'image_generation_call"', b'nlineData"', b'nline_data"', b'"data:image/')
"""What stands in answers of chat that have images in them."""
_SMALLEST: Final = 512
"""Bytes of a piece of chat with an image in it. Smaller ones, which most of a stream's are, are not looked through:
nobody generates a picture of a pixel."""
_KEEP: Final = 8 << 20
"""Bytes of a stream of images that are kept for the trace."""


class NotMarked(UpstreamError):
    """An image that must not go out as it is."""

    default_code = "image_not_marked"


class Marking:
    """Of one worker. Without a `marker` images go out as they are."""

    def __init__(self, marker: ImageMarker | None) -> None:
        self._marker = marker

    def concerns(self, call: Call, data: bytes) -> bool:
        """Whether something of an answer is to be signed. Copies go to nobody."""
        if self._marker is None or not call.holds:
            return False
        if call.operation == "image_generation":
            return True
        if call.operation != "chat" or (len(data) < _SMALLEST and not self._marker.required):
            return False
        return any(sign in data for sign in _SIGNS)

    async def marked(self, call: Call, attempt: Try, bodies: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """The versions of an answer with signed images. NotMarked where images that are not must not go out."""
        marker = self._marker
        assert marker is not None
        target = attempt.candidate.target
        found = await marker.mark(bodies, MadeBy(target.upstream_model, target.provider, call.request_id))
        if not found.marks:
            return found.bodies
        call.marks = (*call.marks, *found.marks)
        call.provenance_line = line_of(call.marks)
        if marker.required:
            bare = next((mark for mark in found.marks if mark.outcome != "marked"), None)
            if bare is not None:
                raise _refused(bare)
        return found.bodies

    def reader(self, call: Call, reader: StreamReader) -> StreamReader:
        """The reader of an answer that is passed on as it comes, for a record with the images as they went out. Where
        the guard puts values back for the client alone, the record is the guard's."""
        images = call.operation == "image_generation" and self.concerns(call, b"")
        if not images or (call.guard is not None and call.guard.reversible):
            return reader
        return MarkedReader(reader)

    async def piece(self, call: Call, attempt: Try, piece: StreamPiece) -> StreamPiece:
        """Of a stream of events."""
        (data,) = await self.marked(call, attempt, (piece.data,))
        return msgspec.structs.replace(piece, data=data)

    async def aclose(self) -> None:
        if self._marker is not None:
            await self._marker.aclose()


def _refused(mark: ImageMark) -> NotMarked:
    return NotMarked(
        f"An image was withheld, because it could not be marked as generated: {mark.reason}",
        remedy="Ask for base64 (`response_format`) and for PNG, JPEG or WebP; else set provenance.images to auto.",
    )


def refusal_of(error: NotMarked) -> Failure:
    """Clients are told not to try again: each try makes an image, and is charged."""
    return Failure(status=error.status, type=error.type, code=error.code, message=str(error), final=True)


def line_of(marks: Sequence[ImageMark]) -> bytes:
    """What a response says of its images."""
    missing = sorted({mark.outcome for mark in marks if mark.outcome != "marked"})
    if not missing:
        return b"x-genaiops-provenance: c2pa\r\n"
    word = "partly" if any(mark.outcome == "marked" for mark in marks) else "none"
    return f"x-genaiops-provenance: {word}; reason={','.join(missing)}\r\n".encode("ascii")


class MarkedReader:
    """A stream of images whose record has them as they went out."""

    def __init__(self, reader: StreamReader) -> None:
        self.inner = reader
        self._kept: list[bytes] = []
        self._room = _KEEP
        self._cut = False

    def sent(self, data: bytes) -> None:
        """Note what went out. An answer in one piece is kept whatever its size."""
        if len(data) > self._room and self._kept:
            self._cut = True
        elif not self._cut:
            self._kept.append(data)
            self._room -= len(data)

    def feed(self, chunk: bytes) -> StreamPiece | None:
        return self.inner.feed(chunk)

    def end(self) -> StreamPiece | None:
        return self.inner.end()

    def finish(self) -> Answer:
        return self.inner.finish()

    def keep(self) -> bytes:
        self.inner.keep()  # a guard notes there what it found
        return b"".join(self._kept)

    @property
    def truncated(self) -> bool:
        return self._cut or self.inner.truncated
