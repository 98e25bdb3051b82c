"""A stream of a chat completion as events of Google's streamGenerateContent.

Each event is a whole GenerateContentResponse with what is new in it; the last one has the reasons to stop and the
usage. A function call is one part, so it waits until its arguments are whole.
"""

from typing import Any

import msgspec

from genaiops.core.errors import UpstreamError
from genaiops.dialects.chat import chat_usage, error_message, given, read
from genaiops.dialects.events import EventReader
from genaiops.dialects.gemini.errors import error_body, error_event
from genaiops.dialects.gemini.wire import (
    ChatMessage,
    Choice,
    Completion,
    Function,
    ToolCall,
    as_gemini,
    call_part,
    decode_completion,
    finish_of,
    logprobs_of,
    picture_part,
    signature_of,
)
from genaiops.domain import Usage

ARGUMENTS_LIMIT = 4 << 20
"""Characters of the arguments of one call, which are kept until they are whole."""

_encode = msgspec.json.Encoder().encode


class _Candidate:
    """One choice, as far as it has come."""

    __slots__ = ("arguments", "call", "finish", "number", "refused", "said", "size")

    def __init__(self) -> None:
        self.call: ToolCall | None = None
        self.number = -1
        self.arguments: list[str] = []
        self.size = 0
        self.finish: str | None = None
        self.said = False
        self.refused = False


class GeminiStream:
    """Chat's chunks in, events out; `model` is the name that the client used, `thoughts`: it asked to see them."""

    __slots__ = ("_candidates", "_id", "_model", "_reader", "_thoughts", "_usage", "done")

    def __init__(self, model: str, *, thoughts: bool) -> None:
        self._model = model
        self._thoughts = thoughts
        self._reader = EventReader()
        self._id = ""
        self._candidates: dict[int, _Candidate] = {}
        self._usage: Usage | None = None
        self.done = False

    def feed(self, chunk: bytes) -> bytes:
        """The events that these bytes make. UpstreamError on what is no such stream."""
        out: list[bytes] = []
        for data in self._reader.feed(chunk):
            if self.done:
                break
            if data == b"[DONE]":
                out.append(self.end())
            elif data is not None:  # Google's client takes a comment for a broken event, so none goes out
                out.append(self._chunk(read(decode_completion, data, "its stream")))
        return b"".join(out)

    def end(self) -> bytes:
        """The last event. Nothing the second time."""
        if self.done:
            return b""
        self.done = True
        last: list[dict[str, Any]] = []
        for index, one in sorted((self._candidates or {0: _Candidate()}).items()):
            part = self._called(one, cut=one.finish == "length")
            finish = finish_of(one.finish, refused=one.refused and not one.said)
            last.append(_said([part] if part is not None else [], index, finishReason=finish))
        return self._event(last, usage=True)

    def fail(self, message: str, code: str = "upstream_error") -> bytes:
        """The error event of a stream that broke. Nothing when it has ended already."""
        if self.done:
            return b""
        self.done = True
        return error_event(error_body(502, message, code=code))

    def _chunk(self, chunk: Completion) -> bytes:
        if given(chunk.error):
            message, kind = error_message(chunk.error)
            return self.fail(message, kind)
        self._id = self._id or chunk.id or ""
        self._model = chunk.model or self._model
        self._usage = chat_usage(chunk.usage) or self._usage
        new = [said for choice in chunk.choices or () if (said := self._choice(choice)) is not None]
        return self._event(new) if new else b""

    def _event(self, candidates: list[dict[str, Any]], *, usage: bool = False) -> bytes:
        made: dict[str, Any] = {"candidates": candidates}
        if usage and self._usage is not None:
            made["usageMetadata"] = as_gemini(self._usage)
        made["modelVersion"] = self._model
        made["responseId"] = self._id
        return b"data: %b\r\n\r\n" % _encode(made)

    def _choice(self, choice: Choice) -> dict[str, Any] | None:
        one = self._candidates.setdefault(choice.index, _Candidate())
        parts = self._parts(one, choice.delta) if choice.delta is not None else []
        one.finish = choice.finish_reason or one.finish
        beside = logprobs_of(choice.logprobs)
        return _said(parts, choice.index, **beside) if parts or beside else None

    def _parts(self, one: _Candidate, delta: ChatMessage) -> list[dict[str, Any]]:
        parts: list[dict[str, Any]] = []
        if delta.thought and self._thoughts:
            parts.append({"text": delta.thought, "thought": True})
        if delta.content:
            one.said = True
            parts.append({"text": delta.content})
        if delta.refusal:
            one.refused = True
            parts.append({"text": delta.refusal})
        parts += [part for picture in delta.images or () if (part := picture_part(picture)) is not None]
        signature = signature_of(delta.extra_content)
        if signature:
            parts.append({"text": "", "thoughtSignature": signature})
        for call in delta.tool_calls or ():
            part = self._tool(one, call)
            if part is not None:
                parts.append(part)
        return parts

    def _tool(self, one: _Candidate, call: ToolCall) -> dict[str, Any] | None:
        """Takes in a piece of a call; the part of the call before it, when it begins another."""
        index = call.index if call.index is not None else one.number + (1 if call.id else 0)
        before: dict[str, Any] | None = None
        if index > one.number:
            before = self._called(one, cut=False)
            one.call, one.number = call, index
        elif index < one.number or one.call is None:
            raise UpstreamError("its stream goes back to an earlier tool call.", code="upstream_bad_stream")
        function = call.function or Function()
        if function.arguments:
            one.arguments.append(function.arguments)
            one.size += len(function.arguments)
            if one.size > ARGUMENTS_LIMIT:
                raise UpstreamError("its stream has a tool call without end.", code="upstream_bad_stream")
        return before

    def _called(self, one: _Candidate, *, cut: bool) -> dict[str, Any] | None:
        """The part of the call that is whole now. One that was `cut` off by the cap could not be run: None."""
        call, one.call = one.call, None
        if call is None:
            return None
        text = "".join(one.arguments)
        one.arguments, one.size = [], 0
        part = call_part(call, text)
        if part is None and not cut:
            raise UpstreamError(
                "a tool call in its stream has arguments that are no JSON object.", code="upstream_bad_stream"
            )
        return part


def _said(parts: list[dict[str, Any]], index: int, **beside: Any) -> dict[str, Any]:
    return {"content": {"role": "model", "parts": parts}, "index": index, **beside}
