"""A provider for tests and demonstrations: scripted answers, delays and faults, without a network.

Beside text it makes what `_echo_media` and `_echo_video` say.

A target's `settings` are the script of every call; `script` (a JSON list of objects with the same keys) is one step a
call, in turn. All values are text:

| key | meaning | default |
|---|---|---|
| `text` | the answer | the last user message |
| `delay` | seconds before the head of the answer | 0 |
| `gap` | seconds between two chunks of a stream | 0 |
| `status` | answer with this status and an error body | 200 |
| `retry_after` | seconds, on that error | none |
| `usage` | `none`: send no usage | counted words |
| `reasoning_tokens`, `cached_tokens` | parts of the usage | 0 |
| `finish_reason` | | `stop` |
| `tool` | answer with a call of the tool of this name | none |
| `video_delay` | seconds until a video is there | 0 |
| `video_error` | videos fail with this message | none |
| `fault` | `refuse`, `stall`, `garbage`, `cut` (before content), `die` (in the middle), `error_event`, `empty` | none |
"""

import asyncio
import hashlib
import os
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, cast

import msgspec

from genaiops.core.errors import ConfigError, UpstreamError
from genaiops.domain import Target
from genaiops.ports.providers import Wire
from genaiops.providers import _echo_media, _openai_media
from genaiops.providers._echo_video import EchoVideos, Missing
from genaiops.providers.openai import OpenAI

DIMENSIONS = 8
FAULTS = frozenset({"refuse", "stall", "garbage", "cut", "die", "error_event", "empty"})
_WORD = re.compile(r"\S+\s*")


class Echo(OpenAI):
    name = "echo"


class EchoReply:
    """A response made up here; `status`, `headers`, then the body in pieces."""

    def __init__(self, status: int, headers: Sequence[tuple[bytes, bytes]], pieces: AsyncIterator[bytes]) -> None:
        self.status = status
        self.headers = headers
        self._pieces = pieces

    def header(self, name: bytes) -> bytes | None:
        return next((value for key, value in self.headers if key == name), None)

    def all_here(self) -> None:
        return None

    async def read(self, limit: int) -> bytes:
        whole = b"".join([piece async for piece in self._pieces])
        if len(whole) > limit:
            raise UpstreamError("its answer is too large.", code="upstream_too_large")
        return whole

    async def chunk(self) -> bytes | None:
        return await anext(self._pieces, None)

    async def pump(self, sink: Callable[[bytes], bool]) -> bool:
        while (piece := await self.chunk()) is not None:
            if sink(piece):
                return False
        return True

    def leave(self) -> None: ...

    def release(self) -> None: ...

    def abort(self) -> None: ...


class EchoTransport:
    """Carries a Wire to nowhere and answers by the target's script."""

    def __init__(self) -> None:
        self._calls = 0
        self._videos = EchoVideos()

    def post(self, wire: Wire, target: Target, extra: bytes, waiter: object) -> None:  # noqa: ARG002 (the port's shape)
        return None

    async def send(self, wire: Wire, target: Target, extra: bytes = b"") -> EchoReply:  # noqa: ARG002
        step = _step(target.settings, self._calls)
        self._calls += 1
        fault = step.get("fault")
        if fault is not None and fault not in FAULTS:
            raise ConfigError(f"The target {target.id!r} has no fault {fault!r}.", remedy=f"Known: {sorted(FAULTS)}.")
        if fault == "refuse":
            raise UpstreamError("it refused the connection.", code="upstream_connect_failed")
        await asyncio.sleep(float(step.get("delay", "0")))
        if fault == "stall":
            await asyncio.sleep(target.timeouts.first_token or 3600.0)
            raise UpstreamError("it sent nothing in time.", code="upstream_timeout")
        status = int(step.get("status", "200"))
        if status != 200:
            return _error(status, step)
        body = b"".join(wire.pieces) or wire.body
        if wire.path.startswith(b"/videos"):
            return self._video(wire, body, step, target)
        try:
            request: dict[str, Any] = {} if wire.path == _FORM else msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _error(400, {"text": f"The body is no JSON: {error}"})
        if wire.path in _MEDIA:
            return _made(wire.path, body, request, step)
        if wire.path == b"/embeddings":
            return EchoReply(200, _JSON, _one(_embeddings(request)))
        answer = _Answer(request, step, chat=wire.path == b"/chat/completions")
        if request.get("stream"):
            return EchoReply(200, _EVENTS, answer.stream(float(step.get("gap", "0"))))
        return EchoReply(200, _JSON, _one(answer.whole()))

    def _video(self, wire: Wire, body: bytes, step: Mapping[str, str], target: Target) -> EchoReply:
        try:
            made, kind = self._videos.answer(wire.method, wire.path, body, step, target.upstream_model)
        except Missing:
            return _error(404, {"text": "There is no such video."})
        except _echo_media.Refused as error:
            return _error(400, {"text": str(error)})
        return EchoReply(200, ((b"content-type", kind),), _slices(made, step.get("fault")))

    async def aclose(self) -> None: ...


