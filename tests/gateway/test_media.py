"""Images, audio, rerank and moderations: what goes out, what comes back, what they use, where they fail."""

import asyncio
import base64
import json
from typing import Any

import pytest

from genaiops.domain import Usage
from tests.gateway.harness import Home, key, route, running
from tests.gateway.media_calls import PRICED, SOUND, SPEECH, form, serving, transcribe
from tests.gateway.upstream import Seen, Upstream, Wire, answers, chunked, fails, raw, streams

AUDIO_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ntransfer-encoding: chunked\r\n\r\n"


# -- what goes out


async def test_a_form_goes_out_byte_for_byte(home: Home) -> None:
    async with Upstream(answers({"text": "hello"})) as up:
        home.publish(key(), targets=(serving(up.url, upstream_model="m"),))
        async with running(home) as worker:
            body, kind = form(language="en")
            got = await worker.post("/v1/audio/transcriptions", body, content_type=kind)
            await worker.quiet()
    assert (got.status, got.json) == (200, {"text": "hello"})
    (seen,) = up.seen
    assert (seen.path, seen.headers["content-type"], seen.body) == ("/v1/audio/transcriptions", kind, body)
    assert home.bodies()[0] == body


async def test_only_the_models_name_changes_in_a_form(home: Home) -> None:
    async with Upstream(answers({"text": "hello"})) as up:
        home.publish(key(), targets=(serving(up.url, upstream_model="whisper-large-ü"),))
        async with running(home) as worker:
            body, kind = form(prompt="m")
            got = await worker.post("/v1/audio/transcriptions", body, content_type=kind)
    assert got.status == 200
    assert up.seen[0].body == body.replace(
        b'name="model"\r\n\r\nm\r\n', 'name="model"\r\n\r\nwhisper-large-ü\r\n'.encode()
    )


async def test_json_bodies_keep_their_bytes(home: Home) -> None:
    data = b'{ "model":"m",\n "prompt" : "a  fox", "size":"1024x1024"}'
    answer = {"data": [{"b64_json": "AAAA"}]}
    async with Upstream(answers(answer)) as up:
        home.publish(
            key(),
            targets=(serving(up.url, upstream_model="m"), serving(up.url, id="u", model="n", upstream_model="other")),
        )
        async with running(home) as worker:
            await worker.post("/v1/images/generations", data)
            await worker.post("/v1/images/generations", {"model": "n", "prompt": "x", "genaiops": {"session": "s"}})
    assert up.seen[0].body == data
    assert up.seen[1].json == {"model": "other", "prompt": "x"}
    assert home.admitted()[1].session_id == "s"


async def test_moderations_have_a_default_model(home: Home) -> None:
    async with Upstream(answers({"id": "modr-1", "model": "x", "results": [{"flagged": False}]})) as up:
        home.publish(key(), targets=(serving(up.url, model="omni-moderation-latest", upstream_model="guard"),))
        async with running(home) as worker:
            got = await worker.post("/v1/moderations", {"input": "a b c"})
    assert got.status == 200
    assert up.seen[0].json == {"input": "a b c", "model": "guard"}


# -- what comes back, and what was used


@pytest.mark.parametrize(
    ("path", "body", "answer", "usage"),
    [
        (
            "/v1/images/generations",
            {"prompt": "x", "n": 2},
            {
                "data": [{"b64_json": "AA=="}, {"b64_json": "AA=="}],
                "usage": {"input_tokens": 50, "output_tokens": 90, "input_tokens_details": {"image_tokens": 40}},
            },
            Usage(10, image_input=40, image_output=90, images=2),
        ),
        (
            "/v1/images/generations",
            {"prompt": "x"},
            {"data": [{"url": "https://example.com/x.png"}]},
            Usage(images=1, unknown=("input_uncached", "image_output")),
        ),
        (
            "/v1/rerank",
            {"query": "q", "documents": ["a"] * 130},
            {"results": [{"index": 0, "relevance_score": 1}], "meta": {"billed_units": {"search_units": 2}}},
            Usage(searches=2),
        ),
        (
            "/v1/rerank",
            {"query": "q", "documents": ["a"] * 130},
            {"results": [{"index": 0, "relevance_score": 1}], "usage": {"total_tokens": 9}},
            Usage(9, searches=2),
        ),
        (
            "/v1/moderations",
            {"input": "a b c"},
            {"results": [{"flagged": True}]},
            Usage(3, estimated=True, estimator="words"),
        ),
    ],
)
async def test_usage(home: Home, path: str, body: Any, answer: Any, usage: Usage) -> None:
    async with Upstream(answers(answer)) as up:
        home.publish(key(), targets=(serving(up.url),))
        async with running(home) as worker:
            got = await worker.post(path, {"model": "m", **body})
            await worker.quiet()
    assert (got.status, got.json) == (200, answer)
    assert home.attempts()[0].usage == usage


