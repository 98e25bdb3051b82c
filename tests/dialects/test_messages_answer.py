"""Whole answers, heads, and errors."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import UpstreamError, UsageError
from genaiops.dialects.messages import (
    answer_from_chat,
    answer_to_chat,
    decode_messages,
    dense_parts,
    error_body,
    error_event,
    error_type,
)
from genaiops.domain import Usage
from tests.dialects.conversations import Json, answers, requests


def to_chat(answer: Json) -> Json:
    found: Json = json.loads(answer_to_chat(json.dumps(answer).encode(), created=5))
    return found


def from_chat(answer: Json, **options: Any) -> Json:
    found: Json = json.loads(answer_from_chat(json.dumps(answer).encode(), "claude", **options))
    return found


def completion(message: Json, finish: str | None = "stop", **fields: Any) -> Json:
    return {"id": "c1", "choices": [{"message": message, "finish_reason": finish, **fields}]}


@given(answers())
def test_there_and_back_is_the_same_and_both_clients_read_it(answer: Json) -> None:
    from anthropic.types import Message
    from openai.types.chat import ChatCompletion

    chat = to_chat(answer)
    ChatCompletion.model_validate(chat)
    back = from_chat(chat)
    assert Message.model_validate(back).usage.input_tokens == answer["usage"]["input_tokens"]
    assert back == answer


def test_an_answer_as_a_completion() -> None:
    answer: Json = {
        "id": "msg_1",
        "model": "claude-x",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "s"},
            {"type": "redacted_thinking", "data": "d"},
            {"type": "text", "text": "See."},
            {"type": "tool_use", "id": "t1", "name": "f", "input": {"x": 1}},
        ],
        "stop_reason": "tool_use",
        "usage": {
            "input_tokens": 10,
            "cache_read_input_tokens": 5,
            "cache_creation_input_tokens": 3,
            "output_tokens": 9,
            "output_tokens_details": {"thinking_tokens": 4},
        },
    }
    assert to_chat(answer) == {
        "id": "msg_1",
        "object": "chat.completion",
        "created": 5,
        "model": "claude-x",
        "choices": [
            {
                "index": 0,
                "logprobs": None,
                "finish_reason": "tool_calls",
                "message": {
                    "role": "assistant",
                    "content": "See.",
                    "refusal": None,
                    "reasoning_content": "Hm.",
                    "thinking_blocks": answer["content"][:2],
                    "tool_calls": [
                        {"id": "t1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
                    ],
                },
            }
        ],
        "usage": {
            "prompt_tokens": 18,
            "completion_tokens": 9,
            "total_tokens": 27,
            "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 3},
            "completion_tokens_details": {"reasoning_tokens": 4},
        },
    }


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("pause_turn", "stop"),
        ("something_new", "stop"),
    ],
)
def test_stop_reasons(stop: str, finish: str) -> None:
    assert to_chat({"content": [], "stop_reason": stop})["choices"][0]["finish_reason"] == finish


@pytest.mark.parametrize(
    ("finish", "extra", "stop"),
    [
        ("stop", {}, ("end_turn", None)),
        ("stop", {"stop_reason": "END"}, ("stop_sequence", "END")),
        ("stop", {"stop_reason": 128009}, ("end_turn", None)),
        ("length", {}, ("max_tokens", None)),
        ("content_filter", {}, ("refusal", None)),
        ("eos", {}, ("end_turn", None)),
        (None, {}, ("end_turn", None)),
    ],
)
def test_finish_reasons(finish: str | None, extra: Json, stop: tuple[str, str | None]) -> None:
    found = from_chat(completion({"content": "x"}, finish, **extra))
    assert (found["stop_reason"], found["stop_sequence"]) == stop


def test_calls_with_a_plain_stop_are_tool_use() -> None:
    call = {"id": "", "function": {"name": "f", "arguments": '{"a": 1.0}'}}
    found = from_chat(completion({"content": None, "tool_calls": [call]}))
    assert found["stop_reason"] == "tool_use"
    assert found["content"] == [{"type": "tool_use", "id": "toolu_c1_0", "name": "f", "input": {"a": 1.0}}]


def test_a_refusal_and_its_reason() -> None:
    found = from_chat(completion({"content": None, "refusal": "I will not."}))
    assert (found["content"], found["stop_reason"]) == ([{"type": "text", "text": "I will not."}], "refusal")
    said = {"content": [], "stop_reason": "refusal", "stop_details": {"type": "refusal", "explanation": "No."}}
    assert to_chat(said)["choices"][0]["message"]["refusal"] == "No."


def test_reasoning_of_other_models_is_thinking_without_a_signature() -> None:
    for name in ("reasoning_content", "reasoning"):
        found = from_chat(completion({"content": "x", name: "hm"}))
        assert found["content"][0] == {"type": "thinking", "thinking": "hm", "signature": ""}


def test_a_call_that_the_cap_cut_off_is_left_out() -> None:
    calls = [
        {"id": "a", "function": {"name": "f", "arguments": "{}"}},
        {"id": "b", "function": {"name": "f", "arguments": '{"x'}},
    ]
    found = from_chat(completion({"content": None, "tool_calls": calls}, "length"))
    assert ([block["id"] for block in found["content"]], found["stop_reason"]) == (["a"], "max_tokens")
    with pytest.raises(UpstreamError):
        from_chat(completion({"content": None, "tool_calls": calls}, "tool_calls"))


def test_usage_of_chat_goes_into_buckets_that_exclude_each_other() -> None:
    answer = completion({"content": "x"})
    answer["usage"] = {
        "prompt_tokens": 10,
        "completion_tokens": 4,
        "prompt_tokens_details": {"cached_tokens": 6},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    usage = from_chat(answer)["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (4, 6, 4)
    del answer["usage"]
    assert from_chat(answer, usage=Usage(7, 0, 0, 2))["usage"]["input_tokens"] == 7
    assert from_chat({**answer, "usage": {"prompt_tokens": -1}})["usage"]["input_tokens"] == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"[]",
        b"{}",
        b"\xff",
        b'{"type":"error","error":{"type":"api_error","message":"no"}}',
        b'{"content":5}',
    ],
)
def test_what_is_no_answer_is_an_upstream_error(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        answer_to_chat(body, created=0)
    with pytest.raises(UpstreamError):
        answer_from_chat(body, "m")


def test_content_that_chat_has_no_place_for_is_an_upstream_error() -> None:
    with pytest.raises(UpstreamError, match="server_tool_use"):
        to_chat({"content": [{"type": "server_tool_use", "id": "x", "name": "web_search", "input": {}}]})
    with pytest.raises(UpstreamError):
        from_chat({"choices": []})
    with pytest.raises(UpstreamError):
        from_chat(completion({"tool_calls": [{"id": "x", "function": {"arguments": "{}"}}]}))


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    for translate in (lambda: answer_to_chat(body, created=0), lambda: answer_from_chat(body, "m")):
        try:
            translate()
        except UpstreamError:
            pass


# -- heads


@given(requests())
def test_the_head_of_a_request(request: Json) -> None:
    head = decode_messages(json.dumps(request).encode())
    assert (head.model, head.max_tokens, bool(head.stream)) == ("claude", 100_000, "stream" in request)
    assert head.user_id == request.get("metadata", {}).get("user_id")
    # Counted the slow way: no text of the strategy can contain a quoted type.
    text = json.dumps(request["messages"])
    assert dense_parts(head) == text.count('"type": "image"') + text.count('"type": "document"')


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"{", None),
        (b"{}", "model"),
        (b'{"model":"m","messages":[]}', "max_tokens"),
        (b'{"model":"m","max_tokens":-1,"messages":[]}', "max_tokens"),
        (b'{"model":"m","max_tokens":1,"messages":5}', "messages"),
        (b'{"model":"m","max_tokens":1,"messages":[],"metadata":{"user_id":5}}', "metadata.user_id"),
    ],
)
def test_a_wrong_head_names_the_field(body: bytes, param: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        decode_messages(body)
    assert caught.value.param == param


def test_content_that_cannot_be_read_counts_as_dense() -> None:
    assert (
        dense_parts(decode_messages(b'{"model":"m","max_tokens":1,"messages":[{"content":[5]},{"content":"x"}]}')) == 1
    )


# -- errors


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 429, 500, 502, 504, 529])
def test_the_official_client_reads_our_errors(status: int) -> None:
    from anthropic.types import ErrorResponse

    found = ErrorResponse.model_validate(json.loads(error_body(status, "no", "req_1")))
    assert (found.error.type, found.error.message, found.request_id) == (error_type(status), "no", "req_1")


def test_errors_of_other_statuses_have_a_word_too() -> None:
    assert [error_type(status) for status in (413, 418, 501, 503)] == [
        "request_too_large",
        "invalid_request_error",
        "api_error",
        "overloaded_error",
    ]
    assert error_event("no", kind="upstream_error") == (
        b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"no"}}\n\n'
    )
