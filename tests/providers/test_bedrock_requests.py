"""What goes out to Bedrock for a chat completion."""

import json
from typing import Any

import pytest

from genaiops.core.errors import UsageError
from genaiops.ports.providers import CallBody
from genaiops.providers.bedrock import Bedrock
from tests.providers.bedrock_calls import CLAUDE, NOW, PNG, call, sent, target, user


def test_text_and_parameters() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi", "name": "ann"},
        {"role": "assistant", "content": "Hello."},
        {"role": "developer", "content": [{"type": "text", "text": "In German."}]},
        {"role": "user", "content": [{"type": "text", "text": "And?"}, {"type": "text", "text": " "}]},
    ]
    asked = {"max_completion_tokens": 9, "temperature": 1, "top_p": 0.5, "stop": "END", "user": "u", "n": 1}
    found = sent(messages=messages, frequency_penalty=0, logprobs=None, service_tier="flex", **asked)
    assert found == {
        "system": [{"text": "Be brief."}, {"text": "In German."}],
        "messages": [
            {"role": "user", "content": [{"text": "Hi"}]},
            {"role": "assistant", "content": [{"text": "Hello."}]},
            {"role": "user", "content": [{"text": "And?"}]},
        ],
        "inferenceConfig": {"maxTokens": 9, "temperature": 1.0, "topP": 0.5, "stopSequences": ["END"]},
        "serviceTier": {"type": "flex"},
    }


def test_the_injected_cap_is_the_cap() -> None:
    asked = call(messages=[], cap=7)
    assert json.loads(Bedrock().prepare(asked, target(), None).body)["inferenceConfig"] == {"maxTokens": 7}


TOOL = {"type": "function", "function": {"name": "look", "description": "Look.", "parameters": {"b": 1, "a": [2]}}}


def test_tools_and_their_results() -> None:
    calls = [
        {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"z": 1.50, "a": 2}'}},
        {"id": "c2", "type": "function", "function": {"name": "look", "arguments": ""}},
    ]
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    messages = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "c1", "content": "One"},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "Two"}, picture]},
        {"role": "user", "content": "Well?"},
    ]
    found = sent(messages=messages, tools=[TOOL, TOOL], tool_choice="required")
    turns = found["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert turns[1]["content"] == [
        {"toolUse": {"toolUseId": "c1", "name": "look", "input": {"z": 1.5, "a": 2}}},
        {"toolUse": {"toolUseId": "c2", "name": "look", "input": {}}},
    ]
    image = {"image": {"format": "png", "source": {"bytes": PNG}}}
    assert turns[2]["content"] == [
        {"toolResult": {"toolUseId": "c1", "content": [{"text": "One"}]}},
        {"toolResult": {"toolUseId": "c2", "content": [{"text": "Two"}, image]}},
        {"text": "Well?"},
    ]
    spec = {"name": "look", "description": "Look.", "inputSchema": {"json": {"b": 1, "a": [2]}}}
    assert found["toolConfig"] == {"tools": [{"toolSpec": spec}] * 2, "toolChoice": {"any": {}}}


def test_arguments_and_schemas_keep_their_bytes() -> None:
    arguments = '{"z":1.50,"a":"\\u00e9"}'
    calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}]
    raw = b'{"model":"m","messages":%b,"tools":[{"type":"function","function":{"name":"f","parameters":{"q":1.0e2}}}]}'
    body = raw % json.dumps([{"role": "assistant", "tool_calls": calls}]).encode()
    out = Bedrock().prepare(CallBody("chat", body, "m", False, False, None, False), target(), None).body
    assert arguments.encode() in out
    assert b'{"q":1.0e2}' in out


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", {"auto": {}}),
        ({"type": "function", "function": {"name": "look"}}, {"tool": {"name": "look"}}),
        (None, None),
    ],
)
def test_tool_choice(choice: Any, expected: Any) -> None:
    assert sent(tools=[TOOL], tool_choice=choice)["toolConfig"].get("toolChoice") == expected


def test_no_tools_for_tool_choice_none() -> None:
    assert "toolConfig" not in sent(tools=[TOOL], tool_choice="none")


def test_cache_marks_stay_where_they_stood() -> None:
    mark: dict[str, Any] = {"cache_control": {"type": "ephemeral"}}
    long: dict[str, Any] = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    messages = [
        {"role": "system", "content": [{"type": "text", "text": "S", **long}]},
        *user({"type": "text", "text": "A", **mark}, {"type": "text", "text": "B"}),
        {"role": "assistant", "content": "C", **mark},
        {"role": "tool", "tool_call_id": "x", "content": [{"type": "text", "text": "R", **mark}]},
    ]
    found = sent(messages=messages, tools=[TOOL, {**TOOL, **mark}])
    point = {"cachePoint": {"type": "default"}}
    assert found["system"] == [{"text": "S"}, {"cachePoint": {"type": "default", "ttl": "1h"}}]
    assert found["messages"][0]["content"] == [{"text": "A"}, point, {"text": "B"}]
    assert found["messages"][1]["content"] == [{"text": "C"}, point]
    assert found["messages"][2]["content"] == [{"toolResult": {"toolUseId": "x", "content": [{"text": "R"}]}}, point]
    assert found["toolConfig"]["tools"][2] == point
    assert len(found["toolConfig"]["tools"]) == 3


