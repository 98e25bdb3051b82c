"""Bedrock: chat and embeddings there and back, held against AWS's own description of its service."""

import base64
import json
import struct
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from genaiops.core.errors import UpstreamError, UsageError
from genaiops.domain import Operation, Target, Usage
from genaiops.ports.providers import CallBody, StreamPiece
from genaiops.providers import load
from genaiops.providers.bedrock import Bedrock, BedrockStream
from tests.providers.aws_shapes import check_answer, check_events, check_request
from tests.providers.eventstreams import event, exception, message

CLAUDE = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
PNG = base64.b64encode(b"\x89PNG").decode()
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def target(upstream_model: str = CLAUDE, **settings: str) -> Target:
    return Target(
        id="t",
        provider="bedrock",
        model="m",
        upstream_model=upstream_model,
        base_url="https://bedrock-runtime.eu-central-1.amazonaws.com",
        settings=settings,
        created_us=0,
    )


def call(operation: Operation = "chat", *, cap: int | None = None, **body: Any) -> CallBody:
    body = {"model": "m", **body}
    wants = bool(body.get("stream_options", {}).get("include_usage"))
    raw = json.dumps(body).encode()
    return CallBody(operation, raw, "m", bool(body.get("stream")), wants, cap, cap is not None)


def sent(place: Target | None = None, /, **body: Any) -> dict[str, Any]:
    """The body that goes out for a chat completion; AWS's client would send it, too."""
    body.setdefault("messages", [{"role": "user", "content": "Hi"}])
    asked = call(**body)
    place = place or target()
    found = json.loads(Bedrock().prepare(asked, place, None).body)
    operation = "ConverseStream" if asked.stream else "Converse"
    check_request("bedrock-runtime", operation, {"modelId": place.upstream_model, **found})
    return found


def user(*content: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(content)}]


# -- requests


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


# -- answers

USAGE = {"inputTokens": 10, "outputTokens": 5, "totalTokens": 115, "cacheReadInputTokens": 70}
USAGE["cacheWriteInputTokens"] = 30
THOUGHT = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "sig=="}}}
REDACTED = {"reasoningContent": {"redactedContent": "AAE="}}
USE = {"toolUse": {"toolUseId": "c1", "name": "look", "input": {"a": 1.5}}}


def answered(*content: Any, stop_reason: str = "end_turn", **more: Any) -> bytes:
    body = {
        "output": {"message": {"role": "assistant", "content": list(content)}},
        "stopReason": stop_reason,
        "usage": USAGE,
        "metrics": {"latencyMs": 5},
        **more,
    }
    check_answer("bedrock-runtime", "Converse", body)
    return json.dumps(body).encode()


def test_an_answer() -> None:
    answer = Bedrock().read(call(), answered(THOUGHT, REDACTED, {"text": "Well, "}, {"text": "look."}, USE))
    assert answer.usage == Usage(10, 70, 30, 5)
    assert answer.finish_reason == "stop"
    assert answer.body is not None
    completion = ChatCompletion.model_validate_json(answer.body, strict=True)
    assert completion.model == "m"
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.total_tokens) == (110, 115)
    assert json.loads(answer.body)["choices"][0]["message"] == {
        "role": "assistant",
        "content": "Well, look.",
        "reasoning_content": "Hm.",
        "thinking_blocks": [
            {"type": "thinking", "thinking": "Hm.", "signature": "sig=="},
            {"type": "redacted_thinking", "data": "AAE="},
        ],
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1.5}'}}],
    }


def test_thinking_and_tool_calls_come_back_as_they_were() -> None:
    content = [THOUGHT, REDACTED, {"text": "Look."}, USE]
    answer = Bedrock().read(call(), answered(*content, stop_reason="tool_use"))
    assert answer.body is not None
    said = json.loads(answer.body)["choices"][0]["message"]
    assert sent(messages=[{"role": "user", "content": "Hi"}, said])["messages"][1]["content"] == content


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("end_turn", "stop"),
        ("tool_use", "tool_calls"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("stop_sequence", "stop"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
    ],
)
def test_stop_reasons(reason: str, expected: str) -> None:
    assert Bedrock().read(call(), answered(USE, stop_reason=reason)).finish_reason == expected


def test_what_a_guardrail_found_is_told() -> None:
    trace = {"guardrail": {"actionReason": "Guardrail blocked."}}
    answer = Bedrock().read(call(), answered({"text": "No."}, stop_reason="guardrail_intervened", trace=trace))
    assert answer.body is not None
    assert json.loads(answer.body)["bedrock"] == {"stopReason": "guardrail_intervened", "trace": trace}


