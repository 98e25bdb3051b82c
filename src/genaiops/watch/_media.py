"""Calls beside text as traces hold them: facts of request and answer, and media by reference.

Images, audio and videos go to the blob store by their digest; in what is kept of request and answer a reference stands
in their place: `{"digest", "media_type", "bytes"}`.
"""

import base64
import binascii
from collections.abc import Callable
from typing import Any, Literal, cast

import msgspec

from genaiops.core import media, multipart
from genaiops.core.digest import digest_bytes
from genaiops.core.errors import NotFound, UsageError
from genaiops.domain import MEDIA_ATTRIBUTE, Attempt, Operation, Usage
from genaiops.ports.blobs import Blobs
from genaiops.ports.telemetry import Trace
from genaiops.watch._text import events_of, value_of
from genaiops.watch._turns import object_of, objects_of

_LONGEST = 256
_OUTPUT: dict[str, str] = {
    "video_generation": "video",
    "video_job": "video",
    "image_generation": "image",
    "speech": "speech",
    "transcription": "text",
}
"""`gen_ai.output.type` (OpenTelemetry GenAI 1.41)."""

_IMAGE_FIELDS = ("size", "quality", "style", "background", "output_format")
OPAQUE = "application/octet-stream"


class Medium(msgspec.Struct, frozen=True):
    """One image, video or piece of audio of a call. `kept`: its bytes are in the blob store."""

    direction: Literal["input", "output"]
    digest: str
    media_type: str
    bytes: int
    kept: bool
    name: str | None = None


class Typed(msgspec.Struct, frozen=True):
    """What a trace holds of such a call. `input` and `output` have references where the media were."""

    input: bytes
    output: bytes
    attributes: dict[str, Any]
    media: list[Medium]


class _Taker:
    """Takes media out of bodies. `store` is None where content is not kept."""

    def __init__(self, store: Callable[[bytes], str] | None) -> None:
        self._store = store
        self.media: list[Medium] = []

    def take(
        self, data: bytes, direction: Literal["input", "output"], kind: str | None = None, name: str | None = None
    ) -> dict[str, Any]:
        """The reference to it. What the first bytes say of the type goes before what others say."""
        found = media.kind_of(data) or kind or OPAQUE
        digest = digest_bytes(data) if self._store is None else self._store(data)
        self.media.append(Medium(direction, digest, found, len(data), self._store is not None, name))
        return {"digest": digest, "media_type": found, "bytes": len(data)}


class Bodies(msgspec.Struct, frozen=True):
    """Of a call. `cut`: the output is only the beginning of what there was."""

    input: bytes
    output: bytes
    cut: bool = False


def typed(operation: Operation, bodies: Bodies, paying: Attempt | None, store: Callable[[bytes], str] | None) -> Typed:
    """Never fails for what is in a body: what cannot be read stays as it is."""
    body, output = bodies.input, bodies.output
    taker = _Taker(store)
    asked = object_of(value_of(body)) if body[:1] == b"{" else {}
    attributes: dict[str, Any] = {"gen_ai.output.type": _OUTPUT.get(operation)}
    if operation == "transcription":
        body, asked = _form(body, taker)
        attributes["genaiops.audio.language"] = asked.get("language") or _language(output)
        attributes["genaiops.audio.format"] = asked.get("response_format")
    elif operation == "speech":
        voice = asked.get("voice")
        attributes["genaiops.speech.voice"] = object_of(voice).get("id") if isinstance(voice, dict) else voice
        attributes["genaiops.speech.speed"] = asked.get("speed")
        attributes["genaiops.speech.format"] = asked.get("response_format")
        attributes["genaiops.speech.instructed"] = True if asked.get("instructions") else None
        output = _speech(output, str(asked.get("response_format") or ""), taker)
    elif operation == "image_generation":
        attributes |= {f"genaiops.image.{name}": asked.get(name) for name in _IMAGE_FIELDS}
        attributes["gen_ai.request.choice.count"] = asked.get("n")
        output = _images(output, taker)
    elif operation in ("video_generation", "video_job"):
        if body[:2] == b"--":
            body, asked = _form(body, taker)
        elif asked:
            body = _reference(body, asked, taker)
        told, output = _video(output, taker, cut=bodies.cut)
        attributes |= told
        attributes["genaiops.video.action"] = asked.get("action") or "create"
        attributes["genaiops.video.variant"] = asked.get("variant")
        attributes["genaiops.video.id"] = attributes.get("genaiops.video.id") or asked.get("video")
    else:
        attributes |= _counted(operation, asked, output)
    attributes |= _used(paying.usage if paying is not None else None)
    return Typed(
        body, output, {name: _short(value) for name, value in attributes.items() if value is not None}, taker.media
    )


def _used(usage: Usage | None) -> dict[str, Any]:
    if usage is None:
        return {}
    return {
        "genaiops.audio.seconds": usage.audio_ms / 1000 if usage.audio_ms and "audio_ms" not in usage.unknown else None,
        "genaiops.speech.characters": usage.characters or None,
        "genaiops.image.count": usage.images or None,
        **({"genaiops.video.seconds": usage.video_ms / 1000} if usage.video_ms else {}),
    }


def _short(value: Any) -> Any:
    """What a client may have put there must not make an attribute a document."""
    if isinstance(value, str):
        return value[:_LONGEST]
    return value if isinstance(value, bool | int | float) else str(value)[:_LONGEST]


