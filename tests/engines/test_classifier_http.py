"""Answers of classifiers that are not ours to trust: over a real connection, and by what hypothesis makes up."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.app.asking import HttpAsk
from genaiops.engines.classifier_http import GuardClassifiers, LabelClassifiers
from genaiops.http1 import Exchange, Server

SCORED = {"score": 0.9, "threshold": 0.5, "flagged": True, "start": 0, "end": 4}
GOOD = {"data": [{"injection": SCORED}], "versions": {"injection": "injection@1"}}

Answering = Callable[[bytes], tuple[int, bytes]]


@asynccontextmanager
async def endpoint(answering: Answering) -> AsyncGenerator[HttpAsk]:
    async def handle(exchange: Exchange) -> None:
        status, body = answering(bytes(await exchange.body(1 << 20)))
        exchange.respond(status, [(b"content-type", b"application/json")], body)

    server = Server(handle)
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    await server.serve(bound)
    ask = HttpAsk(f"http://127.0.0.1:{bound.getsockname()[1]}/predict", timeout=30)
    try:
        yield ask
    finally:
        await ask.aclose()
        await server.drain(0)


def scripted(status: int, body: bytes) -> Callable[[bytes], Awaitable[tuple[int, bytes]]]:
    async def ask(_: bytes) -> tuple[int, bytes]:
        return status, body

    return ask


async def test_labels_of_a_pipeline_become_a_verdict() -> None:
    asked: list[Any] = []

    def answering(body: bytes) -> tuple[int, bytes]:
        asked.append(json.loads(body))
        return 200, b'[[{"label":"INJECTION","score":0.75},{"label":"SAFE","score":0.25}]]'

    async with endpoint(answering) as ask:
        (found,) = await LabelClassifiers(ask, threshold=0.7).classify(["hello"])
    verdict = found["injection"]
    assert (verdict.outcome, verdict.measure, verdict.unit) == ("fail", 0.75, "probability")
    assert asked == [{"inputs": "hello", "truncate": False}]


async def test_the_worst_window_of_a_long_text_counts() -> None:
    def answering(body: bytes) -> tuple[int, bytes]:
        bad = "needle" in json.loads(body)["inputs"]
        return 200, msgspec.json.encode([{"label": "LABEL_1", "score": 0.8 if bad else 0.1}])

    text = "Hay. " * 300 + "A needle. " + "Hay. " * 300
    async with endpoint(answering) as ask:
        (found,) = await LabelClassifiers(ask, size=200).classify([text])
    place = found["injection"].evidence[1].split()
    assert found["injection"].outcome == "fail"
    assert "needle" in text[int(place[1]) : int(place[3])]


@pytest.mark.parametrize(
    ("labels", "measure"),
    [
        ([("SAFE", 0.9)], 0.1),
        ([("benign", 0.2), ("injection", 0.5), ("jailbreak", 0.3)], 0.8),
        ([("LABEL_0", 1.0), ("LABEL_1", 0.0)], 0.0),
    ],
)
async def test_shares_of_labels(labels: list[tuple[str, float]], measure: float) -> None:
    body = msgspec.json.encode([{"label": name, "score": score} for name, score in labels])
    (found,) = await LabelClassifiers(scripted(200, body)).classify(["x"])
    assert found["injection"].measure == pytest.approx(measure)


@pytest.mark.parametrize(
    ("status", "body", "word"),
    [
        (500, b"{}", "500"),
        (200, b"", "nonsense"),
        (200, b"[]", "other labels"),
        (200, b'[{"label":"CAT","score":0.9}]', "CAT"),
        (200, b'[{"label":"INJECTION","score":1.5}]', "no probability"),
        (200, b'[{"label":"INJECTION","score":-0.5}]', "no probability"),
        (200, b'[{"label":"INJECTION","score":0.9},{"label":"SAFE","score":0.9}]', "more than 1"),
        (200, b'[{"label":"INJECTION"}]', "nonsense"),
        (200, b'{"error":"overloaded"}', "nonsense"),
        (200, b"[[],[]]", "2 results"),
    ],
)
async def test_nonsense_of_an_endpoint_is_an_error(status: int, body: bytes, word: str) -> None:
    (found,) = await LabelClassifiers(scripted(status, body)).classify(["x"])
    assert found["injection"].outcome == "error"
    assert word in found["injection"].reason


def spoilt(**changes: Any) -> bytes:
    return msgspec.json.encode({"data": [{"injection": {**SCORED, **changes}}], "versions": GOOD["versions"]})


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (spoilt(score=2.0), "no probability"),
        (spoilt(flagged=False), "contradict"),
        (spoilt(start=9), "characters"),
        (msgspec.json.encode({**GOOD, "data": []}), "0 results"),
        (msgspec.json.encode({**GOOD, "data": [{}]}), "says nothing"),
        (msgspec.json.encode({**GOOD, "versions": {}}), "version"),
        (b"[]", "nonsense"),
    ],
)
async def test_nonsense_of_the_guard_server_is_an_error(body: bytes, word: str) -> None:
    (found,) = await GuardClassifiers(scripted(200, body), classifiers=["injection"]).classify(["x"])
    assert found["injection"].outcome == "error"
    assert word in found["injection"].reason


@given(st.binary(max_size=60) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["data", "label", "score", "versions", "injection"]), inner, max_size=4),
    max_leaves=12,
).map(msgspec.json.encode))  # fmt: skip
async def test_whatever_comes_back_is_no_exception_and_no_pass_by_accident(body: bytes) -> None:
    for asked in (
        GuardClassifiers(scripted(200, body), classifiers=["injection"]),
        LabelClassifiers(scripted(200, body)),
    ):
        (found,) = await asked.classify(["x"])
        verdict = found["injection"]
        assert verdict.outcome == "error" or (verdict.measure is not None and 0 <= verdict.measure <= 1)


async def test_silence_is_an_error() -> None:
    async def never(_: bytes) -> tuple[int, bytes]:
        await asyncio.Event().wait()
        raise AssertionError

    for asked in (
        GuardClassifiers(never, classifiers=["injection"], timeout=0.01),
        LabelClassifiers(never, timeout=0.01),
    ):
        (found,) = await asked.classify(["x"])
        assert found["injection"].outcome == "error"
        assert "in time" in found["injection"].reason


async def test_nobody_there_is_an_error() -> None:
    free = socket.socket()
    free.bind(("127.0.0.1", 0))  # bound, never listening: a connection is refused
    ask = HttpAsk(f"http://127.0.0.1:{free.getsockname()[1]}/v1/classify")
    try:
        found = await GuardClassifiers(ask, classifiers=["injection", "toxicity"]).classify(["x", "y"])
    finally:
        await ask.aclose()
        free.close()
    assert [verdict.outcome for one in found for verdict in one.values()] == ["error"] * 4


async def test_no_texts_are_no_question() -> None:
    assert await GuardClassifiers(scripted(500, b""), classifiers=["injection"]).classify([]) == []
