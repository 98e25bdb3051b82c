# pyright: basic, reportMissingImports=false
"""LangChain's clients for OpenAI, Anthropic and Cohere, pointed at a gateway. Run in an environment of its own (see
`tests/e2e/test_other_clients.py`)."""

import asyncio
import json
import os
from typing import Any

import anthropic
import cohere
import openai
import pytest
from langchain_anthropic import ChatAnthropic
from langchain_cohere import ChatCohere, CohereEmbeddings, CohereRerank
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

URL, KEY = os.environ["GENAIOPS_URL"], os.environ["GENAIOPS_API_KEY"]
ASK = [SystemMessage("Be brief."), HumanMessage("The quick brown fox")]


class City(BaseModel):
    """A city."""

    city: str


@tool
def look_up(city: str) -> str:
    """Looks up a city."""
    return "sunny"


def by_openai(model: str, key: str = KEY) -> Any:
    return ChatOpenAI(base_url=f"{URL}/v1", api_key=key, model=model, max_retries=0, stream_usage=True)


def by_responses(model: str, key: str = KEY) -> Any:
    return ChatOpenAI(base_url=f"{URL}/v1", api_key=key, model=model, max_retries=0, use_responses_api=True)


def by_anthropic(model: str, key: str = KEY) -> Any:
    return ChatAnthropic(base_url=URL, api_key=key, model=model, max_retries=0, max_tokens=50)


def by_cohere(model: str, key: str = KEY) -> Any:
    return ChatCohere(base_url=URL, cohere_api_key=key, model=model)


WAYS = [by_openai, by_responses, by_anthropic, by_cohere]
ERRORS = {by_openai: openai, by_responses: openai, by_anthropic: anthropic, by_cohere: cohere}


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def way(request: Any) -> Any:
    return request.param


def test_an_answer(way: Any) -> None:
    answer = way("echo").invoke(ASK)
    assert answer.text == "The quick brown fox"
    assert answer.usage_metadata["input_tokens"] == 6
    assert answer.usage_metadata["output_tokens"] == 4


def test_a_stream(way: Any) -> None:
    whole: Any = None
    for chunk in way("echo").stream(ASK):
        whole = chunk if whole is None else whole + chunk
    assert whole.text == "The quick brown fox"
    usage = whole.usage_metadata or whole.additional_kwargs["token_count"]  # where its Cohere client has it
    assert usage["output_tokens"] == 4


async def gathered(model: Any) -> str:
    return "".join([chunk.text async for chunk in model.astream(ASK)])


def test_without_blocking(way: Any) -> None:
    assert asyncio.run(gathered(way("echo"))) == "The quick brown fox"


def test_tools_there_and_back(way: Any) -> None:
    first = way("caller").bind_tools([look_up]).invoke(ASK)
    [call] = first.tool_calls
    assert (call["name"], call["args"]) == ("look_up", {"city": "Oslo"})
    result = ToolMessage(look_up.invoke(call["args"]), tool_call_id=call["id"])
    last = way("echo").bind_tools([look_up]).invoke([*ASK, first, result])
    assert isinstance(last, AIMessage)
    assert last.text


def test_streamed_tool_calls(way: Any) -> None:
    whole: Any = None
    for chunk in way("caller").bind_tools([look_up]).stream(ASK):
        whole = chunk if whole is None else whole + chunk
    if way is by_cohere:  # it gives every piece an id of its own, so its chunks do not add up to one call
        [made] = whole.additional_kwargs["tool_calls"]
        call = {"name": made["function"]["name"], "args": json.loads(made["function"]["arguments"])}
    else:
        [call] = whole.tool_calls
    assert (call["name"], call["args"]) == ("look_up", {"city": "Oslo"})


def test_an_answer_in_a_shape(way: Any) -> None:
    model = "shaped" if way is by_anthropic else "json"  # by a tool of that name; the others by a JSON schema
    assert way(model).with_structured_output(City).invoke(ASK) == City(city="Oslo")


def test_errors_have_their_classes(way: Any) -> None:
    errors = ERRORS[way]
    with pytest.raises(getattr(errors, "AuthenticationError", None) or errors.UnauthorizedError):
        way("echo", "sk-wrong").invoke(ASK)
    with pytest.raises(errors.NotFoundError):
        way("nobody").invoke(ASK)
    with pytest.raises(getattr(errors, "RateLimitError", None) or errors.TooManyRequestsError):
        way("busy").invoke(ASK)


def test_embeddings() -> None:
    # Their default sends tokens of OpenAI's own in place of texts, which models of others cannot read.
    plain = OpenAIEmbeddings(base_url=f"{URL}/v1", api_key=KEY, model="minilm", check_embedding_ctx_length=False)
    vectors = plain.embed_documents(["one", "two"])
    others = CohereEmbeddings(base_url=URL, cohere_api_key=KEY, model="minilm")
    assert others.embed_documents(["one", "two"]) == [pytest.approx(one, abs=1e-6) for one in vectors]
    assert len(others.embed_query("one")) == 384


def test_rerank() -> None:
    ranker = CohereRerank(base_url=URL, cohere_api_key=KEY, model="ranker", top_n=1)
    assert [one["index"] for one in ranker.rerank(["a hen", "a brown fox"], "brown fox")] == [1]


def test_the_embedded_model(way: Any) -> None:
    assert way("smollm2").invoke("Say hello.").text
