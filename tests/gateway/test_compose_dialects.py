"""A prompt by its name in the calls of other official clients: the target gets what it would have got from OpenAI's."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest

from genaiops.domain import PromptUse, PromptVersion
from tests.gateway.harness import KEY, Home, Worker, key, running, target
from tests.gateway.test_compose import prompt, sent
from tests.gateway.test_releases import parts, release
from tests.gateway.upstream import Script, Upstream, answers, stream_events, streams

NAMED = {"genaiops": {"prompt": "support/answer@prod", "variables": {"company": "Acme"}}}
BARE = {"genaiops": {"variables": {"company": "Acme"}}}
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}},
}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "additionalProperties": False}
MADE = prompt(
    "support/answer",
    "prod",
    tools=[TOOL],
    response_format={"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}},
    parameters={"temperature": 0.2, "max_tokens": 50},
    model="m",
)


class Answer(NamedTuple):
    text: str


class Caller(NamedTuple):
    """An official client: `ask(worker, extra, question, model)`. A question of None is no message of one's own."""

    ask: Callable[..., Any]
    names_model: bool = True


async def by_anthropic(worker: Worker, extra: Any, question: str | None, model: str, *, stream: bool) -> Answer:
    import anthropic

    said: Any = [{"role": "user", "content": question}] if question else []
    url = f"http://127.0.0.1:{worker.port}"
    async with anthropic.AsyncAnthropic(api_key=KEY, base_url=url, max_retries=0) as client:
        asked: dict[str, Any] = {"model": model, "max_tokens": 9, "messages": said, "extra_body": extra}
        if not stream:
            return Answer((await client.messages.create(**asked)).content[0].text)
        async with client.messages.stream(**asked) as got:
            return Answer("".join([text async for text in got.text_stream]))


async def by_responses(worker: Worker, extra: Any, question: str | None, model: str, *, stream: bool) -> Answer:
    import openai

    url = f"http://127.0.0.1:{worker.port}/v1"
    async with openai.AsyncOpenAI(api_key=KEY, base_url=url, max_retries=0) as client:
        said: dict[str, Any] = {"input": question} if question else {}
        asked: dict[str, Any] = {"model": model, "max_output_tokens": 9, "extra_body": extra, **said}
        if not stream:
            return Answer((await client.responses.create(**asked)).output_text)
        events = [event async for event in await client.responses.create(**asked, stream=True)]
        return Answer("".join(event.delta for event in events if event.type == "response.output_text.delta"))


async def by_cohere(worker: Worker, extra: Any, question: str | None, model: str, *, stream: bool) -> Answer:
    import cohere

    said: Any = [{"role": "user", "content": question}] if question else []
    options: Any = {"additional_body_parameters": extra, "max_retries": 0}
    asked: dict[str, Any] = {"model": model, "messages": said, "max_tokens": 9, "request_options": options}
    url = f"http://127.0.0.1:{worker.port}"
    async with cohere.AsyncClientV2(api_key=KEY, base_url=url, timeout=20) as client:
        if not stream:
            told: Any = await client.chat(**asked)
            return Answer(told.message.content[0].text)
        events: Any = [event async for event in client.chat_stream(**asked)]
        return Answer("".join(event.delta.message.content.text for event in events if event.type == "content-delta"))


async def by_google(worker: Worker, extra: Any, question: str | None, model: str, *, stream: bool) -> Answer:
    from google import genai
    from google.genai import types

    url = f"http://127.0.0.1:{worker.port}"
    client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=url, extra_body=extra, timeout=20_000))
    config = types.GenerateContentConfig(max_output_tokens=9)
    asked: dict[str, Any] = {"model": model, "contents": question or [], "config": config}
    try:
        if not stream:
            return Answer((await client.aio.models.generate_content(**asked)).text or "")
        got = await client.aio.models.generate_content_stream(**asked)
        return Answer("".join([one.text or "" async for one in got]))
    finally:
        await client.aio.aclose()
        client.close()


CLIENTS = {
    "anthropic": Caller(by_anthropic),
    "cohere": Caller(by_cohere),
    "google": Caller(by_google, names_model=False),
    "responses": Caller(by_responses),
}
EACH = pytest.mark.parametrize("name", sorted(CLIENTS))


