"""The typed events of a Responses stream: items open, grow and close, each step an event with its sequence number.

Documented at developers.openai.com/api/reference/resources/responses/streaming-events.
"""

from typing import Any

import msgspec

from genaiops.core.errors import UpstreamError
from genaiops.dialects.responses.answer import Item, call_item, message_item, reasoning_item, text_part
from genaiops.dialects.responses.reasoning import Blocks, grow

OUTPUT_LIMIT = 16 << 20
"""Characters of one answer: its last event repeats all of it, so it is kept whole."""

_encode = msgspec.json.Encoder().encode


class Script:
    """Events, numbered in the order in which they are written."""

    __slots__ = ("_out", "_sequence", "_size")

    def __init__(self) -> None:
        self._out: list[bytes] = []
        self._sequence = 0
        self._size = 0

    def write(self, kind: str, **fields: Any) -> None:
        data = _encode({"type": kind, "sequence_number": self._sequence, **fields})
        self._sequence += 1
        self._out.append(b"event: %b\ndata: %b\n\n" % (kind.encode(), data))

    def delta(self, kind: str, text: str, **fields: Any) -> None:
        """UpstreamError when the answer grows over OUTPUT_LIMIT."""
        self._size += len(text)
        if self._size > OUTPUT_LIMIT:
            raise UpstreamError(f"its answer is larger than {OUTPUT_LIMIT >> 20} MiB.", code="upstream_too_large")
        self.write(kind, **fields, delta=text)

    def take(self) -> bytes:
        """What was written since the last time."""
        out, self._out = self._out, []
        return b"".join(out)


class OpenItem:
    """An item of the output that may still grow. `index`: its place in the output."""

    def __init__(self, script: Script, item_id: str, index: int) -> None:
        self._script = script
        self.id = item_id
        self.index = index

    def _write(self, kind: str, **fields: Any) -> None:
        self._script.write(kind, item_id=self.id, output_index=self.index, **fields)

    def _delta(self, kind: str, text: str, **fields: Any) -> None:
        self._script.delta(kind, text, item_id=self.id, output_index=self.index, **fields)

    def _begin(self, item: Item) -> None:
        self._script.write("response.output_item.added", output_index=self.index, item=item)

    def _end(self, item: Item) -> Item:
        self._script.write("response.output_item.done", output_index=self.index, item=item)
        return item

    def close(self, status: str) -> Item:
        """The item as it is in the answer, after the events that end it."""
        raise NotImplementedError


class OpenReasoning(OpenItem):
    def __init__(self, script: Script, item_id: str, index: int, *, summary: bool) -> None:
        super().__init__(script, item_id, index)
        self._summary = summary
        self._texts: list[str] = []
        self._blocks: Blocks = []
        self._begin(reasoning_item(item_id, [], summary=summary, blocks=[], status="in_progress"))

    def add(self, text: str, blocks: Blocks) -> None:
        grow(self._blocks, blocks)
        if not text:
            return
        if not self._texts:
            if self._summary:
                part = {"type": "summary_text", "text": ""}
                self._write("response.reasoning_summary_part.added", summary_index=0, part=part)
            else:
                part = {"type": "reasoning_text", "text": ""}
                self._write("response.content_part.added", content_index=0, part=part)
        self._texts.append(text)
        if self._summary:
            self._delta("response.reasoning_summary_text.delta", text, summary_index=0)
        else:
            self._delta("response.reasoning_text.delta", text, content_index=0)

    def close(self, status: str) -> Item:
        text = "".join(self._texts)
        if text and self._summary:
            part = {"type": "summary_text", "text": text}
            self._write("response.reasoning_summary_text.done", summary_index=0, text=text)
            self._write("response.reasoning_summary_part.done", summary_index=0, part=part)
        elif text:
            part = {"type": "reasoning_text", "text": text}
            self._write("response.reasoning_text.done", content_index=0, text=text)
            self._write("response.content_part.done", content_index=0, part=part)
        texts = [text] if text else []
        return self._end(reasoning_item(self.id, texts, summary=self._summary, blocks=self._blocks, status=status))


class OpenMessage(OpenItem):
    """Text and refusals, one part after the other."""

    def __init__(self, script: Script, item_id: str, index: int) -> None:
        super().__init__(script, item_id, index)
        self._parts: list[Item] = []
        self._kind: str | None = None
        self._pieces: list[str] = []
        self._annotations: list[Item] = []
        self._logprobs: list[Item] = []
        self._begin(message_item(item_id, [], "in_progress"))

    def add_text(self, text: str, logprobs: list[Item]) -> None:
        self._open("output_text")
        self._logprobs += logprobs
        self._pieces.append(text)
        self._delta("response.output_text.delta", text, content_index=len(self._parts), logprobs=logprobs)

    def add_refusal(self, text: str) -> None:
        self._open("refusal")
        self._pieces.append(text)
        self._delta("response.refusal.delta", text, content_index=len(self._parts))

    def annotate(self, annotations: list[Item]) -> None:
        self._open("output_text")
        for one in annotations:
            self._write(
                "response.output_text.annotation.added",
                content_index=len(self._parts),
                annotation_index=len(self._annotations),
                annotation=one,
            )
            self._annotations.append(one)

    def _open(self, kind: str) -> None:
        if self._kind == kind:
            return
        self._close_part()
        self._kind = kind
        part = text_part("", [], []) if kind == "output_text" else {"type": "refusal", "refusal": ""}
        self._write("response.content_part.added", content_index=len(self._parts), part=part)

    def _close_part(self) -> None:
        if self._kind is None:
            return
        text, place = "".join(self._pieces), len(self._parts)
        if self._kind == "output_text":
            part = text_part(text, self._annotations, self._logprobs)
            self._write("response.output_text.done", content_index=place, text=text, logprobs=self._logprobs)
        else:
            part = {"type": "refusal", "refusal": text}
            self._write("response.refusal.done", content_index=place, refusal=text)
        self._write("response.content_part.done", content_index=place, part=part)
        self._parts.append(part)
        self._kind, self._pieces, self._annotations, self._logprobs = None, [], [], []

    def close(self, status: str) -> Item:
        self._close_part()
        return self._end(message_item(self.id, self._parts, status))


class OpenCall(OpenItem):
    """A call of a function or of a custom tool. It begins when its name is known."""

    def __init__(self, script: Script, item_id: str, index: int, call_id: str, *, custom: bool) -> None:
        super().__init__(script, item_id, index)
        self.call_id = call_id
        self._custom = custom
        self._names: dict[str, str] | None = None
        self._pieces: list[str] = []
        self._waiting: list[str] = []

    def add(self, names: dict[str, str] | None, text: str) -> None:
        """`names`: the tool's, None where this piece has none."""
        if self._names is None:
            self._waiting.append(text)
            if names is None:
                return
            self._named(names)
            text = "".join(self._waiting)
        if text:
            self._pieces.append(text)
            kind = "response.custom_tool_call_input.delta" if self._custom else "response.function_call_arguments.delta"
            self._delta(kind, text)

    def _named(self, names: dict[str, str]) -> None:
        self._names = names
        self._begin(self._item("", "in_progress"))

    def _item(self, said: str, status: str) -> Item:
        return call_item(self.id, self.call_id, self._names or {"name": ""}, said, custom=self._custom, status=status)

    def close(self, status: str) -> Item:
        if self._names is None:
            self._named({"name": ""})
            self._pieces = self._waiting
        said = "".join(self._pieces)
        if self._custom:
            self._write("response.custom_tool_call_input.done", input=said)
        else:
            self._write("response.function_call_arguments.done", arguments=said)
        return self._end(self._item(said, status))
