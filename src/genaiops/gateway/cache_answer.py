"""Answers as they are kept: of chats in OpenAI's dialect in one form, from which a stream and a whole answer are made
alike; of everything else as they were sent, streams apart.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, cast

import msgspec

from genaiops.domain import Cost, Usage

_PIECE = 400
"""Characters of a piece of a stream that is made of a whole answer."""

_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")
_KNOWN = frozenset({*_TEXTS, "role", "tool_calls"})
_SEAL = 16


class Remembered(msgspec.Struct, frozen=True, array_like=True):
    """An answer, when and in which trace it was made, what it used and cost then."""

    stored_us: int
    trace_id: bytes
    body: bytes
    usage: Usage
    cost: Cost | None
    response_model: str | None
    finish_reason: str | None

    @property
    def size(self) -> int:
        return len(self.body)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Remembered).decode
_json = msgspec.json.decode


def seal(key: bytes, answer: Remembered) -> bytes:
    """As bytes, with a digest of them and of the key."""
    data = _encode(answer)
    return hashlib.blake2b(data, digest_size=_SEAL, key=key).digest() + data


def unseal(key: bytes, sealed: bytes) -> Remembered | None:
    """None for what is not what was sealed under this key."""
    data = sealed[_SEAL:]
    if hashlib.blake2b(data, digest_size=_SEAL, key=key).digest() != sealed[:_SEAL]:
        return None
    try:
        return _decode(data)
    except msgspec.MsgspecError:
        return None


def usage_object(usage: Usage) -> dict[str, Any]:
    """In the words of chat completions."""
    found: dict[str, Any] = {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
    }
    if usage.cache_read:
        found["prompt_tokens_details"] = {"cached_tokens": usage.cache_read}
    if usage.reasoning:
        found["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    return found


# -- a stream made whole


def whole_of(events: bytes, usage: Usage) -> bytes | None:
    """A stream of chat completion chunks as one completion. None where that would leave something out."""
    head: dict[str, Any] = {}
    message: dict[str, Any] = {"role": "assistant", "content": None}
    calls: dict[int, dict[str, Any]] = {}
    finish: str | None = None
    for chunk in _chunks(events):
        if not head:
            head = {name: chunk[name] for name in ("id", "created", "model", "system_fingerprint") if name in chunk}
        choices = cast("list[dict[str, Any]]", chunk.get("choices") or [])
        for choice in choices:
            if choice.get("index", 0) != 0 or choice.get("logprobs") is not None:
                return None
            finish = choice.get("finish_reason") or finish
            if not _add(choice.get("delta") or {}, message, calls):
                return None
    if finish is None or not head:
        return None
    if calls:
        message["tool_calls"] = [calls[index] for index in sorted(calls)]
    answer: dict[str, Any] = {
        **head,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
    }
    if not usage.estimated:
        answer["usage"] = usage_object(usage)
    return msgspec.json.encode(answer)


def _chunks(events: bytes) -> Iterator[dict[str, Any]]:
    for line in events.splitlines():
        if line.startswith(b"data:"):
            data = line[5:].strip()
            if data != b"[DONE]":
                yield _json(data)


def _add(delta: dict[str, Any], message: dict[str, Any], calls: dict[int, dict[str, Any]]) -> bool:
    for name, value in delta.items():
        if value is None:
            continue
        if name in _TEXTS and isinstance(value, str):
            message[name] = (message.get(name) or "") + value
        elif name == "tool_calls":
            for part in cast("list[dict[str, Any]]", value):
                if not _add_call(part, calls):
                    return False
        elif name not in _KNOWN:
            return False
    return True


def _add_call(part: dict[str, Any], calls: dict[int, dict[str, Any]]) -> bool:
    if not part.keys() <= {"index", "id", "type", "function"}:
        return False
    call = calls.setdefault(
        part.get("index", 0), {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
    )
    call["id"] = part.get("id") or call["id"]
    function: dict[str, Any] = part.get("function") or {}
    for name in ("name", "arguments"):
        call["function"][name] += function.get(name) or ""
    return True


# -- a whole answer made a stream


def stream_of(body: bytes, usage: Usage, *, include_usage: bool) -> bytes:
    """A chat completion as a stream of chunks, with its end. `include_usage`: as the client asked."""
    answer = _json(body)
    head = {name: answer[name] for name in ("id", "created", "model", "system_fingerprint") if name in answer}
    head["object"] = "chat.completion.chunk"
    choice = answer["choices"][0]
    deltas = list(_deltas(choice["message"]))
    chunks: list[dict[str, Any]] = [
        {**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}]} for delta in deltas
    ]
    if choice.get("logprobs") is not None:
        chunks[-1]["choices"][0]["logprobs"] = choice["logprobs"]
    last = {"index": 0, "delta": dict[str, Any](), "logprobs": None, "finish_reason": choice["finish_reason"]}
    chunks.append({**head, "choices": [last]})
    if include_usage:
        chunks.append({**head, "choices": [], "usage": answer.get("usage") or usage_object(usage)})
    return b"".join([b"data: %b\n\n" % msgspec.json.encode(chunk) for chunk in chunks]) + b"data: [DONE]\n\n"


def _deltas(message: dict[str, Any]) -> Iterable[dict[str, Any]]:
    rare = {name: value for name, value in message.items() if name not in _KNOWN and value is not None}
    yield {"role": message.get("role", "assistant"), "content": "", **rare}
    for name in ("reasoning_content", "reasoning", "content", "refusal"):
        text = message.get(name)
        if isinstance(text, str):
            yield from ({name: text[at : at + _PIECE]} for at in range(0, len(text), _PIECE))
    for index, call in enumerate(message.get("tool_calls") or ()):
        yield {"tool_calls": [{"index": index, **call}]}
