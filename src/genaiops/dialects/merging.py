"""What a prompt or a release gives to a request, put before what the request says itself: the pieces that the dialects
share. Each dialect's own `merge` module says how its bodies are merged.

What is given comes in the words of OpenAI's chat (`messages`, `tools`, `response_format`, parameters). What the request
says itself stays as it was written, and its value counts. A UsageError names what the dialect has no words for.
"""

from collections.abc import Iterable
from typing import Any, cast

import msgspec
from msgspec import Raw

from genaiops.dialects.fields import Fields, unsayable

Chat = dict[str, Any]
Given = dict[str, Raw]
"""The top of a request's body, nulls left out."""

HINTS = (
    "metadata",
    "prediction",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "service_tier",
    "store",
    "verbosity",
)
"""Parameters of chat that change nothing that a caller could rely on in another dialect."""

_fields = msgspec.json.Decoder(dict[str, Raw]).decode


def raw(value: Any) -> Raw:
    return Raw(msgspec.json.encode(value))


def fields_of(value: Raw | bytes) -> Given:
    return _fields(value)


def joined(first: Iterable[Any], second: Raw | None) -> Raw:
    """Both lists as one; what the request says stays as it was written. A single value of the request is a list of
    one."""
    head = msgspec.json.encode(list(first))[1:-1]
    own = bytes(second).strip() if second is not None else b""
    mine = own[1:-1].strip() if own.startswith(b"[") else own
    return Raw(b"[%b]" % b",".join(piece for piece in (head, mine) if piece))


def stops(value: Any) -> list[Any] | None:
    """`stop` as a list, None when it says nothing."""
    if not value:
        return None
    return [value] if isinstance(value, str) else value


def cap_of(chat: Chat) -> Any:
    """The cap on the output, under either of its names; both are taken out."""
    older, newer = chat.pop("max_tokens", None), chat.pop("max_completion_tokens", None)
    return older if newer is None else newer


def texts(content: Any, message: Fields) -> list[str]:
    """The texts of a message that can have nothing else."""
    if content is None:
        return []
    if isinstance(content, str):
        return [content]
    found: list[str] = []
    for part in parts(content, message):
        if part.needed_text("type") != "text":
            raise unsayable(part.path("type"), message.to)
        found.append(part.needed_text("text"))
    return found


def parts(content: Any, message: Fields) -> list[Fields]:
    """The parts of a message's content; a text is one part."""
    listed: Any = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return Fields({"content": listed}, message.at, message.to).each("content")


def refuse_rest(chat: Chat, to: str, harmless: dict[str, Any]) -> None:
    """Refuse the parameters that nobody took, but for hints and for values that ask for nothing."""
    for name, value in chat.items():
        if value is None or name in HINTS or (name in harmless and value == harmless[name]):
            continue
        raise unsayable(name, to)


def merged(mine: dict[str, Any], own: Raw | None) -> Raw:
    """Two objects as one: what the request says counts."""
    if own is None or not bytes(own).startswith(b"{"):
        return raw(mine) if own is None else own
    return raw({**mine, **cast("dict[str, Any]", fields_of(own))})
