"""Bodies of Cohere's chat and embed, decoded no further than routing, limits and identity need."""

import msgspec
from msgspec import UNSET, Raw, UnsetType

from genaiops.dialects.messages.head import Cap, Turn

_DENSE = "image_url"


class ChatHead(msgspec.Struct, frozen=True, kw_only=True):
    """`genaiops` is our own object, as in OpenAI's chat."""

    model: str
    messages: list[Turn]
    max_tokens: Cap | None = None
    stream: bool | None = None
    genaiops: Raw | UnsetType = UNSET


class PromptedHead(ChatHead, frozen=True, kw_only=True):
    """Of a request that names a prompt, which may bring its messages and its model."""

    model: str = ""
    messages: list[Turn] = []


class _Input(msgspec.Struct, frozen=True):
    content: Raw = Raw()


class EmbedHead(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be embedded: `texts`, `images` (data URLs), or `inputs` of both."""

    model: str
    texts: list[str] | None = None
    images: list[str] | None = None
    inputs: list[_Input] | None = None
    embedding_types: list[str] | None = None
    genaiops: Raw | UnsetType = UNSET


class _Part(msgspec.Struct, frozen=True):
    type: str = ""


decode_chat = msgspec.json.Decoder(ChatHead).decode
decode_prompted = msgspec.json.Decoder(PromptedHead).decode
decode_embed = msgspec.json.Decoder(EmbedHead).decode
_parts = msgspec.json.Decoder(list[_Part]).decode


def dense_parts(head: ChatHead) -> int:
    """Images: what may count for more tokens than it has bytes here. Content that cannot be read counts as one."""
    return sum(_dense(turn.content) for turn in head.messages)


def dense_inputs(head: EmbedHead) -> int:
    return len(head.images or ()) + sum(_dense(one.content) for one in head.inputs or ())


def _dense(content: Raw) -> int:
    if bytes(memoryview(content)[:1]) != b"[":
        return 0
    try:
        return sum(part.type == _DENSE for part in _parts(content))
    except msgspec.DecodeError:
        return 1
