"""Converse's answer and the events of ConverseStream as chat completions.

After the API reference of Amazon Bedrock Runtime (ConverseResponse, ConverseStreamOutput). Signed thinking is carried
as `thinking_blocks` of the message, its text as `reasoning_content` too. What a guardrail found and the model's
additional fields stand in the object `bedrock` of a whole answer. Steps of tools that Bedrock runs itself are left out.
"""

import time
import uuid
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from genaiops.core.errors import UpstreamError
from genaiops.providers._aws import event_error
from genaiops.providers._eventstream import Message

THOUGHT_LIMIT = 8 << 20
"""Characters of thinking that are kept until their signature comes."""

FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
"""Stop reason -> finish reason; a malformed output is no end but a failure."""


class _Reasoning(msgspec.Struct, frozen=True):
    text: str = ""
    signature: str | None = None


class _ReasoningContent(msgspec.Struct, frozen=True, rename="camel"):
    reasoning_text: _Reasoning | None = None
    redacted_content: str | None = None


class _ToolUse(msgspec.Struct, frozen=True, rename="camel"):
    tool_use_id: str
    name: str
    input: Raw = Raw(b"{}")
    type: str | None = None


class _Source(msgspec.Struct, frozen=True):
    bytes: str | None = None


class _Image(msgspec.Struct, frozen=True):
    format: str
    source: _Source


class _Cited(msgspec.Struct, frozen=True):
    text: str = ""


class _Citations(msgspec.Struct, frozen=True):
    content: list[_Cited] = []
    citations: list[Raw] = []


class _Block(msgspec.Struct, frozen=True, rename="camel"):
    text: str | None = None
    tool_use: _ToolUse | None = None
    reasoning_content: _ReasoningContent | None = None
    citations_content: _Citations | None = None
    image: _Image | None = None


class _Message(msgspec.Struct, frozen=True):
    content: list[_Block]


class _Output(msgspec.Struct, frozen=True):
    message: _Message


class _Written(msgspec.Struct, frozen=True, rename="camel"):
    input_tokens: int = 0
    ttl: str | None = None


class _Usage(msgspec.Struct, frozen=True, rename="camel"):
    """`input_tokens` are those that the cache neither gave nor took; `cache_details` tells what it took by how long it
    keeps it."""

    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int = 0
    cache_write_input_tokens: int = 0
    cache_details: list[_Written] | None = None


class _Converse(msgspec.Struct, frozen=True, rename="camel"):
    output: _Output
    stop_reason: str
    usage: _Usage | None = None
    trace: Raw = Raw()
    additional_model_response_fields: Raw = Raw()


_decode = msgspec.json.Decoder(_Converse).decode
_encode = msgspec.json.Encoder().encode


def chat_completion(body: bytes, model: str) -> bytes:
    """The chat completion that says what `body`, an answer of Converse, says. UpstreamError when it is no answer."""
    try:
        found = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamError(f"its answer is not Converse's: {error}.", code="upstream_bad_answer") from None
    choice = {"index": 0, "message": _message(found.output.message.content), "finish_reason": finish(found.stop_reason)}
    whole: dict[str, Any] = {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [choice],
    }
    if found.usage is not None:
        whole["usage"] = usage_of(found.usage)
    own = {"trace": found.trace, "additionalModelResponseFields": found.additional_model_response_fields}
    own = {name: raw for name, raw in own.items() if bytes(raw) not in (b"", b"null")}
    if own:
        whole["bedrock"] = {"stopReason": found.stop_reason, **own}
    return _encode(whole)


def finish(stop_reason: str) -> str:
    if stop_reason.startswith("malformed"):
        raise UpstreamError(f"its model gave up: {stop_reason}.", code="upstream_malformed_output")
    return FINISH.get(stop_reason, "stop")


def usage_of(usage: _Usage) -> dict[str, Any]:
    read, write = usage.cache_read_input_tokens, usage.cache_write_input_tokens
    prompt = usage.input_tokens + read + write
    hour = sum(each.input_tokens for each in usage.cache_details or () if each.ttl == "1h")
    details: dict[str, Any] = {"cached_tokens": read, "cache_write_tokens": write}
    if hour:
        details["cache_creation_token_details"] = {"ephemeral_1h_input_tokens": hour}
    return {
        "prompt_tokens": prompt,
        "completion_tokens": usage.output_tokens,
        "total_tokens": prompt + usage.output_tokens,
        "prompt_tokens_details": details,
    }


def _message(blocks: list[_Block]) -> dict[str, Any]:
    text: list[str] = []
    calls: list[dict[str, Any]] = []
    thoughts: list[dict[str, Any]] = []
    citations: list[Raw] = []
    images: list[dict[str, Any]] = []
    for block in blocks:
        if block.text is not None:
            text.append(block.text)
        elif block.reasoning_content is not None:
            thoughts.append(_thought(block.reasoning_content))
        elif block.tool_use is not None and block.tool_use.type is None:
            calls.append(_tool_call(block.tool_use))
        elif block.citations_content is not None:
            text += (each.text for each in block.citations_content.content)
            citations += block.citations_content.citations
        elif block.image is not None and block.image.source.bytes is not None:
            url = f"data:image/{block.image.format};base64,{block.image.source.bytes}"
            images.append({"type": "image_url", "image_url": {"url": url}})
    message: dict[str, Any] = {"role": "assistant", "content": "".join(text) if text else None}
    if reasoning := "".join(each.get("thinking", "") for each in thoughts):
        message["reasoning_content"] = reasoning
    kept = {"thinking_blocks": thoughts, "tool_calls": calls, "citations": citations, "images": images}
    return message | {name: found for name, found in kept.items() if found}


