"""A body of Anthropic's Messages, decoded no further than routing, limits and identity need."""

from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from genaiops.core.errors import UsageError

Cap = Annotated[int, Meta(ge=0, le=100_000_000)]


class Metadata(msgspec.Struct, frozen=True):
    user_id: str | None = None


class Turn(msgspec.Struct, frozen=True):
    content: Raw = Raw()


class CountHead(msgspec.Struct, frozen=True, kw_only=True):
    """Of a question how many tokens a prompt has. `genaiops` is our own object, as in chat."""

    model: str
    messages: list[Turn]
    genaiops: Raw | UnsetType = UNSET


class MessagesHead(CountHead, frozen=True, kw_only=True):
    """`max_tokens` is the cap on the answer, which Messages demands."""

    max_tokens: Cap
    stream: bool | None = None
    metadata: Metadata | None = None

    @property
    def user_id(self) -> str | None:
        return self.metadata.user_id if self.metadata is not None else None


class PromptedHead(MessagesHead, frozen=True, kw_only=True):
    """Of a request that names a prompt, which may bring its messages, its model and the cap."""

    model: str = ""
    messages: list[Turn] = []
    max_tokens: Cap | None = None  # pyright: ignore[reportIncompatibleVariableOverride]


class _Block(msgspec.Struct, frozen=True):
    type: str = ""
    content: Raw = Raw()


T = TypeVar("T", bound=CountHead)
_decode = msgspec.json.Decoder(MessagesHead).decode
_prompted = msgspec.json.Decoder(PromptedHead).decode
_count = msgspec.json.Decoder(CountHead).decode
_blocks = msgspec.json.Decoder(list[_Block]).decode
_DENSE = frozenset({"image", "document", "container_upload"})


def decode_messages(raw: bytes | bytearray) -> MessagesHead:
    """UsageError (400) that names the field at fault."""
    return _decoded(_decode, raw)


def decode_prompted(raw: bytes | bytearray) -> PromptedHead:
    """As `decode_messages`, for a body that names a prompt."""
    return _decoded(_prompted, raw)


def decode_count(raw: bytes | bytearray) -> CountHead:
    """As `decode_messages`, for a body without `max_tokens`."""
    return _decoded(_count, raw)


def _decoded(decode: Callable[[bytes | bytearray], T], raw: bytes | bytearray) -> T:
    if not raw:
        raise UsageError("The body is empty.", remedy="Send a JSON object.", code="invalid_json")
    try:
        return decode(raw)
    except msgspec.ValidationError as error:
        param = _field(str(error))
        where = f"{param!r}: " if param else ""
        what = str(error).split(" - at ", maxsplit=1)[0]
        raise UsageError(f"The body is not right: {where}{what}.", code="invalid_value", param=param) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"The body is not JSON: {error}.", remedy="Send a JSON object.", code="invalid_json") from None


def _field(message: str) -> str | None:
    """The field of "... - at `$.stream`" or of "... missing required field `model`"."""
    quoted = message.split("`")
    path = quoted[-2].removeprefix("$").removeprefix(".") if " - at " in message else ""
    if "required field" in message:
        return f"{path}.{quoted[1]}" if path else quoted[1]
    return path or None


def dense_parts(head: CountHead) -> int:
    """Images and documents, also in results of tools: what may count for more tokens than it has bytes here. Content
    that cannot be read counts as one."""
    return sum(_dense(turn.content) for turn in head.messages)


def _dense(content: Raw, *, inside: bool = False) -> int:
    if bytes(memoryview(content)[:1]) != b"[":
        return 0
    try:
        blocks = _blocks(content)
    except msgspec.DecodeError:
        return 1
    found = sum(block.type in _DENSE for block in blocks)
    return found if inside else found + sum(_dense(block.content, inside=True) for block in blocks)
