"""Responses at targets that speak it: what goes out, what is read of what comes back, wherever the stream is cut."""

import json
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import ConfigError, UpstreamError, UsageError
from genaiops.dialects.responses import ResponsesStream, answer_from_chat
from genaiops.domain import Target, Usage
from genaiops.ports.providers import CallBody, StreamPiece
from genaiops.providers.openai import request_headers
from genaiops.providers.openai_responses import ResponsesNativeStream, prepare, read, speaks_responses
from tests.dialects.responses_shapes import CUTS, FINISHES, MESSAGES, completion, request, stream_of


def target(**facts: Any) -> Target:
    known: dict[str, Any] = {
        "id": "t",
        "provider": "openai",
        "model": "gpt",
        "upstream_model": "gpt",
        "base_url": "https://api.openai.com/v1",
    }
    return Target(**{**known, **facts}, created_us=0)


def call(raw: bytes, *, cap: int | None = None) -> CallBody:
    body = json.loads(raw)
    stream = bool(body.get("stream"))
    inject = cap is not None
    return CallBody("chat", raw, body["model"], stream, True, cap, inject, "genaiops" in body, "responses")


PLAIN = b'{ "input":"caf\\u00e9 \xe2\x82\xac",  "model":"gpt" , "temperature": 1.50,"x":null }'


def test_a_body_that_needs_no_change_goes_out_byte_for_byte() -> None:
    headers = request_headers(target(), "k")
    wire = prepare(call(PLAIN), target(), headers)
    assert (wire.method, wire.path, wire.headers, wire.filter_usage) == (b"POST", b"/responses", headers, False)
    assert wire.body is PLAIN


def test_only_what_must_change_changes_and_order_and_bytes_stay() -> None:
    body = prepare(call(PLAIN, cap=7), target(upstream_model="real"), ()).body
    assert body == (
        b'{"input":"caf\\u00e9 \xe2\x82\xac","model":"real","temperature":1.50,"x":null,"max_output_tokens":7}'
    )
    ours = b'{"model":"gpt","input":"x","genaiops":{"session":"s"}}'
    assert prepare(call(ours), target(), ()).body == b'{"model":"gpt","input":"x"}'


def test_a_call_in_the_background_is_refused() -> None:
    with pytest.raises(UsageError) as refused:
        prepare(call(b'{"model":"gpt","input":"x","background":true}'), target(), ())
    assert refused.value.param == "background"
    quiet = b'{"model":"gpt","input":"the word \\"background\\": true","background":false}'
    assert prepare(call(quiet), target(), ()).body is quiet


def test_which_targets_speak_it() -> None:
    assert speaks_responses(target())
    assert not speaks_responses(target(base_url="http://127.0.0.1:8000/v1"))
    assert not speaks_responses(target(base_url="https://api.openai.com.evil.example/v1"))
    assert not speaks_responses(target(base_url=None))
    assert speaks_responses(target(base_url="http://u/v1", settings={"responses": "native"}))
    assert not speaks_responses(target(settings={"responses": "chat"}))
    with pytest.raises(ConfigError, match="'native' or 'chat'"):
        speaks_responses(target(settings={"responses": "yes"}))


def response(**fields: Any) -> Any:
    return {"id": "resp_1", "model": "gpt-1", "status": "completed", "output": [], "error": None, **fields}


def item(kind: str, **fields: Any) -> dict[str, Any]:
    return {"id": "i", "type": kind, **fields}


THOUGHT = {"reasoning_tokens": 9}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"input_tokens": 10, "output_tokens": 4}, Usage(10, 0, 0, 4, 0)),
        (
            {
                "input_tokens": 10,
                "input_tokens_details": {"cached_tokens": 6, "cache_write_tokens": 3},
                "output_tokens": 4,
                "output_tokens_details": {"reasoning_tokens": 3},
                "total_tokens": 14,
            },
            Usage(1, 6, 3, 1, 3),
        ),
        ({"input_tokens": 5, "input_tokens_details": {"cached_tokens": 50}}, Usage(0, 5)),
        ({"input_tokens": 5, "output_tokens": 1, "output_tokens_details": THOUGHT}, Usage(5, 0, 0, 0, 1)),
        ({"input_tokens": -5, "output_tokens": 4}, None),
        ("many", None),
        (None, None),
    ],
)  # fmt: skip
def test_usage_goes_into_buckets_that_exclude_each_other(usage: Any, expected: Usage | None) -> None:
    assert read(json.dumps(response(usage=usage)).encode()).usage == expected