def test_citations_and_pictures() -> None:
    cited = {"citationsContent": {"content": [{"text": "So."}], "citations": [{"title": "A"}]}}
    picture = {"image": {"format": "png", "source": {"bytes": PNG}}}
    answer = Bedrock().read(call(), answered(cited, picture))
    assert answer.body is not None
    said = json.loads(answer.body)["choices"][0]["message"]
    assert (said["content"], said["citations"]) == ("So.", [{"title": "A"}])
    assert said["images"][0]["image_url"]["url"] == f"data:image/png;base64,{PNG}"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"\xff", b'{"message":"x"}', answered({"text": "x"}, stop_reason="malformed_tool_use")],
)
def test_what_is_no_answer_is_an_upstream_error(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        Bedrock().read(call(), body)


# -- streams


def block(index: int, **delta: Any) -> tuple[str, Any]:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": delta}


def stop(index: int) -> tuple[str, Any]:
    return "contentBlockStop", {"contentBlockIndex": index}


START = ("messageStart", {"role": "assistant"})
METADATA = ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 5}})
EVENTS = [
    START,
    block(0, reasoningContent={"text": "H"}),
    block(0, reasoningContent={"text": "m."}),
    block(0, reasoningContent={"signature": "sig=="}),
    stop(0),
    block(1, text="Caf\u00e9"),
    block(1, text="."),
    stop(1),
    ("contentBlockStart", {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "c1", "name": "look"}}}),
    block(2, toolUse={"input": '{"a"'}),
    block(2, toolUse={"input": ":1}"}),
    stop(2),
    ("contentBlockStart", {"contentBlockIndex": 3, "start": {"toolUse": {"toolUseId": "c2", "name": "look"}}}),
    stop(3),
    ("messageStop", {"stopReason": "tool_use"}),
    METADATA,
]
check_events("bedrock-runtime", "ConverseStream", EVENTS)


def framed(events: list[tuple[str, Any]]) -> bytes:
    return b"".join(event(kind, body) for kind, body in events)


def feed(stream: BedrockStream, data: bytes, cuts: list[int]) -> StreamPiece:
    out, content, error, done = b"", False, None, False
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in pairwise(places):
        piece = stream.feed(data[start:end])
        if piece is not None:
            out, content, done = out + piece.data, content or piece.content, done or piece.done
            error = error or piece.error
    return StreamPiece(out, content, error, done)


def chunks(data: bytes) -> list[dict[str, Any]]:
    events = [line.removeprefix(b"data: ") for line in data.split(b"\n\n") if line]
    assert events[-1] == b"[DONE]"
    for each in events[:-1]:
        ChatCompletionChunk.model_validate_json(each, strict=True)
    return [json.loads(each) for each in events[:-1]]


