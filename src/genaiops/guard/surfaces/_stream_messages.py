"""Streams of Anthropic's Messages: blocks that begin, grow and stop."""

from typing import Any, cast

from genaiops.guard.surfaces import _messages
from genaiops.guard.surfaces._chat import word
from genaiops.guard.surfaces._grammar import ARGUMENTS, UNIT, Rule, extend, merged, text
from genaiops.guard.surfaces._script import Flow, Key, NewChannel, Script, scalar
from genaiops.guard.surfaces._walk import Part, Slot

_KINDS = {"text": "text_delta", "thinking": "thinking_delta", "partial_json": "input_json_delta"}
_DELTA = merged(_messages.EVENT.rules["delta"].node)
extend(
    _DELTA,
    text=text("model_output"),
    content=text("model_output"),
    thinking=text("reasoning"),
    partial_json=Rule(ARGUMENTS, UNIT, "tool_arguments"),
)
_EVENT = merged(_messages.EVENT)
extend(_EVENT, delta=_DELTA)


class MessagesScript(Script):
    """A text ends with its block."""

    def __init__(self, channel: NewChannel) -> None:
        super().__init__(channel, _EVENT)
        self._tools: dict[Any, str] = {}

    def begun(self, event: dict[str, Any]) -> None:
        block: Any = event.get("content_block")
        if isinstance(block, dict):
            found = cast("dict[str, Any]", block)
            self._tools[scalar(event.get("index"))] = word(found.get("name"))

    def tool(self, key: Key) -> str:
        return self._tools.get(key[0], "") if key[1] == "partial_json" else ""

    def key(self, event: dict[str, Any], part: Part, slot: Slot) -> Key | None:  # noqa: ARG002
        path, kind = part.path, event.get("type")
        if len(path) != 2 or not isinstance(path[1], str):
            return None
        if kind == "content_block_delta" and path[0] == "delta" and path[1] not in ("type", "signature"):
            return (scalar(event.get("index")), path[1])
        if kind == "content_block_start" and path[0] == "content_block" and path[1] in ("text", "thinking"):
            return (scalar(event.get("index")), path[1])
        return None

    def ends(self, event: dict[str, Any]) -> list[Key]:
        kind = event.get("type")
        if kind in ("content_block_delta", "content_block_start", "ping", "message_start"):
            return []
        if kind == "content_block_stop":
            index = scalar(event.get("index"))
            return [key for key in self.flows if key[0] == index]
        return list(self.flows)

    def delta(self, key: Key, flow: Flow, rest: str) -> dict[str, Any]:
        index, field = key[0], flow.path[-1]
        kind = _KINDS.get(key[1]) or flow.event["delta"].get("type")
        return {"type": "content_block_delta", "index": index, "delta": {"type": kind, field: rest}}
