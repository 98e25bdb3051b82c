"""Answers beside text that go out as they come: bytes of audio, or events (OpenAI's reference of streamed events)."""

import re

from msgspec import Raw

from genaiops.core import media
from genaiops.core.errors import UpstreamError
from genaiops.domain import Usage
from genaiops.ports.providers import Answer, CallBody, StreamPiece
from genaiops.providers._events import event_data
from genaiops.providers._openai_media import (
    UNREADABLE,
    MediaAnswer,
    asked,
    decode,
    given,
    heard,
    image_usage,
    message_of,
    read,
    usage_in,
)

KEEP = 8 << 20
"""Bytes of a streamed answer that are kept for the trace."""

EVENT_LIMIT = 48 << 20
"""The largest event: an image is one."""

_PCM_BYTES_A_MS = 48
"""OpenAI's `pcm`: 24,000 samples a second of two bytes."""

_NO_SPEECH_TOKENS = ("input_uncached", "audio_output")

_BOUNDARY = re.compile(rb"\n\n|\r\n\r\n")


class MediaStream:
    """Follows an answer that is passed on as it comes: bytes of audio, or events."""

    def __init__(self, call: CallBody, kind: bytes) -> None:
        self._call = call
        self._kind = kind
        self._sse = kind.startswith(b"text/event-stream")
        self._rest = bytearray()
        self._kept: list[bytes] = []
        self._size = self._held = 0
        self._usage: Raw = Raw()
        self._images = 0
        self._over = False

    def feed(self, chunk: bytes) -> StreamPiece | None:
        if self._sse:
            return self._feed_events(chunk)
        data = bytes(chunk)
        self._keep(data)
        return StreamPiece(data, True) if data else None

    def _feed_events(self, chunk: bytes) -> StreamPiece | None:
        rest = self._rest
        at = max(0, len(rest) - 3)
        rest += chunk
        ends = [found.end() for found in _BOUNDARY.finditer(rest, at)]
        if not ends:
            if len(rest) > EVENT_LIMIT:
                raise UpstreamError(f"an event is larger than {EVENT_LIMIT >> 20} MiB.", code="upstream_bad_stream")
            return None
        data = bytes(rest[: ends[-1]])
        del rest[: ends[-1]]
        content = done = False
        error: str | None = None
        for event in _BOUNDARY.split(data):
            text = event_data(event + b"\n\n") if event else None
            if text is None:
                continue
            if text == b"[DONE]":
                done = True
                continue
            error = self._note(text)
            if error is not None:
                break
            content = True
        self._keep(data)
        return StreamPiece(data, content, error, done)

    def _note(self, text: bytes) -> str | None:
        """What one event says; the message of an error."""
        try:
            event = decode(text)
        except UNREADABLE as error:
            raise UpstreamError(f"its stream is not right: {error}.", code="upstream_bad_stream") from None
        if given(event.error) or event.type == "error":
            return message_of(event.error)
        if given(event.usage):
            self._usage = Raw(bytes(event.usage))
        kind = event.type or ""
        self._images += kind == "image_generation.completed"
        self._over = self._over or kind.endswith((".completed", ".done"))
        return None

    def _keep(self, data: bytes) -> None:
        self._size += len(data)
        if self._held + len(data) <= KEEP and self._held == self._size - len(data):
            self._kept.append(data)
            self._held += len(data)

    def end(self) -> StreamPiece | None:
        """Events end with their last one; audio ends where its body does, whose framing tells that it is whole."""
        if self._sse:
            return None
        if not self._size:
            raise UpstreamError("its answer is empty.", code="upstream_bad_answer")
        return StreamPiece(b"", done=True)

    def finish(self) -> Answer:
        over = self._over if self._sse else None
        return Answer(self._used(), finish_reason="stop" if over else None)

    def _used(self) -> Usage:
        call = self._call
        if call.operation == "video_job":
            return Usage()
        if call.operation == "image_generation":
            return image_usage(self._usage, self._images)
        if call.operation == "transcription":
            return heard(call, MediaAnswer(usage=self._usage))
        text = asked(call.raw).input
        characters = len(text) if isinstance(text, str) else 0
        found = usage_in(self._usage)
        played = self._played()
        unknown = () if played is not None else ("audio_ms",)
        if found is not None and found.input_tokens is not None:
            made = found.output_tokens or 0
            return Usage(
                found.input_tokens, audio_output=made, characters=characters, audio_ms=played or 0, unknown=unknown
            )
        return Usage(characters=characters, audio_ms=played or 0, unknown=(*_NO_SPEECH_TOKENS, *unknown))

    def _played(self) -> int | None:
        """How long the speech is, as far as it came."""
        if self._sse:
            return None
        if self._kind.startswith((b"audio/pcm", b"audio/l16")) or asked(self._call.raw).response_format == "pcm":
            return -(-self._size // _PCM_BYTES_A_MS)
        return None if self.truncated else media.duration_ms(self.keep())

    def keep(self) -> bytes:
        return b"".join(self._kept)

    @property
    def truncated(self) -> bool:
        return self._size > self._held


class WholeAnswer:
    """An answer that is not a stream after all, to a call that asked for one: held until it is whole."""

    def __init__(self, call: CallBody) -> None:
        self._call = call
        self._pieces: list[bytes] = []
        self._size = 0
        self._answer = Answer(None)

    def feed(self, chunk: bytes) -> StreamPiece | None:
        self._size += len(chunk)
        if self._size > EVENT_LIMIT:
            raise UpstreamError("its answer is too large.", code="upstream_too_large")
        self._pieces.append(bytes(chunk))
        return None

    def end(self) -> StreamPiece | None:
        body = b"".join(self._pieces)
        self._answer = read(self._call, body)
        return StreamPiece(body, True, done=True)

    def finish(self) -> Answer:
        return self._answer

    def keep(self) -> bytes:
        return b"".join(self._pieces)

    @property
    def truncated(self) -> bool:
        return False


_WHOLE = (b"application/json", b"text/plain", b"text/vtt", b"application/x-subrip", b"text/srt")


def stream(call: CallBody, kind: bytes) -> MediaStream | WholeAnswer | None:
    """None: an answer of that content type answers no such call."""
    if call.operation == "video_job":
        return MediaStream(call, kind) if kind.startswith((b"video/", b"image/", b"application/octet-stream")) else None
    if kind.startswith(b"text/event-stream"):
        return MediaStream(call, kind)
    if call.operation == "speech":
        return MediaStream(call, kind) if kind.startswith((b"audio/", b"application/octet-stream")) else None
    return WholeAnswer(call) if kind.startswith(_WHOLE) else None
