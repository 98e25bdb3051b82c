"""Generated images leave the gateway with a signed manifest: made by the real process, read by the real library."""

import asyncio
import base64
import contextlib
import json
import os
import signal
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from genaiops.domain import GuardVersion, Held, HeldBody, ImageMark
from genaiops.engines.c2pa_manifest import (
    CHAIN_FILE,
    KEY_FILE,
    ROOT_FILE,
    Credentials,
    Manifest,
    Origin,
    is_installed,
    own_credentials,
    sign,
    verify,
)
from genaiops.engines.image_marking import ProcessMarker
from tests.conftest import Require
from tests.engines.test_c2pa_manifest import IMAGES, png
from tests.gateway.guarding_calls import policy, rule
from tests.gateway.harness import Home, Worker, key, running, until
from tests.gateway.media_calls import PRICED, SPEECH, serving
from tests.gateway.test_guard_asking import tox
from tests.gateway.upstream import Upstream, answers, streams
from tests.guard.scores import Scores

ASKED = {"model": "m", "prompt": "a fox"}
PATH = "/v1/images/generations"
HEADER = "x-genaiops-provenance"
LARGER = png(b"a picture that has some size" * 20)
pytestmark = pytest.mark.usefixtures("library")


@pytest.fixture(scope="module")
def library(require: Require) -> None:
    require(is_installed(), "c2pa-python", "make dev")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def own(folder: Path) -> Credentials:
    return own_credentials(folder, "Example Ltd")


@contextlib.asynccontextmanager
async def marking(home: Home, folder: Path, **options: Any) -> AsyncGenerator[tuple[Worker, ProcessMarker]]:
    marker = ProcessMarker(tuple(folder / name for name in (CHAIN_FILE, KEY_FILE, ROOT_FILE)), **options)
    async with running(home, marker=marker) as worker:
        yield worker, marker


def text(image: bytes) -> str:
    return base64.b64encode(image).decode()


def manifest_of(data: str, kind: str, own: Credentials) -> Manifest:
    """Of an image that is as it was signed."""
    manifest, verdict = verify(base64.b64decode(data), kind, own.root)
    assert verdict.outcome == "pass", verdict
    assert manifest is not None
    return manifest


async def test_images_of_all_forms_carry_a_manifest(home: Home, folder: Path, own: Credentials) -> None:
    signed_before, _ = sign(IMAGES["image/png"], "image/png", Origin("theirs", "them", "1"), own)
    data = [{"b64_json": text(image), "revised_prompt": "a red fox"} for image in IMAGES.values()]
    data += [{"url": f"data:image/png;base64,{text(signed_before)}"}]
    async with Upstream(answers({"created": 7, "data": data, "size": "1x1"})) as up:
        home.publish(key(), targets=(serving(up.url),), prices=(PRICED,))
        async with marking(home, folder) as (worker, _):
            got = await worker.post(PATH, ASKED)
            await worker.quiet()
    assert (got.status, got.headers[HEADER]) == (200, "c2pa")
    assert {**got.json, "data": None} == {"created": 7, "data": None, "size": "1x1"}
    for one, kind in zip(got.json["data"], IMAGES, strict=False):
        manifest = manifest_of(one["b64_json"], kind, own)
        assert (manifest.generated, manifest.model, manifest.issuer) == (True, "real-model", "Example Ltd")
        assert manifest.request == got.headers["x-genaiops-request-id"]
        assert one["revised_prompt"] == "a red fox"
    assert manifest_of(got.json["data"][3]["url"].partition(",")[2], "image/png", own).parent == "Example Ltd"
    (settled,) = home.settled()
    assert [(mark.outcome, mark.media_type, mark.parent) for mark in settled.marks] == [
        *(("marked", kind, False) for kind in IMAGES),
        ("marked", "image/png", True),
    ]
    assert home.bodies()[1] == got.body


async def test_what_cannot_be_marked_goes_out_and_is_told(home: Home, folder: Path) -> None:
    data = [
        {"b64_json": text(IMAGES["image/png"])},
        {"url": "https://images.example/1.png"},
        {"b64_json": text(b"no image of any kind")},
        {"b64_json": text(IMAGES["image/png"][:40])},
        {"b64_json": "?"},
    ]
    async with Upstream(answers({"data": data})) as up:
        home.publish(key(), targets=(serving(up.url),))
        async with marking(home, folder) as (worker, _):
            got = await worker.post(PATH, ASKED)
    assert (got.status, got.headers[HEADER]) == (200, "partly; reason=error,format,url")
    assert got.json["data"][1:] == data[1:]
    assert got.json["data"][0] != data[0]
    (settled,) = home.settled()
    assert sorted(mark.outcome for mark in settled.marks) == ["error", "error", "format", "marked", "url"]
    assert all(mark.reason for mark in settled.marks if mark.outcome != "marked")


