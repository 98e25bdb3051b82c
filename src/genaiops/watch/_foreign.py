"""What was said in Anthropic's Messages, in OpenAI's Responses and in Cohere's chat. Read leniently: a trace shows what
it can."""

from collections.abc import Iterator
from typing import Any

import msgspec

from genaiops.watch._cohere import CohereTalk, called, document_text
from genaiops.watch._turns import Direction, ToolCall, Turn, content_text, object_of, objects_of

Fields = dict[str, Any]


def foreign_request(body: Fields) -> list[Turn] | None:
    """The turns of a request in one of these dialects; None when it is in OpenAI's chat."""
    if "input" in body and "messages" not in body:
        turns = _said("system", "input", body.get("instructions"))
        given = body["input"]
        if isinstance(given, str):
            return [*turns, Turn(role="user", direction="input", text=given)]
        return turns + [turn for item in objects_of(given) for turn in _item(item, "input")]
    messages = objects_of(body.get("messages"))
    if "system" not in body and not any(_has_blocks(message) for message in messages):
        return None
    turns = _said("system", "input", content_text(body.get("system")))
    return turns + [turn for message in messages for turn in _message(message, "input")]


def foreign_answer(body: Fields) -> list[Turn]:
    """The turns of a whole answer in one of these dialects; none when it is in OpenAI's chat."""
    if body.get("object") == "response":
        return _merged([turn for item in objects_of(body.get("output")) for turn in _item(item, "output")])
    if body.get("type") == "message":
        return _message({"role": "assistant", "content": body.get("content")}, "output")
    said = object_of(body.get("message"))
    return _message(said, "output") if said.get("role") == "assistant" else []


def foreign_stream(events: Iterator[Fields]) -> list[Turn] | None:
    """The turns of a stream in one of these dialects; None when it is in neither."""
    blocks: dict[int, Fields] = {}
    text: list[str] = []
    known = False
    cohere = CohereTalk()
    for event in events:
        kind = str(event.get("type", ""))
        known = known or kind.startswith(("response.", "message_", "content_block_"))
        if kind in {"response.completed", "response.incomplete", "response.failed"}:
            turns = foreign_answer({"object": "response", **object_of(event.get("response"))})
            if turns:
                return turns
        elif kind == "response.output_text.delta":
            text.append(str(event.get("delta", "")))
        elif cohere.takes(kind):
            cohere.add(kind, event)
        elif kind == "content_block_start":
            blocks[_index(event)] = dict(object_of(event.get("content_block")))
        elif kind == "content_block_delta":
            _grow(blocks.setdefault(_index(event), {"type": "text"}), object_of(event.get("delta")))
    if blocks:
        ordered = [blocks[index] for index in sorted(blocks)]
        return _message({"role": "assistant", "content": ordered}, "output")
    if text:
        return [Turn(role="assistant", direction="output", text="".join(text))]
    if cohere.known:
        return _message(cohere.message(), "output")
    return [] if known else None


def _index(event: Fields) -> int:
    index = event.get("index")
    return index if isinstance(index, int) else 0


def _grow(block: Fields, delta: Fields) -> None:
    for name, into in (("text", "text"), ("thinking", "thinking"), ("partial_json", "arguments")):
        piece = delta.get(name)
        if isinstance(piece, str):
            block[into] = str(block.get(into) or "") + piece


def _has_blocks(message: Fields) -> bool:
    return "tool_plan" in message or any(
        block.get("type") in {"tool_use", "tool_result", "thinking", "redacted_thinking", "image", "document"}
        for block in objects_of(message.get("content"))
    )


def _said(role: str, direction: Direction, text: Any) -> list[Turn]:
    return [Turn(role=role, direction=direction, text=text)] if isinstance(text, str) and text else []


def _message(message: Fields, direction: Direction) -> list[Turn]:
    """A message of Messages or of Cohere's; the results of tools in it are turns of their own."""
    role = str(message.get("role") or "user")
    content = message.get("content")
    results: list[Turn] = []
    words = [word for word in (message.get("tool_plan"), content) if isinstance(word, str) and word]
    thoughts: list[str] = []
    calls = [called(call) for call in objects_of(message.get("tool_calls"))]
    for block in objects_of(content):
        kind = block.get("type")
        if kind == "tool_result":
            results.append(Turn(role="tool", direction=direction, text=content_text(block.get("content"))))
        elif kind == "thinking":
            thoughts.append(str(block.get("thinking") or ""))
        elif kind in {"tool_use", "server_tool_use"}:
            arguments = block.get("arguments") or _json(block.get("input"))
            calls.append(ToolCall(str(block.get("name", "")), str(arguments), str(block.get("id", ""))))
        elif kind != "redacted_thinking":
            words.append(document_text(block) or content_text([block]))
    if words or thoughts or calls:
        own = Turn(
            role=role,
            direction=direction,
            text="\n".join(words),
            reasoning="\n".join(thoughts),
            tool_calls=tuple(calls),
        )
        return [*results, own]
    return results


def _item(item: Fields, direction: Direction) -> list[Turn]:
    """An item of Responses, of its input or its output."""
    kind = item.get("type") or "message"
    role = "assistant" if direction == "output" else "user"
    if kind == "message":
        return [Turn(role=str(item.get("role") or role), direction=direction, text=content_text(item.get("content")))]
    if kind in {"function_call", "custom_tool_call"}:
        said = item.get("arguments") if kind == "function_call" else item.get("input")
        call = ToolCall(str(item.get("name", "")), str(said or ""), str(item.get("call_id", "")))
        return [Turn(role="assistant", direction=direction, tool_calls=(call,))]
    if kind in {"function_call_output", "custom_tool_call_output"}:
        return [Turn(role="tool", direction=direction, text=content_text(item.get("output")))]
    if kind == "reasoning":
        thought = content_text(item.get("summary")) or content_text(item.get("content"))
        return [Turn(role="assistant", direction=direction, reasoning=thought)] if thought else []
    return [Turn(role="assistant", direction=direction, text=f"[{kind}]")]


def _merged(turns: list[Turn]) -> list[Turn]:
    """The items of one answer as one turn, as the other dialects have it."""
    if len(turns) < 2:
        return turns
    return [
        Turn(
            role="assistant",
            direction="output",
            text="\n".join(turn.text for turn in turns if turn.text),
            reasoning="\n".join(turn.reasoning for turn in turns if turn.reasoning),
            tool_calls=tuple(call for turn in turns for call in turn.tool_calls),
        )
    ]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode() if value else ""
