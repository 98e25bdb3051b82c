"""Responses requests in chat's words: what goes on, what is said otherwise, what is refused by name."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import UsageError
from genaiops.dialects.responses import chat_request, decode_head
from tests.dialects.responses_shapes import called, chat, messages, result, user


def test_a_string_is_the_users_message_and_instructions_come_first() -> None:
    assert chat()["messages"] == [{"role": "user", "content": "Hi"}]
    assert chat(instructions="Be brief.")["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
    ]


def test_what_stands_before_the_conversation_is_one_system_message() -> None:
    found = messages(
        {"role": "developer", "content": "One."},
        {"role": "system", "content": [{"type": "input_text", "text": "Two."}]},
        user({"type": "input_text", "text": "Hi"}),
        {"role": "developer", "content": "Three."},
        instructions="Zero.",
    )
    assert found == [
        {"role": "system", "content": "Zero.\n\nOne.\n\nTwo."},
        {"role": "user", "content": "Hi"},
        {"role": "system", "content": "Three."},
    ]


def test_cache_marks_stay_on_their_parts_and_tools() -> None:
    mark = {"mode": "explicit", "ttl": "30m"}
    found = chat(
        input=[
            {
                "role": "system",
                "content": [{"type": "input_text", "text": "Long.", "prompt_cache_breakpoint": mark}],
            },
            user({"type": "input_text", "text": "Hi", "cache_control": {"type": "ephemeral"}}),
        ],
        instructions="Short.",
        tools=[{"type": "function", "name": "f", "parameters": {}, "cache_control": {"type": "ephemeral"}}],
        prompt_cache_key="k",
    )
    assert found["messages"] == [
        {
            "role": "system",
            "content": [
                {"type": "text", "text": "Short."},
                {"type": "text", "text": "Long.", "prompt_cache_breakpoint": mark},
            ],
        },
        {"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]},
    ]
    assert found["tools"][0]["cache_control"] == {"type": "ephemeral"}
    assert found["prompt_cache_key"] == "k"


def test_images_and_files() -> None:
    found = messages(
        user(
            {"type": "input_text", "text": "What is this?"},
            {"type": "input_image", "image_url": "https://h/x.png", "detail": "low"},
            {"type": "input_image", "image_url": "data:image/png;base64,AA=="},
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="},
        )
    )
    assert found[0]["content"] == [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "https://h/x.png", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}},
    ]


def test_one_turn_of_the_model_is_one_message() -> None:
    found = messages(
        {"role": "user", "content": "Weather?"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
        called("c1", arguments='{"a":1}'),
        called("c2"),
        result("c1"),
        result("c2", [{"type": "input_text", "text": "rain"}, {"type": "input_text", "text": "wind"}]),
        {"type": "reasoning", "id": "rs_2", "summary": [{"type": "summary_text", "text": "So."}]},
        {"type": "message", "role": "assistant", "content": "Rain."},
        {"role": "assistant", "content": "And wind."},
    )
    assert found == [
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": "I look.",
            "reasoning_content": "Hm.",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
                {"id": "c2", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "42"},
        {
            "role": "tool",
            "tool_call_id": "c2",
            "content": [{"type": "text", "text": "rain"}, {"type": "text", "text": "wind"}],
        },
        {"role": "assistant", "content": "Rain.", "reasoning_content": "So."},
        {"role": "assistant", "content": "And wind."},
    ]


def test_nothing_comes_between_calls_and_their_results() -> None:
    """A message after the calls of the same turn is part of that turn: chat allows nothing in between."""
    found = messages(called("c1"), {"role": "assistant", "content": "Wait."}, called("c2"), result("c1"), result("c2"))
    assert [message["role"] for message in found] == ["assistant", "tool", "tool"]
    assert found[0]["content"] == "Wait."
    assert [call["id"] for call in found[0]["tool_calls"]] == ["c1", "c2"]


def test_a_turn_with_calls_goes_on_until_their_results_come() -> None:
    thought = {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "Hm."}]}
    said = {"role": "assistant", "content": "So."}
    found = messages(said, called("c1"), thought, said, called("c2"), result("c1"), result("c2"))
    assert [message["role"] for message in found] == ["assistant", "tool", "tool"]
    assert (found[0]["content"], found[0]["reasoning_content"]) == ("So.\n\nSo.", "Hm.")
    assert [call["id"] for call in found[0]["tool_calls"]] == ["c1", "c2"]


def test_reasoning_that_only_its_maker_can_read_leaves_no_empty_message() -> None:
    sealed = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAA"}
    assert messages(sealed, {"role": "user", "content": "Hi"}) == [{"role": "user", "content": "Hi"}]


def test_a_target_may_have_another_name_for_reasoning_or_none() -> None:
    item = {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "Hm."}]}
    raw = json.dumps({"model": "m", "input": [item, {"role": "assistant", "content": "Hi"}]}).encode()
    named = json.loads(chat_request(raw, reasoning_field="reasoning"))
    assert named["messages"] == [{"role": "assistant", "content": "Hi", "reasoning": "Hm."}]
    none = json.loads(chat_request(raw, reasoning_field=None))
    assert none["messages"] == [{"role": "assistant", "content": "Hi"}]


def test_a_refusal_comes_back() -> None:
    found = messages({"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]})
    assert found == [{"role": "assistant", "content": None, "refusal": "No."}]


def test_what_a_coding_agent_sends() -> None:
    found = chat(
        instructions="You are a coding agent.",
        input=[
            {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Sandboxed."}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Fix it."}]},
        ],
        tools=[{"type": "function", "name": "shell", "strict": False, "parameters": {"type": "object"}}],
        tool_choice="auto",
        parallel_tool_calls=True,
        reasoning={"effort": "medium", "summary": "auto"},
        store=False,
        stream=True,
        include=["reasoning.encrypted_content"],
        prompt_cache_key="019a",
        client_metadata={"x-installation-id": "1"},
        text={"verbosity": "low"},
    )
    assert found["messages"] == [
        {"role": "system", "content": "You are a coding agent.\n\nSandboxed."},
        {"role": "user", "content": "Fix it."},
    ]
    assert found.keys() == {
        "messages",
        "model",
        "parallel_tool_calls",
        "prompt_cache_key",
        "reasoning_effort",
        "stream",
        "stream_options",
        "tool_choice",
        "tools",
        "verbosity",
    }


def test_a_schema_keeps_its_bytes() -> None:
    schema = b'{ "z":1.50, "a":{"$ref":"#/x"} ,"n":12345678901234567890123}'
    raw = b'{"model":"m","input":"x","tools":[{"type":"function","name":"f","parameters":%b}],'
    raw += b'"text":{"format":{"type":"json_schema","name":"n","schema":%b}}}'
    out = chat_request(raw % (schema, schema))
    assert out.count(schema) == 2


def test_the_other_fields() -> None:
    found = chat(
        max_output_tokens=64,
        temperature=0.5,
        top_p=0.9,
        parallel_tool_calls=False,
        user="u",
        safety_identifier="s",
        service_tier="flex",
        reasoning={"effort": "low", "summary": "auto"},
        text={"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}},
        top_logprobs=3,
        include=["reasoning.encrypted_content", "message.output_text.logprobs"],
        metadata={"k": "v"},
        store=True,
        background=False,
        truncation="disabled",
        previous_response_id=None,
        seed=7,
        genaiops={"session": "s"},
    )
    assert found == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 64,
        "temperature": 0.5,
        "top_p": 0.9,
        "parallel_tool_calls": False,
        "user": "u",
        "safety_identifier": "s",
        "service_tier": "flex",
        "reasoning_effort": "low",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
        },
        "logprobs": True,
        "top_logprobs": 3,
        "seed": 7,
    }
    assert chat(text={"verbosity": "low", "format": {"type": "json_object"}})["response_format"] == {
        "type": "json_object"
    }
    assert "response_format" not in chat(text={"format": {"type": "text"}})


def test_a_stream_asks_for_usage_unless_told_otherwise() -> None:
    assert chat(stream=True)["stream_options"] == {"include_usage": True}
    raw = b'{"model":"m","input":"x","stream":true,"stream_options":{"include_obfuscation":false}}'
    assert json.loads(chat_request(raw, include_usage=False, cap_field="max_completion_tokens")) == {
        "model": "m",
        "messages": [{"role": "user", "content": "x"}],
        "stream": True,
    }


ALTERED = "genaiops.thinking.%%%"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1", "input": None}, "conversation"),
        ({"background": True}, "background"),
        ({"prompt": {"id": "p"}, "input": None}, "prompt"),
        ({"truncation": "auto"}, "truncation"),
        ({"include": ["file_search_call.results"]}, "include[0]"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "name": "f"}, {"type": "mcp", "allowed_callers": 1}]}, "tools[1].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "x"}]}]}, "tools[0].tools[0].type"),
        ({"tools": [{"type": "namespace"}]}, "tools[0].name"),
        ({"tools": [{"type": "function", "name": "f", "defer_loading": True}]}, "tools[0].defer_loading"),
        ({"input": [{"type": "additional_tools"}]}, "input[0].tools"),
        ({"input": [{"type": "additional_tools", "tools": [{"type": "x"}]}]}, "input[0].tools[0].type"),
        ({"tool_choice": {"type": "file_search"}}, "tool_choice.type"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0].type"),
        ({"input": [{"id": "msg_1"}]}, "input[0]"),
        ({"input": [{"type": "computer_call_output", "output": {"a": 1}}]}, "input[0].type"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [user({"type": "input_image", "file_id": "f"})]}, "input[0].content[0].file_id"),
        ({"input": [user({"type": "input_file", "file_url": "u"})]}, "input[0].content[0].file_url"),
        ({"input": [user({"type": "input_file"})]}, "input[0].content[0].file_data"),
        ({"input": [user({"type": "input_image", "image_url": {"url": "u"}})]}, "input[0].content[0].image_url"),
        ({"input": [{"role": "assistant", "content": [{"type": "input_image"}]}]}, "input[0].content[0].type"),
        ({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id"),
        ({"input": [{"type": "reasoning", "encrypted_content": ALTERED}]}, "input[0].encrypted_content"),
        ({"reasoning": {"mode": "pro"}}, "reasoning.mode"),
        ({"reasoning": {"effort": 3}}, "reasoning.effort"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
        ({"max_output_tokens": "many"}, "max_output_tokens"),
        ({"n": 5}, "n"),
        ({"messages": []}, "messages"),
        ({"max_tokens": 10**6}, "max_tokens"),
        ({"model": None}, "model"),
        ({"input": None}, "input"),
        ({"input": 3}, "input"),
    ],
)  # fmt: skip
def test_what_chat_cannot_say_is_refused_by_name(fields: Any, param: str) -> None:
    with pytest.raises(UsageError) as refused:
        chat(**fields)
    assert refused.value.param == param
    assert param in refused.value.message


@pytest.mark.parametrize("raw", [b"", b"nonsense", b"[]", b"\xff", b'{"model":', b"[" * 100_000])
def test_what_is_no_object_is_refused(raw: bytes) -> None:
    for read in (chat_request, decode_head):
        with pytest.raises(UsageError):
            read(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text('ab€{"', max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("type", "a", "name")), inner, max_size=3)
    ),
    max_leaves=6,
)
ITEM_FIELDS = ("type", "role", "content", "text", "output", "call_id", "name", "arguments", "summary", "image_url")
KINDS = st.sampled_from(("message", "reasoning", "function_call", "function_call_output", "input_text", "user"))
ITEMS = st.lists(st.dictionaries(st.sampled_from(ITEM_FIELDS), KINDS | JSON, max_size=5), max_size=4)
FIELDS = ("input", "tools", "tool_choice", "text", "reasoning", "include", "instructions", "stream", "n", "store")


@given(st.dictionaries(st.sampled_from(FIELDS), JSON | ITEMS, max_size=5))
def test_any_object_becomes_a_request_or_a_usage_error(fields: dict[str, Any]) -> None:
    try:
        out = chat_request(json.dumps({"model": "m", **fields}).encode())
    except UsageError:
        return
    assert isinstance(json.loads(out)["messages"], list)
