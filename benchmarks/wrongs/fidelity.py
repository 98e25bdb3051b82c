"""Cases: what reaches the provider, and what comes back, is what was sent."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any, cast

from benchmarks.wrongs.answers import (
    DONE,
    ROLE,
    SIGNATURE,
    answers,
    chat_stream,
    chat_usage,
    chunk,
    completion,
    event,
    message,
    message_end,
    message_start,
    messages_usage,
    streams,
)
from benchmarks.wrongs.case import Case, Check, Finding, Gateway, Target, judged
from benchmarks.wrongs.cost import CHAT, MESSAGES, TEXT, chat, messages
from benchmarks.wrongs.upstream import SSE_HEAD, Exchange

THINKS = 2.0
"""Seconds between the first word of a stream and the second."""

_MARK = {"type": "ephemeral"}
_USAGE = chat_usage(100, 10)
_MESSAGE = message(TEXT, messages_usage(100, 10))
_NAMES = ("zebra", "apple", "mango", "banana", "kiwi")
_SCHEMA = {"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "integer"}}, "required": ["z"]}


def _marked_messages() -> dict[str, Any]:
    """A Messages body with marks on tools, system and a turn."""
    tools: list[dict[str, Any]] = [
        {"name": name, "description": f"Asks the {name}.", "input_schema": _SCHEMA} for name in _NAMES
    ]
    tools[-1]["cache_control"] = _MARK
    return {
        "model": "marks-m",
        "max_tokens": 1000,
        "system": [{"type": "text", "text": "A long manual.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "tools": tools,
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Grüße, 你好", "cache_control": _MARK}]},
        ],
    }


def _chat_tools() -> list[dict[str, Any]]:
    return [
        {"type": "function", "function": {"name": name, "description": f"Asks the {name}.", "parameters": _SCHEMA}}
        for name in _NAMES
    ]


def _same_values(path: str, body: Mapping[str, Any], fields: tuple[str, ...]) -> Check:
    """These fields as the provider got them mean the same JSON."""

    def check(gateway: Gateway) -> Finding:
        reply = gateway.post(path, body)
        got = _got(gateway, str(body["model"]))
        other = [field for field in fields if got.get(field) != body[field]]
        seen = f"{', '.join(fields)} as sent" if not other else f"{other[0]} became {json.dumps(got.get(other[0]))}"
        return judged(not reply.failed and not other, seen if not reply.failed else str(reply))

    return check


def _same_bytes(path: str, body: bytes, model: str) -> Check:
    def check(gateway: Gateway) -> Finding:
        reply = gateway.post(path, body)
        seen = gateway.upstream.seen.get(model)
        if reply.failed or not seen:
            return judged(False, reply)
        if seen[-1].body == body:
            return judged(True, "byte for byte")
        sent, got = json.loads(body), seen[-1].json
        other = sorted(name for name in {**sent, **got} if sent.get(name) != got.get(name))
        same = f"another value of {', '.join(other)}" if other else "the same values in other bytes"
        return judged(False, f"{same}: {seen[-1].body[:80].decode()}")

    return check


def _got(gateway: Gateway, model: str) -> dict[str, Any]:
    seen = gateway.upstream.seen.get(model)
    return seen[-1].json if seen else {}


def _marks_of_chat(gateway: Gateway) -> Finding:
    """Every mark of a chat body, at its place in the Messages body."""
    system = {"role": "system", "content": [{"type": "text", "text": "A long manual.", "cache_control": _MARK}]}
    user = {"role": "user", "content": [{"type": "text", "text": "Hello", "cache_control": _MARK}]}
    tools = _chat_tools()
    tools[-1]["cache_control"] = _MARK
    reply = gateway.post(CHAT, {"model": "marks-c", "messages": [system, user], "tools": tools, "max_tokens": 1000})
    got = _got(gateway, "marks-c")
    places = {
        "system": _marked(got.get("system")),
        "user": _marked(got.get("messages", [{}])[-1].get("content")),
        "tools": _marked(got.get("tools")),
    }
    return judged(not reply.failed and all(places.values()), f"marks kept: {places}" if got else reply)


def _marked(blocks: Any) -> bool:
    listed = cast("list[Any]", blocks) if isinstance(blocks, list) else []
    return bool(listed) and listed[-1].get("cache_control") == _MARK


def _order(model: str) -> Check:
    def check(gateway: Gateway) -> Finding:
        reply = gateway.post(CHAT, {**chat(model), "tools": _chat_tools(), "max_tokens": 1000})
        tools: list[Any] = _got(gateway, model).get("tools") or []
        functions: list[Any] = [tool.get("function", tool) for tool in tools]
        names = tuple(function.get("name") for function in functions)
        schemas: list[Any] = [
            function.get("parameters") or function.get("input_schema") or {} for function in functions
        ]
        orders: set[tuple[str, ...]] = {tuple(schema.get("properties", {})) for schema in schemas}
        right = not reply.failed and names == _NAMES and orders == {("z", "a")}
        return judged(right, f"tools {', '.join(map(str, names))}; properties {sorted(orders)}" if tools else reply)

    return check


_THOUGHT = {"type": "thinking", "thinking": "Two and two make four.", "signature": SIGNATURE}
_REDACTED = {"type": "redacted_thinking", "data": "ZW5jcnlwdGVk"}
_HISTORY: list[dict[str, Any]] = [
    {"role": "user", "content": "2 + 2?"},
    {"role": "assistant", "content": [_THOUGHT, _REDACTED, {"type": "text", "text": "4"}]},
    {"role": "user", "content": "And 3 + 3?"},
]
_THINKING = {"type": "enabled", "budget_tokens": 1024}
_THOUGHTFUL = message([_THOUGHT, _REDACTED, *TEXT], messages_usage(100, 50))


def _thinking_messages(gateway: Gateway) -> Finding:
    body = {"model": "thinking-m", "max_tokens": 4000, "thinking": _THINKING, "messages": _HISTORY}
    reply = gateway.post(MESSAGES, body)
    there = _got(gateway, "thinking-m").get("messages") == _HISTORY
    back = reply.json.get("content", [])[:2] == [_THOUGHT, _REDACTED]
    return judged(there and back, f"sent unchanged: {there}, came back unchanged: {back}")


def _thinking_stream(gateway: Gateway) -> Finding:
    body = {"model": "thinking-s", "max_tokens": 4000, "thinking": _THINKING, "messages": _HISTORY, "stream": True}
    reply = gateway.post(MESSAGES, body)
    deltas = [one.get("delta", {}) for one in reply.events]
    thought = "".join(delta.get("thinking", "") for delta in deltas)
    signed = "".join(delta.get("signature", "") for delta in deltas)
    right = (thought, signed) == (_THOUGHT["thinking"], SIGNATURE)
    return judged(right, f"thinking {thought!r}, signature {'as sent' if signed == SIGNATURE else repr(signed)}")


def _thinking_chat(gateway: Gateway) -> Finding:
    """What a chat client is told of thinking can be sent back, and reaches the provider with its signature."""
    body: dict[str, Any] = {**chat("thinking-c"), "max_tokens": 4000, "thinking": _THINKING}
    answer = gateway.post(CHAT, body).json["choices"][0]["message"]
    turns = [*body["messages"], answer, {"role": "user", "content": "And 3 + 3?"}]
    reply = gateway.post(CHAT, {**body, "messages": turns})
    there: list[Any] = [one for one in _got(gateway, "thinking-c")["messages"] if one["role"] == "assistant"]
    content: list[Any] = there[0]["content"] if there and isinstance(there[0]["content"], list) else []
    blocks = [block for block in content if "thinking" in block["type"]]
    return judged(not reply.failed and blocks == [_THOUGHT, _REDACTED], f"came back as {json.dumps(blocks)}")


def _reasoning(gateway: Gateway) -> Finding:
    whole = gateway.post(CHAT, chat("reasons")).json["choices"][0]["message"].get("reasoning_content")
    events = gateway.post(CHAT, {**chat("reasons-s"), "stream": True}).events
    deltas = [choice["delta"] for one in events for choice in one.get("choices", [])]
    streamed = "".join(delta.get("reasoning_content") or "" for delta in deltas)
    return judged((whole, streamed) == ("Hm. ", "Hm. "), f"whole: {whole!r}, streamed: {streamed!r}")


def _cap(gateway: Gateway) -> Finding:
    reply = gateway.post(CHAT, {**chat("capped"), "max_tokens": 77, "stop": ["END"], "temperature": 0.25})
    got = _got(gateway, "capped")
    told = {name: got.get(name) for name in ("max_tokens", "stop_sequences", "temperature")}
    right = told == {"max_tokens": 77, "stop_sequences": ["END"], "temperature": 0.25}
    return judged(right, f"the provider got {told}" if got else reply)


def _not_asked(gateway: Gateway) -> Finding:
    """A client that did not ask for usage gets no chunk without choices; the call is charged all the same."""
    reply = gateway.post(CHAT, {**chat("unasked"), "stream": True})
    leaked = [one for one in reply.events if not one.get("choices") or one.get("usage")]
    records = gateway.records("unasked")
    noted = bool(records) and records[0].output_tokens == 10
    seen = f"{len(leaked)} usage chunks at the client; {records[0] if records else 'no record'}"
    return judged(not reply.failed and not leaked and noted, seen)


def _at_once(path: str, model: str) -> Check:
    """The first words of a stream are with the client while the provider still thinks."""

    def check(gateway: Gateway) -> Finding:
        body = messages(model) if path == MESSAGES else chat(model)
        began = time.monotonic()
        reply = gateway.post(path, {**body, "stream": True}, until=b"First")
        took = time.monotonic() - began
        return judged(b"First" in reply.body and took < THINKS, f"after {took:.2f} s of {THINKS:.0f}")

    return check


async def _thinks(exchange: Exchange) -> None:
    await exchange.write(SSE_HEAD)
    for piece in (ROLE, chunk("First"), b"", chunk(" second"), chunk(finish="stop"), DONE):
        if piece:
            await exchange.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        else:
            await asyncio.sleep(THINKS)
    await exchange.write(b"0\r\n\r\n")


_TURNS = b'[{"role":"user","content":"Gr\\u00fc\xc3\x9fe \\/ 1.0"}]'
_PLAIN = b'{"model": "unchanged",  "messages":' + _TURNS + b', "seed": 7, "top_p": 1.0}'
_PLAIN_MESSAGES = json.dumps({**_marked_messages(), "model": "unchanged-m"}, ensure_ascii=False).encode()
_STREAMED = (
    message_start(messages_usage(100, 1)),
    event("content_block_start", index=0, content_block={"type": "thinking", "thinking": "", "signature": ""}),
    event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": _THOUGHT["thinking"]}),
    event("content_block_delta", index=0, delta={"type": "signature_delta", "signature": SIGNATURE}),
    event("content_block_stop", index=0),
    event("content_block_start", index=1, content_block={"type": "text", "text": ""}),
    event("content_block_delta", index=1, delta={"type": "text_delta", "text": "4"}),
    event("content_block_stop", index=1),
    *message_end(20),
)
_REASONED = streams(ROLE, chunk(reasoning_content="Hm. "), chunk("Hello"), chunk(finish="stop"), DONE)


def _anthropic(name: str, body: Any = _MESSAGE) -> Target:
    return Target(name=name, provider="anthropic", script=answers(body))


CASES = (
    Case(
        name="marks-messages",
        what="cache_control marks survive /v1/messages to Anthropic",
        source="Portkey #1579",
        targets=(_anthropic("marks-m"),),
        check=_same_values(MESSAGES, _marked_messages(), ("system", "tools", "messages")),
    ),
    Case(
        name="marks-chat",
        what="cache_control marks survive a chat to Anthropic",
        source="Portkey #1579",
        targets=(_anthropic("marks-c"),),
        check=_marks_of_chat,
    ),
    Case(
        name="tools-openai",
        what="the order of tools and of their properties stays (OpenAI)",
        source="Bifrost #2347",
        targets=(Target(name="tools-o", script=answers(completion("Hello", _USAGE))),),
        check=_order("tools-o"),
    ),
    Case(
        name="tools-anthropic",
        what="the same, a chat to Anthropic",
        source="Bifrost #2347",
        targets=(_anthropic("tools-a"),),
        check=_order("tools-a"),
    ),
    Case(
        name="bytes-chat",
        what="a body in which nothing has to change goes out byte for byte (chat)",
        source="Bifrost #6290",
        targets=(Target(name="unchanged", upstream_model="unchanged", script=answers(completion("Hi", _USAGE))),),
        check=_same_bytes(CHAT, _PLAIN, "unchanged"),
    ),
    Case(
        name="bytes-messages",
        what="the same on /v1/messages, with marks",
        source="Bifrost #6290",
        targets=(
            Target(name="unchanged-m", upstream_model="unchanged-m", provider="anthropic", script=answers(_MESSAGE)),
        ),
        check=_same_bytes(MESSAGES, _PLAIN_MESSAGES, "unchanged-m"),
    ),
    Case(
        name="thinking-messages",
        what="thinking with its signature survives /v1/messages, both ways",
        source="Bifrost #5887",
        targets=(_anthropic("thinking-m", _THOUGHTFUL),),
        check=_thinking_messages,
    ),
    Case(
        name="thinking-stream",
        what="the same in a stream",
        source="Bifrost #5887",
        targets=(Target(name="thinking-s", provider="anthropic", script=streams(*_STREAMED)),),
        check=_thinking_stream,
    ),
    Case(
        name="thinking-chat",
        what="a chat client can send thinking back with its signature",
        source="Bifrost #5887",
        targets=(_anthropic("thinking-c", _THOUGHTFUL),),
        check=_thinking_chat,
    ),
    Case(
        name="reasoning-content",
        what="a model's reasoning_content reaches the client, whole and streamed",
        source="Bifrost #5887",
        targets=(
            Target(name="reasons", script=answers(completion("Hello", _USAGE, reasoning_content="Hm. "))),
            Target(name="reasons-s", script=_REASONED),
        ),
        check=_reasoning,
    ),
    Case(
        name="max-tokens",
        what="max_tokens, stop and temperature survive translation",
        source="Bifrost #6132",
        targets=(_anthropic("capped"),),
        check=_cap,
    ),
    Case(
        name="usage-not-asked",
        what="usage that the client did not ask for is charged and not shown to it",
        source="OpenAI's reference",
        targets=(Target(name="unasked", script=chat_stream("Hello", usage=_USAGE)),),
        check=_not_asked,
    ),
    Case(
        name="stream-at-once",
        what="a stream's first words are not held back",
        source="Bifrost #6143",
        targets=(Target(name="thinks", script=_thinks),),
        check=_at_once(CHAT, "thinks"),
    ),
    Case(
        name="stream-at-once-translated",
        what="the same, translated to /v1/messages",
        source="Bifrost #6143",
        targets=(Target(name="thinks-m", script=_thinks),),
        check=_at_once(MESSAGES, "thinks-m"),
    ),
)
