"""What Bedrock answers, whole and in streams, as chat completions."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import UpstreamError
from genaiops.domain import Usage
from genaiops.ports.providers import StreamPiece
from genaiops.providers.bedrock import Bedrock, BedrockStream
from tests.providers.bedrock_calls import (
    EVENTS,
    METADATA,
    PNG,
    REDACTED,
    START,
    THOUGHT,
    USAGE,
    USE,
    answered,
    block,
    call,
    framed,
    sent,
    stop,
)
from tests.providers.eventstreams import event, exception, message


def test_an_answer() -> None:
    from openai.types.chat import ChatCompletion

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
    from openai.types.chat import ChatCompletionChunk

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


def test_what_a_cache_keeps_for_an_hour() -> None:
    """`cacheDetails` tells writes by their ttl (TokenUsage of the Converse API); an older server does not."""
    details = [{"ttl": "1h", "inputTokens": 20}, {"ttl": "5m", "inputTokens": 10}]
    usage = {**USAGE, "cacheDetails": details}
    hour = Usage(10, 70, 10, 5, cache_write_1h=20)
    assert Bedrock().read(call(), answered({"text": "a"}, usage=usage)).usage == hour
    stream = Bedrock().stream(call(stream=True), filter_usage=True)
    feed(stream, framed([*EVENTS[:-1], ("metadata", {"usage": usage, "metrics": {"latencyMs": 5}})]), [])
    assert stream.finish().usage == hour
    more = {**usage, "cacheDetails": [{"ttl": "1h", "inputTokens": 99}]}
    assert Bedrock().read(call(), answered({"text": "a"}, usage=more)).usage == Usage(10, 70, 0, 5, cache_write_1h=30)


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
