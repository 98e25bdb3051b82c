"""What Cohere's chat has of its own: events of a stream, calls, documents in the results of tools."""

from typing import Any

import msgspec

from genaiops.watch._turns import ToolCall, object_of

_DELTAS = frozenset({"content-start", "content-delta", "tool-plan-delta", "tool-call-start", "tool-call-delta"})
_OTHERS = frozenset({"message-start", "content-end", "tool-call-end", "citation-start", "citation-end", "message-end"})


def called(call: dict[str, Any]) -> ToolCall:
    function = object_of(call.get("function"))
    return ToolCall(str(function.get("name") or ""), str(function.get("arguments") or ""), str(call.get("id") or ""))


def document_text(block: dict[str, Any]) -> str:
    """The data of a document in the result of a tool; empty when the block is none."""
    data = object_of(block.get("document")).get("data")
    return data if isinstance(data, str) else msgspec.json.encode(data).decode() if data else ""


class CohereTalk:
    """The message that the events of a stream make."""

    def __init__(self) -> None:
        self.known = False
        self._plan = ""
        self._content: dict[int, dict[str, Any]] = {}
        self._calls: dict[int, dict[str, Any]] = {}

    def takes(self, kind: str) -> bool:
        return kind in _DELTAS or kind in _OTHERS

    def add(self, kind: str, event: dict[str, Any]) -> None:
        self.known = True
        if kind not in _DELTAS:
            return
        index = event.get("index")
        at = index if isinstance(index, int) else 0
        said = object_of(object_of(event.get("delta")).get("message"))
        plan = said.get("tool_plan")
        self._plan += plan if isinstance(plan, str) else ""
        if kind.startswith("content-"):
            _grow(self._content.setdefault(at, {}), object_of(said.get("content")), ("text", "thinking"))
        elif kind.startswith("tool-call-"):
            piece = object_of(said.get("tool_calls"))
            known = self._calls.setdefault(at, {"id": "", "function": {}})
            known["id"] = known["id"] or piece.get("id") or ""
            _grow(known["function"], object_of(piece.get("function")), ("name", "arguments"))

    def message(self) -> dict[str, Any]:
        content = [
            {"type": "thinking" if part.get("thinking") else "text", **part}
            for _, part in sorted(self._content.items())
        ]
        calls = [call for _, call in sorted(self._calls.items())]
        return {"role": "assistant", "tool_plan": self._plan, "content": content, "tool_calls": calls}


def _grow(known: dict[str, Any], piece: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        more = piece.get(name)
        if isinstance(more, str):
            known[name] = str(known.get(name) or "") + more
