"""Reasoning that must come back as it was: sealed into the `encrypted_content` of a reasoning item.

Chat answers may carry `thinking_blocks` (Anthropic's, with their signatures). Responses has one opaque place for such
things, which clients hand back untouched. It is packed, not encrypted: nothing in it that the client may not read.
"""

import base64
import binascii
from typing import Any

import msgspec

from genaiops.core.errors import UsageError

SEAL = "genaiops.thinking."

Blocks = list[dict[str, Any]]
_blocks = msgspec.json.Decoder(Blocks)


def seal(blocks: Blocks) -> str:
    return SEAL + base64.urlsafe_b64encode(msgspec.json.encode(blocks)).decode()


def unseal(content: str, param: str) -> Blocks | None:
    """The blocks, None when somebody else made it (only its maker can read that). UsageError when it was altered."""
    if not content.startswith(SEAL):
        return None
    try:
        return _blocks.decode(base64.urlsafe_b64decode(content.removeprefix(SEAL)))
    except (binascii.Error, msgspec.DecodeError, UnicodeError, ValueError):
        raise UsageError(
            f"{param!r} is not what the gateway sent.",
            remedy="Send reasoning items back unchanged, or leave them out.",
            code="invalid_encrypted_content",
            param=param,
        ) from None


def grow(blocks: Blocks, delta: Blocks) -> None:
    """Blocks of a stream, put together: pieces of one thinking block follow each other, its signature comes last."""
    for piece in delta:
        last = blocks[-1] if blocks else None
        if last is None or last.get("type") != piece.get("type") or "thinking" not in piece or last.get("signature"):
            blocks.append(dict(piece))
            continue
        last["thinking"] = str(last.get("thinking") or "") + str(piece["thinking"] or "")
        if piece.get("signature"):
            last["signature"] = piece["signature"]
