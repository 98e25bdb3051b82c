"""What was said in a call, read out of the bodies as they crossed the wire, streamed or whole: in OpenAI's words here,
in those of Anthropic's Messages and OpenAI's Responses in `_foreign`, in those of Google's Gemini API in `_gemini`."""

from collections.abc import Iterator
from typing import Any, cast

import msgspec

from genaiops.watch._foreign import foreign_answer, foreign_request, foreign_stream
from genaiops.watch._gemini import gemini_answer, gemini_request
from genaiops.watch._turns import Direction, ToolCall, Turn, content_text, object_of, objects_of


def value_of(raw: bytes) -> Any:
    """JSON, None when it is none."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _tool_calls(message: dict[str, Any]) -> tuple[ToolCall, ...]:
    calls: list[ToolCall] = []
    for call in objects_of(message.get("tool_calls")):
        function = object_of(call.get("function"))
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


_ASKED = {
    "text_completion": "prompt",
    "image_generation": "prompt",
    "video_generation": "prompt",
    "transcription": "prompt",
    "rerank": "query",
}
_SILENT = frozenset(
    {"embeddings", "rerank", "moderations", "image_generation", "speech", "video_generation", "video_job"}
)
"""Operations whose answers are no text."""


def request_turns(operation: str, raw: bytes) -> list[Turn]:
    """The messages of a request; a prompt or the texts to embed as one turn each. Empty when it cannot be read."""
    return turns_of_request(operation, object_of(value_of(raw)))


def turns_of_request(operation: str, body: dict[str, Any]) -> list[Turn]:
    """The same of a body that was read already."""
    if operation in ("chat", "embeddings"):
        gemini = gemini_request(body)
        if gemini is not None:
            return gemini
    if operation == "chat":
        foreign = foreign_request(body)
        if foreign is not None:
            return foreign
        return [_turn(message, "input", "user") for message in objects_of(body.get("messages")) if message]
    given = body.get(_ASKED.get(operation, "input")) or body.get("texts")
    if isinstance(given, str):
        return [Turn(role="user", direction="input", text=given)]
    if isinstance(given, list):
        texts = [one for one in cast("list[Any]", given) if isinstance(one, str)]
        return [Turn(role="user", direction="input", text=text) for text in texts]
    return []


def response_turns(operation: str, raw: bytes) -> list[Turn]:
    """What came back, of a whole answer or of a stream of events. What is no text has no turns."""
    if operation in _SILENT or not raw:
        return []
    if operation == "transcription":
        text = _transcript(raw)
        return [Turn(role="assistant", direction="output", text=text)] if text else []
    if raw[:1] == b"{":
        return turns_of_answer(object_of(value_of(raw)))
    foreign = foreign_stream(events_of(raw)) if raw[:6] == b"event:" else None
    if foreign is not None:
        return foreign
    events = list(events_of(raw))
    if any("candidates" in event for event in events):
        return gemini_answer(events)
    streamed: dict[int, _Streamed] = {}
    for event in events:
        for choice in objects_of(event.get("choices")):
            index = choice.get("index")
            streamed.setdefault(index if isinstance(index, int) else 0, _Streamed()).add(choice)
    return [streamed[index].turn() for index in sorted(streamed)]


def turns_of_answer(body: dict[str, Any]) -> list[Turn]:
    """Of a whole answer that was read already."""
    return (
        foreign_answer(body)
        or gemini_answer([body])
        or [
            _turn(object_of(choice.get("message")), "output", "assistant")
            if "message" in choice
            else Turn(role="assistant", direction="output", text=str(choice.get("text") or ""))
            for choice in objects_of(body.get("choices"))
        ]
    )


def _transcript(raw: bytes) -> str:
    """The text of a transcription: in JSON, in events, or bare (subtitles among it)."""
    if raw.startswith((b"data:", b"event:")):
        events = list(events_of(raw))
        whole = next((one.get("text") for one in events if one.get("type") == "transcript.text.done"), None)
        return str(whole) if whole is not None else "".join(str(one.get("delta") or "") for one in events)
    if raw[:1] == b"{":
        return str(object_of(value_of(raw)).get("text") or "")
    return raw.decode("utf-8", "replace").strip()


def events_of(raw: bytes) -> Iterator[dict[str, Any]]:
    """The objects in a stream of server-sent events."""
    for line in raw.splitlines():
        if line.startswith(b"data:") and line[5:].lstrip()[:1] == b"{":
            yield object_of(value_of(line[5:]))


class _Streamed:
    """The pieces of one choice of a stream."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, list[str]] = {}

    def add(self, choice: dict[str, Any]) -> None:
        delta = object_of(choice.get("delta"))
        for text in (choice.get("text"), delta.get("content"), delta.get("refusal")):
            if isinstance(text, str):
                self._text.append(text)
        for text in (delta.get("reasoning_content"), delta.get("reasoning")):
            if isinstance(text, str):
                self._reasoning.append(text)
        for call in objects_of(delta.get("tool_calls")):
            index = call.get("index")
            known = self._calls.setdefault(index if isinstance(index, int) else 0, ["", "", ""])
            function = object_of(call.get("function"))
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
