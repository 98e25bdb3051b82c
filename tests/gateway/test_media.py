"""Images, audio, rerank and moderations: what goes out, what comes back, what they use, where they fail."""

import asyncio
import base64
import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import UsageError
from genaiops.domain import MEDIA, Fees, Usage
from genaiops.gateway import media
from genaiops.gateway.media import MediaBody
from genaiops.providers._echo_media import tone, wav
from tests.gateway.harness import Home, Worker, budget, key, price, rate, route, running, target
from tests.gateway.upstream import Seen, Upstream, Wire, answers, chunked, fails, raw, streams

OPERATIONS = tuple(sorted(MEDIA))
SOUND = wav(tone(1))
SPEECH = {"model": "m", "input": "Hello", "voice": "alloy"}
PRICED = price(input=0, output=0, fees=Fees(image=10, characters=1_000_000, audio_minute=60_000, search=7))


def form(sound: bytes = SOUND, **fields: str) -> tuple[bytes, str]:
    request = httpx.Request(
        "POST", "http://x/", data={"model": "m", **fields}, files={"file": ("a.wav", sound, "audio/wav")}
    )
    return request.read(), request.headers["content-type"]


async def transcribe(worker: Worker, sound: bytes = SOUND, **fields: str) -> Any:
    body, kind = form(sound, **fields)
    return await worker.post("/v1/audio/transcriptions", body, content_type=kind)


def serving(url: str, **changes: Any) -> Any:
    return target(url, **{"operations": OPERATIONS, **changes})


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


# -- limits


async def test_what_cannot_be_told_is_charged_what_was_reserved(home: Home) -> None:
    """Tokens of speech without a word of usage: a price that counts them cannot say, a budget must not look away."""
    tokens = price(input=1_000_000_000, output=2_000_000_000, audio_output=12_000_000_000)
    hard = budget("money", 10_000_000_000)
    async with Upstream(answers(b"\xff\xfbsound", kind="audio/mpeg")) as up:
        home.publish(key(budgets=(hard,)), targets=(serving(up.url),), prices=(tokens,))
        async with running(home) as worker:
            got = await worker.post("/v1/audio/speech", SPEECH)
            await worker.quiet()
            reserved = home.admitted()[0].reserved[0].amount
            assert worker.used("bud_money") == reserved > 0
    assert got.status == 200
    (attempt,) = home.attempts()
    assert attempt.cost is not None
    assert attempt.cost.nano is None


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/images/generations", {"prompt": "x", "n": 4}),
        ("/v1/audio/speech", {"input": "x" * 400, "voice": "alloy"}),
        ("/v1/rerank", {"query": "q", "documents": ["d"] * 500}),
    ],
)
async def test_a_budget_that_cannot_cover_the_units_refuses(home: Home, path: str, body: Any) -> None:
    fees = price(input=0, output=0, fees=Fees(image=1000, characters=10_000_000, search=1000))
    home.publish(key(budgets=(budget("money", 2000),)), targets=(serving("http://127.0.0.1:1/v1"),), prices=(fees,))
    async with running(home) as worker:
        got = await worker.post(path, {"model": "m", **body})
        await worker.quiet()
    assert (got.status, got.error["code"]) == (429, "budget_exceeded")


async def test_minutes_are_bounded_before_they_are_heard(home: Home) -> None:
    fees = price(input=0, output=0, fees=Fees(audio_minute=60_000))
    async with Upstream(answers({"text": "x"})) as up:
        home.publish(key(budgets=(budget("money", 1100),)), targets=(serving(up.url),), prices=(fees,))
        async with running(home) as worker:
            fits = await transcribe(worker)  # one second, told exactly by its size: 1000 and rounding
            refused = await transcribe(worker)
            thin = await transcribe(worker, b"OggS" + bytes(20_000))
            await worker.quiet()
    assert [one.status for one in (fits, refused, thin)] == [200, 429, 429]
    assert home.admitted()[0].reserved[0].amount >= 1000


async def test_requests_a_minute_count_everywhere(home: Home) -> None:
    async with Upstream(answers({"results": []})) as up:
        home.publish(key(rate_limits=(rate(requests_per_minute=1),)), targets=(serving(up.url),))
        async with running(home) as worker:
            got = [await worker.post("/v1/moderations", {"model": "m", "input": "x"}) for _ in range(2)]
    assert [one.status for one in got] == [200, 429]


@given(
    characters=st.integers(0, 4096),
    speed=st.sampled_from([None, 0.25, 1.0, 4.0]),
    spoken=st.floats(8, 40),
)
def test_the_bound_of_speech_covers_all_that_is_plausible(characters: int, speed: float | None, spoken: float) -> None:
    """`spoken`: characters a second at speed 1."""
    body = media.decode("speech", json.dumps({**SPEECH, "input": "x" * characters, "speed": speed}).encode(), None)
    _, out, units = body.most(1000)
    seconds = characters / spoken / (speed or 1.0)
    assert units.characters == characters
    assert units.audio_ms >= seconds * 1000
    assert out >= seconds * 1250 / 60