@pytest.mark.parametrize("streamed", [False, True])
async def test_required_withholds_what_is_not_marked(home: Home, folder: Path, streamed: bool) -> None:
    data = {"data": [{"url": "https://images.example/1.png"}]}
    broken = {"type": "image_generation.completed", "b64_json": text(b"no image")}
    script = streams(b"data: %b\n\n" % json.dumps(broken).encode()) if streamed else answers(data)
    async with Upstream(script) as up:
        home.publish(key(), targets=(serving(up.url),), prices=(PRICED,))
        async with marking(home, folder, required=True) as (worker, _):
            got = await worker.post(PATH, {**ASKED, "stream": streamed})
            await worker.quiet()
    assert (got.status, got.error["code"]) == (502, "image_not_marked")
    assert "could not be marked as generated" in got.error["message"]
    assert got.headers["x-should-retry"] == "false"  # each try is charged
    (settled,) = home.settled()
    assert (settled.status, settled.error_type) == ("error", "image_not_marked")
    assert [attempt.pays for attempt in settled.attempts] == [True]
    assert len(up.seen) == 1


@pytest.mark.parametrize("guards", [(), (policy(tox()),)], ids=["free", "asked about"])
async def test_streamed_images_are_marked_also_the_partial_ones(
    home: Home, folder: Path, own: Credentials, guards: tuple[GuardVersion, ...]
) -> None:
    home.guards = Scores().guards
    image = text(IMAGES["image/jpeg"])
    events = [
        {"type": "image_generation.partial_image", "partial_image_index": 0, "b64_json": image},
        {"type": "image_generation.partial_image", "partial_image_index": 1, "b64_json": image},
        {"type": "image_generation.completed", "b64_json": image, "usage": {"input_tokens": 1, "output_tokens": 2}},
    ]
    pieces = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]
    async with Upstream(streams(pieces[0][:50], pieces[0][50:], pieces[1] + pieces[2])) as up:
        home.publish(key(), targets=(serving(up.url),), guards=guards)
        async with marking(home, folder) as (worker, _):
            got = await worker.post(PATH, {**ASKED, "stream": True})
            await worker.quiet()
    assert (got.status, got.headers[HEADER], got.cut) == (200, "c2pa", False)
    said = [json.loads(line[6:]) for line in got.body.decode().splitlines() if line.startswith("data: ")]
    assert [{**one, "b64_json": ""} for one in said] == [{**one, "b64_json": ""} for one in events]
    assert got.body.count(b"event: ") == 3
    for one in said:
        assert manifest_of(one["b64_json"], "image/jpeg", own).generated
    (settled,) = home.settled()
    assert [mark.outcome for mark in settled.marks] == ["marked"] * 3
    assert home.bodies()[1] == got.body


CHAT: tuple[tuple[str, str, dict[str, Any], Any], ...] = (
    (
        "/v1/responses",
        "openai",
        {"model": "m", "input": "draw"},
        lambda image: {
            "id": "r",
            "object": "response",
            "status": "completed",
            "model": "m",
            "output": [{"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": image}],
            "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
        },
    ),
    (
        "/v1/chat/completions",
        "openai",
        {"model": "m", "messages": [{"role": "user", "content": "draw"}]},
        lambda image: {
            "id": "c",
            "model": "m",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {
                        "role": "assistant",
                        "content": "",
                        "images": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{image}"}}],
                    },
                }
            ],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        },
    ),
    (
        "/v1beta/models/m:generateContent",
        "google",
        {"contents": [{"role": "user", "parts": [{"text": "draw"}]}]},
        lambda image: {
            "candidates": [
                {
                    "content": {"role": "model", "parts": [{"inlineData": {"mimeType": "image/png", "data": image}}]},
                    "finishReason": "STOP",
                }
            ],
            "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1},
        },
    ),
)


async def test_images_of_chat_models_are_marked(home: Home, folder: Path, own: Credentials) -> None:
    for number, (path, provider, asked, answer) in enumerate(CHAT):
        image = text(LARGER)
        name = f"t{number}"
        async with Upstream(answers(answer(image))) as up:
            settings = {"responses": "native"} if path == "/v1/responses" else {}
            there = serving(up.url, id=name, provider=provider, operations=("chat",), settings=settings)
            home.publish(key(), targets=(there,))
            async with marking(home, folder) as (worker, _):
                got = await worker.post(path, asked)
        assert (path, got.status, got.headers.get(HEADER)) == (path, 200, "c2pa")
        assert image not in got.body.decode()
        found = _longest(got.json)
        assert manifest_of(found.rpartition(",")[2], "image/png", own).generated


