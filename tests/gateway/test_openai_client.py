"""The official client against the gateway, with the echo provider behind it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.gateway.harness import KEY, Home, Worker, budget, key, rate, route, running, target

if TYPE_CHECKING:
    from openai import AsyncOpenAI

MESSAGES: Any = [{"role": "user", "content": "The quick brown fox"}]


@asynccontextmanager
async def client(home: Home, secret: str = KEY, **settings: str) -> "AsyncGenerator[tuple[AsyncOpenAI, Worker]]":
    from openai import AsyncOpenAI

    tight = key("tight", key_id="tight", budgets=(budget("calls", 0, period="total"),))
    slow = key("slow", key_id="slow", rate_limits=(rate(requests_per_minute=1),))
    echo = target(None, provider="echo", upstream_model="echo", settings=settings)
    home.publish(key(), tight, slow, targets=(echo,), routes=(route("t"),))
    async with running(home) as worker:
        api = AsyncOpenAI(base_url=f"http://127.0.0.1:{worker.port}/v1", api_key=secret, max_retries=2, timeout=20)
        try:
            yield api, worker
        finally:
            await api.close()


async def test_chat(home: Home) -> None:
    async with client(home) as (api, _):
        answer = await api.chat.completions.create(model="m", messages=MESSAGES)
        assert answer.choices[0].message.content == "The quick brown fox"
        assert answer.usage is not None
        assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (4, 4)
        raw = await api.chat.completions.with_raw_response.create(model="r", messages=MESSAGES)
        assert raw.headers["x-genaiops-target"] == "t"


async def test_a_stream(home: Home) -> None:
    async with client(home) as (api, _):
        stream = await api.chat.completions.create(
            model="m", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == "The quick brown fox"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 8


async def test_tool_calls_in_a_stream(home: Home) -> None:
    async with client(home, tool="lookup", text='{"q": 1}') as (api, _):
        stream = await api.chat.completions.create(model="m", messages=MESSAGES, stream=True)
        deltas = [choice.delta async for chunk in stream for choice in chunk.choices]
    calls = [call for delta in deltas for call in delta.tool_calls or ()]
    assert calls[0].function is not None
    assert calls[0].function.name == "lookup"
    assert home.attempts()[0].finish_reason == "tool_calls"
    assert home.settled()[0].first_token_us is not None


async def test_completions_embeddings_and_models(home: Home) -> None:
    async with client(home) as (api, _):
        text = await api.completions.create(model="m", prompt="one two", max_tokens=1)
        vectors = await api.embeddings.create(model="m", input=["a", "b"], encoding_format="float")
        names = [model.id async for model in api.models.list()]
        one = await api.models.retrieve("r")
    assert text.choices[0].finish_reason == "length"
    assert len(vectors.data) == 2
    assert (names, one.id) == (["m", "r"], "r")


async def test_errors_have_their_classes(home: Home) -> None:
    import openai

    async with client(home) as (api, _):
        with pytest.raises(openai.NotFoundError, match="no model or route 'x'"):
            await api.chat.completions.create(model="x", messages=MESSAGES)
        with pytest.raises(openai.BadRequestError) as bad:
            await api.chat.completions.create(model="m", messages=MESSAGES, n=0)
        assert bad.value.param == "n"
        assert bad.value.request_id is not None
        for text, kind in (("wrong", openai.AuthenticationError), ("tight", openai.RateLimitError)):
            with pytest.raises(kind):
                await api.with_options(api_key=text).chat.completions.create(model="m", messages=MESSAGES)
    assert len(home.refused()) == 3  # the client did not try again what can never work


async def test_an_error_in_the_middle_of_a_stream_is_raised(home: Home) -> None:
    import openai

    async with client(home, fault="error_event") as (api, _):
        stream = await api.chat.completions.create(model="m", messages=MESSAGES, stream=True)
        with pytest.raises(openai.APIError, match="scripted error"):
            async for _chunk in stream:
                pass
    assert home.settled()[0].status == "error"


@pytest.mark.parametrize("fault", ["refuse", "garbage", "cut", "empty"])
async def test_faults_before_content_are_errors(home: Home, fault: str) -> None:
    import openai

    async with client(home, fault=fault) as (api, worker):
        with pytest.raises(openai.InternalServerError):
            await api.with_options(max_retries=0).chat.completions.create(model="m", messages=MESSAGES, stream=True)
        await worker.quiet()
    assert home.settled()[0].http_status == 502
