"""Bodies of the operations beside text: rerank, moderations, images, transcriptions, speech, videos; and what they can
use.

Upper bounds that are not a matter of counting: an image is made of at most IMAGE_TOKENS tokens; audio that is not WAV
of plain samples is taken to be as thin as the thinnest speech codecs (THINNEST); speech is no slower than SLOWEST.
What a provider reports beyond a bound is charged in full and counted as an overrun, as everywhere.
"""

import re
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw

from genaiops.core import media, multipart
from genaiops.core.errors import UsageError
from genaiops.domain import Operation, Usage
from genaiops.gateway.body import Common, Foreign, decode_with
from genaiops.ports.providers import Form

IMAGE_TOKENS = 8192
"""Output tokens of one image: OpenAI's largest at high quality have 6,240 (its guide to image generation)."""

THINNEST = 6
"""Kilobits a second, which is bits a millisecond: Opus goes no lower (RFC 6716, section 2.1.1)."""

SLOWEST_MS = 125
"""Milliseconds of speech that a character makes at speed 1."""

HEARD_TOKENS, SAID_TOKENS = 20, 8
"""Tokens of input and of output for a second of audio."""

CHARACTER_TOKENS = 3
"""Tokens of audio for a character spoken at speed 1."""

CHUNK_BYTES = 250
"""A reranker splits long documents, and counts the pieces; taken to have at least so many new bytes."""

MODERATION_MODEL = "omni-moderation-latest"
"""What OpenAI takes when a request names no model."""


VIDEO_MODEL, DEFAULT_SECONDS, DEFAULT_SIZE = "sora-2", 4, "720x1280"
"""What OpenAI takes when a request names none."""

LONGEST_VIDEO_MS = 3_600_000

_SIZE = re.compile(r"[1-9]\d{0,4}x[1-9]\d{0,4}")


class MediaBody(Foreign, frozen=True, kw_only=True):
    """A body of one of these operations. `most`: what it can use at most (tokens of input and output, then units), by
    the size of the body in bytes. `form`: its fields, where it is a form."""

    most: Callable[[int], tuple[int, int, Usage]]
    form: Form | None = None


class _Rerank(Common, frozen=True, kw_only=True):
    query: Raw
    documents: Annotated[list[Raw], Meta(min_length=1)]


class _Moderations(Common, frozen=True, kw_only=True):
    model: str = MODERATION_MODEL
    input: Raw


class _Images(Common, frozen=True, kw_only=True):
    prompt: str
    partial_images: Annotated[int, Meta(ge=0, le=16)] | None = None


class _Videos(Common, frozen=True, kw_only=True):
    model: str = VIDEO_MODEL
    prompt: str
    seconds: str | float | None = None
    size: str | None = None


class _Speech(Common, frozen=True, kw_only=True):
    input: str
    voice: Raw = Raw()
    speed: Annotated[float, Meta(gt=0, le=100)] | None = None


_rerank = msgspec.json.Decoder(_Rerank).decode
_moderations = msgspec.json.Decoder(_Moderations).decode
_images = msgspec.json.Decoder(_Images).decode
_videos = msgspec.json.Decoder(_Videos).decode
_speech = msgspec.json.Decoder(_Speech).decode


def decode(operation: Operation, raw: bytes | bytearray, content_type: bytes | None) -> MediaBody:
    """UsageError (400) that names the field at fault."""
    if operation == "transcription":
        return _transcription(raw, content_type)
    if operation == "video_generation":
        return _video(raw, content_type)
    return _FORMS[operation](raw)


def _common(body: Common, most: Callable[[int], tuple[int, int, Usage]], *, stream: bool | None = None) -> MediaBody:
    return MediaBody(
        model=body.model,
        stream=body.stream if stream is None else stream,
        user=body.user,
        metadata=body.metadata,
        genaiops=body.genaiops,
        most=most,
    )