@given(st.lists(st.integers(0, 5000), max_size=12))
def test_a_stream_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    stream = Bedrock().stream(call(stream=True), filter_usage=False)
    piece = feed(stream, framed(EVENTS), cuts)
    assert (piece.content, piece.error, piece.done) == (True, None, True)
    found = chunks(piece.data)
    assert found[-1]["choices"] == []
    deltas = [chunk["choices"][0]["delta"] for chunk in found[:-1]]
    function = {"name": "look", "arguments": ""}
    assert deltas == [
        {"role": "assistant", "content": ""},
        {"reasoning_content": "H"},
        {"reasoning_content": "m."},
        {"thinking_blocks": [{"type": "thinking", "thinking": "Hm.", "signature": "sig=="}]},
        {"content": "Caf\u00e9"},
        {"content": "."},
        {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": function}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]},
        {"tool_calls": [{"index": 1, "id": "c2", "type": "function", "function": function}]},
        {},
    ]
    answer = stream.finish()
    assert (answer.usage, answer.finish_reason) == (Usage(10, 70, 30, 5), "tool_calls")
    assert stream.keep() == piece.data
    assert not stream.truncated


def test_usage_stays_with_the_gateway_when_nobody_asked() -> None:
    stream = Bedrock().stream(call(stream=True), filter_usage=True)
    assert all(chunk["choices"] for chunk in chunks(feed(stream, framed(EVENTS), []).data))
    assert stream.finish().usage == Usage(10, 70, 30, 5)


def test_redacted_thinking_streams() -> None:
    stream = Bedrock().stream(call(stream=True), filter_usage=True)
    events = [START, block(0, reasoningContent={"redactedContent": "AAE="}), stop(0), block(1, text="x")]
    found = chunks(feed(stream, framed([*events, ("messageStop", {"stopReason": "end_turn"}), METADATA]), []).data)
    assert found[1]["choices"][0]["delta"] == {"thinking_blocks": [{"type": "redacted_thinking", "data": "AAE="}]}


@pytest.mark.parametrize("before", [0, 1, 6])
def test_an_exception_in_a_stream_is_a_failure(before: int) -> None:
    stream = Bedrock().stream(call(stream=True), filter_usage=False)
    data = framed(EVENTS[:before]) + exception("throttlingException", "Slow down") + framed(EVENTS[before:])
    piece = feed(stream, data, [])
    assert piece.error == "throttlingException: Slow down"
    assert piece.content is (before == 6)
    assert not piece.done


def test_an_error_without_a_body_is_one_as_well() -> None:
    broken = message(b"", message_type="error", error_code="InternalFailure", error_message="Sorry")
    assert feed(Bedrock().stream(call(), filter_usage=True), broken, []).error == "InternalFailure: Sorry"


def test_a_malformed_output_at_the_end_is_a_failure() -> None:
    events = [START, block(0, text="x"), ("messageStop", {"stopReason": "malformed_model_output"})]
    piece = feed(Bedrock().stream(call(), filter_usage=True), framed(events), [])
    assert piece.error is not None
    assert "malformed_model_output" in piece.error


@pytest.mark.parametrize("data", [event("metadata", b"nonsense"), event("messageStop", [1]), b"x" * 20])
def test_garbage_in_a_stream_is_an_upstream_error(data: bytes) -> None:
    with pytest.raises(UpstreamError):
        Bedrock().stream(call(), filter_usage=True).feed(data)


def test_events_that_nobody_knows_are_passed_over() -> None:
    assert Bedrock().stream(call(), filter_usage=True).feed(event("novelty", {"a": 1})) is None


# -- embeddings


def embedded(model: str, **body: Any) -> Any:
    wire = Bedrock().prepare(call("embeddings", **body), target(model), None)
    assert wire.path.endswith(b"/invoke")
    return json.loads(wire.body)


TITAN = "amazon.titan-embed-text-v2:0"
COHERE = "cohere.embed-multilingual-v3"


def test_embedding_requests() -> None:
    assert embedded(TITAN, input=["a"], dimensions=256) == {"inputText": "a", "dimensions": 256}
    common = {"input_type": "search_document", "embedding_types": ["float"]}
    assert embedded(COHERE, input="a") == {"texts": ["a"], **common}
    assert embedded(COHERE, input=["a", "b"], input_type="clustering")["input_type"] == "clustering"
    assert embedded("us.cohere.embed-v4:0", input="a", dimensions=512)["output_dimension"] == 512


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (TITAN, {"input": ["a", "b"]}),
        (TITAN, {"input": []}),
        (TITAN, {"input": [1, 2]}),
        (COHERE, {"input": ["a"] * 97}),
        (COHERE, {"input": "a", "surprise": 1}),
        ("amazon.nova-embed", {"input": "a"}),
    ],
)
def test_embeddings_that_cannot_be_made_are_refused(model: str, body: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        embedded(model, **body)


def test_embedding_answers() -> None:
    titan = json.dumps({"embedding": [0.5, -1], "inputTextTokenCount": 3, "embeddingsByType": {}}).encode()
    answer = Bedrock().read(call("embeddings", input="a"), titan)
    assert answer.usage == Usage(3)
    assert answer.body is not None
    found = json.loads(answer.body)
    assert found["data"] == [{"object": "embedding", "index": 0, "embedding": [0.5, -1.0]}]
    packed = Bedrock().read(call("embeddings", input="a", encoding_format="base64"), titan).body
    assert packed is not None
    assert struct.unpack("<2f", base64.b64decode(json.loads(packed)["data"][0]["embedding"])) == (0.5, -1.0)


@pytest.mark.parametrize("vectors", [[[1.0], [2.0]], {"float": [[1.0], [2.0]]}])
def test_coheres_answers(vectors: Any) -> None:
    answer = Bedrock().read(call("embeddings", input=["a", "b"]), json.dumps({"embeddings": vectors}).encode())
    assert answer.usage is None
    assert answer.body is not None
    assert [each["embedding"] for each in json.loads(answer.body)["data"]] == [[1.0], [2.0]]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"embedding":"x"}'])
def test_an_answer_without_embeddings_is_an_upstream_error(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        Bedrock().read(call("embeddings", input="a"), body)


def test_it_is_on_the_menu() -> None:
    assert isinstance(load("bedrock"), Bedrock)
