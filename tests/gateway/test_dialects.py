"""Clients that speak Anthropic's Messages and OpenAI's Responses: served as they are by targets that speak the same,
translated for those that do not. The official clients are in front, real sockets between."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from genaiops.domain import Usage
from tests.dialects.conversations import sse
from tests.gateway.harness import KEY, Home, Worker, budget, key, price, route, running, target
from tests.gateway.upstream import Script, Upstream, answers, streams

ASK: Any = [{"role": "user", "content": "The quick brown fox"}]
TOOLS: Any = [{"name": "lookup", "description": "looks up", "input_schema": {"type": "object"}}]
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-5",
    "content": [{"type": "text", "text": "Hello."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 5},
}
RESPONSE = {
    "id": "resp_up",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "gpt-5",
    "output": [
        {
            "id": "msg_1",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Hello.", "annotations": []}],
        }
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 15,
    },
}


class Clients:
    def __init__(self, worker: Worker) -> None:
        from anthropic import AsyncAnthropic
        from openai import AsyncOpenAI

        url = f"http://127.0.0.1:{worker.port}"
        self.worker = worker
        self.messages = AsyncAnthropic(base_url=url, api_key=KEY, max_retries=0, timeout=20)
        self.openai = AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0, timeout=20)


@asynccontextmanager
async def serving(home: Home, *targets: Any, keyed: Any = None, **parts: Any) -> AsyncGenerator[Clients]:
    home.publish(keyed or key(), targets=targets, **parts)
    async with running(home) as worker:
        clients = Clients(worker)
        try:
            yield clients
        finally:
            await clients.messages.close()
            await clients.openai.close()


def echo(**settings: str) -> Any:
    return target(None, provider="echo", upstream_model="echo", settings=settings)


@asynccontextmanager
async def claude(home: Home, *scripts: Script, **parts: Any) -> AsyncGenerator[tuple[Clients, Upstream]]:
    home.secrets.put("anthropic", "sk-ant-1")
    async with Upstream(*scripts) as upstream:
        there = target(upstream.url, provider="anthropic", upstream_model="claude-opus-5", credentials=("anthropic",))
        async with serving(home, there, **parts) as clients:
            yield clients, upstream


@asynccontextmanager
async def native(home: Home, *scripts: Script, **parts: Any) -> AsyncGenerator[tuple[Clients, Upstream]]:
    async with Upstream(*scripts) as upstream:
        there = target(upstream.url, upstream_model="gpt-5", settings={"responses": "native"})
        async with serving(home, there, **parts) as clients:
            yield clients, upstream


# -- Anthropic's clients


async def test_messages_at_a_target_that_speaks_chat(home: Home) -> None:
    async with serving(home, echo(cached_tokens="1")) as clients:
        answer = await clients.messages.messages.create(model="m", max_tokens=50, messages=ASK)
    assert [block.text for block in answer.content if block.type == "text"] == ["The quick brown fox"]
    assert (answer.model, answer.stop_reason) == ("m", "end_turn")
    assert (answer.usage.input_tokens, answer.usage.cache_read_input_tokens, answer.usage.output_tokens) == (3, 1, 4)
    [settled] = home.settled()
    assert settled.status == "ok"
    assert home.attempts()[0].usage == Usage(3, 1, 0, 4)


async def test_a_stream_of_messages_at_a_target_that_speaks_chat(home: Home) -> None:
    async with (
        serving(home, echo(tool="lookup", text='{"q": 1}')) as clients,
        clients.messages.messages.stream(model="m", max_tokens=50, messages=ASK, tools=TOOLS) as stream,
    ):
        final = await stream.get_final_message()
    [call] = [block for block in final.content if block.type == "tool_use"]
    assert (call.name, call.input, final.stop_reason) == ("lookup", {"q": 1}, "tool_use")
    assert final.usage.output_tokens == home.attempts()[0].usage.output_tokens  # type: ignore[union-attr]
    assert home.bodies()[-1].endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')


async def test_messages_pass_through_byte_for_byte(home: Home) -> None:
    raw = (
        b'{ "model":"m",  "max_tokens":7,"messages":[{"role":"user","content":'
        b'[{"type":"text","text":"caf\\u00e9","cache_control":{"type":"ephemeral"}}]}]}'
    )
    async with claude(home, answers(MESSAGE)) as (clients, upstream):
        got = await clients.worker.send("POST", "/v1/messages", raw)
        [seen] = upstream.seen
        assert got.json == MESSAGE
        assert seen.body == raw.replace(b'"m"', b'"claude-opus-5"').replace(b'{ "model"', b'{"model"').replace(
            b",  ", b","
        )
        assert (seen.path, seen.headers["x-api-key"]) == ("/v1/messages", "sk-ant-1")
    assert home.attempts()[0].usage == Usage(input_uncached=10, cache_read=90, output_text=5)


async def test_a_native_stream_is_accounted_and_passed_on(home: Home) -> None:
    events = [
        sse("message_start", message={**MESSAGE, "content": [], "usage": {"input_tokens": 10, "output_tokens": 1}}),
        sse("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        sse("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hello."}),
        sse("content_block_stop", index=0),
        sse("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 5}),
        sse("message_stop"),
    ]
    async with (
        claude(home, streams(*events)) as (clients, _),
        clients.messages.messages.stream(model="m", max_tokens=50, messages=ASK) as stream,
    ):
        assert await stream.get_final_text() == "Hello."
    assert home.attempts()[0].usage == Usage(input_uncached=10, output_text=5)
    assert home.bodies()[-1] == b"".join(events)


async def test_errors_in_the_words_of_messages(home: Home) -> None:
    import anthropic

    async with serving(home, echo(), keyed=key(budgets=(budget("calls", 1, period="total"),))) as clients:
        with pytest.raises(anthropic.NotFoundError) as unknown:
            await clients.messages.messages.create(model="x", max_tokens=5, messages=ASK)
        body: Any = unknown.value.body
        assert (body["type"], body["error"]["type"]) == ("error", "not_found_error")
        with pytest.raises(anthropic.BadRequestError, match="top_k"):
            await clients.messages.messages.create(model="m", max_tokens=5, messages=ASK, extra_body={"top_k": "x"})
        await clients.messages.messages.create(model="m", max_tokens=5, messages=ASK)
        with pytest.raises(anthropic.RateLimitError, match="budget"):
            await clients.messages.messages.create(model="m", max_tokens=5, messages=ASK)


async def test_a_stream_that_dies_in_the_middle_ends_in_an_error_of_messages(home: Home) -> None:
    import anthropic

    async with serving(home, echo(fault="die", text="one two three four")) as clients:
        with pytest.raises(anthropic.APIStatusError, match="stream"):
            async with clients.messages.messages.stream(model="m", max_tokens=50, messages=ASK) as stream:
                await stream.get_final_message()
    assert home.settled()[0].status == "error"


async def test_a_fallback_from_messages_to_chat(home: Home) -> None:
    """The Anthropic target is overloaded: the same call goes, translated, to one that speaks chat."""
    async with Upstream(
        answers({"type": "error", "error": {"type": "overloaded_error", "message": "no"}}, status=529)
    ) as up:
        there = target(up.url, provider="anthropic", upstream_model="claude-opus-5")
        other = target(None, id="e", model="other", provider="echo", upstream_model="echo")
        routed = route("t", fallbacks=("e",))
        async with serving(home, there, other, routes=(routed,)) as clients:
            answer = await clients.messages.messages.create(model="r", max_tokens=50, messages=ASK)
    assert [block.text for block in answer.content if block.type == "text"] == ["The quick brown fox"]
    assert [attempt.status for attempt in home.attempts()] == ["error", "ok"]


async def test_limits_hold_for_messages(home: Home) -> None:
    """What is reserved is an upper bound, and what is charged is what was used."""
    keyed = key(budgets=(budget("money", 10**9, period="total"), budget("tokens", 10**6, period="total", id="b2")))
    async with serving(home, echo(), keyed=keyed, prices=(price(provider="echo", model="echo"),)) as clients:
        await clients.messages.messages.create(model="m", max_tokens=50, messages=ASK)
        await clients.worker.quiet()
    [admitted], [settled] = home.admitted(), home.settled()
    reserved = {charge.budget_id: charge.amount for charge in admitted.reserved}
    charged = {charge.budget_id: charge.amount for charge in settled.charged}
    assert charged["b2"] == 8
    assert all(reserved[name] >= charged[name] > 0 for name in charged)


async def test_tokens_of_a_prompt_are_counted_by_anthropic(home: Home) -> None:
    async with claude(home, answers({"input_tokens": 2095})) as (clients, upstream):
        counted = await clients.messages.messages.count_tokens(model="m", messages=ASK, system="Be brief.")
        [seen] = upstream.seen
    assert counted.input_tokens == 2095
    assert seen.path == "/v1/messages/count_tokens"
    assert (seen.json["model"], seen.json["system"]) == ("claude-opus-5", "Be brief.")
    assert not home.records()


# -- clients of Responses


async def test_responses_at_a_target_that_speaks_chat(home: Home) -> None:
    async with serving(home, echo(reasoning_tokens="1")) as clients:
        answer = await clients.openai.responses.create(model="m", input="The quick brown fox", max_output_tokens=50)
        assert answer.output_text == "The quick brown fox"
        assert answer.usage is not None
        assert (answer.usage.input_tokens, answer.usage.output_tokens) == (4, 4)
        async with clients.openai.responses.stream(model="m", input="The quick brown fox") as stream:
            kinds = [event.type async for event in stream]
            final = await stream.get_final_response()
    assert final.output_text == "The quick brown fox"
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    assert [one.status for one in home.settled()] == ["ok", "ok"]


async def test_responses_pass_through(home: Home) -> None:
    async with native(home, answers(RESPONSE)) as (clients, upstream):
        answer = await clients.openai.responses.create(model="m", input="Hi", store=False)
        [seen] = upstream.seen
    assert answer.output_text == "Hello."
    assert (seen.path, json.loads(seen.body)) == ("/v1/responses", {"model": "gpt-5", "input": "Hi", "store": False})
    assert home.attempts()[0].usage == Usage(input_uncached=6, cache_read=4, output_text=3, reasoning=2)


async def test_what_is_kept_at_a_provider_is_refused_also_for_native_targets(home: Home) -> None:
    import openai

    async with native(home, answers(RESPONSE)) as (clients, upstream):
        with pytest.raises(openai.BadRequestError, match="whole conversation"):
            await clients.openai.responses.create(model="m", input="Hi", previous_response_id="resp_of_another")
        assert not upstream.seen


async def test_a_responses_stream_that_dies_fails_in_its_own_words(home: Home) -> None:
    import openai

    async with serving(home, echo(fault="die", text="one two three four")) as clients:
        stream = await clients.openai.responses.create(model="m", input="x", stream=True)
        with pytest.raises(openai.APIError):
            _ = [event async for event in stream]
    assert b"event: response.failed" in home.bodies()[-1]
