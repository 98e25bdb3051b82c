"""Limits of images, audio and rerank, and bodies that are refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import UsageError
from genaiops.domain import Fees, Usage
from genaiops.gateway import media
from genaiops.gateway.media import MediaBody
from genaiops.providers._echo_media import tone, wav
from tests.gateway.harness import Home, budget, key, price, rate, running
from tests.gateway.media_calls import SOUND, SPEECH, form, serving, transcribe
from tests.gateway.upstream import Upstream, answers

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