def _thought(content: _ReasoningContent) -> dict[str, Any]:
    if content.reasoning_text is None:
        return {"type": "redacted_thinking", "data": content.redacted_content or ""}
    return thinking_block(content.reasoning_text.text, content.reasoning_text.signature)


def thinking_block(text: str, signature: str | None) -> dict[str, Any]:
    return {"type": "thinking", "thinking": text, **({"signature": signature} if signature else {})}


def _tool_call(use: _ToolUse) -> dict[str, Any]:
    arguments = bytes(use.input).decode()
    return {"id": use.tool_use_id, "type": "function", "function": {"name": use.name, "arguments": arguments}}


# -- streams


class _StartTool(msgspec.Struct, frozen=True, rename="camel"):
    tool_use_id: str
    name: str
    type: str | None = None


class _Start(msgspec.Struct, frozen=True, rename="camel"):
    tool_use: _StartTool | None = None


class _ToolDelta(msgspec.Struct, frozen=True):
    input: str = ""


class _ReasoningDelta(msgspec.Struct, frozen=True, rename="camel"):
    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None


class _Delta(msgspec.Struct, frozen=True, rename="camel"):
    text: str | None = None
    tool_use: _ToolDelta | None = None
    reasoning_content: _ReasoningDelta | None = None
    image: Raw | UnsetType = UNSET


class _Event(msgspec.Struct, frozen=True, rename="camel"):
    """The fields of all kinds of events; which are there follows from the kind."""

    content_block_index: int = 0
    start: _Start | None = None
    delta: _Delta | None = None
    stop_reason: str | None = None
    usage: _Usage | None = None


_decode_event = msgspec.json.Decoder(_Event).decode


class ChunkWriter:
    """Events of ConverseStream in, chunks of a chat completion out, as server-sent events."""

    __slots__ = ("_calls", "_head", "_signature", "_size", "_thought")

    def __init__(self, model: str) -> None:
        self._head: dict[str, Any] = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
        }
        self._calls: dict[int, int] = {}  # content block -> place among the tool calls
        self._thought: list[str] = []
        self._size = 0
        self._signature: str | None = None

    def write(self, message: Message) -> bytes:
        """What the client gets of it, often nothing. UpstreamError when it is no event of ConverseStream."""
        error = event_error(message)
        if error is not None:
            return _sse({"error": {"message": error, "type": "upstream_error", "code": error.partition(":")[0]}})
        kind = message.headers.get(":event-type", "")
        try:
            event = _decode_event(message.payload or b"{}")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
            raise UpstreamError(f"its stream is not right: {fault}.", code="upstream_bad_stream") from None
        if kind == "messageStart":
            return self._chunk({"role": "assistant", "content": ""})
        if kind == "contentBlockStart":
            return self._begin(event)
        if kind == "contentBlockDelta" and event.delta is not None:
            return self._delta(event.delta, event.content_block_index)
        if kind == "contentBlockStop":
            return self._end_of_thought()
        if kind == "messageStop" and event.stop_reason is not None:
            return self._stop(event.stop_reason)
        if kind == "metadata":
            usage = {"usage": usage_of(event.usage)} if event.usage is not None else {}
            last = _sse({**self._head, "choices": [], **usage}) if usage else b""
            return last + b"data: [DONE]\n\n"
        return b""

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return _sse({**self._head, "choices": [choice]})

    def _begin(self, event: _Event) -> bytes:
        use = event.start.tool_use if event.start is not None else None
        if use is None or use.type is not None:
            return b""
        place = self._calls[event.content_block_index] = len(self._calls)
        function = {"name": use.name, "arguments": ""}
        call = {"index": place, "id": use.tool_use_id, "type": "function", "function": function}
        return self._chunk({"tool_calls": [call]})

    def _delta(self, delta: _Delta, block: int) -> bytes:
        if delta.text is not None:
            return self._chunk({"content": delta.text})
        if delta.tool_use is not None:
            place = self._calls.get(block)
            if place is None:
                return b""
            return self._chunk({"tool_calls": [{"index": place, "function": {"arguments": delta.tool_use.input}}]})
        if delta.reasoning_content is not None:
            return self._think(delta.reasoning_content)
        if delta.image is not UNSET:
            raise UpstreamError("it streams a picture.", code="upstream_untranslatable", remedy="Call it unstreamed.")
        return b""

    def _think(self, delta: _ReasoningDelta) -> bytes:
        if delta.redacted_content is not None:
            block = {"type": "redacted_thinking", "data": delta.redacted_content}
            return self._chunk({"thinking_blocks": [block]})
        if delta.signature is not None:
            self._signature = (self._signature or "") + delta.signature
        if not delta.text:
            return b""
        self._size += len(delta.text)
        if self._size > THOUGHT_LIMIT:
            raise UpstreamError("its thinking is too long.", code="upstream_too_large")
        self._thought.append(delta.text)
        return self._chunk({"reasoning_content": delta.text})

    def _end_of_thought(self) -> bytes:
        """The block as a whole, with its signature: what the next turn has to send back."""
        if not self._thought and self._signature is None:
            return b""
        block = thinking_block("".join(self._thought), self._signature)
        self._thought.clear()
        self._signature = None
        return self._chunk({"thinking_blocks": [block]})

    def _stop(self, stop_reason: str) -> bytes:
        try:
            reason = finish(stop_reason)
        except UpstreamError as error:
            return _sse({"error": {"message": error.message, "type": error.type, "code": error.code}})
        if reason == "tool_calls" and not self._calls:
            reason = "stop"  # tools that Bedrock ran itself
        return self._chunk({}, reason)


def _sse(value: dict[str, Any]) -> bytes:
    return b"data: %b\n\n" % _encode(value)
