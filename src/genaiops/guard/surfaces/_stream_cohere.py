"""Streams of Cohere's chat: contents and calls that start, grow and end, and a plan before the calls."""

from typing import Any

from genaiops.guard.surfaces import _cohere
from genaiops.guard.surfaces._chat import word
from genaiops.guard.surfaces._script import Flow, Key, NewChannel, Script, scalar
from genaiops.guard.surfaces._walk import Part, Path, Slot

_CONTENT = ("delta", "message", "content")
_PLAN = ("delta", "message", "tool_plan")
_ARGUMENTS = ("delta", "message", "tool_calls", "function", "arguments")


class CohereScript(Script):
    """A text ends with its content or call; the plan with whatever else comes."""

    def __init__(self, channel: NewChannel) -> None:
        super().__init__(channel, _cohere.EVENT)
        self._tools: dict[Any, str] = {}

    def begun(self, event: dict[str, Any]) -> None:
        if event.get("type") == "tool-call-start":
            found: Any = event
            for step in _ARGUMENTS[:-1]:
                found = found.get(step) if isinstance(found, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
            self._tools[scalar(event.get("index"))] = word(found.get("name")) if isinstance(found, dict) else ""  # pyright: ignore[reportUnknownMemberType]

    def tool(self, key: Key) -> str:
        return self._tools.get(key[1], "") if key[0] == "call" else ""

    def key(self, event: dict[str, Any], part: Part, slot: Slot) -> Key | None:  # noqa: ARG002
        path: Path = part.path
        if path[:3] == _CONTENT and len(path) == 4 and path[3] != "type":
            return ("content", scalar(event.get("index")), path[3])
        if path == _PLAN:
            return ("plan", 0, "tool_plan")
        return ("call", scalar(event.get("index")), "arguments") if path == _ARGUMENTS else None

    def ends(self, event: dict[str, Any]) -> list[Key]:
        if not self.flows:
            return []
        kind, index = event.get("type"), scalar(event.get("index"))
        if kind == "message-end":
            return list(self.flows)
        over = {"content-end": "content", "tool-call-end": "call"}.get(word(kind))
        planned = kind == "tool-plan-delta"
        return [key for key in self.flows if (key[:2] == (over, index)) or (key[0] == "plan" and not planned)]

    def delta(self, key: Key, flow: Flow, rest: str) -> dict[str, Any]:
        what, index, field = key[0], key[1], flow.path[-1]
        if what == "plan":
            return {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": rest}}}
        if what == "content":
            return {"type": "content-delta", "index": index, "delta": {"message": {"content": {field: rest}}}}
        calls = {"function": {"arguments": rest}}
        return {"type": "tool-call-delta", "index": index, "delta": {"message": {"tool_calls": calls}}}
