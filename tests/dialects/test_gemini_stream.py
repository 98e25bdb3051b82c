"""A chat's stream as Google's events, and a conversation there and back."""

import json
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.errors import UpstreamError
from genaiops.dialects.gemini import GeminiStream, chat_request
from genaiops.providers import load
from tests.providers.calls import call
from tests.providers.google_fixtures import GEMINI

Json = dict[str, Any]
USAGE = {"prompt_tokens": 12, "completion_tokens": 7}

words = st.text(max_size=8)
arguments = st.dictionaries(words, st.integers() | words, max_size=3)
messages = st.tuples(words, words, st.lists(st.tuples(st.text("fg", min_size=1, max_size=3), arguments), max_size=3))


def stream_of(thought: str, text: str, calls: list[tuple[str, Json]]) -> bytes:
    deltas: list[Json] = [{"role": "assistant", "content": ""}]
    deltas += [{"reasoning_content": letter} for letter in thought]
    deltas += [{"content": letter} for letter in text]
    for index, (name, said) in enumerate(calls):
        function = {"name": name, "arguments": ""}
        deltas.append({"tool_calls": [{"index": index, "id": f"id{index}", "function": function}]})
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": letter}}]}
            for letter in json.dumps(said, ensure_ascii=False)
        ]
    chunks: list[Any] = [{"id": "c1", "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls" if calls else "stop"}]})
    chunks.append({"choices": [], "usage": USAGE})
    events = [b": keep-alive\n\n", *(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks)]
    return b"".join([*events, b"data: [DONE]\n\n"])


@given(message=messages, cuts=st.lists(st.integers(0, 4000), max_size=12), ended=st.booleans())
def test_a_stream_says_what_the_whole_answer_says_however_it_is_cut(
    message: tuple[str, str, list[tuple[str, Json]]], cuts: list[int], *, ended: bool
) -> None:
    thought, text, calls = message
    sent = stream_of(thought, text, calls)
    if not ended:
        sent = sent.removesuffix(b"data: [DONE]\n\n")
    marks = sorted({0, len(sent), *(cut for cut in cuts if cut < len(sent))})
    stream = GeminiStream("m", thoughts=True)
    out = b"".join(stream.feed(sent[a:b]) for a, b in pairwise(marks)) + stream.end()
    assert stream.end() == b""
    events = [json.loads(line[6:]) for line in out.decode().split("\r\n\r\n") if line]
    parts = [part for event in events for part in event["candidates"][0]["content"]["parts"]]
    said = "".join(part["text"] for part in parts if "text" in part and "thought" not in part)
    assert said == text
    assert "".join(part["text"] for part in parts if "thought" in part) == thought
    called = [part["functionCall"] for part in parts if "functionCall" in part]
    assert called == [{"id": f"id{at}", "name": name, "args": args} for at, (name, args) in enumerate(calls)]
    assert events[-1]["candidates"][0]["finishReason"] == "STOP"
    assert events[-1]["usageMetadata"]["totalTokenCount"] == 19
    assert sum("finishReason" in event["candidates"][0] for event in events) == 1


@given(st.binary(max_size=200))
def test_garbage_is_an_upstream_error_or_nothing(data: bytes) -> None:
    stream = GeminiStream("m", thoughts=False)
    try:
        out = stream.feed(data) + stream.end()
    except UpstreamError:
        return
    assert out.startswith(b"data: ")


def test_an_error_in_a_stream_ends_it() -> None:
    stream = GeminiStream("m", thoughts=False)
    out = stream.feed(b'data: {"error":{"message":"broke","type":"x"}}\n\ndata: {"choices":[]}\n\n')
    assert json.loads(out.removeprefix(b"data: "))["error"]["message"] == "broke"
    assert stream.done
    assert stream.fail("again") == b""


# -- and back: what the provider of Google's models makes of the chat

parts = st.one_of(
    st.text(min_size=1, max_size=8).map(lambda text: {"text": text}),
    st.sampled_from(["image/png", "video/mp4", "application/pdf"]).map(
        lambda kind: {"inlineData": {"mimeType": kind, "data": "AAAA"}}
    ),
)
results = st.one_of(arguments, words.map(lambda text: {"output": text}))


@st.composite
def conversations(draw: st.DrawFn) -> list[Json]:
    contents: list[Json] = []
    for turn in range(draw(st.integers(1, 3))):
        contents.append({"role": "user", "parts": draw(st.lists(parts, min_size=1, max_size=3))})
        said: list[Json] = [{"text": draw(st.text(min_size=1, max_size=8))}]
        calls = draw(st.lists(st.tuples(st.sampled_from(["f", "g"]), arguments, st.booleans()), max_size=2))
        answered: list[Json] = []
        for at, (name, args, signed) in enumerate(calls):
            part: Json = {"functionCall": {"name": name, "args": args, "id": f"id-{turn}-{at}"}}
            said.append({**part, "thoughtSignature": "c2ln"} if signed else part)
            response = {"name": name, "response": draw(results), "id": f"id-{turn}-{at}"}
            answered.append({"functionResponse": response})
        contents.append({"role": "model", "parts": said})
        if answered:
            contents.append({"role": "user", "parts": answered})
    return contents


@given(conversations())
def test_a_conversation_comes_back_as_it_was(contents: list[Json]) -> None:
    body = {"contents": contents, "systemInstruction": {"parts": [{"text": "Be."}]}}
    wire = load("google").prepare(
        call(json.loads(chat_request(json.dumps(body).encode(), model="m", stream=False))), GEMINI, None
    )
    assert json.loads(wire.body) == {key: body[key] for key in ("contents", "systemInstruction")}
