"""Requests: chat said as Messages."""

import json

import pytest

from genaiops.core.errors import GenaiopsError, UsageError
from genaiops.dialects.messages import request_from_chat
from genaiops.dialects.messages.from_chat import tool_id
from genaiops.dialects.messages.thinking import BUDGETS
from tests.dialects.conversations import ASK, HELLO, Json, to_chat, to_messages


def test_a_chat_with_tools_as_messages() -> None:
    calls = [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1.50}'}},
        {"id": "c2", "type": "function", "function": {"name": "g", "arguments": ""}},
    ]
    request = {
        **ASK,
        "n": 1,
        "seed": 7,
        "user": "u",
        "stop": "END",
        "parallel_tool_calls": False,
        "frequency_penalty": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": True}}],
        "messages": [
            {"role": "system", "content": "one"},
            {"role": "developer", "content": [{"type": "text", "text": "two"}]},
            {"role": "user", "content": "Hi", "name": "ann"},
            {"role": "assistant", "content": "", "tool_calls": calls},
            {"role": "tool", "tool_call_id": "c1", "content": "1"},
            {"role": "tool", "tool_call_id": "c2", "content": ""},
            {"role": "user", "content": "go on"},
        ],
    }
    assert to_messages(request, max_tokens=50) == {
        "model": "claude",
        "max_tokens": 50,
        "system": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}],
        "metadata": {"user_id": "u"},
        "stop_sequences": ["END"],
        "stream": True,
        "tools": [{"name": "f", "input_schema": {"type": "object"}, "strict": True}],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        "messages": [
            {"role": "user", "content": "Hi"},
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": "c1", "name": "f", "input": {"x": 1.5}},
                    {"type": "tool_use", "id": "c2", "name": "g", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": "1"},
                    {"type": "tool_result", "tool_use_id": "c2"},
                    {"type": "text", "text": "go on"},
                ],
            },
        ],
    }
    assert b'{"x": 1.50}' in request_from_chat(json.dumps(request).encode(), model="m", max_tokens=5)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"logit_bias": {"5": 1}}, "logit_bias"),
        ({"frequency_penalty": 0.5}, "frequency_penalty"),
        ({"presence_penalty": -1}, "presence_penalty"),
        ({"temperature": 1.5}, "temperature"),
        ({"response_format": {"type": "json_object"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, "response_format.json_schema.schema"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"audio": {"voice": "x"}}, "audio"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"functions": [{}]}, "functions"),
        ({"store": True}, "store"),
        ({"verbosity": "high"}, "verbosity"),
        ({"guided_json": {}}, "guided_json"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools.0.type"),
        ({"tool_choice": {"type": "allowed_tools"}}, "tool_choice.type"),
        ({"tool_choice": 5}, "tool_choice"),
        ({"messages": [{"role": "function", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.tool_call_id"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages.0.content.0.type"),
        (
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]},
            "messages.0.content.0.file.file_id",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:x"}}]}]},
            "messages.0.content.0.image_url.url",
        ),
    ],
)
def test_what_messages_cannot_say_is_named(fields: Json, param: str) -> None:
    with pytest.raises(UsageError) as caught:
        to_messages({**ASK, **fields})
    assert caught.value.param == param


@pytest.mark.parametrize("arguments", ["{", "[1]", "5", "null"])
def test_arguments_that_are_no_object_are_named(arguments: str) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    with pytest.raises(UsageError) as caught:
        to_messages({**ASK, "messages": [{"role": "assistant", "tool_calls": [call]}]})
    assert caught.value.param == "messages.0.tool_calls.0.function.arguments"


@pytest.mark.parametrize("effort", list(BUDGETS))
def test_efforts_and_budgets_are_each_others_inverse(effort: str) -> None:
    asked = to_messages({**ASK, "reasoning_effort": effort}, thinking="budget")
    assert asked["thinking"] == {"type": "enabled", "budget_tokens": BUDGETS[effort]}
    assert to_chat({**HELLO, "thinking": asked["thinking"]})["reasoning_effort"] == effort


def test_thinking_leaves_room_for_the_answer() -> None:
    asked = to_messages({**ASK, "reasoning_effort": "high"}, thinking="budget", max_tokens=4000)
    assert asked["thinking"]["budget_tokens"] == 3000
    with pytest.raises(GenaiopsError) as caught:
        to_messages({**ASK, "reasoning_effort": "high"}, thinking="budget", max_tokens=500)
    assert caught.value.param == "reasoning_effort"


def test_efforts_of_models_that_think_adaptively() -> None:
    asked = to_messages({**ASK, "reasoning_effort": "xhigh"})
    assert (asked["thinking"], asked["output_config"]) == ({"type": "adaptive"}, {"effort": "xhigh"})
    assert to_messages({**ASK, "reasoning_effort": "minimal"})["output_config"] == {"effort": "low"}
    assert to_messages({**ASK, "reasoning_effort": "none"})["thinking"] == {"type": "disabled"}


def test_an_effort_and_a_schema_stand_side_by_side() -> None:
    schema = {"type": "object"}
    shape = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}}
    asked = to_messages({**ASK, "reasoning_effort": "low", "response_format": shape})
    assert asked["output_config"] == {"effort": "low", "format": {"type": "json_schema", "schema": schema}}


def test_later_system_messages_stay_in_place_or_go_to_the_top() -> None:
    late = {**ASK, "messages": [*ASK["messages"], {"role": "system", "content": "now"}]}
    assert to_messages(late)["messages"][1] == {"role": "system", "content": "now"}
    top = to_messages(late, inline_system=False)
    assert (top["system"], len(top["messages"])) == ("now", 1)


def test_a_mark_on_a_message_is_one_on_its_last_block() -> None:
    mark = {"type": "ephemeral"}
    asked = to_messages({**ASK, "messages": [{"role": "user", "content": "Hi", "cache_control": mark}]})
    assert asked["messages"][0]["content"] == [{"type": "text", "text": "Hi", "cache_control": mark}]


def test_ids_of_tool_calls_become_ones_that_anthropic_takes() -> None:
    assert tool_id("call_Ab-1") == "call_Ab-1"
    odd = tool_id("functions.f:0")
    assert odd == tool_id("functions.f:0") != tool_id("functions.f.0")
    assert odd.startswith("functions_f_0_")
    assert len(tool_id("x" * 500)) <= 128


def test_hints_are_left_out() -> None:
    hints: Json = {
        "seed": 1,
        "service_tier": "auto",
        "prediction": {"type": "content", "content": "x"},
        "prompt_cache_key": "k",
        "prompt_cache_retention": "24h",
        "metadata": {"team": "a"},
        "stream_options": {"include_usage": True},
        "logprobs": False,
        "logit_bias": {},
        "presence_penalty": 0.0,
        "store": False,
        "modalities": ["text"],
        "verbosity": "medium",
        "response_format": {"type": "text"},
        "parallel_tool_calls": True,
        "user": None,
    }
    assert to_messages({**ASK, **hints}) == to_messages(ASK)
