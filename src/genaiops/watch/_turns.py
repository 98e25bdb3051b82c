"""One message of a conversation, as traces show it."""

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


def object_of(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def objects_of(value: Any) -> list[dict[str, Any]]:
    return [object_of(item) for item in cast("list[Any]", value)] if isinstance(value, list) else []


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
        fields = object_of(part)
        text = fields.get("text")
        parts.append(text if isinstance(text, str) else f"[{fields.get('type', 'part')}]")
    return "\n".join(parts)