def _longest(value: Any) -> str:
    """The longest text in a document: the image."""
    if isinstance(value, str):
        return value
    held = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return max((_longest(one) for one in held), key=len, default="")


@pytest.mark.parametrize("guards", [(), (policy(tox()),)], ids=["free", "asked about"])
async def test_an_image_in_a_stream_of_chat_is_marked_and_text_is_left_alone(
    home: Home, folder: Path, own: Credentials, guards: tuple[GuardVersion, ...]
) -> None:
    home.guards = Scores().guards

    def part(**part: Any) -> bytes:
        content = {"candidates": [{"content": {"role": "model", "parts": [part]}}]}
        return b"data: %b\n\n" % json.dumps(content).encode()

    last = {"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 1}}
    pieces = [
        part(text="Here, as you have asked for it:" * 4),
        part(inlineData={"mimeType": "image/png", "data": text(LARGER)}),
        b"data: %b\n\n" % json.dumps(last).encode(),
    ]
    async with Upstream(streams(*pieces)) as up:
        home.publish(key(), targets=(serving(up.url, provider="google", operations=("chat",)),), guards=guards)
        async with marking(home, folder) as (worker, _):
            got = await worker.post(
                "/v1beta/models/m:streamGenerateContent?alt=sse", {"contents": [{"parts": [{"text": "draw"}]}]}
            )
            await worker.quiet()
    assert (got.status, got.cut) == (200, False)
    first, second, *_ = got.events
    assert first == json.loads(pieces[0][6:])
    data = second["candidates"][0]["content"]["parts"][0]["inlineData"]["data"]
    assert manifest_of(data, "image/png", own).generated
    assert home.settled()[0].marks == (ImageMark("marked", "image/png", len(base64.b64decode(data))),)


async def test_the_guard_looks_first_and_its_record_has_the_same_image(home: Home, folder: Path) -> None:
    data = [{"b64_json": text(IMAGES["image/png"]), "revised_prompt": "a red fox"}]
    async with Upstream(answers({"data": data})) as up:
        guard = policy(rule(options={"patterns": {"colour": r"\bred\b"}}, direction="out"))
        home.publish(key(guard="default"), targets=(serving(up.url),), guards=(guard,))
        async with marking(home, folder) as (worker, _):
            got = await worker.post(PATH, ASKED)
    assert (got.headers["x-genaiops-guard"], got.headers[HEADER]) == ("redacted", "c2pa")
    assert "red " not in got.json["data"][0]["revised_prompt"]
    assert home.bodies()[1] == got.body


@pytest.mark.parametrize("streamed", [False, True])
async def test_an_image_that_waits_for_a_person_is_marked_before(
    home: Home, folder: Path, own: Credentials, streamed: bool
) -> None:
    home.seals.ensure()
    parts = [{"text": "red"}, {"inlineData": {"mimeType": "image/png", "data": text(LARGER)}}]
    answer = {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}
    script = streams(b"data: %b\n\n" % json.dumps(answer).encode()) if streamed else answers(answer)
    hold = policy(rule(action="hold", direction="out", options={"patterns": {"colour": r"\bred\b"}}))
    method = "streamGenerateContent?alt=sse" if streamed else "generateContent"
    async with Upstream(script) as up:
        there = serving(up.url, provider="google", operations=("chat",))
        home.publish(key(), targets=(there,), guards=(hold,))
        async with marking(home, folder) as (worker, _):
            got = await worker.post(f"/v1beta/models/m:{method}", {"contents": [{"parts": [{"text": "draw"}]}]})
            await worker.quiet()
    assert got.status == 202
    [(record, sealed)] = [(one, body) for one, body in home.frames() if isinstance(one, Held)]
    content = msgspec.msgpack.decode(home.seals.open(sealed, record.id), type=HeldBody).body
    found = _longest(json.loads(content.removeprefix(b"data: ").strip()))
    assert manifest_of(found, "image/png", own).generated
    assert [mark.outcome for mark in home.settled()[0].marks] == ["marked"]


@pytest.mark.parametrize("streamed", [False, True])
async def test_only_images_of_the_answer_that_goes_out_are_marked(
    home: Home, folder: Path, own: Credentials, streamed: bool
) -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": text(LARGER)}}
    path, scripts = CHAT[2][0] if not streamed else "/v1beta/models/m:streamGenerateContent?alt=sse", list[Any]()
    for said in ("no JSON", "{}"):
        answer = {"candidates": [{"content": {"parts": [{"text": said}, image]}, "finishReason": "STOP"}]}
        scripts.append(streams(b"data: %b\n\n" % json.dumps(answer).encode()) if streamed else answers(answer))
    form = rule(detector="schema", action="block", direction="out", options={"schema": {"type": "object"}, "reask": 1})
    async with Upstream(*scripts) as up:
        home.publish(key(), targets=(serving(up.url, provider="google", operations=("chat",)),), guards=(policy(form),))
        async with marking(home, folder) as (worker, _):
            got = await worker.post(path, {"contents": [{"parts": [{"text": "draw"}]}]})
            await worker.quiet()
    assert manifest_of(_longest(json.loads(got.body.removeprefix(b"data: "))), "image/png", own).generated
    [settled] = home.settled()
    assert [one.reason for one in settled.attempts] == ["first", "asked_again"]
    assert [mark.outcome for mark in settled.marks] == ["marked"]


async def test_a_client_that_leaves_takes_nothing_from_the_next(home: Home, folder: Path) -> None:
    async with Upstream(answers({"data": [{"b64_json": text(IMAGES["image/png"])}]})) as up:
        home.publish(key(), targets=(serving(up.url),))
        async with marking(home, folder) as (worker, marker):
            assert (await worker.post(PATH, ASKED)).status == 200
            process = marker._process
            assert process is not None
            os.kill(process.pid, signal.SIGSTOP)
            leaving = asyncio.create_task(worker.post(PATH, ASKED))
            await until(lambda: bool(marker._work))
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
            await until(lambda: len(home.settled()) == 2)
            os.kill(process.pid, signal.SIGCONT)
            assert (await worker.post(PATH, ASKED)).headers[HEADER] == "c2pa"
            assert marker._process is process
            await worker.quiet()
    assert [one.status for one in home.settled()] == ["ok", "cancelled", "ok"]


async def test_a_process_that_dies_costs_one_image_its_mark(home: Home, folder: Path) -> None:
    async with Upstream(answers({"data": [{"b64_json": text(IMAGES["image/png"])}]})) as up:
        home.publish(key(), targets=(serving(up.url),))
        async with marking(home, folder) as (worker, marker):
            assert (await worker.post(PATH, ASKED)).headers[HEADER] == "c2pa"
            process = marker._process
            assert process is not None
            os.kill(process.pid, signal.SIGSTOP)  # so that it is there when it is asked, and gone when it should answer
            asked = [worker.post(PATH, ASKED)]
            os.kill(process.pid, signal.SIGKILL)
            got = await asked[0]
            assert got.status == 200
            assert got.headers[HEADER] in ("none; reason=error", "c2pa")  # it may have been seen to be gone
            assert (await worker.post(PATH, ASKED)).headers[HEADER] == "c2pa"
            await worker.quiet()


async def test_without_a_certificate_nothing_required_goes_out(home: Home, tmp_path: Path) -> None:
    async with Upstream(answers({"data": [{"b64_json": text(IMAGES["image/png"])}]})) as up:
        home.publish(key(), targets=(serving(up.url),))
        async with marking(home, tmp_path, required=True) as (worker, marker):
            got = await worker.post(PATH, ASKED)
            assert (got.status, got.error["code"]) == (502, "image_not_marked")
            own_credentials(tmp_path, "Example Ltd")
            assert (await worker.post(PATH, ASKED)).status == 502  # no process is begun for each image in vain
            marker._not_before = 0.0
            assert (await worker.post(PATH, ASKED)).headers[HEADER] == "c2pa"


async def test_nothing_is_said_where_nothing_is_marked(home: Home) -> None:
    async with Upstream(answers({"data": [{"b64_json": text(IMAGES["image/png"])}]})) as up:
        home.publish(key(), targets=(serving(up.url),))
        async with running(home) as worker:
            got = await worker.post(PATH, ASKED)
    assert HEADER not in got.headers
    assert got.json["data"][0]["b64_json"] == text(IMAGES["image/png"])


async def test_speech_is_no_image(home: Home, folder: Path) -> None:
    async with Upstream(answers(b"\xff\xfb\x90\x00" * 400, kind="audio/mpeg")) as up:
        home.publish(key(), targets=(serving(up.url),))
        async with marking(home, folder) as (worker, marker):
            got = await worker.post("/v1/audio/speech", SPEECH)
            assert (got.status, marker._process) == (200, None)
    assert HEADER not in got.headers
