"""The official client's images, speech, transcriptions and moderations, and rerank, with the echo provider behind."""

import base64
import io
import struct
import wave
import zlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from genaiops.domain import MEDIA, Fees
from genaiops.providers._echo_media import RATE, tone, wav
from tests.gateway.harness import KEY, Home, Worker, key, price, route, running, target

if TYPE_CHECKING:
    from openai import AsyncOpenAI

OPERATIONS = tuple(sorted(MEDIA))
FEES = Fees(image=40_000_000, characters=15_000_000_000, audio_minute=6_000_000, search=2_000_000)


@asynccontextmanager
async def client(home: Home, **settings: str) -> "AsyncGenerator[tuple[AsyncOpenAI, Worker]]":
    from openai import AsyncOpenAI

    echo = target(None, provider="echo", upstream_model="real", settings=settings, operations=OPERATIONS)
    fees = price(provider="echo", model="real", input=0, output=0, fees=FEES)
    home.publish(key(), targets=(echo,), routes=(route("t"),), prices=(fees,))
    async with running(home) as worker:
        api = AsyncOpenAI(base_url=f"http://127.0.0.1:{worker.port}/v1", api_key=KEY, max_retries=0, timeout=20)
        try:
            yield api, worker
            await worker.quiet()
        finally:
            await api.close()


def pixels(image: bytes) -> tuple[int, int]:
    """The size of a PNG, after every chunk of it was checked and its rows were unpacked."""
    assert image.startswith(b"\x89PNG\r\n\x1a\n")
    at, packed, size = 8, b"", (0, 0)
    while at < len(image):
        (length,) = struct.unpack_from(">I", image, at)
        name, data = image[at + 4 : at + 8], image[at + 8 : at + 8 + length]
        assert zlib.crc32(name + data) == struct.unpack_from(">I", image, at + 8 + length)[0]
        if name == b"IHDR":
            size = struct.unpack(">II", data[:8])
        packed += data if name == b"IDAT" else b""
        at += 12 + length
    assert len(zlib.decompress(packed)) == size[1] * (1 + 3 * size[0])
    return size


async def test_images(home: Home) -> None:
    async with client(home) as (api, _):
        made = await api.images.generate(model="m", prompt="a lighthouse", n=2, size="128x64")
        raw = await api.images.with_raw_response.generate(model="r", prompt="a lighthouse")
    assert [pixels(base64.b64decode(one.b64_json or "")) for one in made.data or ()] == [(128, 64)] * 2
    assert raw.headers["x-genaiops-cost"] == "0.040000000"
    first = home.attempts()[0]
    assert first.usage is not None
    assert (first.usage.images, first.usage.total_tokens) == (2, 0)
    assert first.cost is not None
    assert first.cost.nano == 80_000_000


async def test_speech_comes_as_sound(home: Home) -> None:
    async with (
        client(home) as (api, _),
        api.audio.speech.with_streaming_response.create(
            model="m", voice="alloy", input="Good morning, everybody.", response_format="wav", speed=2.0
        ) as answer,
    ):
        kind, body = answer.headers["content-type"], await answer.read()
    with wave.open(io.BytesIO(body)) as sound:
        assert (sound.getframerate(), sound.getnchannels()) == (RATE, 1)
        assert sound.getnframes() == 0.8 * RATE
    assert kind == "audio/wav"
    (attempt,) = home.attempts()
    assert attempt.usage is not None
    assert (attempt.usage.characters, attempt.usage.audio_ms) == (24, 800)
    assert attempt.cost is not None
    assert attempt.cost.nano == 24 * 15_000 + 80_000
    assert home.settled()[0].first_token_us is not None
    assert home.bodies()[1] == body


async def test_speech_that_cannot_be_made(home: Home) -> None:
    import openai

    async with client(home) as (api, _):
        with pytest.raises(openai.BadRequestError, match="mp3"):
            await api.audio.speech.create(model="m", voice="alloy", input="Hello", response_format="mp3")


@pytest.mark.parametrize(("form", "said"), [("text", "2.0 seconds"), ("srt", "00:00:02,000"), ("vtt", "WEBVTT")])
async def test_transcriptions_as_text(home: Home, form: str, said: str) -> None:
    async with client(home) as (api, _):
        raw = await api.audio.transcriptions.with_raw_response.create(
            model="m",
            file=("a.wav", wav(tone(2))),
            response_format=form,  # type: ignore[arg-type]
        )
    assert said in raw.text
    assert raw.headers["content-type"].startswith("text/vtt" if form == "vtt" else "text/plain")
    (attempt,) = home.attempts()
    assert attempt.usage is not None
    assert attempt.usage.audio_ms == 2000
    assert attempt.cost is not None
    assert attempt.cost.nano == 2000 * 6_000_000 // 60_000


async def test_transcriptions_as_json_and_as_a_stream(home: Home) -> None:
    async with client(home, text="Good morning everybody") as (api, _):
        file = ("a.wav", wav(tone(3)), "audio/wav")
        plain = await api.audio.transcriptions.create(model="m", file=file, language="en")
        verbose = await api.audio.transcriptions.create(model="m", file=file, response_format="verbose_json")
        events = [event async for event in await api.audio.transcriptions.create(model="m", file=file, stream=True)]
    assert plain.text == "Good morning everybody"
    assert float(verbose.duration) == 3.0
    assert [event.type for event in events] == ["transcript.text.delta"] * 3 + ["transcript.text.done"]
    assert [one.usage.audio_ms if one.usage is not None else None for one in home.attempts()] == [3000, 3000, 3000]
    assert [one.streamed for one in home.admitted()] == [False, False, True]


async def test_moderations(home: Home) -> None:
    async with client(home) as (api, _):
        found = await api.moderations.create(model="m", input=["a kind word", "flagged words"])
    assert [one.flagged for one in found.results] == [False, True]
    (attempt,) = home.attempts()
    assert attempt.usage is not None
    assert (attempt.usage.estimated, attempt.usage.input_uncached) == (True, 5)


async def test_rerank(home: Home) -> None:
    async with client(home) as (_, worker):
        body = {
            "model": "m",
            "query": "northern lights",
            "documents": ["the stock market", {"text": "lights of the north"}, "northern lights"],
            "top_n": 2,
            "return_documents": True,
        }
        got = await worker.post("/v1/rerank", body)
    assert got.status == 200
    assert [one["index"] for one in got.json["results"]] == [2, 1]
    assert got.json["results"][0]["document"] == {"text": "northern lights"}
    (attempt,) = home.attempts()
    assert attempt.usage is not None
    assert (attempt.usage.searches, attempt.usage.input_uncached) == (1, 9)
    assert got.headers["x-genaiops-cost"] == "0.002000000"