@pytest.mark.parametrize(
    ("answer", "sound", "usage"),
    [
        ({"text": "x", "usage": {"type": "duration", "seconds": 4}}, SOUND, 4000),
        ({"text": "x", "duration": 2.5}, SOUND, 2500),
        ({"text": "x", "duration": "2.5"}, SOUND, 2500),
        ({"text": "x"}, SOUND, 1000),
        ({"text": "x"}, b"no audio that is known here", None),
    ],
)
async def test_the_length_of_a_transcription(home: Home, answer: Any, sound: bytes, usage: int | None) -> None:
    async with Upstream(answers(answer)) as up:
        home.publish(key(), targets=(serving(up.url),), prices=(PRICED,))
        async with running(home) as worker:
            got = await transcribe(worker, sound)
    (attempt,) = home.attempts()
    assert attempt.usage is not None
    assert attempt.cost is not None
    if usage is None:
        assert "audio_ms" in attempt.usage.unknown
        assert (attempt.cost.nano, got.headers["x-genaiops-cost"]) == (None, "unknown")
    else:
        assert (attempt.usage.audio_ms, attempt.cost.nano) == (usage, usage)


async def test_tokens_of_a_transcription(home: Home) -> None:
    usage = {"type": "tokens", "input_tokens": 14, "output_tokens": 45, "input_token_details": {"audio_tokens": 10}}
    async with Upstream(answers({"text": "x", "usage": usage})) as up:
        home.publish(key(), targets=(serving(up.url),))
        async with running(home) as worker:
            await transcribe(worker)
    assert home.attempts()[0].usage == Usage(4, output_text=45, audio_input=10, audio_ms=1000)


async def test_a_page_is_never_passed_on_as_a_transcription(home: Home) -> None:
    async with Upstream(answers(b"<script>", kind="text/html")) as up:
        home.publish(key(), targets=(serving(up.url),))
        async with running(home) as worker:
            got = await transcribe(worker, response_format="text")
    assert got.headers["content-type"] == "text/plain; charset=utf-8"
    assert got.headers["x-content-type-options"] == "nosniff"


# -- streams


async def test_speech_goes_out_as_it_comes_in(home: Home) -> None:
    async def script(seen: Seen, wire: Wire) -> bool:
        await wire.write(AUDIO_HEAD + chunked(b"\xff\xfbfirst"))
        await wire.gate.wait()
        await wire.write(chunked(b"second") + b"0\r\n\r\n")
        return True

    async with Upstream(script) as up:
        home.publish(key(), targets=(serving(up.url),), prices=(PRICED,))
        async with running(home, heartbeat=0.3) as worker:
            worker.on_piece = lambda: asyncio.get_running_loop().call_later(1.0, up.gate.set) and None
            got = await worker.post("/v1/audio/speech", SPEECH)
            await worker.quiet()
    assert (got.status, got.headers["content-type"], got.body) == (200, "audio/mpeg", b"\xff\xfbfirstsecond")
    (attempt,) = home.attempts()
    assert attempt.usage is not None
    assert attempt.usage.characters == 5
    assert "audio_output" in attempt.usage.unknown
    assert home.settled()[0].status == "ok"


async def test_events_of_speech_say_what_was_used(home: Home) -> None:
    delta = {"type": "speech.audio.delta", "audio": base64.b64encode(b"abc").decode()}
    done = {"type": "speech.audio.done", "usage": {"input_tokens": 3, "output_tokens": 70, "total_tokens": 73}}
    events = [b"data: %b\n\n" % json.dumps(one).encode() for one in (delta, delta, done)]
    whole = b"".join(events)
    async with Upstream(streams(whole[:30], whole[30:80], whole[80:])) as up:
        home.publish(key(), targets=(serving(up.url),))
        async with running(home) as worker:
            got = await worker.post("/v1/audio/speech", {**SPEECH, "stream_format": "sse"})
    assert (got.body, got.headers["content-type"]) == (whole, "text/event-stream; charset=utf-8")
    assert home.attempts()[0].usage == Usage(3, audio_output=70, characters=5, unknown=("audio_ms",))


