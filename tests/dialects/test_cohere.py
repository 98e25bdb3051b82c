"""Cohere's chat and embed as OpenAI's and back, held against the provider that translates the other way."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import UpstreamError, UsageError
from genaiops.dialects.cohere import (
    ChatEvents,
    answer_from_chat,
    chat_request,
    decode_chat,
    decode_embed,
    dense_inputs,
    dense_parts,
    embeddings_request,
)
from genaiops.domain import Usage
from genaiops.providers.cohere import Cohere
from tests.providers.calls import call, target

Json = dict[str, Any]
PLACE = target("any", "m", "https://models.test/v1")
texts = st.text(min_size=1, max_size=20)
names = st.text("abcdefghijklm_", min_size=1, max_size=12)
schemas = st.builds(lambda name: {"type": "object", "properties": {name: {"type": "string"}}}, names)
calls = st.builds(
    lambda key, name, arguments: {"id": key, "type": "function", "function": {"name": name, "arguments": arguments}},
    names,
    names,
    st.sampled_from(["{}", '{"a": 1}', '{"ü":"é"}']),
)
images = st.builds(
    lambda name, detail: {"type": "image_url", "image_url": {"url": f"https://p.test/{name}.png", **detail}},
    names,
    st.sampled_from([{}, {"detail": "low"}]),
)
parts = st.lists(st.builds(lambda text: {"type": "text", "text": text}, texts) | images, min_size=2, max_size=3)
thoughts = st.builds(
    lambda thought, text: [{"type": "thinking", "thinking": thought}, {"type": "text", "text": text}], texts, texts
)
messages = st.one_of(
    st.builds(lambda text: {"role": "system", "content": text}, texts),
    st.builds(lambda content: {"role": "user", "content": content}, texts | parts),
    st.builds(lambda content: {"role": "assistant", "content": content}, texts | thoughts),
    st.builds(lambda made: {"role": "assistant", "tool_calls": made}, st.lists(calls, min_size=1, max_size=2)),
    st.builds(lambda key, text: {"role": "tool", "tool_call_id": key, "content": text}, names, texts),
)
shapes = st.one_of(
    st.just({"type": "json_object"}),
    st.builds(lambda schema: {"type": "json_object", "json_schema": schema}, schemas),
)
thinking = st.just({"type": "disabled"}) | st.builds(
    lambda budget: {"type": "enabled", "token_budget": budget}, st.sampled_from([1024, 8192, 24576])
)
shares = st.floats(0.125, 1, width=16)


def tool(name: str, schema: Json) -> Json:
    return {"type": "function", "function": {"name": name, "parameters": schema}}


requests = st.fixed_dictionaries(
    {"model": st.just("m"), "messages": st.lists(messages, min_size=1, max_size=4), "stream": st.booleans()},
    optional={
        "tools": st.lists(st.builds(tool, names, schemas), min_size=1, max_size=3, unique_by=str),
        "strict_tools": st.just(True),
        "tool_choice": st.just("REQUIRED"),
        "response_format": shapes,
        "stop_sequences": st.lists(texts, min_size=1, max_size=3),
        "temperature": shares,
        "p": shares,
        "k": st.integers(0, 500),
        "seed": st.integers(0, 2**31),
        "frequency_penalty": shares,
        "presence_penalty": shares,
        "logprobs": st.just(True),
        "thinking": thinking,
    },
)


def chat(request: Json, *, strict: bool = False) -> Json:
    return json.loads(chat_request(json.dumps({"model": "m", "messages": [], **request}).encode(), strict=strict))


@given(requests)
def test_a_request_comes_back_the_same_from_the_provider(request: Json) -> None:
    there = chat(request)
    wire = Cohere().prepare(call(there), PLACE, None)
    wanted = {name: value for name, value in request.items() if "tools" in request or name not in _OF_TOOLS}
    assert json.loads(wire.body) == wanted


_OF_TOOLS = ("strict_tools", "tool_choice")


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"role": "system", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "a\nb"),
        ({"role": "user", "content": [{"type": "text", "text": "a"}]}, "a"),
        ({"role": "assistant", "tool_plan": "Look.", "tool_calls": [], "citations": [{"start": 0}]}, "Look."),
        ({"role": "tool", "tool_call_id": "1", "content": [{"type": "document", "document": {"data": {"a": 1}}}]},
         '{"a":1}'),
        ({"role": "tool", "tool_call_id": "1", "content": [{"type": "document", "document": {"data": "x", "id": "d"}}]},
         "x"),
    ],
)  # fmt: skip
def test_contents(theirs: Json, ours: Any) -> None:
    [message] = chat({"messages": [theirs]})["messages"]
    assert (message["role"], message["content"]) == (theirs["role"], ours)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"documents": ["one"]}, "documents"),
        ({"safety_mode": "STRICT"}, "safety_mode"),
        ({"raw_prompting": True}, "raw_prompting"),
        ({"something": 1}, "something"),
        ({"tool_choice": "any"}, "tool_choice"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_object", "regex": "a"}}, "response_format.regex"),
        ({"thinking": {"type": "maybe"}}, "thinking.type"),
        ({"tools": [{"type": "web"}]}, "tools.0.type"),
        ({"messages": [{"role": "bot", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"type": "audio"}]}]}, "messages.0.content.0.type"),
        ({"messages": [{"role": "system", "content": [{"type": "image_url"}]}]}, "messages.0.content.0.type"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.tool_call_id"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": "1", "function": {}}]}]},
         "messages.0.tool_calls.0.function.name"),
        ({"messages": [{"role": "user", "content": "x", "mood": "sad"}]}, "messages.0.mood"),
    ],
)  # fmt: skip
def test_what_chat_cannot_say_is_named(fields: Json, param: str) -> None:
    with pytest.raises(UsageError) as error:
        chat(fields)
    assert error.value.param == param


def test_a_strict_server_is_told_only_what_openai_documents() -> None:
    thought = [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "So."}]
    said = chat({"messages": [{"role": "assistant", "content": thought}]}, strict=True)
    assert said["messages"] == [{"role": "assistant", "content": "So."}]
    with pytest.raises(UsageError, match="'k'"):
        chat({"k": 5}, strict=True)


@pytest.mark.parametrize(("closed", "strict"), [({"additionalProperties": False}, True), ({}, False)])
def test_a_schema_is_strict_where_openai_takes_it_so(closed: Json, strict: bool) -> None:
    said = chat({"response_format": {"type": "json_object", "json_schema": {"type": "object", **closed}}})
    assert said["response_format"]["json_schema"]["strict"] is strict
    older = chat({"response_format": {"type": "json_object", "schema": {"type": "object", **closed}}})
    assert older == said


def test_a_budget_of_thought_buys_an_effort() -> None:
    def effort(budget: int) -> str:
        return chat({"thinking": {"type": "enabled", "token_budget": budget}})["reasoning_effort"]

    assert [effort(one) for one in (500, 2000, 9000, 50000)] == ["minimal", "low", "medium", "high"]
    assert "reasoning_effort" not in chat({"thinking": {"type": "enabled"}})


def test_what_may_be_dense() -> None:
    picture = {"type": "image_url", "image_url": {"url": "u"}}
    body = {
        "model": "m",
        "messages": [{"content": [picture, {"type": "text", "text": "x"}, picture]}, {"content": "x"}],
    }
    assert dense_parts(decode_chat(json.dumps(body))) == 2
    asked = {"model": "m", "images": ["data:"], "inputs": [{"content": [picture]}]}
    assert dense_inputs(decode_embed(json.dumps(asked))) == 2


_NAMES = [
    "model",
    "messages",
    "role",
    "content",
    "type",
    "text",
    "tools",
    "function",
    "name",
    "tool_calls",
    "id",
    "image_url",
    "document",
    "data",
    "thinking",
    "response_format",
    "texts",
    "inputs",
    "embedding_types",
]
_WORDS = st.sampled_from(["m", "user", "tool", "assistant", "text", "document", "thinking", "function", "json_object"])
bodies = st.recursive(
    st.none() | st.booleans() | st.integers() | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=5),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(_NAMES), bodies, max_size=6), st.booleans())
def test_nothing_but_a_usage_error_comes_of_a_body(body: Json, strict: bool) -> None:
    raw = json.dumps({"model": "m", **body}).encode()
    for translate in (chat_request, embeddings_request):
        with contextlib.suppress(UsageError):
            json.loads(translate(raw, strict=strict))


# -- answers

USED = {
    "billed_units": {"input_tokens": 9, "output_tokens": 4},
    "tokens": {"input_tokens": 9, "output_tokens": 4},
    "cached_tokens": 3,
}
answers = st.builds(
    lambda content, made, finish: {
        "id": "a1",
        "finish_reason": "TOOL_CALL" if made else finish,
        "message": {
            "role": "assistant",
            **({"content": content} if content or not made else {}),
            **({"tool_calls": made, "tool_plan": "I look."} if made else {}),
        },
        "usage": USED,
    },
    thoughts | st.builds(lambda text: [{"type": "text", "text": text}], texts) | st.just([]),
    st.lists(calls, max_size=2),
    st.sampled_from(["COMPLETE", "MAX_TOKENS", "ERROR_TOXIC"]),
)


@given(answers)
def test_an_answer_comes_back_the_same_from_the_provider(answer: Json) -> None:
    found = Cohere().read(call({"messages": []}), json.dumps(answer).encode()).body
    assert found is not None
    assert json.loads(answer_from_chat(found)) == answer


def events_of(answer: Json) -> list[Json]:
    """An answer as Cohere streams it, text by the letter."""
    said = answer["message"]
    out: list[Json] = [{"type": "message-start", "id": answer["id"], "delta": {"message": {"role": "assistant"}}}]
    for at, part in enumerate(said.get("content", ())):
        kind = part["type"]
        out.append({"type": "content-start", "index": at, "delta": {"message": {"content": {"type": kind, kind: ""}}}})
        letters: list[Json] = [{"message": {"content": {kind: letter}}} for letter in part[kind]]
        out += [{"type": "content-delta", "index": at, "delta": letter} for letter in letters]
        out.append({"type": "content-end", "index": at})
    if "tool_plan" in said:
        out.append({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": said["tool_plan"]}}})
    for at, one in enumerate(said.get("tool_calls", ())):
        empty = {**one, "function": {**one["function"], "arguments": ""}}
        out.append({"type": "tool-call-start", "index": at, "delta": {"message": {"tool_calls": empty}}})
        for letter in one["function"]["arguments"]:
            piece = {"function": {"arguments": letter}}
            out.append({"type": "tool-call-delta", "index": at, "delta": {"message": {"tool_calls": piece}}})
        out.append({"type": "tool-call-end", "index": at})
    out.append({"type": "message-end", "delta": {"finish_reason": answer["finish_reason"], "usage": answer["usage"]}})
    return out


@given(answers, st.integers(1, 40))
def test_a_stream_comes_back_the_same_from_the_provider(answer: Json, size: int) -> None:
    wanted = events_of(answer)
    sent = b"".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in wanted)
    piece = (
        Cohere()
        .stream(call({"messages": [], "stream": True, "stream_options": {"include_usage": True}}), filter_usage=False)
        .feed(sent)
    )
    assert piece is not None
    stream = ChatEvents()
    out = b"".join(stream.feed(piece.data[at : at + size]) for at in range(0, len(piece.data), size))
    assert stream.done
    blocks = [block.split("\n") for block in out.decode().split("\n\n")[:-1]]
    events = [json.loads(data.removeprefix("data: ")) for _, data in blocks]
    assert [name for name, _ in blocks] == [f"event: {one['type']}" for one in events]
    events[0]["delta"] = wanted[0]["delta"]
    assert events == wanted


def test_logprobs_and_stop_sequences() -> None:
    tokens = [{"token": "Hel", "logprob": -0.5}, {"token": "lo", "logprob": -1}]
    choice = {
        "message": {"content": "Hello"},
        "logprobs": {"content": tokens},
        "finish_reason": "stop",
        "stop_reason": ".",
    }
    whole = json.loads(answer_from_chat(json.dumps({"choices": [choice]}).encode(), usage=Usage(1, 0, 0, 2)))
    assert [(one["text"], one["logprobs"]) for one in whole["logprobs"]] == [("Hel", [-0.5]), ("lo", [-1])]
    assert (whole["finish_reason"], whole["usage"]["tokens"]) == (
        "STOP_SEQUENCE",
        {"input_tokens": 1, "output_tokens": 2},
    )
    chunk = {"choices": [{"delta": {"content": "Hello"}, "logprobs": {"content": tokens}}]}
    out = ChatEvents().feed(b"data: " + json.dumps(chunk).encode() + b"\n\n")
    assert b'"logprobs":{"text":"Hello","token_ids":[],"logprobs":[-0.5,-1.0]}' in out


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"{}", b'{"error":{"message":"no"}}', b'{"choices":[{"message":{"tool_calls":[{"id":"1"}]}}]}'],
)
def test_answers_that_are_none(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        answer_from_chat(body)


def test_streams_that_go_wrong() -> None:
    stream = ChatEvents()
    out = stream.feed(b'data: {"error":{"message":"it broke"}}\n\n')
    assert b'"error":"it broke"' in out
    assert stream.done
    assert stream.end() == stream.fail("again") == b""
    for calls_of in ([{"index": 0}], [{"index": 0, "id": "1", "function": {"name": "a"}}, {"index": -1}]):
        chunk = {"choices": [{"delta": {"tool_calls": calls_of}}]}
        with pytest.raises(UpstreamError):
            ChatEvents().feed(b"data: " + json.dumps(chunk).encode() + b"\n\n")
