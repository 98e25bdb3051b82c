"""What the scripted provider says: whole answers, streams and failures in OpenAI's and Anthropic's words."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from benchmarks.wrongs.upstream import Exchange, Script

DONE = b"data: [DONE]\n\n"
OVERLOADED: Mapping[str, Any] = {"message": "the model is overloaded", "type": "server_error", "code": "overloaded"}
ERROR_EVENT = b"data: " + json.dumps({"error": OVERLOADED}).encode() + b"\n\n"
SIGNATURE = "EqQBCgIYAhIkc2lnbmF0dXJlLW9mLXRoZS10aGlua2luZw=="


def completion(text: str, usage: Mapping[str, Any], model: str = "gpt-4o-mini", **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": text, **message}
    choice = {"index": 0, "message": said, "finish_reason": "stop", "logprobs": None}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1_760_000_000, "model": model}
    return {**head, "choices": [choice], "usage": dict(usage)}


def chat_usage(prompt: int, output: int, *, cached: int = 0, reasoning: int = 0) -> dict[str, Any]:
    """As OpenAI counts: cached tokens are a part of the prompt's, reasoning is a part of the output's."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": prompt + output,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }


def messages_usage(fresh: int, output: int, *, read: int = 0, wrote: int = 0, wrote_1h: int = 0) -> dict[str, Any]:
    """As Anthropic counts: tokens of the cache stand beside `input_tokens`."""
    return {
        "input_tokens": fresh,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": wrote + wrote_1h,
        "cache_creation": {"ephemeral_5m_input_tokens": wrote, "ephemeral_1h_input_tokens": wrote_1h},
        "output_tokens": output,
    }


def message(blocks: list[dict[str, Any]], usage: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": blocks,
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": dict(usage),
    }


def chunk(text: str | None = None, *, finish: str | None = None, **delta: Any) -> bytes:
    said = {**({"content": text} if text is not None else {}), **delta}
    return _chunk({"choices": [{"index": 0, "delta": said, "finish_reason": finish}]})


def usage_chunk(usage: Mapping[str, Any]) -> bytes:
    return _chunk({"choices": [], "usage": dict(usage)})


def _chunk(fields: Mapping[str, Any]) -> bytes:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_760_000_000, "model": "gpt-4o-mini"}
    return b"data: " + json.dumps({**head, **fields}).encode() + b"\n\n"


ROLE = chunk("", role="assistant")


def event(kind: str, **fields: Any) -> bytes:
    """One of Anthropic's."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def message_start(usage: Mapping[str, Any]) -> bytes:
    return event("message_start", message={**message([], {**usage, "output_tokens": 1}), "stop_reason": None})


def text_block(*texts: str) -> list[bytes]:
    deltas = [event("content_block_delta", index=0, delta={"type": "text_delta", "text": each}) for each in texts]
    start = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    return [start, *deltas, event("content_block_stop", index=0)]


def message_end(output: int) -> list[bytes]:
    delta = event(
        "message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": output}
    )
    return [delta, event("message_stop")]


MESSAGES_ERROR = event("error", error={"type": "overloaded_error", "message": "the model is overloaded"})


# -- scripts


def answers(body: Any, *, status: int = 200, after: float = 0.0) -> Script:
    async def script(exchange: Exchange) -> None:
        await asyncio.sleep(after)
        await exchange.answer(status, body)

    return script


def streams(*pieces: bytes, pause: float = 0.0, end: bool = True, after: float = 0.0) -> Script:
    async def script(exchange: Exchange) -> None:
        await asyncio.sleep(after)
        await exchange.events(*pieces, pause=pause, end=end)

    return script


def chat_stream(*texts: str, usage: Mapping[str, Any]) -> Script:
    """Tells usage only where it is asked for it, as OpenAI does."""

    async def script(exchange: Exchange) -> None:
        options: Any = exchange.seen.json.get("stream_options") or {}
        asked = bool(options.get("include_usage"))
        told = [usage_chunk(usage)] if asked else []
        await exchange.events(ROLE, *(chunk(text) for text in texts), chunk(finish="stop"), *told, DONE)

    return script


def cut(data: bytes) -> Script:
    """These bytes, then the connection closes."""

    async def script(exchange: Exchange) -> None:
        await exchange.write(data)
        exchange.keep = False

    return script
