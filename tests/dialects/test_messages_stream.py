"""Streams: cut anywhere they say the same, and what they say is what the whole answer says."""

import json
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from genaiops.core.errors import UpstreamError
from genaiops.dialects.messages import ChatStream, MessagesStream, answer_from_chat, answer_to_chat
from genaiops.domain import Usage
from tests.dialects.conversations import Json, answers, sse, streamed

cuts = st.lists(st.integers(0, 5000), max_size=12)


def pieces(data: bytes, places: list[int]) -> list[bytes]:
    ends = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(ends)]


def as_chat(data: bytes, places: list[int] | None = None, *, include_usage: bool = True) -> bytes:
    stream = ChatStream(created=5, include_usage=include_usage)
    return b"".join(stream.feed(piece) for piece in pieces(data, places or []))


def as_messages(data: bytes, places: list[int] | None = None) -> bytes:
    stream = MessagesStream("claude")
    return b"".join(stream.feed(piece) for piece in pieces(data, places or [])) + stream.end()


def chunks(data: bytes) -> list[Json]:
    lines = [event.removeprefix(b"data: ") for event in data.split(b"\n\n") if event]
    return [json.loads(line) for line in lines if line != b"[DONE]"]


def chat(*deltas: Json, finish: str | None = "stop", usage: Json | None = None) -> bytes:
    events: list[Json] = [{"id": "c1", "model": "m", "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    events.append({"id": "c1", "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    if usage is not None:
        events.append({"id": "c1", "choices": [], "usage": usage})
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"


def events_of(data: bytes) -> list[Json]:
    out: list[Json] = []
    for event in data.decode().split("\n\n"):
        if event:
            name, line = event.split("\n")
            body = json.loads(line.removeprefix("data: "))
            assert name == f"event: {body['type']}"
            out.append(body)
    return out


@cache
def _event() -> TypeAdapter[Any]:
    from anthropic.types import RawMessageStreamEvent

    return TypeAdapter(RawMessageStreamEvent)


def folded(data: bytes) -> Json:
    """The message as the official client puts it together from the events."""
    from anthropic.lib.streaming._messages import accumulate_event
    from anthropic.types import Message

    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    for event in events_of(data):
        if event["type"] != "ping":
            read = _event().validate_python(event)
            snapshot = accumulate_event(event=read, current_snapshot=snapshot, json_bufs=buffers)
    found: Json = Message.model_validate(snapshot.model_dump(warnings=False)).model_dump(exclude_none=True)
    return found


def collected(data: bytes) -> Json:
    """The completion as a client puts it together from the chunks: text joined, lists extended, calls by index."""
    from openai.types.chat import ChatCompletionChunk

    message: Json = {"role": "assistant", "content": None, "refusal": None}
    choice: Json = {"index": 0, "message": message, "logprobs": None}
    out: Json = {"object": "chat.completion", "choices": [choice]}
    calls: dict[int, Json] = {}
    for chunk in chunks(data):
        ChatCompletionChunk.model_validate(chunk)
        out |= {name: chunk[name] for name in ("id", "created", "model")}
        if chunk.get("usage"):
            out["usage"] = chunk["usage"]
        for part in chunk["choices"]:
            choice |= {name: part[name] for name in ("finish_reason", "stop_reason") if part.get(name)}
            delta = part["delta"]
            for name in ("content", "reasoning_content", "refusal"):
                if delta.get(name):
                    message[name] = (message.get(name) or "") + delta[name]
            if "thinking_blocks" in delta:
                message["thinking_blocks"] = message.get("thinking_blocks", []) + delta["thinking_blocks"]
            for call in delta.get("tool_calls", ()):
                known = calls.setdefault(call["index"], {"function": {"name": "", "arguments": ""}})
                known |= {name: call[name] for name in ("id", "type") if name in call}
                for name, text in call["function"].items():
                    known["function"][name] += text
    if calls:
        message["tool_calls"] = [calls[index] for index in sorted(calls)]
    return out


def same(completion: Json) -> Json:
    """Without differences that mean nothing: no text and empty text, the spaces in arguments."""
    message = completion["choices"][0]["message"]
    for name in ("content", "reasoning_content"):
        message[name] = message.get(name) or None
    for call in message.get("tool_calls", ()):
        call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    return completion


# -- Messages -> chat


@given(answers(), cuts, st.integers(1, 9))
def test_a_messages_stream_as_chat(answer: Json, places: list[int], size: int) -> None:
    data = streamed(answer, size)
    whole = as_chat(data)
    assert as_chat(data, places) == whole
    assert whole.endswith(b"data: [DONE]\n\n")
    assert same(collected(whole)) == same(json.loads(answer_to_chat(json.dumps(answer).encode(), created=5)))


@given(answers(), cuts, cuts)
def test_there_and_back_is_the_same_stream_to_the_client(answer: Json, there: list[int], back: list[int]) -> None:
    from anthropic.types import Message

    chat_stream = as_chat(streamed(answer), there)
    events = as_messages(chat_stream, back)
    assert events == as_messages(chat_stream)
    assert folded(events) == Message.model_validate(answer).model_dump(exclude_none=True)


def test_usage_comes_only_when_it_was_asked_for() -> None:
    usage = {"input_tokens": 3, "cache_read_input_tokens": 2, "cache_creation_input_tokens": 1, "output_tokens": 4}
    answer: Json = {"id": "m", "model": "c", "content": [], "stop_reason": "end_turn", "stop_sequence": None}
    answer["usage"] = usage
    assert not [chunk for chunk in chunks(as_chat(streamed(answer), include_usage=False)) if "usage" in chunk]
    asked = chunks(as_chat(streamed(answer)))
    assert [chunk["usage"] for chunk in asked[:-1]] == [None] * (len(asked) - 1)
    assert asked[-1]["choices"] == []
    assert asked[-1]["usage"]["prompt_tokens"] == 6


def test_an_error_in_a_stream_is_one_in_chat_and_ends_it() -> None:
    stream = ChatStream(created=0, include_usage=True)
    out = stream.feed(sse("error", error={"type": "overloaded_error", "message": "Overloaded"}) + sse("ping"))
    assert chunks(out)[0]["error"]["message"] == "Overloaded"
    assert stream.done
    assert stream.feed(sse("message_stop")) == b""


def test_a_tool_without_input_has_an_object_of_arguments() -> None:
    start = sse("message_start", message={"id": "m", "model": "c"})
    block = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    out = start + sse("content_block_start", index=0, content_block=block) + sse("content_block_stop", index=0)
    assert collected(as_chat(out))["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == "{}"


@pytest.mark.parametrize(
    "data",
    [
        b"data: x\n\n",
        b"data: 5\n\n",
        b'data: {"no":"type"}\n\n',
        sse("content_block_start", index=0, content_block={"type": "text", "text": "early"}),
        sse("message_start", message={"id": "m"})
        + sse("content_block_start", index=0, content_block={"type": "web_search_tool_result"}),
    ],
)
def test_garbage_in_a_messages_stream_is_an_upstream_error(data: bytes) -> None:
    with pytest.raises(UpstreamError):
        as_chat(data)


# -- chat -> Messages


def test_a_chat_stream_as_events() -> None:
    data = chat(
        {"role": "assistant", "content": ""},
        {"content": "Hel"},
        {"content": "lo"},
        {"tool_calls": [{"index": 0, "id": "t1", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"x":'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]},
        finish="tool_calls",
        usage={"prompt_tokens": 10, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 6}},
    )
    events = events_of(as_messages(b": hello\n\n" + data))
    assert [event["type"] for event in events] == [
        "ping",
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert [event["index"] for event in events if "index" in event] == [0, 0, 0, 0, 1, 1, 1, 1]
    last = events[-2]
    assert last["delta"]["stop_reason"] == "tool_use"
    assert (last["usage"]["input_tokens"], last["usage"]["cache_read_input_tokens"]) == (4, 6)


DELTAS = st.one_of(
    st.builds(lambda text: {"content": text}, st.text(max_size=5)),
    st.builds(lambda text: {"reasoning_content": text}, st.text(max_size=5)),
    st.builds(lambda text: {"reasoning": text}, st.text(max_size=5)),
)


@given(st.lists(DELTAS, max_size=8), st.sampled_from(["stop", "length", "content_filter"]), cuts)
def test_a_chat_stream_says_what_the_whole_answer_says(deltas: list[Json], finish: str, places: list[int]) -> None:
    from anthropic.types import Message

    deltas.sort(key=lambda delta: "content" in delta)  # a whole answer has its reasoning first
    usage = {"prompt_tokens": 5, "completion_tokens": 7}
    data = chat(*deltas, finish=finish, usage=usage)
    events = as_messages(data, places)
    thought = "".join(text for delta in deltas for name, text in delta.items() if name != "content")
    message = {"content": "".join(delta.get("content", "") for delta in deltas), "reasoning_content": thought}
    body = {"id": "c1", "choices": [{"message": message, "finish_reason": finish}], "usage": usage}
    whole = json.loads(answer_from_chat(json.dumps(body).encode(), "claude"))
    assert folded(events) == Message.model_validate(whole).model_dump(exclude_none=True)


def test_several_calls_with_and_without_an_index() -> None:
    first = {"id": "a", "function": {"name": "f", "arguments": "{}"}}
    second = {"id": "b", "function": {"name": "g", "arguments": '{"y":2}'}}
    numbered = [{**first, "index": 0}, {**second, "index": 1}]
    for data in (chat({"tool_calls": numbered}), chat({"tool_calls": [first]}, {"tool_calls": [second]})):
        content = folded(as_messages(data))["content"]
        assert [(block["id"], block["name"], block["input"]) for block in content] == [
            ("a", "f", {}),
            ("b", "g", {"y": 2}),
        ]


def test_what_events_cannot_say_is_an_upstream_error() -> None:
    call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}}
    again = {"index": 0, "function": {"arguments": "}"}}
    with pytest.raises(UpstreamError):
        as_messages(chat({"tool_calls": [call]}, {"content": "x"}, {"tool_calls": [again]}))
    with pytest.raises(UpstreamError):
        as_messages(chat({"tool_calls": [{"index": 0, "id": "a", "function": {"arguments": "{"}}]}))
    with pytest.raises(UpstreamError):
        as_messages(b"data: {]\n\n")


def test_thinking_in_pieces_that_repeat_what_reasoning_says() -> None:
    """As other gateways stream it: each piece twice, the signature at the end."""
    data = chat(
        {"reasoning_content": "A", "thinking_blocks": [{"type": "thinking", "thinking": "A"}]},
        {"reasoning_content": "B", "thinking_blocks": [{"type": "thinking", "thinking": "B"}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "", "signature": "sig"}]},
        {"content": "x"},
    )
    assert folded(as_messages(data))["content"] == [
        {"type": "thinking", "thinking": "AB", "signature": "sig"},
        {"type": "text", "text": "x"},
    ]


def test_an_error_event_has_anthropics_form_and_ends_the_stream() -> None:
    stream = MessagesStream("claude")
    out = stream.feed(b'data: {"error":{"message":"slow down","type":"rate_limit_error"}}\n\n')
    assert events_of(out) == [{"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}]
    assert stream.done
    assert stream.end() == b""


def test_a_stream_that_just_ends_is_closed_with_the_usage_that_was_counted() -> None:
    stream = MessagesStream("claude")
    out = stream.feed(chat({"content": "x"}).removesuffix(b"data: [DONE]\n\n"))
    assert b"message_stop" not in out
    closed = events_of(stream.end(Usage(9, 0, 0, 2)))
    assert [event["type"] for event in closed] == ["content_block_stop", "message_delta", "message_stop"]
    assert closed[1]["usage"]["input_tokens"] == 9


@given(st.binary(max_size=200), cuts)
def test_no_bytes_raise_anything_else(data: bytes, places: list[int]) -> None:
    for translate in (as_chat, as_messages):
        try:
            translate(data + b"\n\n", places)
        except UpstreamError:
            pass


@pytest.mark.parametrize("ending", [b"\r\n", b"\n", b"\r"])
def test_all_line_endings_of_the_standard_are_understood(ending: bytes) -> None:
    data = chat({"content": "x"}).replace(b"\n", ending)
    stream = MessagesStream("claude")
    out = b"".join(stream.feed(data[at : at + 1]) for at in range(len(data))) + stream.end()
    assert out == as_messages(chat({"content": "x"}))
