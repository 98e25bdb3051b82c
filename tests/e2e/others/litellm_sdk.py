# pyright: basic, reportMissingImports=false
"""LiteLLM's SDK, pointed at a gateway by its providers `openai`, `anthropic` and `cohere`. Run in an environment of its
own (see `tests/e2e/test_other_clients.py`).

Streams of `cohere_chat` are not among it: LiteLLM reads them as lines of JSON, not as the events that Cohere's own
clients read.
"""

import asyncio
import json
import os
from typing import Any

import litellm
import pytest
from pydantic import BaseModel

URL, KEY = os.environ["GENAIOPS_URL"], os.environ["GENAIOPS_API_KEY"]
OPENAI = {"api_base": f"{URL}/v1", "api_key": KEY, "max_retries": 0}
ANTHROPIC = {"api_base": URL, "api_key": KEY, "max_retries": 0}
COHERE = {"api_base": f"{URL}/v2/chat", "api_key": KEY, "max_retries": 0}
WAYS = [("openai", OPENAI), ("anthropic", ANTHROPIC), ("cohere_chat", COHERE)]
ASK = [{"role": "user", "content": "The quick brown fox"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "looks up",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


class City(BaseModel):
    city: str


def place_of(way: Any) -> Any:
    provider, place = way
    return lambda model: {"model": f"{provider}/{model}", **place}


@pytest.fixture(params=WAYS, ids=lambda way: way[0])
def way(request: Any) -> Any:
    return place_of(request.param)


@pytest.fixture(params=WAYS[:2], ids=lambda way: way[0])
def streamed(request: Any) -> Any:
    return place_of(request.param)


def test_an_answer(way: Any) -> None:
    answer = litellm.completion(**way("echo"), messages=ASK, max_tokens=50)
    assert answer.choices[0].message.content == "The quick brown fox"
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (4, 4)


def test_a_stream(streamed: Any) -> None:
    chunks = list(litellm.completion(**streamed("echo"), messages=ASK, max_tokens=50, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "The quick brown fox"
    assert chunks[-1].choices[0].finish_reason == "stop"


async def asked(way: Any) -> Any:
    return await litellm.acompletion(**way("echo"), messages=ASK, max_tokens=50)


def test_without_blocking(way: Any) -> None:
    assert asyncio.run(asked(way)).choices[0].message.content == "The quick brown fox"


def test_tools_there_and_back(way: Any) -> None:
    first = litellm.completion(**way("caller"), messages=ASK, tools=[TOOL], max_tokens=50)
    message = first.choices[0].message
    [call] = message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("look_up", {"city": "Oslo"})
    result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    turns = [*ASK, message.model_dump(exclude_none=True), result]
    last = litellm.completion(**way("echo"), messages=turns, tools=[TOOL], max_tokens=50)
    assert last.choices[0].message.content


def test_streamed_tool_calls(streamed: Any) -> None:
    chunks = list(litellm.completion(**streamed("caller"), messages=ASK, tools=[TOOL], max_tokens=50, stream=True))
    whole = litellm.stream_chunk_builder(chunks, messages=ASK)
    [call] = whole.choices[0].message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments)) == ("look_up", {"city": "Oslo"})


def test_an_answer_in_a_shape() -> None:
    said = litellm.completion(model="openai/json", messages=ASK, max_tokens=50, response_format=City, **OPENAI)
    assert City.model_validate_json(said.choices[0].message.content).city == "Oslo"


def test_embeddings() -> None:
    found = litellm.embedding(model="openai/minilm", input=["one", "two"], **OPENAI)
    assert [len(one["embedding"]) for one in found.data] == [384, 384]
    place = {**COHERE, "api_base": f"{URL}/v2/embed"}
    again = litellm.embedding(model="cohere/minilm", input=["one", "two"], input_type="search_document", **place)
    assert [len(one["embedding"]) for one in again.data] == [384, 384]


def test_rerank() -> None:
    found = litellm.rerank(
        model="cohere/ranker", query="brown fox", documents=["a hen", "a brown fox"], top_n=1, api_base=URL, api_key=KEY
    )
    assert [one["index"] for one in found.results] == [1]


def test_responses() -> None:
    answer = litellm.responses(model="openai/echo", input="The quick brown fox", **OPENAI)
    assert answer.output[-1].content[0].text == "The quick brown fox"


def test_errors_have_their_classes(way: Any) -> None:
    with pytest.raises(litellm.AuthenticationError):
        litellm.completion(**{**way("echo"), "api_key": "sk-wrong"}, messages=ASK, max_tokens=5)
    with pytest.raises(litellm.NotFoundError):
        litellm.completion(**way("nobody"), messages=ASK, max_tokens=5)
    with pytest.raises(litellm.BadRequestError):
        litellm.completion(**way("echo"), messages=ASK, max_tokens=-1)
    with pytest.raises(litellm.RateLimitError):
        litellm.completion(**way("busy"), messages=ASK, max_tokens=5)
    with pytest.raises((litellm.ServiceUnavailableError, litellm.InternalServerError)):
        litellm.completion(**way("away"), messages=ASK, max_tokens=5)


def test_the_embedded_model(way: Any) -> None:
    said = litellm.completion(**way("smollm2"), messages=[{"role": "user", "content": "Say hello."}], max_tokens=8)
    assert said.choices[0].message.content