@asynccontextmanager
async def serving(
    home: Home, script: Script | None = None, *prompts: PromptVersion, **more: Any
) -> AsyncGenerator[tuple[Worker, Upstream]]:
    async with Upstream(script or answers()) as up:
        home.publish(key(), targets=(target(up.url),), prompts=prompts or (MADE,), **more)
        async with running(home) as worker:
            yield worker, up


@EACH
async def test_the_prompt_goes_in_and_is_recorded(home: Home, name: str) -> None:
    caller = CLIENTS[name]
    async with serving(home) as (worker, up):
        got = await caller.ask(worker, NAMED, "And you?", "" if caller.names_model else "m", stream=False)
        body = sent(up)
    assert got.text
    assert [one["role"] for one in body["messages"]] == ["system", "user", "user"]
    assert [one["content"] for one in body["messages"]] == ["You answer for Acme.", "My name is Ann.", "And you?"]
    assert body["tools"][0]["function"]["name"] == "look_up"
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert body["temperature"] == 0.2
    assert (body.get("max_tokens") or body.get("max_completion_tokens")) == 9
    assert "genaiops" not in body
    assert home.admitted()[-1].prompt == PromptUse(
        "support/answer", MADE.digest, "prod", {"company": "Acme"}, 2 * (name == "openai")
    )


@pytest.mark.parametrize("name", ["anthropic", "cohere", "responses"])  # Google's client wants contents
async def test_streams_and_no_words_of_its_own(home: Home, name: str) -> None:
    caller = CLIENTS[name]
    async with serving(home, streams(*stream_events("Hel", "lo"))) as (worker, up):
        got = await caller.ask(worker, NAMED, None, "m", stream=True)
        body = sent(up)
    assert got.text == "Hello"
    assert [one["role"] for one in body["messages"]] == ["system", "user"]
    assert body["stream"] is True


@EACH
async def test_the_prompt_of_a_release(home: Home, name: str) -> None:
    made = release(prompt=f"prompt/support/answer@{MADE.digest}", parameters={"temperature": 0})
    async with serving(home, None, MADE, **parts(made)) as (worker, up):
        got = await CLIENTS[name].ask(worker, BARE, "And you?", "app/support", stream=False)
        body = sent(up)
    assert got.text
    assert body["messages"][0]["content"] == "You answer for Acme."
    assert body["temperature"] == 0


@pytest.mark.parametrize("name", ["anthropic", "cohere", "google"])  # Responses hands on what a target may know
async def test_what_an_endpoint_has_no_words_for_is_named(home: Home, name: str) -> None:
    odd = prompt("support/answer", "prod", parameters={"logit_bias": {"1": 1}})
    async with serving(home, None, odd) as (worker, up):
        with pytest.raises(Exception, match="logit_bias"):
            await CLIENTS[name].ask(worker, NAMED, "And you?", "m", stream=False)
        assert not up.seen


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/messages", {"model": "m", "max_tokens": 5}),
        ("/v1/messages", {"model": "m", "messages": []}),
        ("/v1/responses", {"input": "hi"}),
        ("/v2/chat", {"model": "m"}),
        ("/v1beta/models/m:generateContent", {}),
    ],
)
async def test_without_a_prompt_everything_is_still_needed(home: Home, path: str, body: dict[str, Any]) -> None:
    async with serving(home) as (worker, up):
        got = await worker.post(path, {**body, "genaiops": {"session": "prompt"}})
        assert got.status == 400
        got = await worker.post(path, {**body, "genaiops": {"prompt": "support/answer@test", "variables": {}}})
        assert got.status == 404
        assert not up.seen


async def test_the_cap_may_come_from_the_prompt_or_is_still_missing(home: Home) -> None:
    bare = prompt("p", "a", variables={}, messages=[{"role": "user", "content": "Hi."}])
    async with serving(home, None, bare, MADE) as (worker, up):
        got = await worker.post("/v1/messages", NAMED)
        assert (got.status, sent(up)["max_tokens"]) == (200, 50)
        got = await worker.post("/v1/messages", {"model": "m", "genaiops": {"prompt": "p@a"}})
        assert (got.status, "max_tokens" in got.body.decode()) == (400, True)