def _form(body: bytes, taker: _Taker) -> tuple[bytes, dict[str, Any]]:
    """The fields of a form as JSON, its files as references."""
    boundary = multipart.boundary_in(body)
    if boundary is None:
        return body, {}
    fields: dict[str, Any] = {}
    try:
        for part in multipart.parts_of(body, boundary):
            if part.filename is not None:
                data = body[part.start : part.end]
                fields[part.name] = {
                    "filename": part.filename,
                    **taker.take(data, "input", part.kind, part.filename[:_LONGEST]),
                }
            elif part.name in fields:
                fields[part.name] = [*(one if isinstance(one := fields[part.name], list) else [one]), part.text(body)]
            else:
                fields[part.name] = part.text(body)
    except UsageError:  # refused calls have no body; a record that was cut may
        return b"", {}
    return msgspec.json.encode(fields), fields


def _language(output: bytes) -> Any:
    return object_of(value_of(output)).get("language") if output[:1] == b"{" else None


def _speech(output: bytes, form: str, taker: _Taker) -> bytes:
    if not output or output[:1] == b"{":
        return output
    sound = output
    if output.startswith((b"data:", b"event:")):
        pieces = [_decoded(event.get("audio")) for event in events_of(output)]
        sound = b"".join(piece for piece in pieces if piece is not None)
        if not sound:
            return output
    kind = {"pcm": "audio/pcm", "mp3": "audio/mpeg", "opus": "audio/ogg"}.get(form, f"audio/{form}" if form else None)
    return msgspec.json.encode({"audio": taker.take(sound, "output", kind)})


def _reference(body: bytes, asked: dict[str, Any], taker: _Taker) -> bytes:
    """The request with the picture that it begins with by reference, where that came as a data URL."""
    given = object_of(asked.get("input_reference"))
    url = given.get("image_url")
    picture = _decoded(url) if isinstance(url, str) and url.startswith("data:") else None
    if picture is None:
        return body
    given["image_url"] = taker.take(picture, "input")
    return msgspec.json.encode({**asked, "input_reference": given})


def _video(output: bytes, taker: _Taker, *, cut: bool) -> tuple[dict[str, Any], bytes]:
    """What an answer says of a job; or a video (or a picture of it), kept when all of it is there."""
    if output[:1] != b"{":
        if not output or cut:
            return {}, b""
        kind = media.kind_of(output)
        return {}, msgspec.json.encode({"content": taker.take(output, "output", kind)})
    job = object_of(value_of(output))
    error = object_of(job.get("error"))
    facts = {name: job.get(name) for name in ("id", "status", "size", "progress")}
    facts["remixed_from"] = job.get("remixed_from_video_id")
    facts["error"] = error.get("message") or error.get("code")
    facts["deleted"] = job.get("deleted")
    found = {f"genaiops.video.{name}": value for name, value in facts.items()}
    try:
        found["genaiops.video.seconds"] = float(cast("str", job.get("seconds")))
    except (TypeError, ValueError):
        found["genaiops.video.seconds"] = None
    return found, output


def _images(output: bytes, taker: _Taker) -> bytes:
    if output.startswith((b"data:", b"event:")):
        images: list[dict[str, Any]] = []
        for event in events_of(output):
            image = _decoded(event.get("b64_json"))
            if image is not None and event.get("type") == "image_generation.completed":
                images.append({**event, "b64_json": taker.take(image, "output")})
        return msgspec.json.encode({"data": images}) if images else output
    answer = object_of(value_of(output))
    data = objects_of(answer.get("data"))
    if not data:
        return output
    for one in data:
        for name in ("b64_json", "url"):
            image = _decoded(one.get(name))
            if image is not None:
                one[name] = taker.take(image, "output")
    return msgspec.json.encode(answer)


def _decoded(value: Any) -> bytes | None:
    """Base64, also as a data URL; None for anything else (another URL among it)."""
    if not isinstance(value, str) or not value:
        return None
    if value.startswith("data:"):
        value = value.partition(",")[2]
    try:
        return base64.b64decode(value, validate=True) or None
    except (binascii.Error, ValueError):
        return None


def _counted(operation: Operation, asked: dict[str, Any], output: bytes) -> dict[str, Any]:
    answer = object_of(value_of(output))
    results = answer.get("results")
    count = len(cast("list[Any]", results)) if isinstance(results, list) else None
    if operation == "rerank":
        documents = asked.get("documents")
        return {
            "genaiops.rerank.documents": len(cast("list[Any]", documents)) if isinstance(documents, list) else None,
            "genaiops.rerank.top_n": asked.get("top_n"),
            "genaiops.rerank.results": count,
        }
    flagged = [one for one in objects_of(results) if one.get("flagged") is True]
    return {"genaiops.moderation.results": count, "genaiops.moderation.flagged": len(flagged) if count else None}


def media_of(trace: Trace) -> list[Medium]:
    """All media of a trace, in the order of its contents."""
    found: list[Medium] = []
    for content in trace.contents.values():
        raw = (content.attributes or {}).get(MEDIA_ATTRIBUTE)
        if raw is not None:
            found += msgspec.json.decode(raw, type=list[Medium])
    return found


def medium(trace: Trace, digest: str, blobs: Blobs) -> tuple[str, bytes]:
    """(media type, bytes) of one of the trace's media, by its digest (with or without `sha256:`). The type is one that
    its bytes tell, else OPAQUE: nobody's word makes a browser run anything. NotFound."""
    wanted = f"sha256:{digest.removeprefix('sha256:')}"
    if not any(one.digest == wanted and one.kept for one in media_of(trace)):
        raise NotFound(
            f"The trace has no medium {digest[:80]!r} that was kept.",
            remedy="See `media` of the trace.",
            param="digest",
        )
    data = blobs.get(wanted)
    return media.kind_of(data) or OPAQUE, data
