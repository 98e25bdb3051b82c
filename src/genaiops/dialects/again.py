"""A request once more, with the answer that it had and what its model is to hear about that: in the client's words."""

from typing import Any, cast

import msgspec

from genaiops.domain import Operation
from genaiops.ports.providers import Dialect

_ITEMS: dict[Dialect, str] = {"responses": "input", "gemini": "contents"}


def asked_again(operation: Operation, dialect: Dialect, raw: bytes | bytearray, said: str, told: str) -> bytes | None:
    """None: that cannot be said in a request of this kind."""
    body: Any = msgspec.json.decode(raw)
    if not isinstance(body, dict):
        return None
    fields = cast("dict[str, Any]", body)
    if operation == "text_completion":
        prompt: Any = fields.get("prompt")
        if not isinstance(prompt, str):
            return None
        fields["prompt"] = f"{prompt}{said}\n\n{told}\n\n"
        return msgspec.json.encode(fields)
    if operation != "chat":
        return None
    name = _ITEMS.get(dialect, "messages")
    turns: Any = fields.get(name)
    if isinstance(turns, str):
        turns = [_turn(dialect, "user", turns)]
    if not isinstance(turns, list):
        return None
    model = "model" if dialect == "gemini" else "assistant"
    fields[name] = [*cast("list[Any]", turns), _turn(dialect, model, said), _turn(dialect, "user", told)]
    return msgspec.json.encode(fields)


def _turn(dialect: Dialect, role: str, text: str) -> dict[str, Any]:
    if dialect == "gemini":
        return {"role": role, "parts": [{"text": text}]}
    return {"role": role, "content": text}
