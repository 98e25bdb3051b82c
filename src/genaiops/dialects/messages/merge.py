"""A prompt before what a Messages request says itself."""

from typing import Any

import msgspec
from msgspec import Raw

from genaiops.dialects.merging import Chat, Given, cap_of, fields_of, joined, merged
from genaiops.dialects.messages.from_chat import request_from_chat

_ROOM = 1 << 30
"""In the place of a cap that is not known yet: an effort is said as one, so none of it is spent."""


def merge(fields: Given, chat: Chat) -> bytes:
    """System texts go to the top, before the request's own. UsageError names what Messages has no words for."""
    cap = cap_of(chat)
    said = fields_of(request_from_chat(msgspec.json.encode(chat), model="", max_tokens=_ROOM, inline_system=False))
    del said["model"], said["max_tokens"]
    if cap is not None:
        said["max_tokens"] = Raw(msgspec.json.encode(cap))
    out: dict[str, Any] = {**said, **fields}
    out["messages"] = joined(msgspec.json.decode(said["messages"], type=list[Raw]), fields.get("messages"))
    if "system" in said and "system" in fields:
        out["system"] = joined(_blocks(said["system"]), _as_list(fields["system"]))
    if "output_config" in said:
        if "thinking" in fields:
            said["output_config"] = _without_effort(said["output_config"])
        out["output_config"] = merged(msgspec.json.decode(said["output_config"]), fields.get("output_config"))
    return msgspec.json.encode(out)


def _blocks(system: Raw) -> list[Any]:
    found = msgspec.json.decode(system)
    return [{"type": "text", "text": found}] if isinstance(found, str) else found


def _as_list(system: Raw) -> Raw:
    return Raw(msgspec.json.encode(_blocks(system))) if bytes(system).startswith(b'"') else system


def _without_effort(config: Raw) -> Raw:
    """The request says itself how much is thought."""
    found = fields_of(config)
    found.pop("effort", None)
    return Raw(msgspec.json.encode(found))