def _of_rerank(raw: bytes | bytearray) -> MediaBody:
    body = decode_with(_rerank, raw)
    if body.stream:
        raise _no_stream("rerank")
    query, count = len(body.query), len(body.documents)

    def most(size: int) -> tuple[int, int, Usage]:
        pieces = count + size // CHUNK_BYTES
        return size + (query + 256) * pieces, 0, Usage(searches=-(-pieces // 100))

    return _common(body, most)


def _of_moderations(raw: bytes | bytearray) -> MediaBody:
    body = decode_with(_moderations, raw)
    if body.stream:
        raise _no_stream("moderations")
    return _common(body, lambda size: (size, 0, Usage()))


def _of_images(raw: bytes | bytearray) -> MediaBody:
    body = decode_with(_images, raw)
    count = body.n or 1
    out = count * (IMAGE_TOKENS + 128 * (body.partial_images or 0))
    return _common(body, lambda size: (size, out, Usage(images=count)))


def _of_speech(raw: bytes | bytearray) -> MediaBody:
    """Speech goes out as it comes in, so it is a stream whatever `stream` says."""
    body = decode_with(_speech, raw)
    characters = len(body.input)
    slow = max(1.0, 1 / (body.speed or 1.0))
    out, heard = int(characters * CHARACTER_TOKENS * slow) + 256, int(characters * SLOWEST_MS * slow) + 2000
    return _common(body, lambda size: (size, out, Usage(characters=characters, audio_ms=heard)), stream=True)


_FORMS: dict[str, Callable[[bytes | bytearray], MediaBody]] = {
    "rerank": _of_rerank,
    "moderations": _of_moderations,
    "image_generation": _of_images,
    "speech": _of_speech,
}


def _fields_of(
    raw: bytes | bytearray, content_type: bytes | None
) -> tuple[list[multipart.Part], dict[str, multipart.Part]]:
    """A form. Of each field but lists (`name[]`) there is one, so that nobody downstream takes another `model` for the
    one that was checked here."""
    boundary = multipart.boundary_of(content_type)
    parts = multipart.parts_of(raw, boundary)
    fields: dict[str, multipart.Part] = {}
    for part in parts:
        if part.name in fields and not part.name.endswith("[]"):
            raise UsageError(
                f"The form has the field {part.name[:64]!r} twice.",
                remedy="Send it once.",
                code="invalid_form",
                param=part.name[:64],
            )
        fields[part.name] = part
    return parts, fields


def _transcription(raw: bytes | bytearray, content_type: bytes | None) -> MediaBody:
    parts, fields = _fields_of(raw, content_type)
    model, file = _needed(fields, "model"), _needed(fields, "file")
    if file.start == file.end:
        raise UsageError("The file is empty.", remedy="Send audio.", code="invalid_value", param="file")
    said = fields.get("stream")
    user = fields.get("user")
    sound = memoryview(raw)[file.start : file.end]
    exact = media.exact_ms(sound)
    heard = -(-len(sound) * 8 // THINNEST) if exact is None else exact
    text = len(raw) - len(sound)
    seconds = heard // 1000 + 1
    return MediaBody(
        model=_line(model, raw),
        stream=said is not None and _line(said, raw).lower() in ("true", "1"),
        user=_line(user, raw) if user is not None else None,
        most=lambda _: (text + seconds * HEARD_TOKENS, 256 + seconds * SAID_TOKENS, Usage(audio_ms=heard)),
        form=Form(content_type or b"", tuple(parts)),
    )


def _video(raw: bytes | bytearray, content_type: bytes | None) -> MediaBody:
    """JSON, or a form (with a file or without)."""
    form = None
    if (content_type or b"").lstrip()[:20].lower().startswith(b"multipart/form-data"):
        parts, fields = _fields_of(raw, content_type)
        form = Form(content_type or b"", tuple(parts))
        _needed(fields, "prompt")
        known = {name: _line(fields[name], raw) for name in ("model", "seconds", "size", "user") if name in fields}
        body = msgspec.convert({"prompt": "", **known}, _Videos)
    else:
        body = decode_with(_videos, raw)
        if body.stream:
            raise _no_stream("videos")
    units = Usage(video_ms=_milliseconds(body.seconds), video_size=_checked_size(body.size))
    found = _common(body, lambda _: (0, 0, units), stream=False)
    return found if form is None else msgspec.structs.replace(found, form=form, genaiops=UNSET)


def _milliseconds(seconds: str | float | None) -> int:
    """Of a video. UsageError when it is no number of seconds."""
    try:
        found = round(float(DEFAULT_SECONDS if seconds is None else seconds) * 1000)
    except (ValueError, OverflowError):
        found = 0
    if not 0 < found <= LONGEST_VIDEO_MS:
        raise UsageError(
            f"The video is to last {str(seconds)[:32]!r} seconds.",
            remedy=f"Ask for a number up to {LONGEST_VIDEO_MS // 1000}; without `seconds` it is {DEFAULT_SECONDS}.",
            code="invalid_value",
            param="seconds",
        )
    return found


def _checked_size(size: str | None) -> str:
    size = DEFAULT_SIZE if size is None else size
    if _SIZE.fullmatch(size) is None:
        raise UsageError(
            f"{size[:32]!r} is no size of a video.",
            remedy="Write width and height, as 1280x720.",
            code="invalid_value",
            param="size",
        )
    return size


def _needed(fields: dict[str, multipart.Part], name: str) -> multipart.Part:
    part = fields.get(name)
    if part is None or (part.filename is not None) != (name == "file"):
        word = "a file" if name == "file" else "text"
        raise UsageError(
            f"The form has no field {name!r} that is {word}.",
            remedy=f"Send `{name}`.",
            code="invalid_value",
            param=name,
        )
    return part


def _line(part: multipart.Part, raw: bytes | bytearray) -> str:
    """A short text field."""
    if part.end - part.start > 512:
        raise UsageError(f"The field {part.name!r} is too long.", code="invalid_value", param=part.name)
    return part.text(raw)


def _no_stream(word: str) -> UsageError:
    return UsageError(f"There are no streams of {word}.", remedy="Leave `stream` out.", param="stream")


_UNTOLD: dict[Any, tuple[str, ...]] = {
    "rerank": ("searches", "input_uncached"),
    "image_generation": ("images", "input_uncached", "image_output"),
    "transcription": ("audio_ms", "input_uncached", "audio_input", "output_text"),
    "speech": ("characters", "audio_ms", "input_uncached", "audio_output"),
    "video_generation": ("video_ms",),
    "video_job": (),
}


def untold(operation: Operation) -> Usage | None:
    """The usage of a call whose answer never came, where no estimator can say; None: it is text."""
    found = _UNTOLD.get(operation)
    return None if found is None else Usage(estimated=True, unknown=found)