@pytest.mark.parametrize(
    ("fields", "finish"),
    [
        ({}, "stop"),
        ({"output": [item("function_call", name="f", arguments="{}")]}, "tool_calls"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ({"status": "in_progress"}, None),
    ],
)
def test_how_it_ended_is_said_in_chats_words(fields: Any, finish: str | None) -> None:
    found = read(json.dumps(response(**fields)).encode())
    assert (found.finish_reason, found.response_id, found.response_model) == (finish, "resp_1", "gpt-1")
    assert found.body is None


def test_an_answer_without_usage_has_its_text_for_the_estimate() -> None:
    output = [
        item("reasoning", summary=[{"type": "summary_text", "text": "Hm."}]),
        item("message", content=[{"type": "output_text", "text": "Hi"}, {"type": "refusal", "refusal": "No."}]),
        item("function_call", name="f", arguments='{"a":1}'),
        item("of_tomorrow", content={"text": "new"}, name=3),
    ]
    text = read(json.dumps(response(output=output)).encode()).text
    for said in ("Hm.", "Hi", "No.", "f", '{"a":1}', "new"):
        assert said in text


@pytest.mark.parametrize(
    "body",
    [b"", b"nonsense", b"[]", b"{}", b"\xff", b'{"error":{"message":"no"},"output":[]}', b'{"output":3}',
     b'{"status":"failed","output":[]}', b'{"status":"cancelled","output":[]}', b'{"choices":[]}'],
)  # fmt: skip
def test_what_is_no_answer_is_an_upstream_error(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        read(body)


def events(*found: Any) -> bytes:
    return b"".join(b"event: %b\ndata: %b\n\n" % (one["type"].encode(), json.dumps(one).encode()) for one in found)


def feed(stream: ResponsesNativeStream, data: bytes, cuts: Iterable[int] = ()) -> StreamPiece:
    """All pieces as one."""
    out, content, done, error = b"", False, False, None
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in pairwise(places):
        piece = stream.feed(data[start:end])
        if piece is not None:
            out, content, done = out + piece.data, content or piece.content, done or piece.done
            error = error or piece.error
    return StreamPiece(out, content, error, done)


USAGE = {"input_tokens": 3, "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 1}}
BEGIN = [
    {"type": "response.created", "response": response(status="in_progress")},
    {"type": "response.in_progress", "response": response(status="in_progress")},
    {"type": "response.output_item.added", "output_index": 0, "item": item("message", content=[])},
]
DELTA = {"type": "response.output_text.delta", "item_id": "i", "delta": "Hi €"}
STREAM = b": hello\n\n" + events(*BEGIN, DELTA, {"type": "response.completed", "response": response(usage=USAGE)})


@given(CUTS)
def test_a_stream_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    stream = ResponsesNativeStream()
    assert feed(stream, STREAM, cuts) == StreamPiece(STREAM, True, None, True)
    found = stream.finish()
    assert (found.usage, found.text) == (Usage(3, 0, 0, 1, 1), "Hi €")
    assert (found.response_id, found.response_model, found.finish_reason) == ("resp_1", "gpt-1", "stop")
    assert (stream.keep(), stream.truncated) == (STREAM, False)


def test_content_begins_with_the_first_thing_that_is_shown() -> None:
    stream = ResponsesNativeStream()
    assert not feed(stream, events(*BEGIN)).content
    assert feed(stream, events(DELTA)).content
    for kind in ("function_call", "web_search_call"):
        added = {"type": "response.output_item.added", "item": item(kind, name="f")}
        assert feed(ResponsesNativeStream(), events(*BEGIN, added)).content, kind


BROKEN = {"code": "server_error", "message": "Ow"}


@pytest.mark.parametrize(
    "last",
    [
        {"type": "response.failed", "response": response(status="failed", error=BROKEN)},
        {"type": "error", "code": "server_error", "message": "Ow", "param": None},
        {"type": "error", "error": {"type": "server_error", "message": "Ow"}},
    ],
)  # fmt: skip
def test_a_failure_inside_the_stream_is_an_error(last: Any) -> None:
    stream = ResponsesNativeStream()
    data = events(*BEGIN, DELTA, last)
    piece = feed(stream, data + events(DELTA))
    assert piece == StreamPiece(data, True, "Ow", False)
    assert stream.finish().finish_reason is None


def test_an_error_without_a_type() -> None:
    assert feed(ResponsesNativeStream(), b'data: {"error":{"message":"Ow"}}\n\n').error == "Ow"


def test_incomplete_is_an_end_and_a_done_after_it_is_let_by() -> None:
    stream = ResponsesNativeStream()
    last = {"type": "response.incomplete", "response": response(status="incomplete", usage=USAGE)}
    assert feed(stream, events(*BEGIN, DELTA, last)).done
    assert stream.finish().finish_reason == "length"
    piece = stream.feed(b"data: [DONE]\n\n")
    assert piece is not None
    assert piece.data == b"data: [DONE]\n\n"


def test_a_done_without_the_terminal_event_is_a_truncated_stream() -> None:
    with pytest.raises(UpstreamError, match="ended before"):
        feed(ResponsesNativeStream(), events(*BEGIN, DELTA) + b"data: [DONE]\n\n")


def test_a_stream_that_stops_has_no_finish_reason() -> None:
    stream = ResponsesNativeStream()
    feed(stream, events(*BEGIN, DELTA))
    assert (stream.finish().finish_reason, stream.finish().usage) == (None, None)
    assert stream.finish().text == "Hi €"


@pytest.mark.parametrize(
    "data", [b"this is no event\n\n", b"data: nonsense\n\n", b"data: []\n\n", b'data: {"response":3}\n\n']
)
def test_what_is_no_stream_is_an_upstream_error(data: bytes) -> None:
    with pytest.raises(UpstreamError):
        ResponsesNativeStream().feed(data)


def test_what_is_kept_is_bounded() -> None:
    stream = ResponsesNativeStream()
    large = {**DELTA, "delta": "x" * 300_000}
    for _ in range(20):
        feed(stream, events(large))
    assert stream.truncated
    assert len(stream.keep()) < 3 << 20
    assert len(stream.finish().text) < 5 << 20


@given(MESSAGES, FINISHES, st.sampled_from((None, {"prompt_tokens": 3, "completion_tokens": 2})))
def test_what_our_own_translation_says_is_read_alike_whole_and_streamed(message: Any, finish: str, usage: Any) -> None:
    whole = read(answer_from_chat(completion(message, finish, usage), request()))
    stream = ResponsesNativeStream()
    piece = feed(stream, ResponsesStream(request()).feed(stream_of(message, finish, usage)))
    found = stream.finish()
    assert (piece.done, piece.error) == (True, None)
    assert (found.usage, found.finish_reason) == (whole.usage, whole.finish_reason)
    assert whole.finish_reason in {finish, "stop" if "tool_calls" not in message else "tool_calls"}
