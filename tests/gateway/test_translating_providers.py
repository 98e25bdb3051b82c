"""OpenAI's own client, the gateway, and upstreams that speak Google's, Cohere's and Mistral's words."""

import json
from typing import Any, NamedTuple

import pytest

from genaiops.domain import Usage
from tests.gateway.harness import KEY, Home, key, price, route, running, target
from tests.gateway.upstream import Upstream, answers, completion, stream_events, streams
from tests.providers import google_fixtures, test_cohere, test_mistral
from tests.providers.calls import WEATHER, events, joined

MESSAGES: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather?"}]


class Case(NamedTuple):
    provider: str
    path: str
    answer: dict[str, Any]
    usage: Usage
    stream: bytes
    stream_path: str
    calls: list[str]
    stream_usage: Usage
    broken: dict[str, Any]


CASES = [
    Case(
        "google",
        "/v1/models/real-model:generateContent",
        google_fixtures.ANSWER,
        Usage(45, 60, 0, 7, 20),
        google_fixtures.WIRE,
        "/v1/models/real-model:streamGenerateContent?alt=sse",
        ["Köln", "Bonn"],
        Usage(9, 0, 0, 4, 3),
        {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}},
    ),
    Case(
        "cohere",
        "/v1/chat",
        test_cohere.ANSWER,
        Usage(12, 8, 0, 6),
        test_cohere.WIRE,
        "/v1/chat",
        ["Köln", ""],
        Usage(12, 8, 0, 6),
        {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "overloaded"}},
    ),
    Case(
        "mistral",
        "/v1/chat/completions",
        test_mistral.ANSWER,
        Usage(12, 8, 0, 6),
        test_mistral.WIRE,
        "/v1/chat/completions",
        ["Köln", ""],
        Usage(12, 8, 0, 6),
        {"object": "error", "message": "overloaded", "type": "x", "code": "3505"},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.provider)
async def test_an_answer_and_a_stream_arrive_in_openais_words_and_are_charged(home: Home, case: Case) -> None:
    from openai import AsyncOpenAI

    async with Upstream(answers(case.answer), streams(case.stream[:700], case.stream[700:])) as upstream:
        home.secrets.put("PROVIDER_KEY", "sk-upstream")
        served = target(upstream.url, provider=case.provider, credentials=("PROVIDER_KEY",))
        home.publish(key(), targets=(served,), prices=(price(provider=case.provider),))
        async with running(home) as worker:
            api = AsyncOpenAI(base_url=f"http://127.0.0.1:{worker.port}/v1", api_key=KEY, max_retries=0)
            answer = await api.chat.completions.create(model="m", messages=MESSAGES, max_tokens=50)
            assert answer.choices[0].message.content == "It is warm."
            assert answer.usage is not None
            assert answer.usage.total_tokens == case.usage.total_tokens
            tools: Any = [WEATHER]
            stream = await api.chat.completions.create(
                model="m", messages=MESSAGES, stream=True, stream_options={"include_usage": True}, tools=tools
            )
            found = joined(got := [chunk async for chunk in stream])
            await api.close()
            await worker.quiet()
    assert (found["content"], found["finish"]) == ("Hé €", "tool_calls")
    assert [json.loads(one["arguments"]).get("city", "") for one in found["tool_calls"]] == case.calls
    assert got[-1].usage is not None
    assert got[-1].usage.total_tokens == case.stream_usage.total_tokens
    assert [seen.path for seen in upstream.seen] == [case.path, case.stream_path]
    name = "x-goog-api-key" if case.provider == "google" else "authorization"
    assert {seen.headers[name].removeprefix("Bearer ") for seen in upstream.seen} == {"sk-upstream"}
    first, second = home.attempts()
    assert (first.usage, second.usage) == (case.usage, case.stream_usage)
    assert first.cost is not None
    assert second.finish_reason == "tool_calls"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.provider)
async def test_an_error_inside_a_200_goes_to_the_next_target(home: Home, case: Case) -> None:
    async with (
        Upstream(answers(case.broken), streams(events(case.broken))) as broken,
        Upstream(answers(completion("saved"))) as good,
    ):
        home.publish(
            key(),
            targets=(target(broken.url, id="a", provider=case.provider), target(good.url, id="b")),
            routes=(route("a", fallbacks=("b",)),),
        )
        async with running(home) as worker:
            for stream in (False, True):
                if stream:
                    good.scripts = [streams(*stream_events("saved"))]
                got = await worker.post(body={"model": "r", "messages": MESSAGES, "stream": stream})
                assert got.status == 200
                assert b"saved" in got.body
                assert b"overloaded" not in got.body
    assert {one.status for one in home.attempts() if one.target_id == "a"} == {"error"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.provider)
async def test_a_field_that_cannot_be_translated_is_a_400_that_names_it(home: Home, case: Case) -> None:
    import openai
    from openai import AsyncOpenAI

    async with Upstream(answers(case.answer)) as upstream:
        home.publish(key(), targets=(target(upstream.url, provider=case.provider),))
        async with running(home) as worker:
            api = AsyncOpenAI(base_url=f"http://127.0.0.1:{worker.port}/v1", api_key=KEY, max_retries=0)
            with pytest.raises(openai.BadRequestError) as refused:
                await api.chat.completions.create(model="m", messages=MESSAGES, logit_bias={"5": 1})
            await api.close()
    assert refused.value.param == "logit_bias"
    assert case.provider in refused.value.message
    assert not upstream.seen


async def test_a_stream_of_gemini_that_never_tells_usage_is_estimated(home: Home) -> None:
    texts = [{"candidates": [{"content": {"parts": [{"text": "one two"}]}, "index": 0}]}]
    ending = {"candidates": [{"finishReason": "STOP", "index": 0}]}
    async with Upstream(streams(events(*texts, ending))) as upstream:
        home.publish(key(), targets=(target(upstream.url, provider="google"),))
        async with running(home) as worker:
            got = await worker.stream()
    assert got.text == "one two"
    [attempt] = home.attempts()
    assert attempt.status == "ok"
    assert attempt.usage is not None
    assert attempt.usage.estimated
    assert attempt.usage.output_text == 2
