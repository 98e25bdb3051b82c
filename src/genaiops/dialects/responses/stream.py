"""A stream of chat completion chunks as the typed events of a Responses stream.

Reasoning and text close when something else begins, as in OpenAI's own streams. Calls of tools stay open until the
end, because some servers send the pieces of parallel calls in turns.
"""

from typing import Any

from genaiops.core.errors import UpstreamError
from genaiops.dialects.events import EventReader
from genaiops.dialects.responses.answer import Envelope, Item
from genaiops.dialects.responses.chat import (
    Choice,
    Message,
    ResponsesUsage,
    ToolCall,
    annotations_of,
    calls_of,
    error_of,
    logprobs_of,
    names_reasoning,
    outcome,
    read_chat,
    texts_of,
    usage_of,
)
from genaiops.dialects.responses.events import OpenCall, OpenItem, OpenMessage, OpenReasoning, Script
from genaiops.dialects.responses.head import given


class ResponsesStream:
    """Chat events in, cut anywhere; Responses events out. `request` is the client's body, `response_id` an id of the
    caller's own (`resp_...`), made up when None.

    The terminal event comes with `[DONE]` (usage arrives right before it), or by `end`.
    """

    def __init__(self, request: bytes | bytearray, *, response_id: str | None = None) -> None:
        self._envelope = Envelope(request, response_id)
        self._script = Script()
        self._data = EventReader()
        self._begun = False
        self._ended = False
        self._finish: str | None = None
        self._usage: ResponsesUsage | None = None
        self._named = False
        self._count = 0
        self._done: dict[int, Item] = {}
        self._speaking: OpenReasoning | OpenMessage | None = None
        self._calls: list[OpenCall] = []
        self._by_index: dict[int, OpenCall] = {}

    @property
    def ended(self) -> bool:
        """Whether the terminal event is out: nothing may follow it."""
        return self._ended

    def feed(self, data: bytes) -> bytes:
        """The events that these bytes complete. UpstreamError when they are no chat stream."""
        for event in self._data.feed(data):
            if event is None:
                continue
            if self._ended:
                break
            if event == b"[DONE]":
                self._finalise()
                break
            self._read(event)
        return self._script.take()

    def end(self) -> bytes:
        """The last events of a stream that ended without `[DONE]`. Nothing when it has ended already."""
        if not self._ended:
            self._finalise()
        return self._script.take()

    def fail(self, message: str, code: str = "server_error") -> bytes:
        """The last events of a stream that broke: `response.failed` with what there is, then `error`, at which
        official clients raise. Nothing when it has ended already."""
        if not self._ended:
            self._fail(message, code)
        return self._script.take()

    def _read(self, event: bytes) -> None:
        chunk = read_chat(event)
        if given(chunk.error):
            self._fail(*error_of(chunk.error))
            return
        self._envelope.learn(chunk)
        self._begin()
        self._usage = usage_of(chunk.usage) or self._usage
        for choice in chunk.choices or ():
            if not choice.index:  # one answer was asked for
                self._grow(choice)

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            response = self._envelope.response("in_progress", [])
            self._script.write("response.created", response=response)
            self._script.write("response.in_progress", response=response)

    def _grow(self, choice: Choice) -> None:
        if choice.finish_reason is not None:
            self._finish = choice.finish_reason
        delta = choice.delta or choice.message
        if delta is None:
            return
        self._named = self._named or names_reasoning(delta)
        text, reasoning = texts_of(delta, named=self._named)
        if reasoning or delta.thinking_blocks:
            self._reasoning().add(reasoning, delta.thinking_blocks or [])
        if text:
            self._message().add_text(text, logprobs_of(choice))
        annotations = annotations_of(delta)
        if annotations:
            self._message().annotate(annotations)
        if delta.refusal:
            self._message().add_refusal(delta.refusal)
        self._call_tools(delta)

    def _call_tools(self, delta: Message) -> None:
        for piece in calls_of(delta):
            said = piece.function or piece.custom
            if said is not None:
                self._call(piece).add(self._envelope.tool(said.name) if said.name else None, said.text)

    def _reasoning(self) -> OpenReasoning:
        found = self._speaking
        if not isinstance(found, OpenReasoning):
            index = self._place()
            item_id = self._envelope.item_id("rs", index)
            found = self._speaking = OpenReasoning(self._script, item_id, index, summary=self._envelope.summarises)
        return found

    def _message(self) -> OpenMessage:
        found = self._speaking
        if not isinstance(found, OpenMessage):
            index = self._place()
            found = self._speaking = OpenMessage(self._script, self._envelope.item_id("msg", index), index)
        return found

    def _call(self, piece: ToolCall) -> OpenCall:
        """The call that the piece belongs to. Some servers give every call the index 0 or none: another id with a name
        is another call."""
        said = piece.function or piece.custom
        index = piece.index if piece.index is not None else max(self._by_index, default=0)
        found = self._by_index.get(index)
        named = said is not None and bool(said.name)
        if found is None or (named and piece.id and piece.id != found.call_id):
            place = self._place()
            custom = piece.function is None
            item_id = self._envelope.item_id("ctc" if custom else "fc", place)
            call_id = piece.id or self._envelope.item_id("call", place)
            found = self._by_index[index] = OpenCall(self._script, item_id, place, call_id, custom=custom)
            self._calls.append(found)
        return found

    def _place(self) -> int:
        """The place of the next item in the output, after what was being said is closed."""
        self._close_speaking("completed")
        self._count += 1
        return self._count - 1

    def _close_speaking(self, status: str) -> None:
        if self._speaking is not None:
            item, self._speaking = self._speaking, None
            self._done[item.index] = item.close(status)

    def _output(self, last_status: str) -> list[Item]:
        """All items, closed. Only the last one may be incomplete."""
        rest: list[OpenItem] = [*self._calls] if self._speaking is None else [*self._calls, self._speaking]
        for item in sorted(rest, key=lambda item: item.index):
            status = last_status if item.index == self._count - 1 else "completed"
            self._done[item.index] = item.close(status)
        self._calls, self._speaking = [], None
        return [self._done[index] for index in sorted(self._done)]

    def _finalise(self) -> None:
        status, why = outcome(self._finish)
        if status == "failed":
            self._fail("The model stopped with an error.", "server_error")
            return
        if not self._begun:
            raise UpstreamError("its stream was empty.", code="upstream_truncated")
        self._ended = True
        output = self._output("incomplete" if status == "incomplete" else "completed")
        response = self._envelope.response(status, output, usage=self._usage, why=why)
        self._script.write(f"response.{status}", response=response)

    def _fail(self, message: str, code: str) -> None:
        self._ended = True
        if self._begun:
            told: dict[str, Any] = {
                "code": "rate_limit_exceeded" if "rate_limit" in code else "server_error",
                "message": message,
            }
            output = self._output("incomplete")
            response = self._envelope.response("failed", output, usage=self._usage, error=told)
            self._script.write("response.failed", response=response)
        error = {"type": "server_error", "code": code, "message": message, "param": None}
        self._script.write("error", code=code, message=message, param=None, error=error)