async def test_images_in_a_stream(home: Home) -> None:
    image = base64.b64encode(bytes(300_000)).decode()
    partial = {"type": "image_generation.partial_image", "b64_json": image}
    done = {
        "type": "image_generation.completed",
        "b64_json": image,
        "usage": {"input_tokens": 5, "output_tokens": 400},
    }
    whole = b"".join(b"event: x\ndata: %b\n\n" % json.dumps(one).encode() for one in (partial, done))
    pieces = [whole[at : at + 50_000] for at in range(0, len(whole), 50_000)]
    async with Upstream(streams(*pieces)) as up:
        home.publish(key(), targets=(serving(up.url),))
        async with running(home) as worker:
            got = await worker.post("/v1/images/generations", {"model": "m", "prompt": "x", "stream": True})
    assert got.body == whole
    assert home.attempts()[0].usage == Usage(5, image_output=400, images=1)


async def test_a_transcription_whose_server_knows_no_streams(home: Home) -> None:
    async with Upstream(answers({"text": "hello"})) as up:
        home.publish(key(), targets=(serving(up.url),))
        async with running(home) as worker:
            got = await transcribe(worker, stream="true")
            await worker.quiet()
    assert (got.json, got.headers["content-type"]) == ({"text": "hello"}, "application/json")
    assert home.attempts()[0].usage is not None


# -- failures


@pytest.mark.parametrize(
    "bad",
    [
        answers({"error": {"message": "no voice"}}),
        answers(b"<html>", kind="text/html"),
        answers(b"", kind="audio/mpeg"),
        fails(500),
        raw(b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: 100\r\n\r\n"),
    ],
    ids=["error", "page", "empty", "status", "cut"],
)
async def test_speech_falls_back_until_the_first_sound(home: Home, bad: Any) -> None:
    async with Upstream(bad) as down, Upstream(answers(b"\xff\xfbsound", kind="audio/mpeg")) as up:
        home.publish(
            key(),
            targets=(serving(down.url, id="a"), serving(up.url, id="b", model="n")),
            routes=(route("a", fallbacks=("b",)),),
        )
        async with running(home) as worker:
            got = await worker.post("/v1/audio/speech", {**SPEECH, "model": "r"})
            await worker.quiet()
    assert (got.status, got.body) == (200, b"\xff\xfbsound")
    assert [one.status for one in home.attempts()] == ["error", "ok"]


async def test_sound_that_breaks_off_ends_in_a_cut_without_words(home: Home) -> None:
    async with Upstream(raw(AUDIO_HEAD + chunked(b"\xff\xfbsound"))) as up:
        home.publish(key(), targets=(serving(up.url),))
        async with running(home) as worker:
            got = await worker.post("/v1/audio/speech", SPEECH)
            await worker.quiet()
    assert (got.body, got.cut) == (b"\xff\xfbsound", True)
    assert (home.settled()[0].status, home.attempts()[0].pays) == ("error", True)


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/images/generations", {"prompt": "x"}), ("/v1/rerank", {"query": "q", "documents": ["d"]})],
)
@pytest.mark.parametrize(
    "answer", [b"{", b"[]", {}, {"data": []}, {"results": [{"index": "x"}]}, {"error": {"message": "no"}}]
)
async def test_answers_that_are_none(home: Home, path: str, body: Any, answer: Any) -> None:
    async with Upstream(answers(answer)) as up:
        home.publish(key(), targets=(serving(up.url),), routes=(route("t"),))
        async with running(home) as worker:
            got = await worker.post(path, {"model": "r", **body})
            await worker.quiet()
    assert got.status == 502
    assert len(up.seen) == 3


async def test_a_provider_without_the_words_is_not_asked(home: Home) -> None:
    one = serving("http://127.0.0.1:1", provider="anthropic", operations=("chat", "speech"))
    home.publish(key(), targets=(one,))
    async with running(home) as worker:
        got = await worker.post("/v1/audio/speech", SPEECH)
    assert (got.status, got.error["code"]) == (400, "operation_not_supported")
    assert "does not serve speech" in got.error["message"]
