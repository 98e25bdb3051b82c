"""What was said in Google's generateContent and its embeddings. Read leniently: a trace shows what it can."""

from collections.abc import Iterable
from typing import Any, cast

import msgspec

from genaiops.watch._turns import Direction, ToolCall, Turn, object_of, objects_of

Fields = dict[str, Any]


def gemini_request(body: Fields) -> list[Turn] | None:
    """The turns of a request; None when it is in another dialect."""
    if "contents" in body:
        system = body.get("systemInstruction", body.get("system_instruction"))
        return _turns([system], "system", "input") + _turns(_listed(body["contents"]), "user", "input")
    if "requests" in body:
        return _turns([one.get("content") for one in objects_of(body["requests"])], "user", "input")
    if "content" in body:
        return _turns([body["content"]], "user", "input")
    return None


def gemini_answer(events: Iterable[Fields]) -> list[Turn]:
    """The turns of an answer, whole (one event) or streamed: one for each candidate."""
    parts: dict[int, list[Fields]] = {}
    for event in events:
        for candidate in objects_of(event.get("candidates")):
            index = candidate.get("index")
            found = parts.setdefault(index if isinstance(index, int) else 0, [])
            found += objects_of(object_of(candidate.get("content")).get("parts"))
    return [turn for index in sorted(parts) for turn in _turn(parts[index], "assistant", "output", joint="")]


def _listed(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _turns(contents: list[Any], role: str, direction: Direction) -> list[Turn]:
    turns: list[Turn] = []
    for content in contents:
        fields = object_of(content)
        said = "assistant" if fields.get("role") == "model" else role
        turns += _turn([object_of(part) for part in _listed(fields.get("parts"))], said, direction)
    return turns


def _turn(parts: list[Fields], role: str, direction: Direction, joint: str = "\n") -> list[Turn]:
    """Results of functions are turns of their own."""
    results: list[Turn] = []
    words: list[str] = []
    thoughts: list[str] = []
    calls: list[ToolCall] = []
    for part in parts:
        called = part.get("functionCall", part.get("function_call"))
        result = part.get("functionResponse", part.get("function_response"))
        text = part.get("text")
        if result is not None:
            results.append(Turn(role="tool", direction=direction, text=_json(object_of(result).get("response"))))
        elif called is not None:
            call = object_of(called)
            calls.append(ToolCall(str(call.get("name", "")), _json(call.get("args")), str(call.get("id", ""))))
        elif isinstance(text, str):
            if text:
                (thoughts if part.get("thought") is True else words).append(text)
        elif part:
            words.append(f"[{next(iter(part))}]")
    if not (words or thoughts or calls):
        return results
    own = Turn(
        role=role,
        direction=direction,
        text=joint.join(words),
        reasoning=joint.join(thoughts),
        tool_calls=tuple(calls),
    )
    return [*results, own]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode() if value else ""
