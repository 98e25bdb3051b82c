"""Cohere's wire format, held against the requests and the types of Cohere's own client."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import UpstreamError, UsageError
from genaiops.domain import Usage
from genaiops.providers import load
from genaiops.providers.cohere import Cohere
from tests.providers.calls import (
    PIXEL,
    WEATHER,
    answered,
    asked,
    call,
    chunks,
    embedded,
    events,
    joined,
    noting,
    sent,
    streamed,
    target,
    without_moment,
)

COMMAND = target("cohere", "command-a-03-2025", "https://api.cohere.com/v2")
EMBED = target("cohere", "embed-v4.0", "https://api.cohere.com/v2")
USAGE = {
    "billed_units": {"input_tokens": 20, "output_tokens": 6},
    "tokens": {"input_tokens": 120, "output_tokens": 7},
    "cached_tokens": 8,
}
CITATION = {"start": 0, "end": 2, "text": "It", "sources": [{"type": "tool", "id": "w:0", "tool_output": {"t": "20"}}]}
ANSWER: dict[str, Any] = {
    "id": "c1",
    "finish_reason": "COMPLETE",
    "message": {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "It is warm."}],
        "citations": [CITATION],
    },
    "usage": USAGE,
}
CALL = {"id": "weather_x1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Köln"}'}}
CALLS: dict[str, Any] = {
    "id": "c2",
    "finish_reason": "TOOL_CALL",
    "message": {"role": "assistant", "tool_plan": "I will look.", "tool_calls": [CALL]},
    "usage": USAGE,
}
HISTORY: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "Weather here?"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}", "detail": "low"}},
        ],
    },
    {"role": "assistant", "tool_plan": "I will look.", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "weather_x1", "content": '{"t":"20"}'},
]


def test_fixtures_are_what_cohere_answers() -> None:
    from cohere.types import EmbedByTypeResponse
    from cohere.v2.types import V2ChatResponse

    for answer in (ANSWER, CALLS):
        found = V2ChatResponse.model_validate(answer)
        assert found.usage is not None
        assert found.usage.cached_tokens == 8
    assert EmbedByTypeResponse.model_validate(EMBEDDED).embeddings.float_ == [[0.5, 1.0], [0.25, -1.0]]


def test_a_request_is_the_one_that_coheres_own_client_sends() -> None:
    import cohere

    with noting(ANSWER) as server:
        client = cohere.ClientV2(api_key="secret", base_url=server.url)
        client.chat(
            model="command-a-03-2025",
            messages=HISTORY,  # pyright: ignore[reportArgumentType]
            tools=[WEATHER],  # pyright: ignore[reportArgumentType]
            tool_choice="REQUIRED",
            strict_tools=True,
            documents=["one"],
            response_format={"type": "json_object", "json_schema": {"type": "object"}},  # pyright: ignore[reportArgumentType]
            safety_mode="OFF",
            max_tokens=99,
            stop_sequences=["END"],
            temperature=0.5,
            p=0.75,
            k=10,
            seed=7,
            frequency_penalty=0.5,
            presence_penalty=0.25,
            logprobs=True,
            thinking={"type": "enabled", "token_budget": 8192},  # pyright: ignore[reportArgumentType]
        )
        [(path, headers, theirs)] = server.requests
    given = call(
        {
            "messages": HISTORY,
            "tools": [{"type": "function", "function": {**WEATHER["function"], "strict": True}}],
            "tool_choice": "required",
            "documents": ["one"],
            "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}},
            "safety_mode": "OFF",
            "max_completion_tokens": 99,
            "stop": ["END"],
            "temperature": 0.5,
            "top_p": 0.75,
            "top_k": 10,
            "seed": 7,
            "frequency_penalty": 0.5,
            "presence_penalty": 0.25,
            "logprobs": True,
            "reasoning_effort": "medium",
            "user": "u",
        }
    )
    wire = Cohere().prepare(given, COMMAND, "secret")
    assert json.loads(wire.body) == theirs
    assert "/v2" + wire.path.decode() == path
    assert headers["authorization"] == dict(wire.headers)[b"authorization"].decode() == "Bearer secret"


def test_a_chosen_tool_is_the_only_one_that_is_sent() -> None:
    other = {"type": "function", "function": {"name": "other"}}
    choice: Any = {"type": "function", "function": {"name": "other"}}
    body = sent(Cohere(), asked(tools=[WEATHER, other], tool_choice=choice), COMMAND)
    assert [tool["function"]["name"] for tool in body["tools"]] == ["other"]
    assert body["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}
    assert body["tool_choice"] == "REQUIRED"
    assert "strict_tools" not in body
    assert sent(Cohere(), asked(tools=[WEATHER], tool_choice="none"), COMMAND)["tool_choice"] == "NONE"
    assert "tool_choice" not in sent(Cohere(), asked(tools=[WEATHER], tool_choice="auto"), COMMAND)


def test_what_an_assistant_said_goes_back_whole() -> None:
    for upstream in (ANSWER, CALLS):
        said, _ = answered(Cohere(), asked(tools=[WEATHER]), upstream)
        message = json.loads(said.choices[0].message.model_dump_json(exclude_unset=True))
        body = sent(Cohere(), call({"messages": [message]}), COMMAND)
        assert body["messages"] == [upstream["message"]]


def test_thinking() -> None:
    assert sent(Cohere(), asked(reasoning_effort="none"), COMMAND)["thinking"] == {"type": "disabled"}
    own = {"type": "enabled", "token_budget": 5}
    assert sent(Cohere(), asked(reasoning_effort="high", thinking=own), COMMAND)["thinking"] == own
    assert "thinking" not in sent(Cohere(), asked(), COMMAND)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"top_logprobs": 3, "logprobs": True}, "top_logprobs"),
        ({"logit_bias": {"1": 5}}, "logit_bias"),
        ({"parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"verbosity": "high"}, "verbosity"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "narrator", "content": "x"}]}, "messages[0].role"),
    ],
)
def test_what_cohere_cannot_take_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(UsageError, match="cohere") as refused:
        sent(Cohere(), call({"messages": [], **fields}), COMMAND)
    assert refused.value.param == param


def test_an_answer_in_openais_words() -> None:
    said, answer = answered(Cohere(), asked(), ANSWER)
    message = said.choices[0].message.model_dump()
    assert (message["content"], message["reasoning_content"]) == ("It is warm.", "Hm.")
    assert message["citations"] == [CITATION]
    assert (said.id, said.choices[0].finish_reason) == ("c1", "stop")
    assert answer.usage == Usage(input_uncached=12, cache_read=8, output_text=6)
    assert said.usage is not None
    assert said.usage.prompt_tokens == 20
    assert said.usage.model_dump()["tokens"] == {"input_tokens": 120, "output_tokens": 7}


def test_tool_calls() -> None:
    said, answer = answered(Cohere(), asked(tools=[WEATHER]), CALLS)
    [one] = said.choices[0].message.tool_calls or []
    assert one.type == "function"
    assert (one.id, one.function.name, one.function.arguments) == ("weather_x1", "weather", '{"city":"Köln"}')
    assert said.choices[0].message.content is None
    assert answer.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"message": 5},
        {"message": "too long"},
        {**ANSWER, "finish_reason": "ERROR"},
        {**ANSWER, "finish_reason": "TIMEOUT"},
    ],
)
def test_a_200_that_is_no_answer_is_a_failure(answer: Any) -> None:
    with pytest.raises(UpstreamError):
        Cohere().read(asked(), json.dumps(answer).encode())


def test_log_probabilities_of_a_group_are_its_tokens_together() -> None:
    logprobs = [{"text": "It is", "token_ids": [1, 2], "logprobs": [-0.5, -0.25]}]
    said, _ = answered(Cohere(), asked(logprobs=True), {**ANSWER, "logprobs": logprobs})
    assert said.choices[0].logprobs is not None
    [token] = said.choices[0].logprobs.content or []
    assert (token.token, token.logprob) == ("It is", -0.75)


def delta(kind: str, message: dict[str, Any], index: int = 0) -> dict[str, Any]:
    return {"type": kind, "index": index, "delta": {"message": message}}


STREAM: list[dict[str, Any]] = [
    {
        "id": "c3",
        "type": "message-start",
        "delta": {"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}},
    },
    delta("tool-plan-delta", {"tool_plan": "I will "}),
    delta("tool-plan-delta", {"tool_plan": "look."}),
    delta(
        "tool-call-start",
        {"tool_calls": {"id": "w1", "type": "function", "function": {"name": "weather", "arguments": ""}}},
    ),
    delta("tool-call-delta", {"tool_calls": {"function": {"arguments": '{"city":'}}}),
    delta("tool-call-delta", {"tool_calls": {"function": {"arguments": '"Köln"}'}}}),
    {"type": "tool-call-end", "index": 0},
    delta(
        "tool-call-start",
        {"tool_calls": {"id": "w2", "type": "function", "function": {"name": "weather", "arguments": ""}}},
        1,
    ),
    delta("tool-call-delta", {"tool_calls": {"function": {"arguments": "{}"}}}, 1),
    {"type": "tool-call-end", "index": 1},
    delta("content-start", {"content": {"type": "thinking", "thinking": ""}}),
    delta("content-delta", {"content": {"thinking": "Hm."}}),
    {"type": "content-end", "index": 0},
    delta("content-start", {"content": {"type": "text", "text": ""}}, 1),
    delta("content-delta", {"content": {"text": "Hé €"}}, 1),
    delta("citation-start", {"citations": CITATION}),
    {"type": "citation-end", "index": 0},
    {"type": "debug", "prompt": "x"},
    {"id": "c3", "type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": USAGE}},
]
WIRE = events(*STREAM, named=True) + b"data: [DONE]\n\n"


@given(st.lists(st.integers(0, 5000), max_size=12))
def test_a_stream_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    given = asked(stream=True, stream_options={"include_usage": True})
    whole = streamed(Cohere().stream(given, filter_usage=False), WIRE)
    stream = Cohere().stream(given, filter_usage=False)
    pieces = streamed(stream, WIRE, cuts)
    assert without_moment(pieces) == without_moment(whole)
    found = joined(chunks(pieces))
    assert (found["content"], found["reasoning_content"], found["finish"]) == ("Hé €", "Hm.", "tool_calls")
    assert found["tool_calls"] == [
        {"id": "w1", "name": "weather", "arguments": '{"city":"Köln"}'},
        {"id": "w2", "name": "weather", "arguments": "{}"},
    ]
    deltas = [choice.delta.model_dump() for chunk in chunks(pieces) for choice in chunk.choices]
    assert "".join(one.get("tool_plan", "") for one in deltas) == "I will look."
    assert [one["citations"] for one in deltas if "citations" in one] == [[CITATION]]
    last = chunks(pieces)[-1]
    assert last.usage is not None
    assert (last.usage.prompt_tokens, last.usage.completion_tokens) == (20, 6)
    assert stream.keep().endswith(b"data: [DONE]\n\n")
    assert [piece.done for piece in pieces].count(True) == 1
    answer = stream.finish()
    assert (answer.usage, answer.response_id) == (Usage(12, 8, 0, 6), "c3")


def test_usage_comes_only_to_who_asked() -> None:
    pieces = streamed(Cohere().stream(asked(stream=True), filter_usage=False), WIRE)
    assert b"prompt_tokens" not in b"".join(piece.data for piece in pieces)


@pytest.mark.parametrize(
    "last",
    [
        {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "out of memory"}},
        {"type": "message-end", "delta": {"finish_reason": "TIMEOUT"}},
        {"type": "error", "message": "no"},
    ],
)
def test_an_error_in_a_stream_is_one(last: dict[str, Any]) -> None:
    stream = Cohere().stream(asked(stream=True), filter_usage=False)
    pieces = streamed(stream, events(STREAM[0], last))
    assert pieces[-1].error is not None
    assert not pieces[-1].done
    assert b"[DONE]" not in stream.keep()


def test_a_stream_that_is_cut_off_is_not_whole() -> None:
    stream = Cohere().stream(asked(stream=True), filter_usage=False)
    streamed(stream, events(*STREAM[:-1], named=True))
    with pytest.raises(UpstreamError, match="before the answer"):
        stream.end()
    assert stream.finish().finish_reason is None
    assert "Köln" in stream.finish().text


@given(st.binary(max_size=300))
def test_no_bytes_make_a_reader_raise_anything_else(data: bytes) -> None:
    for read in (
        lambda: Cohere().stream(asked(stream=True), filter_usage=False).feed(b"data: " + data + b"\n\n"),
        lambda: Cohere().read(asked(), data),
        lambda: Cohere().read(call({"input": "x"}, operation="embeddings"), data),
    ):
        try:
            read()
        except UpstreamError:
            pass


EMBEDDED: dict[str, Any] = {
    "id": "e1",
    "response_type": "embeddings_by_type",
    "embeddings": {"float": [[0.5, 1.0], [0.25, -1.0]]},
    "texts": ["a", "b"],
    "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 4}},
}


def test_embeddings_are_asked_for_as_coheres_own_client_asks() -> None:
    import cohere

    with noting(EMBEDDED) as server:
        client = cohere.ClientV2(api_key="secret", base_url=server.url)
        client.v2.embed(
            model="embed-v4.0",
            input_type="search_query",
            texts=["a", "b"],
            embedding_types=["float"],
            output_dimension=2,
            truncate="END",
        )
        [(path, _, theirs)] = server.requests
    fields: dict[str, Any] = {"input": ["a", "b"], "input_type": "search_query", "dimensions": 2, "truncate": "END"}
    given = call(fields, operation="embeddings")
    wire = Cohere().prepare(given, EMBED, "secret")
    assert json.loads(wire.body) == theirs
    assert "/v2" + wire.path.decode() == path
    said, answer = embedded(Cohere(), given, EMBEDDED)
    assert [one.embedding for one in said.data] == [[0.5, 1.0], [0.25, -1.0]]
    assert answer.usage == Usage(4)


def test_the_purpose_of_an_embedding_has_a_default_of_the_target() -> None:
    given = call({"input": "a"}, operation="embeddings")
    assert sent(Cohere(), given, EMBED)["input_type"] == "search_document"
    own = target("cohere", "embed-v4.0", "https://api.cohere.com/v2", settings={"input_type": "clustering"})
    assert sent(Cohere(), given, own)["input_type"] == "clustering"
    with pytest.raises(UsageError, match="input"):
        sent(Cohere(), call({"input": [[1, 2]]}, operation="embeddings"), EMBED)
    with pytest.raises(UsageError, match="chat"):
        Cohere().prepare(call({"prompt": "x"}, operation="text_completion"), COMMAND, None)


def test_errors_are_coheres() -> None:
    error = Cohere().error(429, [(b"retry-after", b"3")], b'{"id":"x","message":"trial limit"}')
    assert (error.message, error.rest, error.retryable, error.limits_credential) == ("trial limit", 3.0, True, True)


def test_it_is_on_the_menu() -> None:
    assert isinstance(load("cohere"), Cohere)
