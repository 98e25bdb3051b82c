"""Streams of every dialect that say the same, and what their clients make of them."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from genaiops.dialects.cohere import ChatEvents
from genaiops.dialects.gemini.stream import GeminiStream
from genaiops.dialects.messages.stream import MessagesStream
from genaiops.dialects.responses import ResponsesStream

THOUGHT = ["Let me", " see, wha", "t it is."]
SAID = ["It is ", "g", "rey in", " Köln, and 4111 1111 ", "1111", " 1111 is", " no number."]
ARGUMENTS = [
    '{"to',
    'wn": "K\\u00',
    'f6ln \\"am\\" Rhein", "da',
    'ys": [1, 41111111',
    '11111111, "wed"',
    '], "x": {"y": ""}}',
]
MORE = ['{"q":"why', ' so"}']


def chunk(delta: Any, index: int = 0, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "finish_reason": finish, **more}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": "gpt-4o",
            "choices": [choice]}  # fmt: skip


def call(index: int, arguments: str, name: str | None = None) -> dict[str, Any]:
    function = {"arguments": arguments} if name is None else {"name": name, "arguments": arguments}
    head = {} if name is None else {"id": f"call_{index}", "type": "function"}
    return {"tool_calls": [{"index": index, **head, "function": function}]}


def one_answer() -> list[dict[str, Any]]:
    return [
        chunk({"role": "assistant", "content": ""}),
        *[chunk({"reasoning_content": text}) for text in THOUGHT],
        *[chunk({"content": text}) for text in SAID],
        chunk(call(0, "", "weather")),
        *[chunk(call(0, text)) for text in ARGUMENTS],
        chunk(call(1, "", "ask")),
        *[chunk(call(1, text)) for text in MORE],
        chunk({}, finish="tool_calls"),
        {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": "gpt-4o", "choices": [],
         "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}},
    ]  # fmt: skip


def events(chunks: Iterable[dict[str, Any]], *, done: bool = True) -> bytes:
    made = b"".join(b"data: " + json.dumps(one, separators=(",", ":")).encode() + b"\n\n" for one in chunks)
    return made + (b"data: [DONE]\n\n" if done else b"")


def chat() -> bytes:
    return events(one_answer())


def translated(stream: Any) -> bytes:
    return stream.feed(chat()) + stream.end()


STREAMS: dict[str, Callable[[], bytes]] = {
    "openai": chat,
    "responses": lambda: translated(ResponsesStream(b'{"model":"m","input":"x"}')),
    "messages": lambda: translated(MessagesStream("m")),
    "cohere": lambda: translated(ChatEvents()),
    "gemini": lambda: translated(GeminiStream("m", thoughts=True)),
}
"""Reasoning, text, and two calls of tools in each."""


def parsed(stream: bytes) -> list[dict[str, Any]]:
    """The events as a client sees them."""
    found: list[dict[str, Any]] = []
    for event in stream.replace(b"\r\n", b"\n").split(b"\n\n"):
        data = [line[5:].strip() for line in event.split(b"\n") if line.startswith(b"data:")]
        if data and data != [b"[DONE]"]:
            found.append(json.loads(b"\n".join(data)))
    return found


Texts = dict[Any, str]


def _chat_texts(found: list[dict[str, Any]]) -> Texts:
    texts: Texts = {}
    over: set[int] = set()
    for event in found:
        for choice in event["choices"]:
            index, delta = choice["index"], choice.get("delta", {})
            said: dict[Any, Any] = {name: delta.get(name) for name in ("content", "reasoning_content", "refusal")}
            said |= {("call", one["index"]): one["function"].get("arguments") for one in delta.get("tool_calls", ())}
            said["text"] = choice.get("text")
            for name, text in said.items():
                if isinstance(text, str) and text:
                    assert index not in over, "after its end"
                    texts[index, name] = texts.get((index, name), "") + text
            if choice.get("finish_reason"):
                over.add(index)
    return texts


def _responses_texts(found: list[dict[str, Any]]) -> Texts:
    texts: Texts = {}
    whole: Texts = {}
    numbers = [event["sequence_number"] for event in found]
    assert numbers == list(range(len(found)))
    for event in found:
        kind = event["type"]
        place = (event.get("output_index"), event.get("content_index"), event.get("summary_index"))
        if kind.endswith(".delta"):
            key = (kind.removesuffix(".delta"), *place)
            assert key not in whole, "after its end"
            texts[key] = texts.get(key, "") + event["delta"]
        elif kind.endswith(("text.done", "refusal.done", "arguments.done", "input.done")):
            said = next(event[name] for name in ("text", "refusal", "arguments", "input") if name in event)
            whole[kind.removesuffix(".done"), *place] = said
    assert whole == texts
    end = found[-1]["response"]["output"]
    assert [event["item"] for event in found if event["type"] == "response.output_item.done"] == end
    flat = json.dumps(end, ensure_ascii=False)
    assert all(json.dumps(text, ensure_ascii=False)[1:-1] in flat for text in texts.values())
    return texts


def _messages_texts(found: list[dict[str, Any]]) -> Texts:
    texts: Texts = {}
    over: set[int] = set()
    for event in found:
        if event["type"] == "content_block_delta":
            assert event["index"] not in over, "after its end"
            delta = event["delta"]
            text = delta.get("text") or delta.get("thinking") or delta.get("partial_json") or ""
            texts[event["index"]] = texts.get(event["index"], "") + text
        elif event["type"] == "content_block_stop":
            over.add(event["index"])
    return texts


def _cohere_texts(found: list[dict[str, Any]]) -> Texts:
    texts: Texts = {}
    over: set[Any] = set()
    for event in found:
        kind, index = event["type"], event.get("index")
        message = event.get("delta", {}).get("message", {})
        text = ""
        if kind == "content-delta":
            text = message["content"].get("text") or message["content"].get("thinking") or ""
        elif kind == "tool-call-delta":
            text = message["tool_calls"]["function"]["arguments"]
        elif kind.endswith("-end"):
            over.add((kind.removesuffix("-end"), index))
        if text:
            key = (kind.removesuffix("-delta"), index)
            assert key not in over, "after its end"
            texts[key] = texts.get(key, "") + text
    return texts


def _gemini_texts(found: list[dict[str, Any]]) -> Texts:
    texts: Texts = {}
    for event in found:
        for candidate in event["candidates"]:
            for at, part in enumerate(candidate["content"]["parts"]):
                key = "thought" if part.get("thought") else "text"
                if "functionCall" in part:
                    texts[part["functionCall"]["name"]] = json.dumps(part["functionCall"]["args"], ensure_ascii=False)
                elif part.get("text"):
                    texts[key] = texts.get(key, "") + part["text"]
                assert at >= 0
    return texts


READ: dict[str, Callable[[list[dict[str, Any]]], Texts]] = {
    "openai": _chat_texts,
    "responses": _responses_texts,
    "messages": _messages_texts,
    "cohere": _cohere_texts,
    "gemini": _gemini_texts,
}


def texts_of(dialect: str, stream: bytes) -> Texts:
    return READ[dialect](parsed(stream))
