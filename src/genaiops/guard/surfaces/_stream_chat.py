"""Streams of OpenAI's chat and text completions: each chunk has pieces of one or several choices."""

from typing import Any, cast

from genaiops.guard.surfaces import _chat
from genaiops.guard.surfaces._chat import word
from genaiops.guard.surfaces._script import Flow, Key, NewChannel, Script
from genaiops.guard.surfaces._walk import Part, Slot

_ENVELOPE = ("id", "object", "created", "model", "system_fingerprint", "service_tier", "provider")
_WHOLE = frozenset({"thinking_blocks", "annotations", "images", "extra_content", "cache_control"})
"""Fields of a delta that come in one piece."""


class ChatScript(Script):
    """A text ends with its choice. Servers may come back to one that they have left, so none ends before."""

    def __init__(self, channel: NewChannel) -> None:
        super().__init__(channel, _chat.ANSWER)
        self._calls: dict[Key, tuple[str, str]] = {}
        """The id and the tool of the call at each place."""

    def begun(self, event: dict[str, Any]) -> None:
        for index, choice in _choices(event):
            delta: Any = choice.get("delta")
            calls: Any = cast("dict[str, Any]", delta).get("tool_calls") if isinstance(delta, dict) else None
            if isinstance(calls, list):
                for at, call in enumerate(cast("list[Any]", calls)):
                    if isinstance(call, dict):
                        self._call(index, at, cast("dict[str, Any]", call))

    def _call(self, index: Any, at: int, call: dict[str, Any]) -> None:
        """Some servers give every call the same index: another id with a name is another call."""
        place: Key = (index, "delta", "tool_calls", _index(call, at))
        said: Any = call.get("function") or call.get("custom")
        name = word(cast("dict[str, Any]", said).get("name")) if isinstance(said, dict) else ""
        called = word(call.get("id"))
        known = self._calls.get(place)
        if name and (known is None or (called and called != known[0])):
            self._calls[place] = (called, name)
            for key in [key for key in self.flows if key[:4] == place]:
                rest = self._end(key)
                if rest:
                    self.before.append(self.delta(key, self._ended, rest))

    def tool(self, key: Key) -> str:
        return self._calls.get(key[:4], ("", ""))[1]

    def key(self, event: dict[str, Any], part: Part, slot: Slot) -> Key | None:  # noqa: ARG002
        path = part.path
        if len(path) < 3 or path[0] != "choices":
            return None
        choice: Any = event["choices"][path[1]]
        index = _index(choice, cast("int", path[1]))
        if path[2:] == ("delta", "content"):
            return (index, "delta", "content")
        if path[2] == "text" and len(path) == 3:
            return (index, "text")
        if path[2] not in ("delta", "message") or _WHOLE.intersection(path):
            return None
        key: list[Any] = [index]
        found = choice
        for step in path[2:]:
            found = found[step]
            key.append(_index(found, step) if isinstance(step, int) else step)
        return tuple(key)

    def ends(self, event: dict[str, Any]) -> list[Key]:
        if not self.flows:
            return []
        if event.get("error") is not None:
            return list(self.flows)
        over = {index for index, choice in _choices(event) if choice.get("finish_reason") is not None}
        return [key for key in self.flows if key[0] in over] if over else []

    def delta(self, key: Key, flow: Flow, rest: str) -> dict[str, Any]:
        made: dict[str, Any] = {name: flow.event[name] for name in _ENVELOPE if name in flow.event}
        choice: dict[str, Any] = {"index": key[0]}
        if key[1] == "text":
            choice |= {"text": rest, "logprobs": None}
        else:
            found: Any = flow.event["choices"][flow.path[1]]
            choice[key[1]] = _again(found[key[1]], flow.path[3:], rest)
        made["choices"] = [{**choice, "finish_reason": None}]
        return made


def _again(found: Any, path: tuple[Any, ...], rest: str) -> Any:
    """The same shape with nothing but that text, and what tells the items of lists apart."""
    if not path:
        return rest
    step = path[0]
    if isinstance(step, str):
        return {step: _again(found[step], path[1:], rest)}
    one = found[step]
    made = _again(one, path[1:], rest)
    if isinstance(one, dict):
        known = cast("dict[str, Any]", one)
        made = {**{name: known[name] for name in ("index", "type") if name in known}, **made}
    return [made]


def _choices(event: dict[str, Any]) -> list[tuple[Any, dict[str, Any]]]:
    found: Any = event.get("choices")
    if not isinstance(found, list):
        return []
    return [
        (_index(choice, at), cast("dict[str, Any]", choice))
        for at, choice in enumerate(cast("list[Any]", found))
        if isinstance(choice, dict)
    ]


def _index(found: Any, at: int) -> int:
    index: Any = cast("dict[str, Any]", found).get("index") if isinstance(found, dict) else None
    return index if isinstance(index, int) else at
