"""Mistral's wire format, held against the requests and the types of Mistral's own client."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import UpstreamError, UsageError
from genaiops.domain import Usage
from genaiops.providers import load
from genaiops.providers.mistral import Mistral, short_id
from tests.providers.calls import (
    PIXEL,
    WEATHER,
    answered,
    asked,
    call,
    chunks,
    events,
    joined,
    noting,
    sent,
    streamed,
    target,
    without_moment,
)

LARGE = target("mistral", "mistral-large-latest", "https://api.mistral.ai/v1")
EMBED = target("mistral", "mistral-embed", "https://api.mistral.ai/v1")
USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 6,
    "total_tokens": 26,
    "prompt_tokens_details": {"cached_tokens": 8},
}
THINKING = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}], "signature": "s1", "closed": True}
ANSWER: dict[str, Any] = {
    "id": "m1",
    "object": "chat.completion",
    "created": 1,
    "model": "mistral-large-2512",
    "usage": USAGE,
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": [THINKING, {"type": "text", "text": "It is warm."}]},
        }
    ],
}
CALL: dict[str, Any] = {
    "id": "D681PevKs",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city":"Köln"}'},
}


def with_message(message: dict[str, Any], finish: str) -> dict[str, Any]:
    return {**ANSWER, "choices": [{"index": 0, "finish_reason": finish, "message": message}]}


def test_fixtures_are_what_mistral_answers() -> None:
    from mistralai.client.models import ChatCompletionResponse, CompletionChunk

    ChatCompletionResponse.model_validate(ANSWER)
    for chunk in STREAM:
        CompletionChunk.model_validate(chunk)


def test_a_request_is_the_one_that_mistrals_own_client_sends() -> None:
    from mistralai.client import Mistral as Client
    from mistralai.client.models import ChatCompletionRequest

    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Weather here?"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}", "detail": "low"}},
                {"type": "input_audio", "input_audio": "AAAA"},
            ],
        },
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "D681PevKs", "content": "20", "name": "weather"},
    ]
    choice = {"type": "function", "function": {"name": "weather"}}
    schema = {"name": "x", "schema": {"type": "object"}, "strict": True}
    same: dict[str, Any] = {
        "tools": [WEATHER],
        "tool_choice": choice,
        "response_format": {"type": "json_schema", "json_schema": schema},
        "temperature": 0.5,
        "top_p": 0.75,
        "max_tokens": 99,
        "stop": ["END"],
        "presence_penalty": 0.25,
        "frequency_penalty": 0.5,
        "parallel_tool_calls": False,
        "n": 2,
        "prediction": {"type": "content", "content": "x"},
        "reasoning_effort": "high",
    }
    with noting(with_message({"role": "assistant", "content": "x"}, "stop")) as server:
        with Client(api_key="secret", server_url=server.url) as client:
            client.chat.complete(
                model="mistral-large-latest",
                messages=messages,  # pyright: ignore[reportArgumentType]
                random_seed=7,
                **same,
            )
        [(path, headers, theirs)] = server.requests
    ours = json.loads(json.dumps(messages))
    ours[0]["role"] = "developer"
    ours[1]["name"] = "ann"
    ours[1]["content"][2]["input_audio"] = {"data": "AAAA", "format": "wav"}
    ours[2]["content"] = None
    ours[2]["refusal"] = None
    cap = {"max_completion_tokens": same.pop("max_tokens")}
    wire = Mistral().prepare(call({"messages": ours, "seed": 7, "user": "u", **cap, **same}), LARGE, "secret")
    body = json.loads(wire.body)
    ChatCompletionRequest.model_validate(body)
    assert without_defaults(body) == without_defaults(theirs)
    assert path == "/v1" + wire.path.decode()
    assert headers["authorization"] == dict(wire.headers)[b"authorization"].decode()


def without_defaults(body: Any) -> Any:
    """Their client writes out what its types have as default."""
    if isinstance(body, list):
        return [without_defaults(one) for one in body]
    if not isinstance(body, dict):
        return body
    defaults: dict[str, Any] = {"stream": False, "index": 0, "prefix": False}
    return {name: without_defaults(value) for name, value in body.items() if defaults.get(name, body) != value}


def test_stream_options_do_not_go_out() -> None:
    body = sent(Mistral(), asked(stream=True, stream_options={"include_usage": True}), LARGE)
    assert body["stream"] is True
    assert "stream_options" not in body
    assert sent(Mistral(), call({"messages": []}, cap=5), LARGE)["max_tokens"] == 5


def test_ids_of_calls_become_what_mistral_takes_the_same_for_the_same_id() -> None:
    long = {**CALL, "id": "call_0123456789abcdef"}
    history = [
        {"role": "assistant", "tool_calls": [long, CALL]},
        {"role": "tool", "tool_call_id": long["id"], "content": "x"},
        {"role": "tool", "tool_call_id": CALL["id"], "content": "y"},
    ]
    body = sent(Mistral(), call({"messages": history}), LARGE)
    first, second = (one["id"] for one in body["messages"][0]["tool_calls"])
    assert (body["messages"][1]["tool_call_id"], body["messages"][2]["tool_call_id"]) == (first, second)
    assert second == CALL["id"]
    assert first != second


@given(st.text(max_size=40))
def test_every_id_becomes_nine_letters_and_digits(call_id: str) -> None:
    short = short_id(call_id)
    assert len(short) == 9
    assert short.isascii()
    assert short.isalnum()
    assert short_id(short) == short


def test_what_an_assistant_thought_goes_back_with_its_signature() -> None:
    said, _ = answered(Mistral(), asked(), ANSWER)
    message = json.loads(said.choices[0].message.model_dump_json(exclude_unset=True))
    assert (message["content"], message["reasoning_content"]) == ("It is warm.", "Hm.")
    [back] = sent(Mistral(), call({"messages": [message]}), LARGE)["messages"]
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}], "signature": "s1"}
    assert back["content"] == [thinking, {"type": "text", "text": "It is warm."}]


def test_references_survive_a_round_trip() -> None:
    content = [{"type": "text", "text": "Paris"}, {"type": "reference", "reference_ids": [1]}]
    said, _ = answered(Mistral(), asked(), with_message({"role": "assistant", "content": content}, "stop"))
    message = json.loads(said.choices[0].message.model_dump_json(exclude_unset=True))
    assert message["content"] == "Paris"
    [back] = sent(Mistral(), call({"messages": [message]}), LARGE)["messages"]
    assert back["content"] == content


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"logit_bias": {"1": 5}}, "logit_bias"),
        ({"store": True}, "store"),
        ({"verbosity": "low"}, "verbosity"),
        ({"audio": {}}, "audio"),
        ({"service_tier": "priority"}, "service_tier"),
        ({"messages": [{"role": "user", "content": [{"type": "video_url"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "function", "name": "f", "content": "x"}]}, "messages[0].role"),
    ],
)
def test_what_mistral_cannot_take_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(UsageError, match="mistral") as refused:
        sent(Mistral(), call({"messages": [], **fields}), LARGE)
    assert refused.value.param == param


def test_an_answer_in_openais_words() -> None:
    said, answer = answered(Mistral(), asked(), ANSWER)
    assert (said.id, said.model, said.choices[0].finish_reason) == ("m1", "mistral-large-2512", "stop")
    assert answer.usage == Usage(input_uncached=12, cache_read=8, output_text=6)
    assert said.usage is not None
    assert said.usage.prompt_tokens == 20


def test_tool_calls_whatever_their_form() -> None:
    calls = [CALL, {"id": "null", "function": {"name": "weather", "arguments": {"city": "Bonn"}}}]
    message = {"role": "assistant", "content": "", "tool_calls": calls}
    said, _ = answered(Mistral(), asked(tools=[WEATHER]), with_message(message, "tool_calls"))
    first, second = said.choices[0].message.tool_calls or []
    assert first.type == "function"
    assert second.type == "function"
    assert (first.id, first.function.arguments) == ("D681PevKs", '{"city":"Köln"}')
    assert json.loads(second.function.arguments) == {"city": "Bonn"}
    assert second.id.startswith("call_")


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 1, "num_cached_tokens": 4}, Usage(5, 4, 0, 1)),
        ({"prompt_tokens": 9, "completion_tokens": 1, "num_cached_tokens": 40}, Usage(0, 9, 0, 1)),
        ({"prompt_tokens": 9, "completion_tokens": 1, "num_cached_tokens": "x"}, Usage(9, 0, 0, 1)),
        ({"prompt_tokens": -9}, None),
    ],
)
def test_cached_tokens_have_two_names(usage: dict[str, Any], expected: Usage | None) -> None:
    _, answer = answered(Mistral(), asked(), {**ANSWER, "usage": usage})
    assert answer.usage == expected


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"choices": []},
        {"object": "error", "message": "Service tier capacity exceeded", "type": "x", "code": "3505"},
        {"error": {"message": "no"}},
        with_message({"role": "assistant", "content": ""}, "error"),
        with_message({"role": "assistant", "content": [5]}, "stop"),
    ],
)
def test_a_200_that_is_no_answer_is_a_failure(answer: Any) -> None:
    with pytest.raises(UpstreamError):
        Mistral().read(asked(), json.dumps(answer).encode())


def test_the_end_of_the_context_is_a_limit() -> None:
    said, _ = answered(Mistral(), asked(), with_message({"role": "assistant", "content": "x"}, "model_length"))
    assert said.choices[0].finish_reason == "length"


def chunk(delta: dict[str, Any], finish: str | None = None, **fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {
        "id": "m2",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "magistral",
        "choices": [choice],
        **fields,
    }


STREAM: list[dict[str, Any]] = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]}),
    chunk({"content": [{"type": "thinking", "thinking": [], "signature": "s1"}]}),
    chunk({"content": "Hé €"}),
    chunk({"tool_calls": [CALL, {"id": "abcdefghi", "index": 1, "function": {"name": "other", "arguments": ""}}]}),
    chunk({"tool_calls": [{"id": "null", "index": 1, "function": {"name": "", "arguments": '{"a":1}'}}]}),
    chunk({"content": ""}, "tool_calls", usage=USAGE),
]
WIRE = events(*STREAM, b"[DONE]")


@given(st.lists(st.integers(0, 5000), max_size=12))
def test_a_stream_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    given = asked(stream=True, stream_options={"include_usage": True})
    whole = streamed(Mistral().stream(given, filter_usage=False), WIRE)
    stream = Mistral().stream(given, filter_usage=False)
    pieces = streamed(stream, WIRE, cuts)
    assert without_moment(pieces) == without_moment(whole)
    found = joined(chunks(pieces))
    assert (found["content"], found["reasoning_content"], found["finish"]) == ("Hé €", "Hm.", "tool_calls")
    assert found["tool_calls"] == [
        {"id": "D681PevKs", "name": "weather", "arguments": '{"city":"Köln"}'},
        {"id": "abcdefghi", "name": "other", "arguments": '{"a":1}'},
    ]
    deltas = [choice.delta.model_dump() for one in chunks(pieces) for choice in one.choices]
    assert [one["extra_content"] for one in deltas if "extra_content" in one] == [{"mistral": {"signature": "s1"}}]
    usages = [one.usage for one in chunks(pieces) if one.usage is not None]
    assert [usage.prompt_tokens for usage in usages] == [20]
    assert not chunks(pieces)[-1].choices
    assert stream.keep().endswith(b"data: [DONE]\n\n")
    assert [piece.done for piece in pieces].count(True) == 1
    answer = stream.finish()
    assert (answer.usage, answer.response_id, answer.response_model) == (Usage(12, 8, 0, 6), "m2", "magistral")


def test_usage_comes_only_to_who_asked() -> None:
    stream = Mistral().stream(asked(stream=True), filter_usage=False)
    pieces = streamed(stream, WIRE)
    assert b"prompt_tokens" not in b"".join(piece.data for piece in pieces)
    assert stream.finish().usage == Usage(12, 8, 0, 6)


@pytest.mark.parametrize(
    "last", [chunk({}, "error"), {"object": "error", "message": {"detail": "no"}}, {"error": {"message": "no"}}]
)
def test_an_error_in_a_stream_is_one(last: dict[str, Any]) -> None:
    stream = Mistral().stream(asked(stream=True), filter_usage=False)
    pieces = streamed(stream, events(STREAM[0], last, b"[DONE]"))
    assert pieces[-1].error is not None
    assert b"[DONE]" not in stream.keep()


@given(st.binary(max_size=300))
def test_no_bytes_make_a_reader_raise_anything_else(data: bytes) -> None:
    for read in (
        lambda: Mistral().stream(asked(stream=True), filter_usage=False).feed(b"data: " + data + b"\n\n"),
        lambda: Mistral().read(asked(), data),
    ):
        try:
            read()
        except UpstreamError:
            pass


def test_embeddings() -> None:
    from mistralai.client import Mistral as Client

    answer = {
        "id": "e1",
        "object": "list",
        "model": "mistral-embed",
        "data": [{"object": "embedding", "embedding": [0.5], "index": 0}],
        "usage": {"prompt_tokens": 4, "completion_tokens": 0, "total_tokens": 4},
    }
    with noting(answer) as server:
        with Client(api_key="secret", server_url=server.url) as client:
            client.embeddings.create(model="mistral-embed", inputs=["a"], output_dimension=8, encoding_format="base64")
        [(path, _, theirs)] = server.requests
    given = call({"input": ["a"], "dimensions": 8, "encoding_format": "base64"}, operation="embeddings")
    wire = Mistral().prepare(given, EMBED, "secret")
    assert json.loads(wire.body) == theirs
    assert path == "/v1" + wire.path.decode()
    read = Mistral().read(given, json.dumps(answer).encode())
    assert (read.usage, read.body) == (Usage(4), None)
    with pytest.raises(UsageError, match="chat"):
        Mistral().prepare(call({"prompt": "x"}, operation="text_completion"), LARGE, None)


def test_errors_are_mistrals() -> None:
    wrong = {"detail": [{"type": "extra_forbidden", "loc": ["body", "x"], "msg": "Extra inputs are not permitted"}]}
    error = Mistral().error(422, [], json.dumps(wrong).encode())
    assert "Extra inputs" in error.message
    assert not error.retryable
    full = {"object": "error", "message": "capacity exceeded", "type": "service_tier_capacity_exceeded", "code": "3505"}
    error = Mistral().error(429, [], json.dumps(full).encode())
    assert (error.message, error.code, error.retryable) == ("capacity exceeded", "3505", True)


def test_it_is_on_the_menu() -> None:
    assert isinstance(load("mistral"), Mistral)
