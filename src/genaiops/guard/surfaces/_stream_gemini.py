"""Streams of Google's generateContent: each event is a whole answer with what is new in it."""

from typing import Any, cast

from genaiops.guard.surfaces import _gemini
from genaiops.guard.surfaces._script import Flow, Key, NewChannel, Script, scalar
from genaiops.guard.surfaces._walk import Part, Slot

_NONE: tuple[int, bool | None] = (0, None)
_ENVELOPE = ("modelVersion", "responseId")


class GeminiScript(Script):
    """A text grows from part to part, as long as no thought and nothing but text comes between."""

    def __init__(self, channel: NewChannel) -> None:
        super().__init__(channel, _gemini.ANSWER)
        self._runs: dict[Any, tuple[int, bool | None]] = {}
        """Of each candidate the number of its run of parts, and whether those are thoughts (None: no texts)."""
        self._keys: dict[tuple[int, int], Key] = {}
        """Of the parts of this event, by candidate and place."""
        self._over: set[Any] = set()
        """The candidates that this event finishes."""

    def begun(self, event: dict[str, Any]) -> None:
        self._keys.clear()
        self._over.clear()
        found: Any = event.get("candidates")
        if not isinstance(found, list):
            return
        for at, one in enumerate(cast("list[Any]", found)):
            if isinstance(one, dict):
                candidate = cast("dict[str, Any]", one)
                index = scalar(candidate.get("index", at))
                if candidate.get("finishReason") is not None:
                    self._over.add(index)
                for place, part in enumerate(_parts(candidate)):
                    run, thought = self._runs.get(index, _NONE)
                    now = _thought(part)
                    if now is not thought:
                        run += 1
                        self._runs[index] = (run, now)
                    self._keys[at, place] = (index, run, now)

    def key(self, event: dict[str, Any], part: Part, slot: Slot) -> Key | None:  # noqa: ARG002
        path = part.path
        if len(path) == 6 and path[0] == "candidates" and path[2:4] == ("content", "parts") and path[5] == "text":
            return self._keys.get((cast("int", path[1]), cast("int", path[4])))
        return None

    def ends(self, event: dict[str, Any]) -> list[Key]:
        if not self.flows:
            return []
        if event.get("error") is not None or event.get("promptFeedback") is not None:
            return list(self.flows)
        over, runs = self._over, self._runs
        return [key for key in self.flows if key[0] in over or key[1] != runs[key[0]][0]]

    def delta(self, key: Key, flow: Flow, rest: str) -> dict[str, Any]:
        part: dict[str, Any] = {"text": rest, "thought": True} if key[2] else {"text": rest}
        candidate = {"content": {"role": "model", "parts": [part]}, "index": key[0]}
        envelope = {name: flow.event[name] for name in _ENVELOPE if name in flow.event}
        return {"candidates": [candidate], **envelope}


def _parts(candidate: dict[str, Any]) -> list[Any]:
    content: Any = candidate.get("content")
    parts: Any = cast("dict[str, Any]", content).get("parts") if isinstance(content, dict) else None
    return cast("list[Any]", parts) if isinstance(parts, list) else []


def _thought(part: Any) -> bool | None:
    if not isinstance(part, dict) or "text" not in part:
        return None
    return cast("dict[str, Any]", part).get("thought") is True
