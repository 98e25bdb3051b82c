"""A chat completion as a response object, and the way back into the next request."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import UpstreamError
from genaiops.dialects.responses import answer_from_chat, chat_request
from tests.dialects.responses_shapes import (
    CREATED,
    FINISHES,
    MESSAGES,
    RESPONSE_ID,
    answered,
    completion,
    request,
)


def answer(message: Any, finish: str | None = "stop", *, asked: bytes | None = None, **fields: Any) -> Any:
    body = completion(message, finish, **fields)
    return answered(answer_from_chat(body, asked or request(), response_id=RESPONSE_ID))


def test_text() -> None:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    found = answer({"role": "assistant", "content": "Hello"}, usage=usage, service_tier="flex")
    assert found["output"] == [
        {
            "id": "msg_100",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}],
        }
    ]
    assert found["usage"] == {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 15,
    }
    assert (found["status"], found["model"], found["created_at"]) == ("completed", "m-1", CREATED)
    assert (found["id"], found["service_tier"], found["error"]) == (RESPONSE_ID, "flex", None)


def test_calls_reasoning_and_refusal_are_items() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    custom = {"id": "c2", "type": "custom", "custom": {"name": "g", "input": "x"}}
    message = {"content": "I look.", "reasoning_content": "Hm.", "refusal": "No.", "tool_calls": [call, custom]}
    reasoning, said, first, second = answer(message, "tool_calls")["output"]
    assert reasoning["content"] == [{"type": "reasoning_text", "text": "Hm."}]
    assert reasoning["summary"] == []
    assert [part["type"] for part in said["content"]] == ["output_text", "refusal"]
    assert (first["type"], first["call_id"], first["name"], first["arguments"]) == (
        "function_call",
        "c1",
        "f",
        '{"a":1}',
    )
    assert (second["type"], second["call_id"], second["input"]) == ("custom_tool_call", "c2", "x")
    assert len({item["id"] for item in (reasoning, said, first, second)}) == 4


def test_reasoning_is_a_summary_when_one_was_asked_for() -> None:
    asked = request(reasoning={"effort": "low", "summary": "auto"})
    found = answer({"content": "x", "reasoning": "Hm."}, asked=asked)
    assert found["output"][0]["summary"] == [{"type": "summary_text", "text": "Hm."}]
    assert found["output"][0]["content"] == []
    assert found["reasoning"] == {"effort": "low", "summary": "auto"}


@pytest.mark.parametrize(
    "message",
    [
        {"content": "x", "reasoning": "Hm.", "reasoning_content": "Hm."},
        {"content": "x", "reasoning": "Hm."},
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
                {"type": "text", "text": "x"},
            ]
        },
        {"content": "x", "thinking_blocks": [{"type": "thinking", "thinking": "Hm.", "signature": "s"}]},
    ],
)
def test_reasoning_has_many_names_and_counts_once(message: Any) -> None:
    reasoning, said = answer(message)["output"]
    assert reasoning["content"] == [{"type": "reasoning_text", "text": "Hm."}]
    assert said["content"][0]["text"] == "x"


@pytest.mark.parametrize(
    ("finish", "status", "why"),
    [
        ("stop", "completed", None),
        ("tool_calls", "completed", None),
        (None, "completed", None),
        ("eos_token", "completed", None),
        ("length", "incomplete", {"reason": "max_output_tokens"}),
        ("content_filter", "incomplete", {"reason": "content_filter"}),
    ],
)
def test_how_it_ended(finish: str | None, status: str, why: Any) -> None:
    found = answer({"content": "x"}, finish)
    assert (found["status"], found["incomplete_details"]) == (status, why)
    assert found["output"][0]["status"] == status


def test_the_request_is_echoed_and_store_is_false() -> None:
    tools = [{"type": "function", "name": "f", "parameters": {"z": 1}, "strict": True, "description": None}]
    asked = request(
        instructions="Be brief.",
        metadata={"k": "v"},
        store=True,
        temperature=0.5,
        max_output_tokens=9,
        parallel_tool_calls=False,
        tools=tools,
        tool_choice={"type": "function", "name": "f"},
        text={"verbosity": "low"},
        prompt_cache_key="p",
    )
    found = answer({"content": "x"}, asked=asked)
    assert found["store"] is False
    assert found["tools"] == tools
    assert found["tool_choice"] == {"type": "function", "name": "f"}
    assert found["text"] == {"format": {"type": "text"}, "verbosity": "low"}
    assert (found["instructions"], found["metadata"], found["max_output_tokens"]) == ("Be brief.", {"k": "v"}, 9)
    assert (found["temperature"], found["top_p"], found["parallel_tool_calls"]) == (0.5, None, False)
    assert found["prompt_cache_key"] == "p"


def test_ids_differ_where_a_server_repeats_its_own() -> None:
    found = {json.loads(answer_from_chat(completion({"content": "x"}), request()))["id"] for _ in range(5)}
    assert len(found) == 5
    assert all(one.startswith("resp_") for one in found)


def test_arguments_that_are_no_text_and_calls_without_id() -> None:
    calls = [{"function": {"name": "f", "arguments": {"a": 1}}}, {"function": {"name": "g", "arguments": None}}]
    first, second = answer({"content": "", "tool_calls": calls})["output"]
    assert (first["arguments"], second["arguments"]) == ('{"a":1}', "")
    assert first["call_id"] != second["call_id"]
    (old,) = answer({"content": None, "function_call": {"name": "f", "arguments": "{}"}}, "function_call")["output"]
    assert (old["name"], old["call_id"] != "") == ("f", True)


def test_citations_and_probabilities() -> None:
    cited = {"url": "https://h", "title": "T", "start_index": 0, "end_index": 1}
    top = {"token": "é", "logprob": -0.5, "bytes": None}
    body = json.loads(completion({"content": "é", "annotations": [{"type": "url_citation", "url_citation": cited}]}))
    body["choices"][0]["logprobs"] = {"content": [{**top, "top_logprobs": [top]}]}
    found = answered(answer_from_chat(json.dumps(body).encode(), request(top_logprobs=1)))
    part = found["output"][0]["content"][0]
    assert part["annotations"] == [{"type": "url_citation", **cited}]
    spelled = {"token": "é", "logprob": -0.5, "bytes": [195, 169]}
    assert part["logprobs"] == [{**spelled, "top_logprobs": [spelled]}]


THOUGHT = {"reasoning_tokens": 7}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 5, "completion_tokens": 1, "prompt_cache_hit_tokens": 4}, (5, 4, 1, 0)),
        ({"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 50}}, (5, 5, 0, 0)),
        ({"prompt_tokens": 5, "completion_tokens": 1, "completion_tokens_details": THOUGHT}, (5, 0, 1, 1)),
        ({"prompt_tokens": -1, "completion_tokens": 1}, None),
        ("many", None),
        (None, None),
    ],
)  # fmt: skip
def test_usage(usage: Any, expected: Any) -> None:
    found = answer({"content": "x"}, usage=usage)["usage"]
    if found is not None:
        cached, reasoning = found["input_tokens_details"], found["output_tokens_details"]
        found = (found["input_tokens"], cached["cached_tokens"], found["output_tokens"], reasoning["reasoning_tokens"])
    assert found == expected


@pytest.mark.parametrize(
    "body",
    [b"", b"nonsense", b"[]", b"{}", b'{"choices":[]}', b'{"choices":[{"finish_reason":"stop"}]}', b"\xff",
     b'{"error":{"message":"no"},"choices":[]}', b'{"choices":[{"message":{"content":""},"finish_reason":"error"}]}'],
)  # fmt: skip
def test_what_is_no_answer_is_an_upstream_error(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        answer_from_chat(body, request())


@given(MESSAGES, FINISHES, st.booleans())
def test_an_answer_sent_back_is_the_message_that_it_was(message: Any, finish: str, summarised: bool) -> None:
    """Text, reasoning, signatures, calls and refusals survive the way to the client and back."""
    asked = request(reasoning={"summary": "auto"}) if summarised else request()
    items = answer(message, finish, asked=asked)["output"]
    back = json.loads(chat_request(json.dumps({"model": "m", "input": items}).encode()))["messages"]
    thinking = "".join(block.get("thinking", "") for block in message.get("thinking_blocks", ()))
    expected = {"role": "assistant", **{name: value for name, value in message.items() if value}}
    if thinking:
        expected.setdefault("reasoning_content", thinking)
    alone = expected.keys().isdisjoint(("content", "tool_calls", "refusal"))
    expected.setdefault("content", "" if alone else None)
    assert back == [expected]
