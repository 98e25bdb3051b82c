"""Messages of a chat completion as Converse's system blocks and turns.

After the API reference of Amazon Bedrock Runtime (Message, ContentBlock). System messages go to the front, in their
order, wherever they stood: Converse has one place for them. Neighbours of one role become one turn, and the results of
tools are the user's. Blank text is left out, because Converse refuses it, and so is `reasoning_content`: models take
their thinking back only with its signature, which is in `thinking_blocks`.
"""

import base64
import binascii
import re
from typing import Any, Literal

import msgspec
from msgspec import Raw

from genaiops.core.errors import UsageError

Block = dict[str, Any]

_DOCUMENTS = frozenset({"pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"})
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w.+=-]+)*?;base64,", re.ASCII)


class Mark(msgspec.Struct, frozen=True):
    type: str = "ephemeral"
    ttl: str | None = None


class _Url(msgspec.Struct, frozen=True):
    url: str


class _Audio(msgspec.Struct, frozen=True):
    data: str
    format: str


class _File(msgspec.Struct, frozen=True):
    file_data: str | None = None
    filename: str | None = None
    file_id: str | None = None


class _Part(msgspec.Struct, frozen=True):
    type: str
    text: str | None = None
    image_url: _Url | str | None = None
    input_audio: _Audio | None = None
    file: _File | None = None
    refusal: str | None = None
    cache_control: Mark | None = None


class Function(msgspec.Struct, frozen=True):
    name: str
    arguments: str = ""


class _Call(msgspec.Struct, frozen=True):
    id: str
    function: Function | None = None
    type: str = "function"
    cache_control: Mark | None = None


class _Thought(msgspec.Struct, frozen=True):
    """A block of thinking, as Anthropic writes it; chat completions have no form of their own."""

    type: str
    thinking: str = ""
    signature: str | None = None
    data: str | None = None


class Message(msgspec.Struct, frozen=True):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[_Part] | None = None
    tool_calls: list[_Call] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    thinking_blocks: list[_Thought] | None = None
    cache_control: Mark | None = None
    function_call: Raw = Raw()
    audio: Raw = Raw()


_fields = msgspec.json.Decoder(dict[str, Raw]).decode


def cannot(field: str, remedy: str, what: str | None = None) -> UsageError:
    return UsageError(
        f"Amazon Bedrock cannot take {what or f'the field {field!r}'}.",
        remedy=remedy,
        code="unsupported_by_provider",
        param=field,
    )


def conversation(messages: list[Message]) -> tuple[list[Block], list[Block]]:
    """System blocks, and turns of which no two neighbours are of the same role."""
    system: list[Block] = []
    turns: list[Block] = []
    for message in messages:
        blocks = _blocks(message)
        if message.role in ("system", "developer"):
            system += blocks
            continue
        role = "assistant" if message.role == "assistant" else "user"
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        elif blocks or role == "user":
            turns.append({"role": role, "content": blocks})
    return system, turns


def _blocks(message: Message) -> list[Block]:
    for field in ("function_call", "audio"):
        if bytes(getattr(message, field)) not in (b"", b"null"):
            raise cannot(f"messages.{field}", "Use tool_calls and text.")
    blocks = [*map(_thought, message.thinking_blocks or ()), *_content(message.content)]
    if message.refusal:
        blocks.append({"text": message.refusal})
    if message.role in ("system", "developer") and any(
        "text" not in each and "cachePoint" not in each for each in blocks
    ):
        raise cannot("messages", "Put it into a user message.", "anything but text in a system message")
    for call in message.tool_calls or ():
        blocks.append(_tool_use(call))
        add_mark(blocks, call.cache_control)
    if message.role == "tool":
        if message.tool_call_id is None:
            raise UsageError("A tool message has no tool_call_id.", remedy="Name the call.", param="messages")
        points = [each for each in blocks if "cachePoint" in each]
        rest = [each for each in blocks if "cachePoint" not in each]
        blocks = [{"toolResult": {"toolUseId": message.tool_call_id, "content": rest}}, *points]
    add_mark(blocks, message.cache_control)
    return blocks


def add_mark(blocks: list[Block], mark: Mark | None) -> None:
    if mark is not None:
        blocks.append(_cache_point(mark))


