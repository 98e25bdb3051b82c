"""The echo provider's images, audio, transcriptions, rankings and moderations: small, but real PNG, WAV and PCM.

An image is a gradient whose colour comes from the prompt; speech is a tone as long as the text would take at 15
characters a second; a transcription says how long the audio is; documents rank by the words they share with the query.
"""

import base64
import hashlib
import math
import re
import struct
import zlib
from array import array
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from genaiops.core import media, multipart
from genaiops.core.errors import GenaiopsError

RATE = 24_000
"""Samples a second, of two bytes each."""

_PERIOD = array("h", (round(9000 * math.sin(math.tau * 440 * at / RATE)) for at in range(RATE // 10)))
_SIZE = re.compile(r"([1-9]\d{0,3})x([1-9]\d{0,3})")
_WORDS = re.compile(r"\w+")
_MOST = 4096

Made = tuple[bytes, bytes]
"""A body and its content type."""

_JSON = b"application/json"


class Refused(Exception):
    """What the echo provider cannot do, as its answer 400 says it."""


def make(path: bytes, body: bytes, request: Mapping[str, Any], text: str | None) -> Made:
    """The answer to a request; `request` is its JSON (empty for a form). Refused."""
    if path == b"/rerank":
        return _ranked(request)
    if path == b"/moderations":
        return _moderated(request)
    if path == b"/images/generations":
        return _images(request)
    if path == b"/audio/speech":
        return _speech(request)
    return _transcription(body, text)


def png(width: int, height: int, colour: bytes) -> bytes:
    """A PNG (RFC 2083) of 8-bit RGB that fades from a colour to black, from left to right."""
    row = b"\0" + b"".join(bytes(part * (width - at) // width for part in colour[:3]) for at in range(width))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(row * height, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def tone(seconds: float) -> bytes:
    """Samples of 440 Hz."""
    period = _PERIOD.tobytes()
    size = int(seconds * RATE) * 2
    return (period * (size // len(period) + 1))[:size]


def wav(samples: bytes) -> bytes:
    """A WAV file of one channel."""
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, RATE, RATE * 2, 2, 16)
    return head + struct.pack("<4sI", b"data", len(samples)) + samples


def _ranked(request: Mapping[str, Any]) -> Made:
    documents = cast("list[Any]", request.get("documents", []))
    wanted = set(_WORDS.findall(str(request.get("query", "")).lower()))
    texts = [str(_object(one).get("text", "")) if isinstance(one, dict) else str(one) for one in documents]
    found: list[dict[str, Any]] = []
    for at, text in enumerate(texts):
        words = set(_WORDS.findall(text.lower()))
        shared = len(words & wanted) / len(words | wanted) if words | wanted else 0.0
        entry: dict[str, Any] = {"index": at, "relevance_score": shared}
        if request.get("return_documents"):
            entry["document"] = {"text": text}
        found.append(entry)
    found.sort(key=lambda entry: -entry["relevance_score"])
    count = request.get("top_n")
    words = sum(len(_WORDS.findall(text)) for text in texts)
    answer = {
        "id": "rerank-echo",
        "model": request.get("model"),
        "results": found[:count] if isinstance(count, int) else found,
        "usage": {"total_tokens": words},
    }
    return msgspec.json.encode(answer), _JSON


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _moderated(request: Mapping[str, Any]) -> Made:
    """Flagged is what has the word `flagged` in it."""
    given = request.get("input", "")
    inputs = cast("list[Any]", given) if isinstance(given, list) else [given]
    results: list[dict[str, Any]] = []
    for one in inputs:
        flagged = "flagged" in str(one).lower()
        categories = {"violence": flagged, "harassment": False}
        scores = {"violence": 0.9 if flagged else 0.01, "harassment": 0.01}
        results.append({"flagged": flagged, "categories": categories, "category_scores": scores})
    answer = {"id": "modr-echo", "model": request.get("model", "echo"), "results": results}
    return msgspec.json.encode(answer), _JSON


def _images(request: Mapping[str, Any]) -> Made:
    size = request.get("size") or "64x64"
    match = _SIZE.fullmatch(size if isinstance(size, str) else "")
    if match is None and size != "auto":
        raise Refused(f"The size {size!r} is none.")
    width, height = (min(int(match[1]), _MOST), min(int(match[2]), _MOST)) if match is not None else (64, 64)
    prompt = str(request.get("prompt", ""))
    data: list[dict[str, str]] = []
    for at in range(int(request.get("n") or 1)):
        colour = hashlib.sha256(f"{at} {prompt}".encode()).digest()
        image = base64.b64encode(png(width, height, colour)).decode()
        if request.get("response_format") == "url":
            data.append({"url": f"data:image/png;base64,{image}"})
        else:
            data.append({"b64_json": image, "revised_prompt": prompt})
    return msgspec.json.encode({"created": 0, "data": data, "size": f"{width}x{height}"}), _JSON


def _speech(request: Mapping[str, Any]) -> Made:
    kind = request.get("response_format") or "wav"
    if kind not in ("wav", "pcm"):
        raise Refused(f"The echo provider speaks wav and pcm, not {kind!r}.")
    speed = float(request.get("speed") or 1.0)
    samples = tone(max(0.2, min(600.0, len(str(request.get("input", ""))) / 15 / speed)))
    return (samples, b"audio/pcm") if kind == "pcm" else (wav(samples), b"audio/wav")


def _transcription(body: bytes, text: str | None) -> Made:
    boundary = multipart.boundary_in(body)
    try:
        parts = multipart.parts_of(body, boundary or b"?")
    except GenaiopsError as error:
        raise Refused(str(error)) from None
    fields = {part.name: part for part in parts}
    file = fields["file"]
    length = media.duration_ms(memoryview(body)[file.start : file.end])
    seconds = (length or 0) / 1000
    said = text if text is not None else f"{seconds:.1f} seconds of audio"
    kind = fields["response_format"].text(body) if "response_format" in fields else "json"
    if "stream" in fields and fields["stream"].text(body).lower() == "true" and kind == "json":
        return _events(said, seconds), b"text/event-stream"
    if kind == "text":
        return f"{said}\n".encode(), b"text/plain; charset=utf-8"
    if kind in ("srt", "vtt"):
        return _subtitles(kind, said, seconds)
    usage = {"type": "duration", "seconds": math.ceil(seconds)}
    answer: dict[str, Any] = {"text": said, "usage": usage}
    if kind == "verbose_json":
        language = fields["language"].text(body) if "language" in fields else "english"
        segment = {"id": 0, "start": 0.0, "end": seconds, "text": said}
        answer |= {"task": "transcribe", "language": language, "duration": seconds, "segments": [segment]}
    return msgspec.json.encode(answer), _JSON


def _events(said: str, seconds: float) -> bytes:
    events: list[dict[str, Any]] = [
        {"type": "transcript.text.delta", "delta": word} for word in re.findall(r"\S+\s*", said)
    ]
    usage = {"type": "duration", "seconds": math.ceil(seconds)}
    events.append({"type": "transcript.text.done", "text": said, "usage": usage})
    return b"".join(b"data: %b\n\n" % msgspec.json.encode(event) for event in events)


def _subtitles(kind: str, said: str, seconds: float) -> Made:
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    point = "," if kind == "srt" else "."
    end = f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{point}{milliseconds:03}"
    line = f"00:00:00{point}000 --> {end}\n{said}\n\n"
    return (f"1\n{line}".encode(), b"text/plain") if kind == "srt" else (f"WEBVTT\n\n{line}".encode(), b"text/vtt")
