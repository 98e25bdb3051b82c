"""What was said in a call, read out of the bodies as they crossed the wire (OpenAI's dialect, streamed or whole)."""

from collections.abc import Iterator
from typing import Any, Literal, cast

import msgspec

Direction = Literal["input", "output"]


class ToolCall(msgspec.Struct, frozen=True):
    name: str
    arguments: str
    id: str = ""


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a conversation. `text` has images and other media as `[image_url]`."""

    role: str
    direction: Direction
    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _objects(value: Any) -> list[dict[str, Any]]:
    return [_object(item) for item in cast("list[Any]", value)] if isinstance(value, list) else []


def _decode(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def content_text(content: Any) -> str:
    """The text of a message's content: itself, or its parts joined."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts: list[str] = []
    for part in cast("list[Any]", content):
        if isinstance(part, str):
            parts.append(part)
            continue
        fields = _object(part)
        text = fields.get("text")
        parts.append(text if isinstance(text, str) else f"[{fields.get('type', 'part')}]")
    return "\n".join(parts)


def _tool_calls(message: dict[str, Any]) -> tuple[ToolCall, ...]:
    calls: list[ToolCall] = []
    for call in _objects(message.get("tool_calls")):
        function = _object(call.get("function"))
        calls.append(
            ToolCall(str(function.get("name", "")), str(function.get("arguments", "")), str(call.get("id", "")))
        )
    return tuple(calls)


def _turn(message: dict[str, Any], direction: Direction, role: str) -> Turn:
    return Turn(
        role=str(message.get("role") or role),
        direction=direction,
        text=content_text(message.get("content")) or str(message.get("refusal") or ""),
        reasoning=str(message.get("reasoning_content") or message.get("reasoning") or ""),
        tool_calls=_tool_calls(message),
    )


def request_turns(operation: str, raw: bytes) -> list[Turn]:
    """The messages of a request; a prompt or the texts to embed as one turn each. Empty when it cannot be read."""
    body = _object(_decode(raw))
    if operation == "chat":
        return [_turn(message, "input", "user") for message in _objects(body.get("messages"))]
    given = body.get("prompt") if operation == "text_completion" else body.get("input")
    if isinstance(given, str):
        return [Turn(role="user", direction="input", text=given)]
    if isinstance(given, list):
        texts = [one for one in cast("list[Any]", given) if isinstance(one, str)]
        return [Turn(role="user", direction="input", text=text) for text in texts]
    return []


def response_turns(operation: str, raw: bytes) -> list[Turn]:
    """What came back, of a whole answer or of a stream of events. Embeddings have no turns."""
    if operation == "embeddings" or not raw:
        return []
    if raw[:1] == b"{":
        return [
            _turn(_object(choice.get("message")), "output", "assistant")
            if "message" in choice
            else Turn(role="assistant", direction="output", text=str(choice.get("text") or ""))
            for choice in _objects(_object(_decode(raw)).get("choices"))
        ]
    streamed: dict[int, _Streamed] = {}
    for event in _events(raw):
        for choice in _objects(event.get("choices")):
            index = choice.get("index")
            streamed.setdefault(index if isinstance(index, int) else 0, _Streamed()).add(choice)
    return [streamed[index].turn() for index in sorted(streamed)]


def _events(raw: bytes) -> Iterator[dict[str, Any]]:
    for line in raw.splitlines():
        if line.startswith(b"data:") and line[5:].lstrip()[:1] == b"{":
            yield _object(_decode(line[5:]))


class _Streamed:
    """The pieces of one choice of a stream."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, list[str]] = {}

    def add(self, choice: dict[str, Any]) -> None:
        delta = _object(choice.get("delta"))
        for text in (choice.get("text"), delta.get("content"), delta.get("refusal")):
            if isinstance(text, str):
                self._text.append(text)
        for text in (delta.get("reasoning_content"), delta.get("reasoning")):
            if isinstance(text, str):
                self._reasoning.append(text)
        for call in _objects(delta.get("tool_calls")):
            index = call.get("index")
            known = self._calls.setdefault(index if isinstance(index, int) else 0, ["", "", ""])
            function = _object(call.get("function"))
            for at, piece in enumerate((function.get("name"), function.get("arguments"), call.get("id"))):
                if isinstance(piece, str):
                    known[at] += piece

    def turn(self) -> Turn:
        return Turn(
            role="assistant",
            direction="output",
            text="".join(self._text),
            reasoning="".join(self._reasoning),
            tool_calls=tuple(ToolCall(*self._calls[index]) for index in sorted(self._calls)),
        )


def turns_text(turns: list[Turn]) -> str:
    """All that full-text search should find."""
    found: list[str] = []
    for turn in turns:
        found += [text for text in (turn.text, turn.reasoning) if text]
        found += [f"{call.name} {call.arguments}" for call in turn.tool_calls]
    return "\n".join(found)