def test_pictures_sound_and_documents() -> None:
    content = user(
        {"type": "image_url", "image_url": {"url": f"data:image/jpg;base64,{PNG}", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "s3://bucket/a.webp"}},
        {"type": "input_audio", "input_audio": {"data": PNG, "format": "wav"}},
        {"type": "file", "file": {"filename": "q3_report.v2.pdf", "file_data": f"data:application/pdf;base64,{PNG}"}},
    )[0]["content"]
    assert sent(messages=user(*content))["messages"][0]["content"] == [
        {"image": {"format": "jpeg", "source": {"bytes": PNG}}},
        {"image": {"format": "webp", "source": {"s3Location": {"uri": "s3://bucket/a.webp"}}}},
        {"audio": {"format": "wav", "source": {"bytes": PNG}}},
        {"document": {"format": "pdf", "name": "q3-report-v2", "source": {"bytes": PNG}}},
    ]


def test_a_json_schema_and_efforts() -> None:
    schema = {"name": "s", "schema": {"type": "object"}, "strict": True}
    found = sent(response_format={"type": "json_schema", "json_schema": schema}, reasoning_effort="high")
    text = {"type": "json_schema", "structure": {"jsonSchema": {"schema": '{"type": "object"}', "name": "s"}}}
    assert found["outputConfig"] == {"effort": "high", "textFormat": text}


def test_anthropics_own_parameters_go_to_its_models_only() -> None:
    thinking = {"type": "enabled", "budget_tokens": 2000}
    found = sent(thinking=thinking, top_k=5, additionalModelRequestFields={"x": 1})
    assert found["additionalModelRequestFields"] == {"thinking": thinking, "top_k": 5, "x": 1}
    with pytest.raises(UsageError, match="thinking"):
        sent(target("amazon.nova-pro-v1:0"), thinking=thinking)


def test_the_targets_guardrail_stands_over_the_clients() -> None:
    own = {"guardrailConfig": {"guardrailIdentifier": "mine", "guardrailVersion": "1"}}
    assert sent(**own)["guardrailConfig"] == own["guardrailConfig"]
    place = target(guardrail_id="ours", guardrail_version="3", guardrail_trace="enabled", guardrail_stream_mode="sync")
    found = {"guardrailIdentifier": "ours", "guardrailVersion": "3", "trace": "enabled"}
    assert sent(place, **own)["guardrailConfig"] == found
    assert sent(place, stream=True)["guardrailConfig"] == {**found, "streamProcessingMode": "sync"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"n": 2}, "n"),
        ({"seed": 1}, "seed"),
        ({"logprobs": True}, "logprobs"),
        ({"presence_penalty": 0.5}, "presence_penalty"),
        ({"parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"surprise": 1}, "surprise"),
        ({"reasoning_effort": "minimal"}, "reasoning_effort"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"tools": [{"type": "custom"}]}, "tools"),
        ({"messages": user({"type": "image_url", "image_url": {"url": "https://x/y.png"}})}, "messages"),
        ({"messages": user({"type": "image_url", "image_url": {"url": "data:image/bmp;base64,AA=="}})}, "messages"),
        ({"messages": user({"type": "image_url", "image_url": {"url": "data:image/png;base64,!"}})}, "messages"),
        ({"messages": user({"type": "video_url"})}, "messages"),
        ({"messages": user({"type": "file", "file": {"file_id": "f"}})}, "messages"),
        (
            {"messages": [{"role": "assistant", "function_call": {"name": "f", "arguments": ""}}]},
            "messages.function_call",
        ),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages"),
        (
            {
                "messages": [
                    {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "[1]"}}]}
                ]
            },
            "messages",
        ),
        (
            {
                "messages": [{"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f"}}]}],
                "tools": [TOOL],
                "tool_choice": "none",
            },
            "tool_choice",
        ),
    ],
)
def test_what_cannot_be_said_is_named(body: dict[str, Any], field: str) -> None:
    with pytest.raises(UsageError) as raised:
        sent(**body)
    assert raised.value.param == field
    assert raised.value.remedy


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"messages":{}}', b'{"messages":[{"role":"x"}]}', b"\xff"])
def test_what_is_no_chat_completion_is_refused(raw: bytes) -> None:
    with pytest.raises(UsageError):
        Bedrock().prepare(CallBody("chat", raw, "m", False, False, None, False), target(), None)


def test_text_completions_are_refused() -> None:
    with pytest.raises(UsageError, match="text completions"):
        Bedrock().prepare(call("text_completion", prompt="x"), target(), None)


@pytest.mark.parametrize(
    ("model", "path"),
    [
        (CLAUDE, b"/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"),
        (
            "arn:aws:bedrock:us-east-1:1:application-inference-profile/ab",
            b"/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aapplication-inference-profile%2Fab/converse",
        ),
    ],
)
def test_the_path_names_the_model(model: str, path: bytes) -> None:
    wire = Bedrock(lambda: NOW).prepare(call(messages=[]), target(model), "AKIDEXAMPLEEXAMPLE00:s")
    assert (wire.method, wire.path) == (b"POST", path)
    authorization = dict(wire.headers)[b"authorization"]
    assert b"Credential=AKIDEXAMPLEEXAMPLE00/20260102/eu-central-1/bedrock/aws4_request" in authorization
    streamed = Bedrock().prepare(call(messages=[], stream=True), target(model), None)
    assert streamed.path == path + b"-stream"
    assert streamed.filter_usage