def _made(path: bytes, body: bytes, request: dict[str, Any], step: Mapping[str, str]) -> EchoReply:
    fault = step.get("fault")
    if fault == "garbage":
        return EchoReply(200, _JSON, _one(b'{"data": "none'))
    try:
        made, kind = _echo_media.make(path, body, request, step.get("text"))
    except _echo_media.Refused as error:
        return _error(400, {"text": str(error)})
    return EchoReply(200, ((b"content-type", kind),), _slices(made, fault))


async def _slices(made: bytes, fault: str | None) -> AsyncIterator[bytes]:
    for at in range(0, len(made), _SLICE):
        if fault == "cut" or (fault == "die" and at):
            raise UpstreamError("it died in the middle of its answer.", code="upstream_truncated")
        yield made[at : at + _SLICE]


_SLICE = 16_384
_MEDIA = frozenset(_openai_media.PATHS.values())
_FORM = _openai_media.PATHS["transcription"]
_JSON = ((b"content-type", b"application/json"),)
_EVENTS = ((b"content-type", b"text/event-stream; charset=utf-8"),)


def _step(settings: Mapping[str, str], calls: int) -> Mapping[str, str]:
    if "script" not in settings:
        return settings
    try:
        steps = msgspec.json.decode(settings["script"], type=list[dict[str, str]])
    except msgspec.DecodeError as error:
        raise ConfigError(f"The echo script is not a JSON list of objects: {error}.") from None
    return {**settings, **steps[calls % len(steps)]} if steps else settings


def _error(status: int, step: Mapping[str, str]) -> EchoReply:
    fields = [*_JSON]
    if "retry_after" in step:
        fields.append((b"retry-after", step["retry_after"].encode()))
    error = {"message": step.get("text", f"scripted status {status}"), "type": "echo_error", "code": None}
    return EchoReply(status, fields, _one(msgspec.json.encode({"error": error})))


async def _one(piece: bytes) -> AsyncIterator[bytes]:
    yield piece