def _cache_point(mark: Mark) -> Block:
    return {"cachePoint": {"type": "default", **({"ttl": mark.ttl} if mark.ttl else {})}}


def _thought(thought: _Thought) -> Block:
    if thought.type == "redacted_thinking":
        return {"reasoningContent": {"redactedContent": thought.data or ""}}
    text: Block = {"text": thought.thinking}
    if thought.signature:
        text["signature"] = thought.signature
    return {"reasoningContent": {"reasoningText": text}}


def _content(content: str | list[_Part] | None) -> list[Block]:
    if not content:
        return []
    if isinstance(content, str):
        return [{"text": content}] if content.strip() else []
    blocks: list[Block] = []
    for part in content:
        block = _part(part)
        if block is not None:
            blocks.append(block)
        if blocks:
            add_mark(blocks, part.cache_control)
    return blocks


def _part(part: _Part) -> Block | None:
    if part.type in ("text", "refusal"):
        text = part.text or part.refusal or ""
        return {"text": text} if text.strip() else None
    if part.type == "image_url" and part.image_url is not None:
        url = part.image_url if isinstance(part.image_url, str) else part.image_url.url
        return {"image": _picture(url)}
    if part.type == "input_audio" and part.input_audio is not None:
        return {"audio": {"format": part.input_audio.format, "source": {"bytes": part.input_audio.data}}}
    if part.type == "file" and part.file is not None:
        return {"document": _document(part.file)}
    raise cannot("messages", "Use text, image_url, input_audio or file.", f"a part of the type {part.type!r}")


def _picture(url: str) -> Block:
    if url.startswith("s3://"):
        kind = url.rpartition(".")[2].lower()
        return {"format": _image_format(kind), "source": {"s3Location": {"uri": url}}}
    kind, data = _inline(url)
    return {"format": _image_format(kind.rpartition("/")[2]), "source": {"bytes": data}}


def _image_format(kind: str) -> str:
    kind = "jpeg" if kind == "jpg" else kind
    if kind not in ("png", "jpeg", "gif", "webp"):
        raise cannot("messages", "Send PNG, JPEG, GIF or WebP.", f"a picture of the type {kind[:40]!r}")
    return kind


def _document(file: _File) -> Block:
    """Names may hold letters, digits, spaces, hyphens and brackets only, as the API reference says."""
    if file.file_data is None:
        raise cannot("messages", "Send it as file_data.", "a file by its id")
    _, data = _inline(file.file_data)
    stem, _, kind = (file.filename or "document.pdf").rpartition(".")
    kind = kind.lower()
    if kind not in _DOCUMENTS:
        raise cannot(
            "messages", f"Use one of {', '.join(sorted(_DOCUMENTS))}.", f"a document of the type {kind[:40]!r}"
        )
    name = re.sub(r"\s+", " ", re.sub(r"[^A-Za-z0-9\s()\[\]-]", "-", stem))[:200].strip() or "document"
    return {"format": kind, "name": name, "source": {"bytes": data}}


def _inline(url: str) -> tuple[str, str]:
    """Media type and base64 of a data URL."""
    match = _DATA_URL.match(url)
    if match is None:
        raise cannot("messages", "Send it as a data URL with base64.", "media by URL")
    data = url[match.end() :]
    try:
        base64.b64decode(data, validate=True)
    except binascii.Error:
        raise UsageError("A data URL is not base64.", remedy="Encode it anew.", param="messages") from None
    return (match[1] or "").lower(), data


def _tool_use(call: _Call) -> Block:
    """The arguments go out byte for byte; Converse wants an object."""
    if call.type != "function" or call.function is None:
        raise cannot("messages", "Use functions.", f"a tool call of the type {call.type!r}")
    arguments = call.function.arguments.strip() or "{}"
    try:
        _fields(arguments)
    except msgspec.DecodeError:
        raise UsageError(
            f"The arguments of the tool call {call.id!r} are no JSON object.",
            remedy="Send back what the model wrote.",
            param="messages",
        ) from None
    return {"toolUse": {"toolUseId": call.id, "name": call.function.name, "input": Raw(arguments.encode())}}
