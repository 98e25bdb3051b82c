"""Answers in OpenAI's words, made of what another API said: whole completions, chunks of a stream, embeddings."""

import base64
import time
from array import array
from collections.abc import Mapping, Sequence
from sys import byteorder
from typing import Any, Literal, TypeVar
from uuid import uuid4

import msgspec
from msgspec import Raw

from genaiops.core.errors import UpstreamError
from genaiops.domain import Usage
from genaiops.ports.providers import Answer, CallBody, StreamPiece
from genaiops.providers._events import EventSplitter, event_data

T = TypeVar("T")

KEEP = 1 << 20
"""Bytes of a stream that are kept for the trace."""

TEXT_LIMIT = 4 << 20
"""Characters of a stream's text that are kept for the estimate."""

DONE = b"data: [DONE]\n\n"
_encode = msgspec.json.Encoder().encode


class _Encoding(msgspec.Struct, frozen=True):
    encoding_format: Literal["float", "base64"] | None = None


_decode_encoding = msgspec.json.Decoder(_Encoding).decode


def read_upstream(decoder: msgspec.json.Decoder[T], data: bytes | Raw, what: str) -> T:
    """UpstreamError when it is not what the provider's documentation says."""
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamError(f"{what} is not right: {error}.", code="upstream_bad_answer") from None


def new_id() -> str:
    return f"chatcmpl-{uuid4().hex}"


def new_call_id() -> str:
    """An id for a tool call of a provider that gives none. `call_` marks the ids that are not the provider's own."""
    return f"call_{uuid4().hex[:24]}"


def tool_call(
    call_id: str | None, name: str, arguments: Any, *, extra: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """`arguments`: JSON text, or what is to become it."""
    text = arguments if isinstance(arguments, str) else _encode(arguments).decode()
    made: dict[str, Any] = {
        "id": call_id or new_call_id(),
        "type": "function",
        "function": {"name": name, "arguments": text},
    }
    if extra:
        made["extra_content"] = extra
    return made


class Said(msgspec.Struct):
    """One choice of a whole answer, as it is gathered. `extra` are fields of the message that OpenAI has not."""

    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[dict[str, Any]] = []
    finish: str = "stop"
    extra: dict[str, Any] = {}
    logprobs: dict[str, Any] | None = None

    def choice(self, index: int) -> dict[str, Any]:
        text = "".join(self.texts)
        message: dict[str, Any] = {"role": "assistant", "content": text if text or not self.calls else None}
        if self.thoughts:
            message["reasoning_content"] = "".join(self.thoughts)
        if self.calls:
            message["tool_calls"] = self.calls
        message["refusal"] = None
        message.update(self.extra)
        return {"index": index, "message": message, "logprobs": self.logprobs, "finish_reason": self.finish}

    def visible(self) -> str:
        called = "".join(call["function"]["name"] + call["function"]["arguments"] for call in self.calls)
        return "".join(self.thoughts) + "".join(self.texts) + called


def completion(
    choices: Sequence[Said],
    usage: Usage | None,
    *,
    answer_id: str | None,
    model: str,
    usage_extra: Mapping[str, Any] | None = None,
) -> Answer:
    """An Answer whose body is a chat completion. `usage_extra`: what the provider says of usage beyond tokens."""
    made: dict[str, Any] = {
        "id": answer_id or new_id(),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [choice.choice(index) for index, choice in enumerate(choices)],
    }
    if usage is not None:
        made["usage"] = {**usage_object(usage), **(usage_extra or {})}
    finish = choices[0].finish if choices else None
    text = "" if usage is not None else "\n".join(choice.visible() for choice in choices)
    return Answer(usage, answer_id, model, finish, text, _encode(made))


def usage_object(usage: Usage) -> dict[str, Any]:
    """Usage as OpenAI writes it: input includes cached, output includes reasoning."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def wants_base64(call: CallBody) -> bool:
    """Whether an embeddings call asked for vectors in base64 (float32, little-endian), as OpenAI's clients do."""
    try:
        return _decode_encoding(call.raw).encoding_format == "base64"
    except msgspec.DecodeError:  # refused by `prepare` already
        return False


def embeddings(call: CallBody, vectors: Sequence[Sequence[float]], usage: Usage | None, model: str) -> Answer:
    """An Answer whose body is OpenAI's list of embeddings, in the encoding that the call asked for."""
    packed = wants_base64(call)
    made: dict[str, Any] = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": _packed(vector) if packed else vector}
            for index, vector in enumerate(vectors)
        ],
        "model": model,
    }
    if usage is not None:
        made["usage"] = {"prompt_tokens": usage.input_tokens, "total_tokens": usage.total_tokens}
    return Answer(usage, None, model, body=_encode(made))


