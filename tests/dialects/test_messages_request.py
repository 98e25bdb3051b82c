"""Requests: Messages said as chat, and there and back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import UsageError
from genaiops.dialects.messages import chat_request, request_from_chat
from tests.dialects.conversations import HELLO, Json, meaning, requests, to_chat, to_messages, values

PNG = {"type": "base64", "media_type": "image/png", "data": "AAAA"}


def user(*blocks: Json) -> Json:
    return {**HELLO, "messages": [{"role": "user", "content": list(blocks)}]}


def assistant(*blocks: Json) -> Json:
    return to_chat({**HELLO, "messages": [*HELLO["messages"], {"role": "assistant", "content": list(blocks)}]})


# -- there and back


@given(requests())
def test_there_and_back_means_the_same(request: Json) -> None:
    back = to_messages(to_chat(request))
    assert meaning(back) == meaning(request)


@given(requests())
def test_chat_without_extensions_has_only_what_openai_documents(request: Json) -> None:
    request.pop("top_k", None)
    request["messages"].append({"role": "user", "content": "more"})
    chat = to_chat(request, strict=True)
    text = json.dumps([chat["messages"], chat.get("tools")])
    assert '"cache_control"' not in text
    assert '"thinking_blocks"' not in text
    assert '"reasoning_content"' not in text
    for message in chat["messages"]:
        if message["role"] == "tool" and isinstance(message["content"], list):
            assert {part["type"] for part in message["content"]} == {"text"}


@given(st.dictionaries(st.sampled_from([*HELLO, "tools", "system", "thinking", "output_config"]), values))
def test_no_request_makes_anything_but_a_usage_error(fields: Json) -> None:
    for translate in (to_chat, to_messages):
        try:
            translate({**HELLO, **fields})
        except UsageError:
            pass


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b"\xff", b'{"model":', b"[" * 5000])
def test_what_is_no_object_is_a_usage_error(body: bytes) -> None:
    with pytest.raises(UsageError):
        chat_request(body)
    with pytest.raises(UsageError):
        request_from_chat(body, model="m", max_tokens=1)


# -- Messages -> chat


CONVERSATION: Json = {
    **HELLO,
    "system": "Be brief.",
    "stream": True,
    "stop_sequences": ["END"],
    "metadata": {"user_id": "u1"},
    "tools": [{"name": "weather", "description": "d", "input_schema": {"type": "object"}}],
    "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
    "messages": [
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Look.", "signature": "sig"},
                {"type": "text", "text": "One moment."},
                {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"place": "Bern"}},
                {"type": "tool_use", "id": "toolu_2", "name": "weather", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"},
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": "no place", "is_error": True},
                {"type": "text", "text": "And?"},
            ],
        },
    ],
}


def test_a_conversation_with_tools_as_chat() -> None:
    assert to_chat(CONVERSATION) == {
        "model": "claude",
        "max_tokens": 100,
        "stream": True,
        "stream_options": {"include_usage": True},
        "stop": ["END"],
        "user": "u1",
        "tools": [
            {"type": "function", "function": {"name": "weather", "description": "d", "parameters": {"type": "object"}}}
        ],
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": "One moment.",
                "reasoning_content": "Look.",
                "thinking_blocks": [{"type": "thinking", "thinking": "Look.", "signature": "sig"}],
                "tool_calls": [
                    {
                        "id": "toolu_1",
                        "type": "function",
                        "function": {"name": "weather", "arguments": '{"place":"Bern"}'},
                    },
                    {"id": "toolu_2", "type": "function", "function": {"name": "weather", "arguments": "{}"}},
                ],
            },
            {"role": "tool", "tool_call_id": "toolu_1", "content": "sunny"},
            {"role": "tool", "tool_call_id": "toolu_2", "content": "[tool error]\nno place"},
            {"role": "user", "content": "And?"},
        ],
    }


def test_cache_marks_and_the_order_of_tools_stay() -> None:
    mark = {"type": "ephemeral"}
    tools = [{"name": name, "input_schema": {"type": "object"}} for name in ("z", "a", "m")]
    tools[1]["cache_control"] = mark
    request = {**HELLO, "tools": tools, "system": [{"type": "text", "text": "s", "cache_control": mark}]}
    chat = to_chat(request)
    assert [tool["function"]["name"] for tool in chat["tools"]] == ["z", "a", "m"]
    assert [tool.get("cache_control") for tool in chat["tools"]] == [None, mark, None]
    assert chat["messages"][0]["content"] == [{"type": "text", "text": "s", "cache_control": mark}]


def test_images_and_documents_as_chat_parts() -> None:
    chat = to_chat(
        user(
            {"type": "image", "source": PNG},
            {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
            {
                "type": "document",
                "title": "r.pdf",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"},
            },
        )
    )
    assert chat["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
        {"type": "file", "file": {"filename": "r.pdf", "file_data": "data:application/pdf;base64,JVBE"}},
    ]


def test_an_image_in_a_result_follows_it_where_the_server_is_strict() -> None:
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image", "source": PNG}]}
    kept = to_chat(user(result))["messages"]
    assert kept[0]["content"][0]["type"] == "image_url"
    moved = to_chat(user(result), strict=True)["messages"]
    assert [message["role"] for message in moved] == ["tool", "user"]
    assert isinstance(moved[0]["content"], str)
    assert moved[1]["content"][1]["image_url"]["url"].startswith("data:image/png")


def test_the_cap_has_the_name_that_is_asked_for() -> None:
    assert to_chat(HELLO, cap_field="max_completion_tokens")["max_completion_tokens"] == 100
    assert not {"max_tokens", "max_completion_tokens"} & set(to_chat(HELLO, cap_field=None))


@pytest.mark.parametrize(
    ("fields", "effort"),
    [
        ({}, None),
        ({"thinking": {"type": "disabled"}}, "none"),
        ({"thinking": {"type": "adaptive", "display": "summarized"}}, None),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, "max"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "minimal"),
        ({"thinking": {"type": "enabled", "budget_tokens": 10240}}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1_000_000}}, "max"),
        ({"output_config": {"effort": "low"}}, "low"),
    ],
)
def test_thinking_as_an_effort(fields: Json, effort: str | None) -> None:
    assert to_chat({**HELLO, **fields}).get("reasoning_effort") == effort


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"container": "c"}, "container"),
        ({"mcp_servers": [{}]}, "mcp_servers"),
        ({"inference_geo": "eu"}, "inference_geo"),
        ({"speed": "fast"}, "speed"),
        ({"never_heard_of": 1}, "never_heard_of"),
        ({"metadata": {"other": 1}}, "metadata.other"),
        ({"tools": [{"type": "web_search_20260318", "name": "web_search"}]}, "tools.0.type"),
        ({"tools": [{"name": "f", "input_schema": {}, "input_examples": [{}]}]}, "tools.0.input_examples"),
        ({"tool_choice": {"type": "some"}}, "tool_choice.type"),
        ({"thinking": {"type": "between_tools"}}, "thinking.type"),
        ({"output_config": {"format": {"type": "grammar"}}}, "output_config.format.type"),
        ({"output_config": {"task_budget": 5}}, "output_config.task_budget"),
        ({"system": [{"type": "image", "source": PNG}], "messages": [{"role": "robot"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": [7]}, "messages.0"),
    ],
)
def test_what_chat_cannot_say_is_named(fields: Json, param: str) -> None:
    with pytest.raises(UsageError) as caught:
        to_chat({**HELLO, **fields})
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("block", "param"),
    [
        ({"type": "search_result", "content": []}, "type"),
        ({"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}}, "source.type"),
        ({"type": "document", "source": {"type": "file", "file_id": "f"}}, "source.type"),
        (
            {"type": "document", "citations": {"enabled": True}, "source": {"type": "text", "data": "x"}},
            "citations.enabled",
        ),
        ({"type": "document", "context": "c", "source": {"type": "text", "data": "x"}}, "context"),
        ({"type": "image", "source": {"type": "file", "file_id": "f"}}, "source.type"),
        ({"type": "text"}, "text"),
        ({"type": "text", "text": 5}, "text"),
        ({"text": "x"}, "type"),
        ({"type": "tool_result", "content": "x"}, "tool_use_id"),
        ({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "search_result"}]}, "content.0.type"),
    ],
)
def test_a_block_that_chat_cannot_carry_is_named(block: Json, param: str) -> None:
    with pytest.raises(UsageError) as caught:
        to_chat(user(block))
    assert caught.value.param == f"messages.0.content.0.{param}"


def test_a_strict_server_gets_no_top_k_and_no_prefill() -> None:
    for fields, param in (
        ({"top_k": 5}, "top_k"),
        ({"messages": [*HELLO["messages"], {"role": "assistant", "content": "So"}]}, "messages"),
    ):
        assert to_chat({**HELLO, **fields})
        with pytest.raises(UsageError) as caught:
            to_chat({**HELLO, **fields}, strict=True)
        assert caught.value.param == param


def test_thinking_without_a_signature_is_text_only() -> None:
    said = assistant({"type": "thinking", "thinking": "hm", "signature": ""}, {"type": "text", "text": "x"})
    assert said["messages"][1] == {"role": "assistant", "content": "x", "reasoning_content": "hm"}


def test_hints_are_left_out() -> None:
    tool: Json = {
        "name": "f",
        "input_schema": {"type": "object"},
        "eager_input_streaming": True,
        "defer_loading": False,
    }
    hints: Json = {
        "service_tier": "auto",
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "diagnostics": {"previous_message_id": "msg_1"},
        "speed": "standard",
        "stream": False,
    }
    plain = to_chat({**HELLO, "tools": [{"name": "f", "input_schema": {"type": "object"}}]})
    assert to_chat({**HELLO, **hints, "tools": [tool]}) == plain
