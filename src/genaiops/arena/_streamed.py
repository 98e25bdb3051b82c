"""A stream of OpenAI's chat, read as the one answer that it is."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import msgspec

EVENTS: Final = "text/event-stream"
_END: Final = b"[DONE]"


class StreamFailed(Exception):
    """An error came in the place of the rest."""


def streamed(body: bytes) -> dict[str, Any]:
    """As a chat completion that was not streamed. DecodeError and KeyError when it is no such stream; StreamFailed when
    it says an error, or ends before its answer does."""
    whole: dict[str, Any] = {}
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    calls: dict[int, dict[str, Any]] = {}
    pictures: list[Any] = []
    finish: str | None = None
    for chunk in _chunks(body):
        if "error" in chunk:
            raise StreamFailed(_said(chunk["error"]))
        whole |= {name: chunk[name] for name in ("id", "model", "system_fingerprint") if chunk.get(name)}
        whole |= {"usage": chunk["usage"]} if chunk.get("usage") else {}
        for choice in chunk["choices"]:
            if choice.get("index", 0) == 0:
                delta: dict[str, Any] = choice.get("delta") or {}
                message["content"] += delta.get("content") or ""
                pictures += delta.get("images") or ()
                _add_calls(calls, delta.get("tool_calls") or ())
                finish = choice.get("finish_reason") or finish
    if finish is None:
        raise StreamFailed("it ended before the answer did.")
    message |= {"images": pictures} if pictures else {}
    message |= {"tool_calls": [calls[each] for each in sorted(calls)]} if calls else {}
    return {**whole, "choices": [{"index": 0, "message": message, "finish_reason": finish}]}


def _chunks(body: bytes) -> Iterator[dict[str, Any]]:
    for event in body.replace(b"\r\n", b"\n").split(b"\n\n"):
        lines = [line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")]
        data = b"\n".join(lines)
        if data == _END:
            return
        if data:
            yield msgspec.json.decode(data, type=dict[str, Any])


def _add_calls(calls: dict[int, dict[str, Any]], deltas: Any) -> None:
    for number, delta in enumerate(deltas):
        call = calls.setdefault(delta.get("index", number), {"function": {"name": "", "arguments": ""}})
        function: dict[str, Any] = delta.get("function") or {}
        for name in ("name", "arguments"):
            call["function"][name] += function.get(name) or ""


def _said(error: Any) -> str:
    said: Any = cast("Mapping[str, Any]", error).get("message") if isinstance(error, Mapping) else error
    return str(said)[:500]
