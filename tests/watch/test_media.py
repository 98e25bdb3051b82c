"""Calls beside text in traces: facts on the span, media by reference, nothing inline."""

import base64
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from genaiops.core.errors import NotFound
from genaiops.domain import Attempt, Content, Span, Usage
from genaiops.engines.blobs_folder import FolderBlobs, open_blobs
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.ports.telemetry import Batch, Trace
from genaiops.providers._echo_media import png, tone, wav
from genaiops.providers._echo_video import mp4
from genaiops.watch import medium, trace_document
from genaiops.watch._spans import ended, spans_of
from tests.watch.calls import admitted, attempt, settled, trace_id

IMAGE, SOUND = png(40, 30, b"abc"), wav(tone(1.5))
FORM = (
    b'--b1\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n'
    b'--b1\r\nContent-Disposition: form-data; name="language"\r\n\r\nde\r\n'
    b'--b1\r\nContent-Disposition: form-data; name="file"; filename="talk.wav"\r\nContent-Type: text/html\r\n\r\n'
    + SOUND
    + b"\r\n--b1--\r\n"
)

NOTHING = Usage()


def paid(number: int, usage: Usage) -> Attempt:
    return msgspec.structs.replace(attempt(number), usage=usage)


def traced(
    tmp_path: Path, operation: str, body: bytes, output: bytes, usage: Usage = NOTHING, **facts: Any
) -> tuple[dict[str, Any], Trace, FolderBlobs]:
    blobs = open_blobs(tmp_path / "blobs")
    telemetry = open_telemetry(tmp_path / "telemetry", writer=True)
    telemetry.migrate()
    call = admitted(1, operation=operation, **facts)
    spans, content = spans_of(call, ended(settled(1, (paid(1, usage),))), body, output, blobs)
    made: list[Span] = spans
    contents: list[Content] = [] if content is None else [content]
    telemetry.write(Batch(spans=made, contents=contents))
    trace = telemetry.trace(trace_id(1))
    assert trace is not None
    telemetry.close()
    return trace_document(trace, blobs), trace, blobs


def test_images_are_kept_by_reference(tmp_path: Path) -> None:
    asked = {"model": "m", "prompt": "a lighthouse", "n": 2, "size": "40x30", "quality": "high", "style": "vivid"}
    answer = {"data": [{"b64_json": base64.b64encode(IMAGE).decode()}, {"url": "https://example.com/a.png"}]}
    document, trace, blobs = traced(
        tmp_path, "image_generation", json.dumps(asked).encode(), json.dumps(answer).encode(), Usage(images=2)
    )
    (one,) = document["media"]
    assert (one["direction"], one["media_type"], one["bytes"], one["kept"]) == ("output", "image/png", len(IMAGE), True)
    assert one["href"] == f"/api/traces/{trace_id(1).hex()}/media/{one['digest'][7:]}"
    assert medium(trace, one["digest"][7:], blobs) == ("image/png", IMAGE)
    assert document["output"]["data"][0]["b64_json"] == {
        "digest": one["digest"],
        "media_type": "image/png",
        "bytes": len(IMAGE),
    }
    assert document["output"]["data"][1] == {"url": "https://example.com/a.png"}
    attributes = document["attributes"]
    assert attributes["genaiops.image.size"] == "40x30"
    assert attributes["genaiops.image.quality"] == "high"
    assert attributes["genaiops.image.count"] == 2
    assert attributes["gen_ai.output.type"] == "image"
    assert document["input_preview"] == "a lighthouse"
    assert document["content"] == "blob"
    with pytest.raises(NotFound):
        medium(trace, "0" * 64, blobs)


def test_a_transcription_has_its_file_by_reference(tmp_path: Path) -> None:
    answer = json.dumps({"text": "guten Tag"}).encode()
    document, trace, blobs = traced(tmp_path, "transcription", FORM, answer, Usage(audio_ms=1500))
    (one,) = document["media"]
    assert (one["direction"], one["media_type"], one["name"]) == ("input", "audio/wav", "talk.wav")
    assert medium(trace, one["digest"], blobs) == ("audio/wav", SOUND)
    assert document["input"]["language"] == "de"
    assert document["input"]["file"]["bytes"] == len(SOUND)
    assert document["attributes"]["genaiops.audio.language"] == "de"
    assert document["attributes"]["genaiops.audio.seconds"] == 1.5
    assert [turn["text"] for turn in document["messages"]] == ["guten Tag"]
    assert list(blobs.digests()) == [one["digest"]], "the form itself is not kept beside its file"


def test_a_file_is_what_its_bytes_say(tmp_path: Path) -> None:
    """The form above calls its sound `text/html`; a page is never served as one."""
    document, trace, blobs = traced(tmp_path, "transcription", FORM.replace(SOUND, b"<script>"), b'{"text": ""}')
    assert document["media"][0]["media_type"] == "text/html"
    assert medium(trace, document["media"][0]["digest"], blobs)[0] == "application/octet-stream"