def _packed(vector: Sequence[float]) -> str:
    try:
        floats = array("f", vector)
    except OverflowError:
        raise UpstreamError("a number of an embedding is too large.", code="upstream_bad_answer") from None
    if byteorder == "big":
        floats.byteswap()
    return base64.b64encode(floats.tobytes()).decode()


class ChunkStream:
    """A StreamReader that says another API's events in OpenAI's chunks. A subclass gives `event`, which calls `say`,
    `fail` and `close`, and notes `usage`, `answer_id` and `model`. Comments and empty events are not passed on.

    `end` is what is still owed when the upstream ends its stream where no event says that it is the last.
    """

    def __init__(self, call: CallBody) -> None:
        self.answer_id: str | None = None
        self.model: str | None = None
        self.usage: Usage | None = None
        self.usage_extra: Mapping[str, Any] = {}
        self._wants_usage = call.wants_usage
        self._asked_model = call.model
        self._made_id = new_id()
        self._created = int(time.time())
        self._splitter = EventSplitter()
        self._out: list[bytes] = []
        self._roles: set[int] = set()
        self._content = self._done = False
        self._error: str | None = None
        self._finish: str | None = None
        self._text: list[str] = []
        self._text_size = 0
        self._kept: list[bytes] = []
        self._kept_size = self._size = 0

    def event(self, data: bytes) -> None:
        raise NotImplementedError

    # -- what a subclass says

    def say(
        self,
        delta: dict[str, Any],
        *,
        index: int = 0,
        finish: str | None = None,
        logprobs: dict[str, Any] | None = None,
    ) -> None:
        """One chunk of one choice. The first one of a choice gets the role."""
        if index not in self._roles:
            self._roles.add(index)
            delta = {"role": "assistant", "content": "", **delta}
        choice: dict[str, Any] = {"index": index, "delta": delta, "finish_reason": finish}
        if logprobs is not None:
            choice["logprobs"] = logprobs
        if finish is not None and (index == 0 or self._finish is None):
            self._finish = finish
        self._note(delta)
        self._chunk([choice])

    def fail(self, message: str, code: str = "upstream_error") -> None:
        """The upstream said in its stream that it failed: that is the end."""
        self._error = message
        self._out.append(b"data: %b\n\n" % _encode({"error": {"message": message, "type": code, "code": code}}))

    def close(self) -> None:
        """The answer is whole."""
        if self._wants_usage and self.usage is not None:
            self._chunk([], {**usage_object(self.usage), **self.usage_extra})
        self._out.append(DONE)
        self._done = True

    def _chunk(self, choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> None:
        made: dict[str, Any] = {
            "id": self.answer_id or self._made_id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self.model or self._asked_model,
            "choices": choices,
        }
        if usage is not None:
            made["usage"] = usage
        self._out.append(b"data: %b\n\n" % _encode(made))

    def _note(self, delta: dict[str, Any]) -> None:
        seen: str = (
            (delta.get("content") or "") + (delta.get("reasoning_content") or "") + (delta.get("tool_plan") or "")
        )
        for call in delta.get("tool_calls") or ():
            function: dict[str, str | None] = call.get("function") or {}
            seen += (function.get("name") or "") + (function.get("arguments") or "")
        if seen or delta.get("images"):
            self._content = True
            if self._text_size < TEXT_LIMIT:
                self._text.append(seen)
                self._text_size += len(seen)

    # -- StreamReader

    def feed(self, chunk: bytes) -> StreamPiece | None:
        for event in self._splitter.feed(chunk):
            data = event_data(event)
            if data is None:
                continue
            if self._done or self._error is not None:
                break
            self.event(data)
        return self._piece()

    def end(self) -> StreamPiece | None:
        """None when the terminal event is out already. UpstreamError when the answer is not whole."""
        if self._done:
            return None
        if self._finish is None:
            raise UpstreamError("its stream ended before the answer did.", code="upstream_truncated")
        self.close()
        return self._piece()

    def _piece(self) -> StreamPiece | None:
        if not self._out:
            return None
        data = b"".join(self._out)
        self._out.clear()
        if self._size <= KEEP:
            self._kept.append(data)
            self._kept_size += len(data)
        self._size += len(data)
        piece = StreamPiece(data, self._content, self._error, self._done)
        self._content = False
        return piece

    def finish(self) -> Answer:
        return Answer(self.usage, self.answer_id, self.model, self._finish, "".join(self._text))

    def keep(self) -> bytes:
        return b"".join(self._kept)

    @property
    def truncated(self) -> bool:
        return self._size > self._kept_size
