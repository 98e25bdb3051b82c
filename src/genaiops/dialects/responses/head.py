"""A body of OpenAI's Responses, decoded no further than routing, limits and identity need."""

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Raw

from genaiops.core.errors import UsageError

Cap = Annotated[int, Meta(ge=1, le=100_000_000)]
T = TypeVar("T")


class ResponsesHead(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway reads of a request before it knows its target. Everything else stays raw.

    `genaiops` is our own object (a session), which never leaves the gateway; empty when it is not there.
    """

    model: str
    stream: bool | None = None
    max_output_tokens: Cap | None = None
    user: str | None = None
    safety_identifier: str | None = None
    metadata: dict[str, str] | None = None
    input: Raw = Raw()
    previous_response_id: str | None = None
    conversation: Raw = Raw()
    prompt: Raw = Raw()
    background: bool | None = None
    genaiops: Raw = Raw()

    @property
    def end_user(self) -> str | None:
        """The caller's word for its own user: `safety_identifier`, or the older `user`."""
        return self.safety_identifier or self.user


class PromptedHead(ResponsesHead, frozen=True, kw_only=True):
    """Of a request that names a prompt, which may bring the model."""

    model: str = ""


class _Part(msgspec.Struct, frozen=True):
    type: str | None = None


class _Usual(msgspec.Struct, frozen=True):
    """An item as nearly all are: read in one pass, several times as fast as an `_Item` of any shape."""

    type: str | None = None
    content: str | list[_Part] | None = None
    output: str | list[_Part] | None = None


class _Item(msgspec.Struct, frozen=True):
    type: str | None = None
    content: Raw = Raw()
    output: Raw = Raw()


_head = msgspec.json.Decoder(ResponsesHead)
_prompted = msgspec.json.Decoder(PromptedHead)
_usual = msgspec.json.Decoder(list[_Usual])
_items = msgspec.json.Decoder(list[_Item])
_parts = msgspec.json.Decoder(list[_Part])

_DENSE_PARTS = frozenset({"input_image", "input_file", "input_audio", "computer_screenshot"})
_DENSE_ITEMS = frozenset({"image_generation_call", "compaction"})


def decode_head(raw: bytes | bytearray) -> ResponsesHead:
    """UsageError (400) that names the field at fault."""
    return decode_with(_head, raw)


def decode_prompted(raw: bytes | bytearray) -> ResponsesHead:
    """As `decode_head`, for a body that names a prompt."""
    return decode_with(_prompted, raw)


def decode_with(decoder: "msgspec.json.Decoder[T]", raw: bytes | bytearray | Raw, at: str = "") -> T:
    """The body, or its field `at`, by that decoder. UsageError that names the field at fault, or says that it is not
    JSON."""
    if not raw:
        raise UsageError("The body is empty.", remedy="Send a JSON object.", code="invalid_json")
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        param = _field(str(error), at)
        where = f"{param!r}: " if param else ""
        told = str(error).split(" - at ", maxsplit=1)[0]
        raise UsageError(f"The body is not right: {where}{told}.", code="invalid_value", param=param) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"The body is not JSON: {error}.", remedy="Send a JSON object.", code="invalid_json") from None


def _field(message: str, at: str) -> str | None:
    """The field of "... - at `$.stream`" or of "... missing required field `model`", below `at`."""
    quoted = message.split("`")
    path = at + quoted[-2].removeprefix("$") if " - at " in message else at
    if "required field" in message:
        path += "." + quoted[1]
    return path.removeprefix(".") or None


def dense_parts(head: ResponsesHead) -> int:
    """Images, audio, files and compacted turns in the input: what may count for more tokens than it has bytes here.
    An input that cannot be read counts as one."""
    if not starts_with(head.input, b"["):
        return 0
    try:
        usual = _usual.decode(head.input)
    except msgspec.DecodeError:
        return _dense_in_any(head.input)
    found = 0
    for item in usual:
        found += item.type in _DENSE_ITEMS
        for content in (item.content, item.output):
            if isinstance(content, list):
                found += sum(part.type in _DENSE_PARTS for part in content)
    return found


def _dense_in_any(raw: Raw) -> int:
    try:
        items = _items.decode(raw)
    except msgspec.DecodeError:
        return 1
    found = 0
    for item in items:
        found += item.type in _DENSE_ITEMS
        for content in (item.content, item.output):
            if starts_with(content, b"["):
                try:
                    found += sum(part.type in _DENSE_PARTS for part in _parts.decode(content))
                except msgspec.DecodeError:
                    found += 1
            elif starts_with(content, b"{"):  # a screenshot
                found += 1
    return found


def hidden_state(head: ResponsesHead) -> tuple[str, ...]:
    """The fields by which the request refers to what its provider keeps: input whose size nobody here can bound, and
    which may have been written with another key."""
    found = [
        name
        for name, is_there in (
            ("previous_response_id", head.previous_response_id is not None),
            ("conversation", given(head.conversation)),
            ("prompt", given(head.prompt)),
        )
        if is_there
    ]
    if starts_with(head.input, b"["):
        try:
            items = _items.decode(head.input)
        except msgspec.DecodeError:
            items = []
        found += ["input"] if any(map(_refers, items)) else []
    return tuple(found)


def _refers(item: _Item) -> bool:
    return item.type == "item_reference" or (item.type is None and not given(item.content))


def given(raw: Raw) -> bool:
    """Whether a field is there and not null."""
    return bytes(memoryview(raw)[:4]) not in (b"", b"null")


def starts_with(raw: Raw, byte: bytes) -> bool:
    return bytes(memoryview(raw)[:1]) == byte


def plain(raw: Raw) -> Any:
    """The value of a raw field, None when it is not there."""
    return msgspec.json.decode(raw) if given(raw) else None