def _text_of(content: Any) -> str:
    if isinstance(content, list):
        parts = cast("list[Any]", content)
        return " ".join(str(cast("dict[str, Any]", part).get("text", "")) for part in parts if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _prompt(request: Mapping[str, Any], *, chat: bool) -> tuple[str, int]:
    """(what is echoed, words of the whole prompt)."""
    if not chat:
        text = _text_of(request.get("prompt", ""))
        return text, len(text.split())
    messages = cast("list[dict[str, Any]]", request.get("messages", []))
    texts = [(message.get("role"), _text_of(message.get("content"))) for message in messages]
    last = next((text for role, text in reversed(texts) if role == "user"), "")
    return last, sum(len(text.split()) for _, text in texts)


def _embeddings(request: Mapping[str, Any]) -> bytes:
    given = request.get("input", "")
    texts = [given] if isinstance(given, str) else [str(one) for one in cast("list[Any]", given)]
    data = [{"object": "embedding", "index": at, "embedding": _vector(text)} for at, text in enumerate(texts)]
    words = sum(len(text.split()) for text in texts)
    usage = {"prompt_tokens": words, "total_tokens": words}
    return msgspec.json.encode({"object": "list", "data": data, "model": request.get("model"), "usage": usage})


def _vector(text: str) -> list[float]:
    digest = hashlib.sha256(text.encode()).digest()
    raw = [int.from_bytes(digest[at * 4 : at * 4 + 4], "big") / 2**31 - 1 for at in range(DIMENSIONS)]
    length = sum(one * one for one in raw) ** 0.5 or 1.0
    return [one / length for one in raw]


class _Answer:
    def __init__(self, request: Mapping[str, Any], step: Mapping[str, str], *, chat: bool) -> None:
        self._chat = chat
        self._step = step
        echoed, words = _prompt(request, chat=chat)
        found: list[str] = _WORD.findall(step.get("text", echoed))
        cap = request.get("max_completion_tokens") or request.get("max_tokens")
        self._pieces = found[:cap] if isinstance(cap, int) else found
        self._finish = "length" if len(self._pieces) < len(found) else step.get("finish_reason", "stop")
        if "tool" in step:
            self._finish = "tool_calls"
        options = cast("dict[str, Any]", request.get("stream_options") or {})
        self._stream_usage = bool(options.get("include_usage")) and step.get("usage") != "none"
        self._head = {
            "id": f"chatcmpl-{os.urandom(12).hex()}",  # by it a client's span is known to be of this call
            "object": "chat.completion" if chat else "text_completion",
            "created": 0,
            "model": request.get("model"),
        }
        output = len(self._pieces)
        self._usage = {
            "prompt_tokens": words,
            "completion_tokens": output,
            "total_tokens": words + output,
            "prompt_tokens_details": {"cached_tokens": int(step.get("cached_tokens", "0"))},
            "completion_tokens_details": {"reasoning_tokens": int(step.get("reasoning_tokens", "0"))},
        }

    def whole(self) -> bytes:
        if self._step.get("fault") in ("garbage", "cut", "die"):
            return b'{"id": "chatcmpl-", "choi'
        text = "".join(self._pieces)
        choice: dict[str, Any] = {"index": 0, "finish_reason": self._finish, "logprobs": None}
        if not self._chat:
            choice["text"] = text
        elif "tool" in self._step:
            choice["message"] = {"role": "assistant", "content": None, "tool_calls": [self._tool(text)]}
        else:
            choice["message"] = {"role": "assistant", "content": text}
        answer = {**self._head, "choices": [choice]}
        if self._step.get("usage") != "none":
            answer["usage"] = self._usage
        return msgspec.json.encode(answer)

    def _tool(self, text: str) -> dict[str, Any]:
        call = {"name": self._step["tool"], "arguments": text}
        return {"index": 0, "id": "call_echo", "type": "function", "function": call}

    async def stream(self, gap: float) -> AsyncIterator[bytes]:
        fault = self._step.get("fault")
        if fault == "empty":
            return
        if fault == "cut":
            raise UpstreamError("it closed the connection.", code="upstream_closed")
        if fault == "garbage":
            yield b"this is no event\n\n"
            return
        if self._chat:
            yield self._event({"delta": {"role": "assistant", "content": ""}})
        for at, piece in enumerate(self._pieces):
            if fault in ("die", "error_event") and at >= max(1, len(self._pieces) // 2):
                break
            if gap:
                await asyncio.sleep(gap)
            yield self._event(self._delta(piece, first=at == 0))
        if fault == "die":
            raise UpstreamError("it died in the middle of the stream.", code="upstream_truncated")
        if fault == "error_event":
            yield b'data: {"error":{"message":"scripted error","type":"echo_error","code":null}}\n\n'
            return
        yield self._event({"delta": {}} if self._chat else {"text": ""}, self._finish)
        if self._stream_usage:
            yield b"data: " + msgspec.json.encode({**self._chunk_head(), "choices": [], "usage": self._usage}) + b"\n\n"
        yield b"data: [DONE]\n\n"

    def _delta(self, piece: str, *, first: bool) -> dict[str, Any]:
        if not self._chat:
            return {"text": piece}
        if "tool" not in self._step:
            return {"delta": {"content": piece}}
        call = self._tool(piece) if first else {"index": 0, "function": {"arguments": piece}}
        return {"delta": {"tool_calls": [call]}}

    def _chunk_head(self) -> dict[str, Any]:
        return {**self._head, "object": "chat.completion.chunk" if self._chat else "text_completion"}

    def _event(self, fields: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, **fields, "finish_reason": finish}
        return b"data: " + msgspec.json.encode({**self._chunk_head(), "choices": [choice]}) + b"\n\n"