@pytest.mark.parametrize("streamed", [False, True])
def test_speech(tmp_path: Path, streamed: bool) -> None:
    asked = {"model": "m", "input": "Good day", "voice": "alloy", "speed": 1.5, "instructions": "warmly"}
    output = SOUND
    if streamed:
        halves = [SOUND[:999], SOUND[999:]]
        events = [{"type": "speech.audio.delta", "audio": base64.b64encode(half).decode()} for half in halves]
        output = b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events)
    document, trace, blobs = traced(
        tmp_path, "speech", json.dumps(asked).encode(), output, Usage(characters=8, audio_ms=1500)
    )
    (one,) = document["media"]
    assert medium(trace, one["digest"], blobs) == ("audio/wav", SOUND)
    attributes = document["attributes"]
    assert (attributes["genaiops.speech.voice"], attributes["genaiops.speech.speed"]) == ("alloy", 1.5)
    assert attributes["genaiops.speech.characters"] == 8
    assert attributes["genaiops.audio.seconds"] == 1.5
    assert attributes["genaiops.speech.instructed"] is True


@pytest.mark.parametrize("capture", ["preview", "off"])
def test_nothing_is_kept_where_content_is_not(tmp_path: Path, capture: str) -> None:
    body = FORM if capture == "preview" else b""  # a worker writes no body where capture is off
    document, trace, blobs = traced(tmp_path, "transcription", body, b"", Usage(audio_ms=1500), capture=capture)
    assert list(blobs.digests()) == []
    assert [one["kept"] for one in document["media"]] == ([False] if capture == "preview" else [])
    assert document["input"] is None
    if capture == "preview":
        with pytest.raises(NotFound):
            medium(trace, document["media"][0]["digest"], blobs)


def test_rerank_and_moderations_are_counted(tmp_path: Path) -> None:
    asked = {"model": "m", "query": "north", "documents": ["a", "b", "c"], "top_n": 2}
    answer = {"results": [{"index": 1, "relevance_score": 0.5}, {"index": 0, "relevance_score": 0.1}]}
    document, _, _ = traced(
        tmp_path / "a", "rerank", json.dumps(asked).encode(), json.dumps(answer).encode(), Usage(searches=1)
    )
    attributes = document["attributes"]
    assert [attributes[f"genaiops.rerank.{name}"] for name in ("documents", "top_n", "results")] == [3, 2, 2]
    assert document["spans"][1]["kind"] == "rerank"
    asked = {"model": "m", "input": ["x", "y"]}
    answer = {"results": [{"flagged": True}, {"flagged": False}]}
    document, _, _ = traced(tmp_path / "b", "moderations", json.dumps(asked).encode(), json.dumps(answer).encode())
    assert document["attributes"]["genaiops.moderation.flagged"] == 1


@pytest.mark.parametrize("operation", ["rerank", "moderations", "image_generation", "transcription", "speech"])
@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b"--", b"\xff\x00", b'{"voice": [[[1]]], "size": {"a": 1}}'])
@pytest.mark.parametrize("output", [b"", b"{", b"[]", b'{"data": [1, null], "results": 3}', b"data: x\n\n", b"\xff"])
def test_nothing_in_a_body_stops_the_folding(tmp_path: Path, operation: str, body: bytes, output: bytes) -> None:
    document, _, _ = traced(tmp_path, operation, body, output, Usage(unknown=("audio_ms",)))
    assert document["operation"] == operation
    assert document["usage"]["unknown"] == ["audio_ms"]
    assert document["spans"][1]["usage"]["unknown"] == ("audio_ms",)


def test_videos_are_kept_by_reference(tmp_path: Path) -> None:
    film = mp4(64, 48, 8, b"abc")
    picture = base64.b64encode(IMAGE).decode()
    asked = {
        "model": "m",
        "prompt": "a lighthouse",
        "input_reference": {"image_url": f"data:image/png;base64,{picture}"},
    }
    job = {"id": "video_1", "object": "video", "status": "queued", "seconds": "8", "size": "64x48", "progress": 0}
    usage = Usage(video_ms=8000, video_size="64x48")
    made, _, _ = traced(tmp_path / "1", "video_generation", json.dumps(asked).encode(), json.dumps(job).encode(), usage)
    attributes = made["attributes"]
    assert attributes["gen_ai.output.type"] == "video"
    assert (attributes["genaiops.video.seconds"], attributes["genaiops.video.size"]) == (8.0, "64x48")
    assert (attributes["genaiops.video.status"], attributes["genaiops.video.action"]) == ("queued", "create")
    assert made["input_preview"] == "a lighthouse"
    assert picture not in json.dumps(made)
    assert [one["media_type"] for one in made["media"]] == ["image/png"]
    assert made["spans"][1]["usage"]["video_ms"] == 8000
    asked_for = json.dumps({"action": "content", "video": "video_1"}).encode()
    fetched, trace, blobs = traced(tmp_path / "2", "video_job", asked_for, film)
    (one,) = fetched["media"]
    assert (one["media_type"], one["kept"], one["bytes"]) == ("video/mp4", True, len(film))
    assert medium(trace, one["digest"], blobs) == ("video/mp4", film)
    assert fetched["attributes"]["genaiops.video.id"] == "video_1"


def test_the_beginning_of_a_video_is_not_kept_as_one(tmp_path: Path) -> None:
    blobs = open_blobs(tmp_path / "blobs")
    end = msgspec.structs.replace(ended(settled(1, (paid(1, NOTHING),))), truncated=True)
    spans_of(admitted(1, operation="video_job"), end, b'{"action":"content"}', mp4(64, 48, 8, b"abc"), blobs)
    assert list(blobs.digests()) == []
