"""A stream of Anthropic's Messages as chunks of a chat completion, event by event."""

from typing import Any

import msgspec
from msgspec import Raw

from genaiops.core.errors import UpstreamError
from genaiops.dialects.chat import as_chat, error_message, given, read
from genaiops.dialects.events import EventReader
from genaiops.dialects.messages.answer import thinking_block, unknown_block
from genaiops.dialects.messages.wire import (
    FINISH_OF_STOP,
    Block,
    Delta,
    Event,
    MessagesUsage,
    decode_event,
    messages_usage,
)

_encode = msgspec.json.Encoder().encode
THINKING_LIMIT = 4 << 20
"""Characters of one block of thinking: it is kept until its signature has come."""


class ChatStream:
    """Text and the arguments of tools go on as they come. Thinking goes on as `reasoning_content`; once its signature
    is there, the whole block follows in `thinking_blocks`, to be sent back with the next turn.

    `created` in seconds since 1970; `include_usage`: the client asked for usage at the end.
    """

    __slots__ = ("_calls", "_created", "_end", "_finished", "_head", "_open", "_reader", "_signature", "_size",
                 "_thought", "_tokens", "_usage", "_wrote", "done")  # fmt: skip

    def __init__(self, *, created: int, include_usage: bool) -> None:
        self._created = created
        self._usage = include_usage
        self._reader = EventReader()
        self._head = b""
        self._end = b',"finish_reason":null}],"usage":null}\n\n' if include_usage else b',"finish_reason":null}]}\n\n'
        self._open: Block | None = None
        self._calls = -1
        self._wrote = False
        self._thought: list[str] = []
        self._signature: list[str] = []
        self._size = 0
        self._tokens = MessagesUsage()
        self._finished = False
        self.done = False

    def feed(self, chunk: bytes) -> bytes:
        """The chunks that these bytes make. UpstreamError on what is no such stream."""
        found = self._reader.feed(chunk)
        return b"".join(
            [self.event(read(decode_event, data, "its stream")) for data in found if data is not None and not self.done]
        )

    def event(self, event: Event) -> bytes:
        """The chunks for one event; empty for one that says nothing in chat."""
        kind = event.type
        if kind == "content_block_delta":
            return self._delta(event.delta) if event.delta is not None else b""
        if kind == "content_block_start" and event.content_block is not None:
            return self._begin(event.content_block)
        if kind == "content_block_stop":
            return self._stop()
        if kind == "message_start":
            return self._start(event)
        if kind == "message_delta":
            return self._message_delta(event)
        if kind == "message_stop":
            return self._message_stop()
        if kind == "error":
            self.done = True
            message, kind = error_message(event.error)
            told = {"message": message, "type": kind, "code": kind, "param": None}
            return b"data: %b\n\n" % _encode({"error": told})
        return b""  # ping, and what later versions may add

    def _start(self, event: Event) -> bytes:
        message = event.message
        head: dict[str, Any] = {
            "id": (message.id if message is not None else None) or "",
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": (message.model if message is not None else None) or "",
        }
        self._head = b'data: %b,"choices":[' % _encode(head)[:-1]
        if message is not None:
            self._tokens = self._tokens.then(messages_usage(message.usage))
        return self._chunk({"role": "assistant", "content": ""})

    def _chunk(self, delta: dict[str, Any]) -> bytes:
        return b'%b{"index":0,"delta":%b%b' % (self._begun(), _encode(delta), self._end)

    def _begun(self) -> bytes:
        if not self._head:
            raise UpstreamError("its stream does not begin with message_start.", code="upstream_bad_stream")
        return self._head

    def _begin(self, block: Block) -> bytes:
        self._open = block
        self._wrote = False
        if block.type == "text":
            return self._chunk({"content": block.text}) if block.text else b""
        if block.type == "tool_use":
            self._calls += 1
            function = {"name": block.name or "", "arguments": ""}
            call = {"index": self._calls, "id": block.id or "", "type": "function", "function": function}
            return self._chunk({"tool_calls": [call]})
        if block.type == "thinking":
            self._signature = [block.signature or ""]
            self._thought = []
            self._size = 0
            return self._think(block.thinking) if block.thinking else b""
        if block.type == "redacted_thinking":
            return b""
        raise unknown_block(block)

    def _delta(self, delta: Delta) -> bytes:
        if delta.text:
            return self._chunk({"content": delta.text})
        if delta.partial_json:
            return self._arguments(delta.partial_json)
        if delta.thinking:
            return self._think(delta.thinking)
        if delta.signature:
            self._signature.append(delta.signature)
        return b""

    def _arguments(self, text: str) -> bytes:
        self._wrote = True
        return self._chunk({"tool_calls": [{"index": self._calls, "function": {"arguments": text}}]})

    def _think(self, text: str) -> bytes:
        self._size += len(text)
        if self._size > THINKING_LIMIT:
            raise UpstreamError("its stream has a block of thinking without end.", code="upstream_bad_stream")
        self._thought.append(text)
        return self._chunk({"reasoning_content": text})

    def _stop(self) -> bytes:
        block, self._open = self._open, None
        if block is None:
            return b""
        if block.type == "tool_use" and not self._wrote:
            return self._arguments(bytes(block.input).decode() if given(block.input) else "{}")
        if block.type == "thinking":
            whole = Block("thinking", thinking="".join(self._thought), signature="".join(self._signature))
            self._thought = []
            return self._chunk({"thinking_blocks": [thinking_block(whole)]})
        if block.type == "redacted_thinking":
            return self._chunk({"thinking_blocks": [thinking_block(block)]})
        return b""

    def _message_delta(self, event: Event) -> bytes:
        self._tokens = self._tokens.then(messages_usage(event.usage))
        delta = event.delta
        if delta is None or delta.stop_reason is None or self._finished:
            return b""
        self._finished = True
        told: dict[str, Any] = {}
        if delta.stop_reason == "refusal" and delta.stop_details is not None:
            told["refusal"] = delta.stop_details.explanation
        choice: dict[str, Any] = {
            "index": 0,
            "delta": told,
            "finish_reason": FINISH_OF_STOP.get(delta.stop_reason, "stop"),
        }
        if delta.stop_sequence is not None:
            choice["stop_reason"] = delta.stop_sequence
        return b"%b%b]%b}\n\n" % (self._begun(), _encode(choice), b',"usage":null' if self._usage else b"")

    def _message_stop(self) -> bytes:
        self.done = True
        usage = self._tokens.buckets() if self._usage else None
        last = b'%b],"usage":%b}\n\n' % (self._begun(), _encode(as_chat(usage))) if usage is not None else b""
        return last + b"data: [DONE]\n\n"


def block_text(block: Block | None, delta: Delta | None) -> str:
    """What a person or a program sees of one event."""
    if delta is not None:
        return delta.text or delta.partial_json or delta.thinking or ""
    if block is None:
        return ""
    begun = block.input if given(block.input) else Raw()
    arguments = bytes(begun).decode("utf-8", "replace")
    return (block.text or "") + (block.thinking or "") + (block.name or "") + ("" if arguments == "{}" else arguments)
