"""Messages as OpenTelemetry writes them: `[{role, parts: [{type, content}]}]`, out of those of OpenAI's chat."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

Message = Mapping[str, Any]


def as_parts(value: object, role: str) -> list[dict[str, Any]] | None:
    """A text is one message of `role`. None when it is no conversation."""
    if isinstance(value, str):
        return [{"role": role, "parts": [{"type": "text", "content": value}]}]
    if isinstance(value, Mapping):
        value = [cast("Message", value)]
    if not isinstance(value, Sequence) or isinstance(value, bytes | bytearray):
        return None
    found: list[dict[str, Any]] = []
    for message in cast("Sequence[object]", value):
        if not isinstance(message, Mapping) or "role" not in message:
            return None
        found.append(_message(cast("Message", message)))
    return found or None


def _message(message: Message) -> dict[str, Any]:
    if "parts" in message:
        return dict(message)
    content = message.get("content")
    if message.get("role") == "tool":
        answer = {"type": "tool_call_response", "id": message.get("tool_call_id"), "response": content}
        return {"role": "tool", "parts": [answer]}
    parts = [_part(part) for part in cast("list[object]", content if isinstance(content, list) else [content])]
    parts = [part for part in parts if part]
    for call in cast("Sequence[Message]", message.get("tool_calls") or ()):
        function: Message = call.get("function") or {}
        name, arguments = function.get("name"), function.get("arguments")
        parts.append({"type": "tool_call", "id": call.get("id"), "name": name, "arguments": arguments})
    return {"role": message["role"], "parts": parts}


def _part(part: object) -> dict[str, Any]:
    if part is None:
        return {}
    if isinstance(part, Mapping):
        fields = cast("Message", part)
        if "text" in fields:
            return {"type": "text", "content": fields["text"]}
        return dict(fields)
    return {"type": "text", "content": part}
