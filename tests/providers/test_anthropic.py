"""Anthropic's wire: bodies, headers, usage, streams, errors, and OpenAI's client through the translation."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import ConfigError, NotBuilt, UpstreamError, UsageError
from genaiops.domain import Target, Usage
from genaiops.ports.providers import CallBody, Dialect, StreamPiece
from genaiops.providers import load
from genaiops.providers.anthropic import Anthropic, AnthropicStream
from tests.dialects.conversations import Json, answers, sse, streamed


def target(**facts: Any) -> Target:
    known: dict[str, Any] = {
        "id": "t",
        "provider": "anthropic",
        "model": "claude",
        "upstream_model": "claude-opus-5",
        "base_url": "https://api.anthropic.com/v1",
        "max_output_tokens": 777,
    }
    return Target(**{**known, **facts}, created_us=0)


def call(raw: bytes, dialect: Dialect = "messages", *, cap: int | None = None, inject: bool = False) -> CallBody:
    body = json.loads(raw)
    wants = bool((body.get("stream_options") or {}).get("include_usage"))
    return CallBody(
        "chat", raw, body["model"], bool(body.get("stream")), wants, cap, inject, "genaiops" in body, dialect
    )


MESSAGES = b'{ "max_tokens":9,"messages":[{"role":"user","content":"caf\\u00e9"}],  "model":"claude-opus-5" }'
CHAT = b'{"model":"claude","messages":[{"role":"user","content":"Hi"}]}'


# -- what goes out


def test_a_messages_body_that_needs_no_change_goes_out_byte_for_byte() -> None:
    wire = Anthropic().prepare(call(MESSAGES), target(), "k")
    assert wire.body is MESSAGES
    assert (wire.method, wire.path, wire.filter_usage) == (b"POST", b"/messages", False)


def test_only_what_must_change_changes_and_order_and_bytes_stay() -> None:
    changed = Anthropic().prepare(call(MESSAGES, cap=5, inject=True), target(upstream_model="real"), None).body
    assert changed == b'{"max_tokens":5,"messages":[{"role":"user","content":"caf\\u00e9"}],"model":"real"}'
    ours = b'{"model":"claude-opus-5","max_tokens":1,"messages":[],"genaiops":{"session":"s"}}'
    assert "genaiops" not in json.loads(Anthropic().prepare(call(ours), target(), None).body)


def test_a_chat_body_is_translated_with_the_cap_in_force_or_the_targets() -> None:
    sent = json.loads(Anthropic().prepare(call(CHAT, "openai", cap=50), target(), None).body)
    assert sent == {"model": "claude-opus-5", "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}]}
    assert json.loads(Anthropic().prepare(call(CHAT, "openai"), target(), None).body)["max_tokens"] == 777


def test_headers() -> None:
    wire = Anthropic().prepare(call(MESSAGES), target(settings={"header.Anthropic-Beta": "b-1"}), "k")
    headers = dict(wire.headers)
    assert (headers[b"x-api-key"], headers[b"anthropic-version"], headers[b"anthropic-beta"]) == (
        b"k",
        b"2023-06-01",
        b"b-1",
    )
    assert b"authorization" not in headers
    newer = target(settings={"header.anthropic-version": "2030-01-01"})
    assert [
        value for name, value in Anthropic().prepare(call(MESSAGES), newer, None).headers if b"version" in name
    ] == [b"2030-01-01"]


def test_the_headers_of_a_target_are_one_object_until_it_changes() -> None:
    provider, old = Anthropic(), target()
    first = provider.prepare(call(MESSAGES), old, "k").headers
    assert provider.prepare(call(MESSAGES), old, "k").headers is first
    assert dict(provider.prepare(call(MESSAGES), old, "other").headers)[b"x-api-key"] == b"other"
    new = target(settings={"header.x": "y"})
    assert dict(provider.prepare(call(MESSAGES), new, "k").headers)[b"x"] == b"y"


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("claude-3-7-sonnet-20250219", "enabled"),
        ("claude-sonnet-4-20250514", "enabled"),
        ("claude-opus-4-1-20250805", "enabled"),
        ("claude-haiku-4-5", "enabled"),
        ("anthropic.claude-opus-4-5-20251101-v1:0", "enabled"),
        ("claude-opus-4-6", "adaptive"),
        ("claude-opus-4-10", "adaptive"),
        ("claude-sonnet-5", "adaptive"),
        ("claude-fable-5-2", "adaptive"),
    ],
)
def test_an_effort_is_said_as_the_model_understands_it(model: str, kind: str) -> None:
    raw = CHAT[:-1] + b',"reasoning_effort":"low"}'
    sent = json.loads(Anthropic().prepare(call(raw, "openai", cap=9000), target(upstream_model=model), None).body)
    assert sent["thinking"]["type"] == kind
    other = "budget" if kind == "adaptive" else "adaptive"
    told = target(upstream_model=model, settings={"thinking": other})
    sent = json.loads(Anthropic().prepare(call(raw, "openai", cap=9000), told, None).body)
    assert sent["thinking"]["type"] != kind


def test_what_cannot_be_is_refused_with_words() -> None:
    provider = Anthropic()
    with pytest.raises(UsageError) as caught:
        provider.prepare(call(CHAT[:-1] + b',"n":3}', "openai"), target(), None)
    assert caught.value.param == "n"
    with pytest.raises(ConfigError, match="adaptive or budget"):
        provider.prepare(call(CHAT, "openai"), target(settings={"thinking": "deep"}), None)
    with pytest.raises(NotBuilt):
        provider.prepare(
            CallBody("embeddings", b"{}", "m", stream=False, wants_usage=False, max_tokens=None, inject_cap=False),
            target(),
            None,
        )


def test_the_menu_has_it() -> None:
    assert isinstance(load("anthropic"), Anthropic)
    taken = [load("anthropic").takes(one, target()) for one in ("openai", "messages", "responses")]
    assert taken == [True, True, False]


# -- whole answers

ANSWER: Json = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-5",
    "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "text", "text": "Hello"},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 10,
        "cache_read_input_tokens": 5,
        "cache_creation_input_tokens": 3,
        "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 9,
        "output_tokens_details": {"thinking_tokens": 4},
        "service_tier": "standard",
    },
}
BUCKETS = Usage(input_uncached=10, cache_read=5, cache_write=3, output_text=5, reasoning=4)


def test_an_answer_in_its_own_words_and_in_chats() -> None:
    body = json.dumps(ANSWER).encode()
    own = Anthropic().read(call(MESSAGES), body)
    assert (own.usage, own.response_id, own.finish_reason, own.body) == (BUCKETS, "msg_1", "tool_use", None)
    chat = Anthropic().read(call(CHAT, "openai"), body)
    assert (chat.usage, chat.response_model, chat.finish_reason) == (BUCKETS, "claude-opus-5", "tool_calls")
    assert chat.body is not None
    assert json.loads(chat.body)["usage"]["prompt_tokens"] == 18
    assert abs(json.loads(chat.body)["created"] - datetime.now(UTC).timestamp()) < 60


@pytest.mark.parametrize(("hour", "expected"), [(2, (1, 2)), (3, (0, 3)), (9, (0, 3)), (None, (3, 0))])
def test_writes_to_the_cache_for_an_hour_stand_apart(hour: int | None, expected: tuple[int, int]) -> None:
    """They cost more. They are a part of `cache_creation_input_tokens`, and never more than that."""
    split = {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": hour}
    answer = {**ANSWER, "usage": {**ANSWER["usage"], "cache_creation": split}}
    usage = Anthropic().read(call(MESSAGES), json.dumps(answer).encode()).usage
    assert usage is not None
    assert (usage.cache_write, usage.cache_write_1h) == expected
    assert usage.input_tokens == 18
    chat = Anthropic().read(call(CHAT, "openai"), json.dumps(answer).encode()).body
    assert json.loads(chat or b"")["usage"]["prompt_tokens_details"]["cache_write_tokens"] == 3


def test_usage_never_counts_twice() -> None:
    usage = Anthropic().read(call(MESSAGES), json.dumps(ANSWER).encode()).usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (18, 9)


@pytest.mark.parametrize("usage", [None, {}, {"input_tokens": -1, "output_tokens": 2}, {"input_tokens": 5}, "many"])
def test_without_a_proper_usage_there_is_text_for_the_estimate(usage: Any) -> None:
    answer = Anthropic().read(call(CHAT, "openai"), json.dumps({**ANSWER, "usage": usage}).encode())
    assert answer.usage is None
    assert answer.text == "Hm.\nHello\nf"
    assert b'"usage"' not in (answer.body or b"")


@pytest.mark.parametrize("dialect", ["messages", "openai"])
@pytest.mark.parametrize(
    "body",
    [b"", b"nonsense", b"[]", b"{}", b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'],
)
def test_what_is_no_answer_is_an_upstream_error(body: bytes, dialect: Dialect) -> None:
    with pytest.raises(UpstreamError):
        Anthropic().read(call(CHAT, dialect), body)


# -- streams


def feed(stream: AnthropicStream, data: bytes, cuts: list[int]) -> tuple[bytes, bool, bool, str | None]:
    out, content, done = b"", False, False
    error: str | None = None
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in pairwise(places):
        piece = stream.feed(data[start:end])
        if piece is not None:
            out, content, done = out + piece.data, content or piece.content, done or piece.done
            error = error or piece.error
    return out, content, done, error


def stream_of(dialect: Dialect, *, usage: bool = False) -> AnthropicStream:
    options = b',"stream":true,"stream_options":{"include_usage":true}}' if usage else b',"stream":true}'
    return Anthropic().stream(call(CHAT[:-1] + options, dialect), filter_usage=False)


@given(answers(), st.lists(st.integers(0, 5000), max_size=12))
def test_a_stream_in_its_own_words_passes_unchanged(answer: Json, cuts: list[int]) -> None:
    stream, data = stream_of("messages"), streamed(answer)
    out, content, done, error = feed(stream, data, cuts)
    assert (out, done, error) == (data, True, None)
    visible = any(block["type"] != "redacted_thinking" and block.get("thinking") != "" for block in answer["content"])
    assert content == visible
    found = stream.finish()
    assert found.usage == Anthropic().read(call(MESSAGES), json.dumps(answer).encode()).usage
    assert (found.response_id, found.finish_reason) == (answer["id"], answer["stop_reason"])
    assert stream.keep() == data
    assert not stream.truncated


@given(answers(), st.lists(st.integers(0, 5000), max_size=12))
def test_a_stream_as_chat_is_the_same_however_it_is_cut(answer: Json, cuts: list[int]) -> None:
    data = streamed(answer)
    stream = stream_of("openai", usage=True)
    out, _, done, error = feed(stream, data, cuts)
    whole = feed(stream_of("openai", usage=True), data, [])
    chunks = [json.loads(line[6:]) for line in out.split(b"\n\n") if line and line != b"data: [DONE]"]
    times = {chunk.pop("created") for chunk in chunks}
    again = [json.loads(line[6:]) for line in whole[0].split(b"\n\n") if line and line != b"data: [DONE]"]
    for chunk in again:
        times.add(chunk.pop("created"))
    assert max(times) - min(times) < 60
    assert chunks == again
    assert (done, error, out.endswith(b"data: [DONE]\n\n")) == (True, None, True)
    read = Anthropic().read(call(CHAT, "openai"), json.dumps(answer).encode())
    assert (stream.finish().usage, stream.finish().finish_reason) == (read.usage, read.finish_reason)
    assert chunks[-1]["usage"]["total_tokens"] == (read.usage or Usage()).total_tokens
    assert stream.keep() == out


def test_usage_is_for_clients_that_asked() -> None:
    out = feed(stream_of("openai"), streamed(ANSWER), [])[0]
    assert b"prompt_tokens" not in out


@pytest.mark.parametrize("dialect", ["messages", "openai"])
def test_an_error_inside_a_200_stream_is_a_failure(dialect: Dialect) -> None:
    error = sse("error", error={"type": "overloaded_error", "message": "Overloaded"})
    piece = stream_of(dialect).feed(error)
    assert piece == StreamPiece(piece.data if piece else b"", content=False, error="Overloaded", done=False)
    assert piece is not None
    told = piece.data.split(b"data: ")[1]
    assert json.loads(told)["error"]["message"] == "Overloaded"


@pytest.mark.parametrize(
    "last", [{"output_tokens": 7}, {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 7}]
)
@pytest.mark.parametrize("dialect", ["messages", "openai"])
def test_counts_of_a_stream_are_cumulative(dialect: Dialect, last: Json) -> None:
    """A cached prompt is counted in message_start, and by some in later events again: once is enough."""
    stream = stream_of(dialect, usage=True)
    head = {**ANSWER, "usage": {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 1}}
    stream.feed(sse("message_start", message=head))
    stream.feed(sse("message_delta", delta={"stop_reason": None}, usage={"output_tokens": 5}))
    stream.feed(sse("message_delta", delta={"stop_reason": "end_turn"}, usage=last))
    piece = stream.feed(sse("message_stop"))
    assert stream.finish().usage == Usage(input_uncached=10, cache_read=90, output_text=7)
    assert piece is not None
    if dialect == "openai":
        assert b'"prompt_tokens":100,"completion_tokens":7' in piece.data


def test_pings_are_no_content() -> None:
    ping = sse("ping")
    assert stream_of("messages").feed(ping) == StreamPiece(ping)
    assert stream_of("openai").feed(ping) is None


@given(st.binary(max_size=300))
def test_no_bytes_make_a_stream_raise_anything_else(data: bytes) -> None:
    for dialect in ("messages", "openai"):
        try:
            stream_of(dialect).feed(data + b"\n\n")
        except UpstreamError:
            pass


def test_what_is_kept_is_bounded() -> None:
    stream = stream_of("messages")
    delta = sse("content_block_delta", index=0, delta={"type": "text_delta", "text": "x" * 300_000})
    for _ in range(8):
        stream.feed(delta)
    assert stream.truncated
    assert len(stream.keep()) < 2_000_000


# -- errors


def told(kind: str, message: str = "no") -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}).encode()


def test_errors() -> None:
    provider = Anthropic()
    limited = provider.error(429, [(b"retry-after", b"7")], told("rate_limit_error"))
    assert (limited.type, limited.rest, limited.retryable, limited.limits_credential) == (
        "rate_limit_error",
        7.0,
        True,
        True,
    )
    busy = provider.error(529, [], told("overloaded_error"))
    assert (busy.retryable, busy.limits_credential, busy.rest) == (True, False, None)
    wrong = provider.error(400, [], told("invalid_request_error", "messages: bad"))
    assert (wrong.message, wrong.retryable) == ("messages: bad", False)
    assert not provider.error(401, [], told("authentication_error")).retryable


def test_a_limit_without_retry_after_rests_until_it_is_full_again() -> None:
    at = (datetime.now(UTC) + timedelta(seconds=40)).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    headers = [
        (b"anthropic-ratelimit-input-tokens-remaining", b"0"),
        (b"Anthropic-Ratelimit-Input-Tokens-Reset", at),
        (b"anthropic-ratelimit-requests-remaining", b"5"),
        (b"anthropic-ratelimit-requests-reset", b"2099-01-01T00:00:00Z"),
    ]
    rest = Anthropic().error(429, headers, told("rate_limit_error")).rest
    assert rest is not None
    assert 35 < rest <= 40
    broken = [(b"anthropic-ratelimit-tokens-remaining", b"0"), (b"anthropic-ratelimit-tokens-reset", b"soon")]
    assert Anthropic().error(429, broken, told("rate_limit_error")).rest is None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (402, told("billing_error")),
        (400, told("invalid_request_error", "Your credit balance is too low to access the API.")),
    ],
)
def test_a_spent_balance_rests_the_credential_and_lets_others_serve(status: int, body: bytes) -> None:
    error = Anthropic().error(status, [], body)
    assert (error.retryable, error.limits_credential, error.rest) == (True, True, 300.0)
