"""OpenAI's official client against the gateway, with a server that speaks Anthropic's Messages behind it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from genaiops.domain import Usage
from tests.dialects.conversations import Json, sse, streamed
from tests.gateway.harness import KEY, Home, key, route, running, target
from tests.gateway.upstream import Script, Upstream, answers, streams

if TYPE_CHECKING:
    from openai import AsyncOpenAI

ASK: Any = [{"role": "user", "content": "Weather in Bern?"}]
TOOLS: Any = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
ANSWER: Json = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-5",
    "content": [
        {"type": "thinking", "thinking": "Ask the tool.", "signature": "sig"},
        {"type": "text", "text": "One moment, please."},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"place": "Bern"}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 10,
        "cache_read_input_tokens": 90,
        "cache_creation_input_tokens": 0,
        "output_tokens": 25,
        "output_tokens_details": {"thinking_tokens": 5},
    },
}
USAGE = Usage(input_uncached=10, cache_read=90, output_text=20, reasoning=5)
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
ERROR = sse("error", error=OVERLOADED["error"])


@asynccontextmanager
async def serving(home: Home, *scripts: Script) -> "AsyncGenerator[tuple[AsyncOpenAI, Upstream]]":
    """`m` is served by the Anthropic target alone, `r` falls back to the echo."""
    from openai import AsyncOpenAI

    home.secrets.put("anthropic", "sk-ant-1")
    async with Upstream(*scripts) as upstream:
        claude = target(upstream.url, provider="anthropic", upstream_model="claude-opus-5", credentials=("anthropic",))
        echo = target(None, id="e", model="other", provider="echo", upstream_model="echo")
        home.publish(key(), targets=(claude, echo), routes=(route("t", fallbacks=("e",)),))
        async with running(home) as worker:
            api = AsyncOpenAI(base_url=f"http://127.0.0.1:{worker.port}/v1", api_key=KEY, max_retries=0, timeout=20)
            try:
                yield api, upstream
            finally:
                await api.close()


async def test_a_whole_answer(home: Home) -> None:
    async with serving(home, answers(ANSWER)) as (api, upstream):
        answer = await api.chat.completions.create(
            model="m", messages=ASK, tools=TOOLS, max_completion_tokens=500, reasoning_effort="high"
        )
    message = answer.choices[0].message
    assert (message.content, answer.choices[0].finish_reason) == ("One moment, please.", "tool_calls")
    assert message.model_dump()["thinking_blocks"] == ANSWER["content"][:1]
    assert message.tool_calls is not None
    assert message.tool_calls[0].model_dump()["function"] == {"name": "weather", "arguments": '{"place": "Bern"}'}
    assert answer.usage is not None
    assert answer.usage.prompt_tokens_details is not None
    assert (answer.usage.prompt_tokens, answer.usage.prompt_tokens_details.cached_tokens) == (100, 90)
    seen = upstream.seen[0]
    assert (seen.path, seen.headers["x-api-key"], seen.headers["anthropic-version"]) == (
        "/v1/messages",
        "sk-ant-1",
        "2023-06-01",
    )
    assert seen.json["max_tokens"] == 500
    assert (seen.json["thinking"], seen.json["output_config"]) == ({"type": "adaptive"}, {"effort": "high"})
    assert home.attempts()[0].usage == USAGE


async def test_a_stream(home: Home) -> None:
    async with serving(home, streams(streamed(ANSWER))) as (api, upstream):
        stream = await api.chat.completions.create(
            model="m", messages=ASK, tools=TOOLS, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == "One moment, please."
    calls = [call for delta in deltas for call in delta.tool_calls or ()]
    assert "".join(call.function.arguments or "" for call in calls if call.function) == '{"place": "Bern"}'
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 125
    assert upstream.seen[0].json["stream"] is True
    assert home.attempts()[0].usage == USAGE
    assert home.attempts()[0].finish_reason == "tool_calls"


async def test_what_came_back_can_go_in_again(home: Home) -> None:
    async with serving(home, answers(ANSWER)) as (api, upstream):
        first = await api.chat.completions.create(model="m", messages=ASK, tools=TOOLS)
        said: Any = first.choices[0].message.model_dump(exclude_none=True)
        result: Any = {"role": "tool", "tool_call_id": "toolu_1", "content": "sunny"}
        await api.chat.completions.create(model="m", messages=[*ASK, said, result], tools=TOOLS)
    turns = upstream.seen[1].json["messages"]
    assert turns[1] == {"role": "assistant", "content": ANSWER["content"]}
    assert turns[2]["content"] == [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"}]


@pytest.mark.parametrize("status", [529, 200])
async def test_an_overloaded_target_makes_room_for_the_next(home: Home, status: int) -> None:
    """Told by its status, or inside a 200."""
    async with serving(home, answers(OVERLOADED, status=status)) as (api, _):
        answer = await api.chat.completions.create(model="r", messages=ASK)
        assert answer.choices[0].message.content == "Weather in Bern?"
    assert [attempt.status for attempt in home.attempts()] == ["error", "ok"]


async def test_an_error_in_a_stream_before_content_makes_room_for_the_next(home: Home) -> None:
    head = sse("message_start", message={**ANSWER, "content": []})
    async with serving(home, streams(head, ERROR)) as (api, _):
        stream = await api.chat.completions.create(model="r", messages=ASK, stream=True)
        text = "".join([choice.delta.content or "" async for chunk in stream for choice in chunk.choices])
    assert text == "Weather in Bern?"
    assert home.attempts()[0].error_type == "upstream_stream_error"


async def test_an_error_in_a_stream_after_content_is_the_clients(home: Home) -> None:
    import openai

    head = sse("message_start", message={**ANSWER, "content": []})
    text = sse("content_block_start", index=0, content_block={"type": "text", "text": ""})
    text += sse("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hel"})
    async with serving(home, streams(head, text, ERROR)) as (api, _):
        stream = await api.chat.completions.create(model="r", messages=ASK, stream=True)
        with pytest.raises(openai.APIError, match="Overloaded"):
            async for _ in stream:
                pass
    attempt = home.attempts()[0]
    assert attempt.status == "error"
    assert attempt.usage is not None
    assert attempt.usage.estimated


async def test_what_messages_cannot_say_is_told_before_anything_is_sent(home: Home) -> None:
    import openai

    async with serving(home, answers(ANSWER)) as (api, upstream):
        with pytest.raises(openai.BadRequestError) as caught:
            await api.chat.completions.create(model="m", messages=ASK, logprobs=True)
        assert caught.value.param == "logprobs"
        assert upstream.seen == []