# -- bodies that are refused


@pytest.mark.parametrize(
    ("change", "param"),
    [
        (lambda body: body.replace(b'name="model"', b'name="modul"'), "model"),
        (lambda body: body.replace(b'name="file"; ', b'name="fiel"; '), "file"),
        (lambda body: body.replace(b'; filename="a.wav"', b""), "file"),
        (lambda body: body.replace(b'name="model"', b'name="model"; filename="m"'), "model"),
        (lambda body: body.replace(SOUND, b""), "file"),
        (lambda body: body[:-20], None),
        (lambda body: b"x" + body, None),
        (lambda _: b"", None),
        (lambda body: body.replace(b"audio/wav", b"a" * 5000), None),
        (lambda body: body.replace(b"\r\n\r\nm\r\n", b"\r\n\r\n" + b"m" * 600 + b"\r\n"), "model"),
    ],
    ids=[
        *("no model", "no file", "text for file", "file for model", "empty file", "cut", "preamble", "empty"),
        *("huge header", "long model"),
    ],
)
async def test_hostile_forms(home: Home, change: Any, param: str | None) -> None:
    home.publish(key(), targets=(serving("http://127.0.0.1:1/v1"),))
    async with running(home) as worker:
        body, kind = form()
        got = await worker.post("/v1/audio/transcriptions", change(body), content_type=kind)
        await worker.quiet()
    assert (got.status, got.error["param"]) == (400, param)
    assert home.refused()[0].http_status == 400


async def test_two_models_in_a_form(home: Home) -> None:
    """The second one is where another reader may look, behind the file as well."""
    home.publish(key(models=("m",)), targets=(serving("http://127.0.0.1:1/v1"),))
    async with running(home) as worker:
        body, kind = form()
        boundary = kind.partition("boundary=")[2].encode()
        second = b'--%b\r\nContent-Disposition: form-data; name="model"\r\n\r\ndear\r\n--%b--' % (boundary, boundary)
        got = await worker.post(
            "/v1/audio/transcriptions", body.replace(b"--%b--" % boundary, second), content_type=kind
        )
    assert (got.status, got.error["code"], got.error["param"]) == (400, "invalid_form", "model")


@pytest.mark.parametrize(
    "kind", ["", "application/json", "multipart/form-data", "multipart/form-data; boundary=a;boundary=b"]
)
async def test_forms_without_a_boundary(home: Home, kind: str) -> None:
    home.publish(key(), targets=(serving("http://127.0.0.1:1/v1"),))
    async with running(home) as worker:
        got = await worker.post("/v1/audio/transcriptions", form()[0], content_type=kind)
    assert (got.status, got.error["param"]) == (400, "content-type")


async def test_a_form_may_be_larger_than_other_bodies(home: Home) -> None:
    async with Upstream(answers({"text": "x"})) as up:
        home.publish(key(), targets=(serving(up.url),))
        async with running(home, body_limit=1000, upload_limit=60_000) as worker:
            fits = await transcribe(worker)
            over = await transcribe(worker, SOUND + SOUND)
            chat = await worker.post("/v1/moderations", {"model": "m", "input": "x" * 2000})
    assert [one.status for one in (fits, over, chat)] == [200, 413, 413]


@pytest.mark.parametrize(
    ("operation", "body", "param"),
    [
        ("speech", {"model": "m"}, "input"),
        ("speech", {"model": "m", "input": "x", "speed": 0}, "speed"),
        ("image_generation", {"model": "m", "prompt": 3}, "prompt"),
        ("image_generation", {"model": "m", "prompt": "x", "n": 0}, "n"),
        ("image_generation", {"prompt": "x"}, "model"),
        ("rerank", {"model": "m", "query": "q", "documents": []}, "documents"),
        ("rerank", {"model": "m", "query": "q", "documents": ["a"], "stream": True}, "stream"),
        ("moderations", {"model": "m"}, "input"),
    ],
)
def test_bodies_that_are_not_right(operation: Any, body: Any, param: str) -> None:
    with pytest.raises(UsageError) as refused:
        media.decode(operation, json.dumps(body).encode(), None)
    assert refused.value.param == param


def test_what_a_body_can_use_at_most() -> None:
    body = media.decode("image_generation", b'{"model": "m", "prompt": "x", "n": 3}', None)
    assert isinstance(body, MediaBody)
    assert body.most(100) == (100, 3 * media.IMAGE_TOKENS, Usage(images=3))
    sound, kind = form(wav(tone(10)))
    into, out, units = media.decode("transcription", sound, kind.encode()).most(len(sound))
    assert units == Usage(audio_ms=10_000)
    assert into >= 10 * media.HEARD_TOKENS
    assert out >= 10 * media.SAID_TOKENS
    thin, kind = form(b"OggS" + bytes(7500))
    assert media.decode("transcription", thin, kind.encode()).most(len(thin))[2].audio_ms >= 10_000
