"""A client's body in OpenAI's dialect, decoded no further than routing, limits and identity need."""

from collections.abc import Callable
from typing import Annotated, Any, Protocol, TypeVar

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from genaiops.core.errors import UsageError
from genaiops.domain import Operation

Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Cap = Annotated[int, Meta(ge=1, le=100_000_000)]
CapOrNothing = Annotated[int, Meta(ge=0, le=100_000_000)]
"""Completions may ask for no answer (to score a prompt), and Messages to fill a cache; nobody else may."""


class StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool | None = None


class Extension(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Our one extension of the dialect: the object `genaiops` in a body. It never leaves the gateway."""

    session: Annotated[str, Meta(max_length=256)] | None = None
    prompt: Annotated[str, Meta(max_length=256)] | None = None
    """`name@alias` or `name@sha256:...`: its messages go before those of the body."""
    variables: dict[str, Any] | None = None


class MessageHead(msgspec.Struct, frozen=True):
    content: Raw = Raw()


class _Part(msgspec.Struct, frozen=True):
    type: str = ""


class Common(msgspec.Struct, frozen=True, kw_only=True):
    """What bodies of all operations have."""

    model: str
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: CapOrNothing | None = None
    n: Count | None = None
    user: str | None = None
    metadata: Raw | UnsetType = UNSET
    n_predict: int | None = None
    """llama.cpp's own cap, which overrules `max_tokens` there: refused where a limit relies on the cap."""
    genaiops: Extension | UnsetType | None = UNSET


class ChatBody(Common, frozen=True, kw_only=True):
    messages: list[MessageHead]
    max_tokens: Cap | None = None
    max_completion_tokens: Cap | None = None


class PromptedBody(ChatBody, frozen=True, kw_only=True):
    """A chat body that names a prompt, or an application whose release may have one: it may bring the messages, and a
    prompt the model."""

    model: str = ""
    messages: list[MessageHead] = []


class CompletionBody(Common, frozen=True, kw_only=True):
    prompt: Raw | UnsetType = UNSET
    best_of: Count | None = None


class EmbeddingsBody(Common, frozen=True, kw_only=True):
    input: Raw


class Foreign(Common, frozen=True, kw_only=True):
    """A body in another dialect, as far as it can be said in these words. `dense`: its images, files and the like."""

    dense: int = 0


AnyBody = TypeVar("AnyBody")


class Head(Protocol):
    """What is read of a body in another dialect."""

    @property
    def genaiops(self) -> Raw | UnsetType: ...


AnyHead = TypeVar("AnyHead", bound=Head)

Body = ChatBody | CompletionBody | EmbeddingsBody | Foreign

_DECODERS: dict[
    Operation,
    msgspec.json.Decoder[ChatBody] | msgspec.json.Decoder[CompletionBody] | msgspec.json.Decoder[EmbeddingsBody],
] = {
    "chat": msgspec.json.Decoder(ChatBody),
    "text_completion": msgspec.json.Decoder(CompletionBody),
    "embeddings": msgspec.json.Decoder(EmbeddingsBody),
}
_prompted = msgspec.json.Decoder(PromptedBody).decode
_parts = msgspec.json.Decoder(list[_Part]).decode
_extension = msgspec.json.Decoder(Extension | None).decode
_items = msgspec.json.Decoder(list[Raw]).decode

_DENSE_PARTS = frozenset({"image_url", "input_image", "input_audio", "file", "input_file", "video_url", "audio_url"})


def decode(operation: Operation, raw: bytes | bytearray) -> Body:
    """UsageError (400) that names the field at fault."""
    try:
        return decode_with(_DECODERS[operation].decode, raw)
    except UsageError:
        if operation != "chat" or (b'"prompt"' not in raw and b'"app/' not in raw):
            raise
        body = decode_with(_prompted, raw)
        prompted = isinstance(body.genaiops, Extension) and body.genaiops.prompt is not None
        if not prompted and not body.model.startswith("app/"):  # whose release may have a prompt
            raise
        return body


def decode_with(decoder: Callable[[bytes | bytearray], AnyBody], raw: bytes | bytearray) -> AnyBody:
    """What the decoder of a struct makes of a body, its errors as ours."""
    if not raw:
        raise UsageError("The body is empty.", remedy="Send a JSON object.", code="invalid_json")
    try:
        return decoder(raw)
    except msgspec.ValidationError as error:
        param = _field(str(error))
        where = f"{param!r}: " if param else ""
        raise UsageError(
            f"The body is not right: {where}{_sentence(error)}", code="invalid_value", param=param
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"The body is not JSON: {error}.", remedy="Send a JSON object.", code="invalid_json") from None


def _sentence(error: msgspec.ValidationError) -> str:
    return str(error).split(" - at ", maxsplit=1)[0] + "."


def _field(message: str) -> str | None:
    """The field that a validation error is about: of "... - at `$.stream`" or "... missing required field `model`"."""
    quoted = message.split("`")
    if " - at " in message:
        path = quoted[-2].removeprefix("$").removeprefix(".")
        if "required field" not in message:
            return path or None
        return f"{path}.{quoted[1]}" if path else quoted[1]
    return quoted[1] if "field" in message and len(quoted) > 1 else None


def extension_of(raw: Raw | UnsetType) -> Extension | UnsetType | None:
    """Our object in a body of another dialect."""
    if isinstance(raw, UnsetType) or not bytes(memoryview(raw)[:1]):
        return UNSET
    try:
        return _extension(raw)
    except msgspec.ValidationError as error:
        raise UsageError(f"The object `genaiops` is not right: {error}.", param="genaiops") from None


def head_of(
    raw: bytes | bytearray,
    strict: Callable[[bytes | bytearray], AnyHead],
    prompted: Callable[[bytes | bytearray], AnyHead],
) -> AnyHead:
    """A body in another dialect as its decoder takes it, or without what a prompt brings where it names one."""
    try:
        return strict(raw)
    except UsageError:
        if b'"prompt"' not in raw and b'"variables"' not in raw:
            raise
        head = prompted(raw)
        asked = extension_of(head.genaiops)
        if not isinstance(asked, Extension) or (asked.prompt is None and asked.variables is None):
            raise
        return head


def output_cap(body: Body) -> int | None:
    """The request's own cap on each answer, None when it has none (the larger where it has two: servers differ)."""
    if isinstance(body, ChatBody) and body.max_completion_tokens is not None:
        return max(body.max_completion_tokens, body.max_tokens or 0)
    return body.max_tokens


def answers(body: Body) -> int:
    """How many answers may be generated (and charged) for the body."""
    count = body.n or 1
    if not isinstance(body, CompletionBody):
        return count
    count = max(count, body.best_of or 1)
    prompt = body.prompt
    if isinstance(prompt, UnsetType):
        return count
    if bytes(memoryview(prompt)[:1]) != b"[":
        return count
    try:
        items = _items(prompt)
    except msgspec.DecodeError:
        return count
    return count * max(1, len(items)) if items and bytes(memoryview(items[0])[:1]) in (b'"', b"[") else count


def dense_parts(body: Body, raw: bytes | bytearray) -> int:
    """Images, audio and files in the messages: parts that may count for more tokens than they have bytes here."""
    if isinstance(body, Foreign):
        return body.dense
    if not isinstance(body, ChatBody) or raw.find(b"[", raw.find(b"[") + 1) < 0:  # no list inside the list of messages
        return 0
    found = 0
    for message in body.messages:
        if bytes(memoryview(message.content)[:1]) == b"[":
            try:
                found += sum(part.type in _DENSE_PARTS for part in _parts(message.content))
            except msgspec.DecodeError:
                found += 1
    return found
