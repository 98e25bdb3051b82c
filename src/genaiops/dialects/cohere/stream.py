"""A stream of a chat completion as events of Cohere's chat.

message-start, then content-start, content-delta ..., content-end for thinking and for text, tool-plan-delta,
tool-call-start, tool-call-delta ..., tool-call-end for each call, then message-end with the reason and the usage
(docs.cohere.com, Streaming).
"""

from typing import Any

import msgspec

from genaiops.core.errors import UpstreamError
from genaiops.dialects.chat import chat_usage, error_message, given, read
from genaiops.dialects.cohere.answer import call_id
from genaiops.dialects.cohere.errors import error_event
from genaiops.dialects.cohere.wire import (
    SaidChoice,
    SaidCompletion,
    SaidMessage,
    TokenLogprob,
    as_logprob,
    as_usage,
    decode_completion,
    finish_of,
)
from genaiops.dialects.events import EventReader
from genaiops.dialects.messages.wire import ToolCall
from genaiops.domain import Usage

_encode = msgspec.json.Encoder().encode


def _event(kind: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), _encode({"type": kind, **fields}))


def _message(**fields: Any) -> dict[str, Any]:
    return {"message": fields}


class ChatEvents:
    """Chat's chunks in, events out. Bounded memory. `done`: message-end is out."""

    __slots__ = ("_at", "_call", "_finish", "_id", "_met", "_open", "_reader", "_started", "_usage", "done")

    def __init__(self) -> None:
        self._reader = EventReader()
        self._id = ""
        self._started = False
        self._at = -1  # the content that is, or was, open
        self._call = -1  # the call that is, or was, open
        self._open: str | None = None  # text, thinking or call
        self._finish: str | None = None
        self._met: Any = None
        self._usage: Usage | None = None
        self.done = False

    def feed(self, chunk: bytes) -> bytes:
        """The events that these bytes make. UpstreamError on what is no such stream."""
        out: list[bytes] = []
        for data in self._reader.feed(chunk):
            if self.done:
                break
            if data is None:
                out.append(b": still here\n\n")
            elif data == b"[DONE]":
                out.append(self.end())
            else:
                out.append(self._chunk(read(decode_completion, data, "its stream")))
        return b"".join(out)

    def end(self) -> bytes:
        """What closes the message: at `[DONE]`, or when the stream ends without it. Usage that nobody told is left
        out."""
        if self.done:
            return b""
        self.done = True
        delta: dict[str, Any] = {"finish_reason": finish_of(self._finish, tools=self._call >= 0, met=self._met)}
        if self._usage is not None:
            delta["usage"] = as_usage(self._usage)
        return self._begin_message() + self._close() + _event("message-end", delta=delta)

    def fail(self, message: str, code: str = "") -> bytes:  # noqa: ARG002 - Cohere's errors have no code
        """The end of a stream that broke. Nothing when it has ended already."""
        if self.done:
            return b""
        self.done = True
        return error_event(message)

    def _chunk(self, chunk: SaidCompletion) -> bytes:
        if given(chunk.error):
            return self.fail(error_message(chunk.error)[0])
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
        empty = _message(role="assistant", content=[], tool_plan="", tool_calls=[], citations=[])
        return _event("message-start", id=self._id, delta=empty)

    def _choice(self, choice: SaidChoice) -> list[bytes]:
        out = self._delta(choice.delta, choice.tokens()) if choice.delta is not None else []
        if choice.finish_reason is not None:
            self._finish = choice.finish_reason
            self._met = choice.stop_reason
        return out

    def _delta(self, said: SaidMessage, tokens: list[TokenLogprob]) -> list[bytes]:
        out: list[bytes] = []
        if said.thought:
            out.append(self._content("thinking", said.thought))
        if said.tool_plan:
            out.append(self._close() + _event("tool-plan-delta", delta=_message(tool_plan=said.tool_plan)))
        for text in (said.content, said.refusal):
            if text:
                out.append(self._content("text", text, tokens))
                tokens = []
        out.extend(self._tool(call) for call in said.tool_calls or ())
        return out

    # -- what is open

    def _close(self) -> bytes:
        kind, self._open = self._open, None
        if kind is None:
            return b""
        return _event("tool-call-end", index=self._call) if kind == "call" else _event("content-end", index=self._at)

    def _content(self, kind: str, text: str, tokens: list[TokenLogprob] | None = None) -> bytes:
        begun = b""
        if self._open != kind:
            begun = self._close()
            self._at += 1
            self._open = kind
            begun += _event("content-start", index=self._at, delta=_message(content={"type": kind, kind: ""}))
        more = {"logprobs": as_logprob(tokens)} if tokens else {}
        return begun + _event("content-delta", index=self._at, delta=_message(content={kind: text}), **more)

    def _tool(self, call: ToolCall) -> bytes:
        function = call.function
        index = call.index if call.index is not None else self._call + (1 if call.id else 0)
        begun = b""
        if index > self._call:
            if function is None or not function.name:
                raise UpstreamError("a tool call in its stream begins without a name.", code="upstream_bad_stream")
            begun = self._close()
            self._call, self._open = index, "call"
            made = {
                "id": call_id(call, index, self._id),
                "type": "function",
                "function": {"name": function.name, "arguments": ""},
            }
            begun += _event("tool-call-start", index=index, delta=_message(tool_calls=made))
        elif index < self._call or self._open != "call":
            raise UpstreamError("its stream goes back to an earlier tool call.", code="upstream_bad_stream")
        text = function.arguments if function is not None else None
        if not text:
            return begun
        return begun + _event(
            "tool-call-delta", index=index, delta=_message(tool_calls={"function": {"arguments": text}})
        )
