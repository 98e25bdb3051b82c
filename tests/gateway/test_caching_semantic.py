"""The semantic cache with the real encoder in its own process."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from genaiops.domain import CachePolicy
from tests.engines.model_process import KEY as ENCODER_KEY
from tests.engines.model_process import ModelProcess
from tests.engines.model_process import running as model_running
from tests.gateway.harness import Got, Home, key, route, running, target
from tests.gateway.upstream import Upstream, answers

NEAR = CachePolicy(mode="semantic")
SLOW: Any = {"cache_near_deadline": 5.0}  # this machine may be busy; the deadline has a test of its own


@pytest.fixture(scope="module")
def encoder(models_dir: Path) -> Iterator[ModelProcess]:
    with model_running("minilm", models_dir.parent) as process:
        yield process


def publish(home: Home, up: Upstream, url: str, *keys: Any, policy: CachePolicy = NEAR) -> None:
    home.secrets.put("ENCODER", ENCODER_KEY)
    minilm = target(
        f"{url}/v1",
        id="minilm",
        provider="minilm",
        model="minilm",
        upstream_model="minilm",
        operations=("embeddings",),
        credentials=("ENCODER",),
    )
    home.publish(*(keys or (key(),)), targets=(target(up.url), minilm), routes=(replace(route("t"), cache=policy),))


def ask(text: str, *before: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"model": "r", "messages": [*before, {"role": "user", "content": text}], **more}


def said(got: Got) -> str:
    assert got.status == 200, got.body
    return got.headers["x-genaiops-cache"].partition(";")[0]


@pytest.mark.needs_weights("minilm")
async def test_a_question_that_means_the_same(home: Home, encoder: ModelProcess) -> None:
    async with Upstream(answers()) as up:
        publish(home, up, encoder.url)
        async with running(home, **SLOW) as worker:
            first = await worker.post(body=ask("How do I reset my password?"))
            again = await worker.post(body=ask("What is the way to reset my password?"))
            streamed = await worker.post(body=ask("How can I reset my password?", stream=True))
            await worker.quiet()
    assert [said(first), said(again), said(streamed)] == ["miss", "hit", "hit"]
    assert again.body == first.body
    assert len(up.seen) == 1
    miss, hit, _ = home.settled()
    assert hit.lookup is not None
    assert (hit.lookup.how, hit.lookup.source) == ("semantic", miss.trace_id)
    assert 0.85 <= (hit.lookup.similarity or 0) < 1


@pytest.mark.needs_weights("minilm")
@pytest.mark.parametrize(
    "body",
    [
        ask("How do I not reset my password?"),
        ask("How do I reset my 2 passwords?"),
        ask("How do I reset my password?", {"role": "system", "content": "Answer in French."}),
        ask("How do I reset my password?", {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}),
        ask("How can I reset my password?", temperature=0.1),
        ask("How can I reset my password?", tools=[{"type": "function", "function": {"name": "f"}}]),
        {"model": "r", "messages": [{"role": "user", "content": [{"type": "text", "text": "How can I reset it?"}]}]},
    ],
    ids=["negation", "number", "system prompt", "earlier turns", "parameter", "tools", "parts"],
)
async def test_everything_else_must_be_equal(home: Home, encoder: ModelProcess, body: Any) -> None:
    async with Upstream(answers()) as up:
        publish(home, up, encoder.url)
        async with running(home, **SLOW) as worker:
            assert said(await worker.post(body=ask("How do I reset my password?"))) == "miss"
            assert said(await worker.post(body=body)) == "miss"


@pytest.mark.needs_weights("minilm")
async def test_another_team_has_its_own_questions(home: Home, encoder: ModelProcess) -> None:
    async with Upstream(answers()) as up:
        publish(home, up, encoder.url, key("one"), key("two", key_id="key_2", team_id="sales"))
        async with running(home, **SLOW) as worker:
            assert said(await worker.post(body=ask("How do I reset my password?"), key="one")) == "miss"
            assert said(await worker.post(body=ask("How can I reset my password?"), key="two")) == "miss"
            assert said(await worker.post(body=ask("How can I reset my password?"), key="one")) == "hit"


@pytest.mark.needs_weights("minilm")
async def test_a_text_that_the_encoder_does_not_read_to_its_end(home: Home, encoder: ModelProcess) -> None:
    long = "a b c d e " * 79
    async with Upstream(answers()) as up:
        publish(home, up, encoder.url)
        async with running(home, **SLOW) as worker:
            await worker.post(body=ask(long))
    (settled,) = home.settled()
    assert settled.lookup is not None
    assert settled.lookup.note == "encoder_away"


async def test_an_encoder_that_is_away_or_late_is_a_miss(home: Home) -> None:
    async def silent(seen: Any, wire: Any) -> bool:
        await wire.closed()
        return False

    async with Upstream(answers()) as up, Upstream(silent) as late:
        publish(home, up, late.url.removesuffix("/v1"))
        async with running(home) as worker:
            assert said(await worker.post(body=ask("Hello"))) == "miss"
            publish(home, up, "http://127.0.0.1:9")
            assert said(await worker.post(body=ask("Good day"))) == "miss"
            assert said(await worker.post(body=ask("Good day"))) == "hit"  # the exact part still works
            await worker.quiet()
    assert [one.lookup.note for one in home.settled() if one.lookup] == ["encoder_late", "encoder_away", None]


async def test_garbage_from_the_encoder_is_a_miss(home: Home) -> None:
    async with Upstream(answers()) as up, Upstream(answers({"data": [{"embedding": "AAAA"}]})) as bad:
        publish(home, up, bad.url.removesuffix("/v1"))
        async with running(home, **SLOW) as worker:
            assert said(await worker.post(body=ask("Hello"))) == "miss"
            await worker.quiet()
