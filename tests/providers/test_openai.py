"""OpenAI's wire format: what goes out, what is read of what comes back, wherever the stream is cut."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import UpstreamError
from genaiops.domain import Operation, Target, Usage
from genaiops.ports.providers import CallBody
from genaiops.providers import load
from genaiops.providers._errors import duration
from genaiops.providers._events import EventSplitter, event_data
from genaiops.providers.openai import KEEP, OpenAI, OpenAIStream


def target(**facts: Any) -> Target:
    known: dict[str, Any] = {
        "id": "t",
        "provider": "openai",
        "model": "gpt",
        "upstream_model": "gpt",
        "base_url": "http://u/v1",
    }
    return Target(**{**known, **facts}, created_us=0)


def call(raw: bytes, *, operation: Operation = "chat", cap: int | None = None) -> CallBody:
    body = json.loads(raw)
    stream = bool(body.get("stream"))
    wants = bool(body.get("stream_options", {}).get("include_usage"))
    return CallBody(operation, raw, body["model"], stream, wants, cap, cap is not None, "genaiops" in body)


PLAIN = b'{ "messages":[{"role":"user","content":"caf\\u00e9 \xe2\x82\xac"}],  "model":"gpt" , "seed": 1.50 }'


def test_a_body_that_needs_no_change_goes_out_byte_for_byte() -> None:
    assert OpenAI().prepare(call(PLAIN), target(), None).body is PLAIN


def test_only_what_must_change_changes_and_order_and_bytes_stay() -> None:
    body = OpenAI().prepare(call(PLAIN, cap=7), target(upstream_model="real"), "secret").body
    assert body.startswith(
        b'{"messages":[{"role":"user","content":"caf\\u00e9 \xe2\x82\xac"}],"model":"real","seed":1.50'
    )
    assert json.loads(body)["max_tokens"] == 7


def test_our_own_extension_never_leaves() -> None:
    raw = b'{"model":"gpt","messages":[],"genaiops":{"session":"s"}}'
    assert json.loads(OpenAI().prepare(call(raw), target(), None).body) == {"model": "gpt", "messages": []}


def test_usage_is_asked_for_and_marked_to_be_kept_back_when_the_client_did_not_ask() -> None:
    raw = b'{"model":"gpt","messages":[],"stream":true,"stream_options":{"x":1}}'
    wire = OpenAI().prepare(call(raw), target(), None)
    assert wire.filter_usage
    assert json.loads(wire.body)["stream_options"] == {"x": 1, "include_usage": True}
    asked = b'{"model":"gpt","messages":[],"stream":true,"stream_options":{"include_usage":true}}'
    assert OpenAI().prepare(call(asked), target(), None).body == asked
    assert OpenAI().prepare(call(raw), target(stream_usage=False), None).body == raw


def test_the_cap_has_the_name_that_openai_itself_wants() -> None:
    own = target(base_url="https://api.openai.com/v1")
    assert json.loads(OpenAI().prepare(call(PLAIN, cap=3), own, None).body)["max_completion_tokens"] == 3
    named = target(settings={"max_tokens_field": "limit"})
    assert json.loads(OpenAI().prepare(call(PLAIN, cap=3), named, None).body)["limit"] == 3


def test_headers_carry_the_credential_and_the_targets_own() -> None:
    headers = dict(OpenAI().prepare(call(PLAIN), target(settings={"header.OpenAI-Organization": "o"}), "k").headers)
    assert headers[b"authorization"] == b"Bearer k"
    assert headers[b"openai-organization"] == b"o"
    assert b"authorization" not in dict(OpenAI().prepare(call(PLAIN), target(), None).headers)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 4}, Usage(10, 0, 0, 4, 0)),
        (
            {"prompt_tokens": 10, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 6}},
            Usage(4, 6, 0, 4),
        ),
        ({"prompt_tokens": 10, "completion_tokens": 4, "prompt_cache_hit_tokens": 6}, Usage(4, 6, 0, 4)),
        (
            {"prompt_tokens": 1, "completion_tokens": 4, "completion_tokens_details": {"reasoning_tokens": 3}},
            Usage(1, 0, 0, 1, 3),
        ),
        ({"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 50}}, Usage(0, 5)),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 9,
                "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 5},
                "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": 6},
            },
            Usage(1, 4, 0, 1, 2, audio_input=5, audio_output=6),
        ),
        ({"prompt_tokens": -5, "completion_tokens": 4}, None),
        ({"prompt_tokens": "many"}, None),
        (None, None),
    ],
)
def test_usage_goes_into_buckets_that_exclude_each_other(found: Any, expected: Usage | None) -> None:
    answer = {"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "usage": found}
    assert OpenAI().read(call(PLAIN), json.dumps(answer).encode()).usage == expected


def test_an_answer_without_usage_has_its_text_for_the_estimate() -> None:
    tool = {"id": "1", "function": {"name": "f", "arguments": "{}"}}
    answer = {"choices": [{"message": {"content": None, "tool_calls": [tool]}}], "id": "i", "model": "m"}
    read = OpenAI().read(call(PLAIN), json.dumps(answer).encode())
    assert read.usage is None
    assert '"name": "f"' in read.text
    assert (read.response_id, read.response_model) == ("i", "m")


@pytest.mark.parametrize(
    "body",
    [b"", b"nonsense", b"[]", b"{}", b'{"choices":{}}', b'{"error":{"message":"no"}}', b'{"choices":[1]}', b"\xff"],
)
def test_what_is_no_answer_is_an_upstream_error(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        OpenAI().read(call(PLAIN), body)


EVENTS = [
    {"id": "i", "model": "m", "choices": [{"delta": {"role": "assistant", "content": ""}}]},
    {"choices": [{"delta": {"content": "Hi €"}}], "usage": None},
    {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "{"}}]}}]},
    {"choices": [{"delta": {}, "finish_reason": "stop"}]},
    {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
]
STREAM = b": hello\n\n" + b"".join(b"data: " + json.dumps(e).encode() + b"\n\n" for e in EVENTS) + b"data: [DONE]\n\n"


def feed(stream: OpenAIStream, data: bytes, cuts: list[int]) -> tuple[bytes, bool, bool]:
    out, content, done = b"", False, False
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in pairwise(places):
        piece = stream.feed(data[start:end])
        if piece is not None:
            out, content, done = out + piece.data, content or piece.content, done or piece.done
    return out, content, done


@given(st.lists(st.integers(0, 2000), max_size=12))
def test_a_stream_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    stream = OpenAIStream(filter_usage=False)
    assert feed(stream, STREAM, cuts) == (STREAM, True, True)
    answer = stream.finish()
    assert answer.usage == Usage(input_uncached=3, output_text=2)
    assert (answer.response_id, answer.finish_reason) == ("i", "stop")
    assert stream.keep() == STREAM


@given(st.lists(st.integers(0, 2000), max_size=12))
def test_a_stream_without_usage_has_its_text_for_the_estimate(cuts: list[int]) -> None:
    stream = OpenAIStream(filter_usage=False)
    feed(stream, STREAM.replace(b'"prompt_tokens"', b'"unknown"'), cuts)
    answer = stream.finish()
    assert answer.usage is None
    assert answer.text == 'Hi €{"index": 0, "function": {"name": "f", "arguments": "{"}}'


# What is likely to be mistaken for something else: names of fields, quotes, escapes, halves of characters.
TEXTS = st.one_of(
    st.sampled_from(["", "content", "delta", '"', "\\", "\n", '"}', 'a","finish_reason":"stop', "😀", "€", "null"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
FIELDS = st.sampled_from(["content", "content", "content", "reasoning_content", "reasoning", "refusal", "text", "tool"])


@st.composite
def chunks(draw: st.DrawFn) -> tuple[dict[str, Any], str, str | None]:
    """A chunk, the text in it and its finish reason."""
    text, field = draw(TEXTS), draw(FIELDS)
    choice: dict[str, Any] = {"index": draw(st.sampled_from([0, 0, 0, 1])), "delta": {field: text}}
    if field == "text":
        choice = {"index": 0, "text": text}
    elif field == "tool":
        choice["delta"] = {"tool_calls": [text]}
        text = json.dumps(text)
    finish = draw(st.sampled_from([None, None, None, None, "stop", "length"]))
    choice["finish_reason"] = finish
    return {"id": "i", "created": draw(st.sampled_from([1, 1, 1, 2])), "choices": [choice]}, text, finish


@given(
    st.lists(chunks(), min_size=1, max_size=12),
    st.booleans(),
    st.lists(st.integers(0, 4000), max_size=30),
    st.booleans(),
)
def test_what_a_stream_says_does_not_depend_on_what_came_before_each_event(
    said: list[tuple[dict[str, Any], str, str | None]], ascii_only: bool, cuts: list[int], by_event: bool
) -> None:
    events = [f"data: {json.dumps(one, ensure_ascii=ascii_only)}\n\n".encode() for one, _, _ in said]
    stream = OpenAIStream(filter_usage=False)
    if by_event:
        for event, (_, text, _) in zip(events, said, strict=True):
            piece = stream.feed(event)
            assert piece is not None
            assert (piece.data, piece.content, piece.error, piece.done) == (event, bool(text), None, False)
    else:
        assert feed(stream, b"".join(events), cuts)[0] == b"".join(events)
    answer = stream.finish()
    assert stream.keep() == b"".join(events)
    assert not stream.truncated
    assert answer.finish_reason == next((finish for _, _, finish in reversed(said) if finish), None)
    tools = any("tool_calls" in one["choices"][0].get("delta", ()) for one, _, _ in said)
    if not tools:
        assert answer.text == "".join(text for _, text, _ in said)


@pytest.mark.parametrize(
    "second",
    [
        b'{"choices":[{"delta":{"content":"a\xff"}}]}',
        b'{"choices":[{"delta":{"content":"a\\x"}}]}',
        b'{"choices":[{"delta":{"content":"a\\"}}]}',
        b'{"choices":[{"delta":{"content":"a\x01"}}]}',
        b'{"choices":[{"delta":{"content":"a"b"}}]}',
    ],
)
def test_garbage_inside_the_text_of_a_well_known_event_is_an_upstream_error(second: bytes) -> None:
    stream = OpenAIStream(filter_usage=False)
    first = b'data: {"choices":[{"delta":{"content":"well"}}]}\n\n'
    stream.feed(first)
    stream.feed(first)
    with pytest.raises(UpstreamError):
        stream.feed(b"data: " + second + b"\n\n")
    assert stream.keep() == first + first


def test_an_event_hidden_in_the_text_of_another_is_read() -> None:
    stream = OpenAIStream(filter_usage=True)
    stream.feed(b'data: {"choices":[{"delta":{"content":"a"},"finish_reason":null}]}\n\n')
    stream.feed(
        b'data: {"choices":[{"delta":{"content":"b"},"finish_reason":"stop",'
        b'"x":{"content":"c"},"y":{"content":"d"},"finish_reason":null}]}\n\n'
    )
    piece = stream.feed(
        b'data: {"choices":[{"delta":{"content":"b"}}],"error":"d",'
        b'"x":[{"y":{"content":"e"},"finish_reason":null}]}\n\n'
    )
    assert piece is not None
    assert piece.error == "d"


def test_what_is_kept_of_a_long_stream_is_bounded_and_its_text_goes_on() -> None:
    stream = OpenAIStream(filter_usage=False)
    event = b'data: {"choices":[{"delta":{"content":"%s "}}]}\n\n' % (b"word" * 250)
    odd = b'data: {"choices":[{"delta":{"content":"odd "}}], "x":0}\n\n'
    count = (KEEP // len(event) + 100) // 2 * 2
    for _ in range(count // 2):
        stream.feed(event)
        stream.feed(odd)
    for _ in range(count // 2):
        stream.feed(event)
    assert stream.truncated
    assert KEEP < len(stream.keep()) <= KEEP + len(event)
    assert stream.finish().text == ("word" * 250 + " odd ") * (count // 2) + ("word" * 250 + " ") * (count // 2)


def test_usage_asked_for_by_the_gateway_is_kept_from_the_client() -> None:
    stream = OpenAIStream(filter_usage=True)
    out, _, done = feed(stream, STREAM, [])
    assert done
    assert b"prompt_tokens" not in out
    assert stream.finish().usage == Usage(input_uncached=3, output_text=2)


@pytest.mark.parametrize("ending", [b"\r\n\r\n", b"\n\n", b"\r\r"])
def test_all_line_endings_of_the_standard_are_understood(ending: bytes) -> None:
    splitter = EventSplitter()
    data = ending.join([b"data: 1", b": c", b"event: x\ndata:2\ndata: 3", b"data: 4", b""])
    events = [event for at in range(len(data)) for event in splitter.feed(data[at : at + 1])]
    found = [event_data(event) for event in events]
    assert [one for one in found if one is not None][:2] == [b"1", b"2\n3"]


def test_an_error_event_is_told_with_its_message() -> None:
    piece = OpenAIStream(filter_usage=False).feed(b'data: {"error":{"message":"overloaded"}}\n\n')
    assert piece is not None
    assert piece.error == "overloaded"


@pytest.mark.parametrize("garbage", [b"hello\n\n", b"data: {]\n\n", b"data: 5\n\n", b'data: {"choices":7}\n\n'])
def test_garbage_is_an_upstream_error(garbage: bytes) -> None:
    with pytest.raises(UpstreamError):
        OpenAIStream(filter_usage=False).feed(garbage)


@given(st.binary(max_size=300))
def test_no_bytes_make_a_stream_raise_anything_else(data: bytes) -> None:
    try:
        OpenAIStream(filter_usage=True).feed(data + b"\n\n")
    except UpstreamError:
        pass


def test_errors_are_read_whatever_their_shape() -> None:
    provider = OpenAI()
    limited = provider.error(429, [(b"retry-after", b"7")], b'{"error":{"message":"slow","type":"t","code":"c"}}')
    assert (limited.message, limited.type, limited.code, limited.rest, limited.retryable) == (
        "slow",
        "t",
        "c",
        7.0,
        True,
    )
    assert limited.limits_credential
    assert provider.error(400, [], b'{"detail":"bad"}').message == "bad"
    assert provider.error(500, [], b"<html>").message == "it answered with status 500."
    assert not provider.error(401, [], b"").retryable
    reset = [(b"x-ratelimit-remaining-tokens", b"0"), (b"x-ratelimit-reset-tokens", b"1m2.5s")]
    assert provider.error(429, reset, b"").rest == 62.5


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("6m0s", 360), ("20ms", 0.02), ("1h2m3s", 3723), ("5", 5), ("soon", None), ("", None)],
)
def test_durations_as_openai_writes_them(text: str, seconds: float | None) -> None:
    assert duration(text) == seconds


def test_an_unknown_provider_names_the_nearest() -> None:
    with pytest.raises(Exception, match="openai"):
        load("opnai")


def said(*chunks: dict[str, Any]) -> OpenAIStream:
    """A stream of these chunks, one at a time."""
    stream = OpenAIStream(filter_usage=False)
    for chunk in chunks:
        stream.feed(b"data: %b\n\n" % json.dumps(chunk).encode())
    return stream


def delta(text: str, **more: Any) -> dict[str, Any]:
    return {"delta": {"content": text}, **more}


def test_an_event_that_says_more_than_its_text_is_read_each_time() -> None:
    stop, length = {"finish_reason": "stop"}, {"finish_reason": "length"}
    chunks = [{"choices": [delta("a", **stop)]}, {"choices": [delta("", **length)]}, {"choices": [delta("b", **stop)]}]
    assert said(*chunks).finish().finish_reason == "stop"
    two = {"choices": [delta("a"), delta("b")]}
    assert said(two, two, two).finish().text == "ababab"
    one, other = ({"usage": {"prompt_tokens": 1, "completion_tokens": count}} for count in (1, 2))
    first, last = {"choices": [delta("a")], **one}, {"choices": [delta("b")], **one}
    answer = said(first, {"choices": [], **other}, last).finish()
    assert answer.usage == Usage(input_uncached=1, output_text=1)


@pytest.mark.parametrize(
    ("timings", "busy_us"),
    [
        ({"prompt_n": 9, "prompt_ms": 100.5, "predicted_ms": 399.5}, 500_000),
        ({"prompt_ms": 0, "predicted_ms": 0}, 0),
        ({"prompt_ms": -1e9, "predicted_ms": 0}, None),
        ({"prompt_ms": 1e12, "predicted_ms": 0}, None),
        ({"prompt_ms": "1", "predicted_ms": 0}, None),
        ({"prompt_ms": 1}, None),
        (None, None),
        ([], None),
    ],
)
def test_how_long_llama_cpp_worked(timings: Any, busy_us: int | None) -> None:
    whole = {"choices": [{"message": {"content": "x"}}], "timings": timings}
    assert OpenAI().read(call(b'{"model": "m"}'), json.dumps(whole).encode()).busy_us == busy_us
    stream = OpenAIStream(filter_usage=True)
    last = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}, "timings": timings}
    stream.feed(b'data: {"choices": [{"delta": {"content": "x"}}]}\n\n')
    stream.feed(b"data: " + json.dumps(last).encode() + b"\n\ndata: [DONE]\n\n")
    assert stream.finish().busy_us == busy_us
