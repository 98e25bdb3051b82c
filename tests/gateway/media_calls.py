"""Calls beside text, and targets that serve them."""

from typing import Any

import httpx

from genaiops.domain import MEDIA, Fees
from genaiops.providers._echo_media import tone, wav
from tests.gateway.harness import Worker, price, target

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
