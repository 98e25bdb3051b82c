"""A stream of a chat completion as events of Anthropic's Messages.

message_start, then for each block content_block_start, content_block_delta ..., content_block_stop, then message_delta
with the reason to stop and the usage, message_stop (platform.claude.com, Streaming Messages).
"""

from typing import Any

import msgspec

from genaiops.core.errors import UpstreamError
from genaiops.dialects.chat import chat_usage, error_message, given, read
from genaiops.dialects.events import EventReader
from genaiops.dialects.messages.answer import call_id, message_id, thinking_block
from genaiops.dialects.messages.errors import error_event
from genaiops.dialects.messages.wire import (
    Block,
    ChatChoice,
    ChatMessage,
    Completion,
    ToolCall,
    as_messages,
    decode_completion,
    stop_of,
)
from genaiops.domain import Usage

PING = b'event: ping\ndata: {"type":"ping"}\n\n'
_encode = msgspec.json.Encoder().encode


def _event(kind: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), _encode({"type": kind, **fields}))


class MessagesStream:
    """Chat's chunks in, events out; `model` is the name that the client used. Bounded memory but for a block of
    thinking, which is kept until its signature may come. `done`: message_stop or an error is out."""

    __slots__ = ("_at", "_call", "_finish", "_id", "_met", "_model", "_open", "_reader", "_refused", "_said",
                 "_started", "_thought", "_usage", "done")  # fmt: skip

    def __init__(self, model: str) -> None:
        self._model = model
        self._reader = EventReader()
        self._id = ""
        self._started = False
        self._at = -1  # the block that is, or was, open
        self._open: str | None = None
        self._call = -1  # the last tool call
        self._thought: list[str] = []
        self._finish: str | None = None
        self._met: Any = None
        self._said = False
        self._refused = False
        self._usage: Usage | None = None
        self.done = False

    def feed(self, chunk: bytes) -> bytes:
        """The events that these bytes make. UpstreamError on what is no such stream."""
        out: list[bytes] = []
        for data in self._reader.feed(chunk):
            if self.done:
                break
            if data is None:
                out.append(PING)
            elif data == b"[DONE]":
                out.append(self.end())
            else:
                out.append(self._chunk(read(decode_completion, data, "its stream")))
        return b"".join(out)

    def end(self, usage: Usage | None = None) -> bytes:
        """What closes the message: at `[DONE]`, or when the stream ends without it. `usage` stands in where the
        stream had none."""
        if self.done:
            return b""
        self.done = True
        out = [self._begin_message(), self._close()]
        stop, sequence = stop_of(self._finish, tools=self._call >= 0, met=self._met)
        if self._refused and not self._said:
            stop = "refusal"
        delta = {"stop_reason": stop, "stop_sequence": sequence}
        out.append(_event("message_delta", delta=delta, usage=as_messages(self._usage or usage)))
        out.append(_event("message_stop"))
        return b"".join(out)

    def fail(self, message: str, code: str = "api_error") -> bytes:
        """The error event of a stream that broke. Nothing when it has ended already."""
        if self.done:
            return b""
        self.done = True
        return error_event(message, kind=code)

    def _chunk(self, chunk: Completion) -> bytes:
        if given(chunk.error):
            self.done = True
            message, kind = error_message(chunk.error)
            return error_event(message, kind=kind)
        if not self._id and chunk.id:
            self._id = chunk.id
        out = [self._begin_message()]
        self._usage = chat_usage(chunk.usage) or self._usage
        for choice in chunk.choices or ():
            out.extend(self._choice(choice))
        return b"".join(out)

    def _begin_message(self) -> bytes:
        if self._started:
            return b""
        self._started = True
        message: dict[str, Any] = {
            "id": message_id(self._id),
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": as_messages(None),
        }
        return _event("message_start", message=message)

    def _choice(self, choice: ChatChoice) -> list[bytes]:
        out = self._message(choice.delta) if choice.delta is not None else []
        if choice.finish_reason is not None:
            self._finish = choice.finish_reason
            self._met = choice.stop_reason
        return out

    def _message(self, delta: ChatMessage) -> list[bytes]:
        out: list[bytes] = []
        if delta.thought:
            out.append(self._think(delta.thought))
        out.extend(self._signed(block, new=not delta.thought) for block in delta.thinking_blocks or ())
        if delta.content:
            self._said = True
            out.append(self._text(delta.content))
        if delta.refusal:
            self._refused = True
            out.append(self._text(delta.refusal, anew=self._said))
        out.extend(self._tool(call) for call in delta.tool_calls or ())
        return out

    # -- blocks

    def _begin(self, kind: str, block: dict[str, Any]) -> bytes:
        closed = self._close()
        self._at += 1
        self._open = kind
        return closed + _event("content_block_start", index=self._at, content_block=block)

    def _delta(self, kind: str, **fields: str) -> bytes:
        return _event("content_block_delta", index=self._at, delta={"type": kind, **fields})

    def _close(self) -> bytes:
        if self._open is None:
            return b""
        self._open = None
        self._thought = []
        return _event("content_block_stop", index=self._at)

    def _text(self, text: str, *, anew: bool = False) -> bytes:
        kind = "refusal" if anew else "text"
        begun = b"" if self._open == kind else self._begin(kind, {"type": "text", "text": ""})
        return begun + self._delta("text_delta", text=text)

    def _think(self, text: str) -> bytes:
        begun = b""
        if self._open != "thinking":
            begun = self._begin("thinking", {"type": "thinking", "thinking": "", "signature": ""})
        self._thought.append(text)
        return begun + self._delta("thinking_delta", thinking=text)

    def _signed(self, block: Block, *, new: bool) -> bytes:
        """A block of thinking: whole with its signature (as ChatStream ends one), only its signature, or a piece
        without one, which says what `reasoning_content` has said unless it is `new`."""
        if block.type == "redacted_thinking":
            return self._begin(block.type, thinking_block(block)) + self._close()
        text, signature = block.thinking or "", block.signature or ""
        if not signature and not new:
            return b""
        if self._open == "thinking" and text in ("", "".join(self._thought)):
            begun = b""
        elif not signature:
            return self._think(text) if text else b""
        else:
            begun = self._begin("thinking", {"type": "thinking", "thinking": "", "signature": ""})
            begun += self._delta("thinking_delta", thinking=text) if text else b""
        signed = self._delta("signature_delta", signature=signature) if signature else b""
        return begun + signed + self._close()

    def _tool(self, call: ToolCall) -> bytes:
        function = call.function
        index = call.index if call.index is not None else self._call + (1 if call.id else 0)
        begun = b""
        if index > self._call:
            if function is None or not function.name:
                raise UpstreamError("a tool call in its stream begins without a name.", code="upstream_bad_stream")
            self._call = index
            name, key = function.name, call_id(call, index, self._id)
            begun = self._begin("tool_use", {"type": "tool_use", "id": key, "name": name, "input": {}})
        elif index < self._call or self._open != "tool_use":
            # Events have one open block at a time: what is closed cannot go on.
            raise UpstreamError("its stream goes back to an earlier tool call.", code="upstream_bad_stream")
        text = function.arguments if function is not None else None
        return begun + (self._delta("input_json_delta", partial_json=text) if text else b"")
