"""What a Responses answer needs of a chat completion, whole or a chunk of a stream, in the shapes that servers send."""

from collections.abc import Sequence
from typing import Any, Literal, cast

import msgspec
from msgspec import Raw

from genaiops.core.errors import UpstreamError
from genaiops.dialects.chat import chat_usage
from genaiops.dialects.responses.reasoning import Blocks

Status = Literal["completed", "incomplete", "failed"]


class Said(msgspec.Struct, frozen=True):
    """The name of a called tool and what it was given, or a piece of it."""

    name: str | None = None
    arguments: Any = None
    input: str | None = None

    @property
    def text(self) -> str:
        """`arguments` (some servers send an object instead of its text), or a custom tool's `input`."""
        found = self.input if self.arguments is None else self.arguments
        if found is None or isinstance(found, str):
            return found or ""
        return msgspec.json.encode(found).decode()


class ToolCall(msgspec.Struct, frozen=True):
    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: Said | None = None
    custom: Said | None = None


class Message(msgspec.Struct, frozen=True):
    """A message, or the delta of one."""

    content: str | list[dict[str, Any]] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    thinking_blocks: Blocks | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: Said | None = None
    annotations: list[dict[str, Any]] | None = None


class TokenProbability(msgspec.Struct, frozen=True):
    token: str
    logprob: float
    bytes: list[int] | None = None
    top_logprobs: "list[TokenProbability] | None" = None


class Logprobs(msgspec.Struct, frozen=True):
    content: list[TokenProbability] | None = None


class Choice(msgspec.Struct, frozen=True):
    index: int | None = None
    message: Message | None = None
    delta: Message | None = None
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class Completion(msgspec.Struct, frozen=True):
    choices: list[Choice] | None = None
    usage: Raw = Raw()
    error: Raw = Raw()
    id: str | None = None
    model: str | None = None
    created: int | float | None = None
    service_tier: str | None = None


class _InputDetails(msgspec.Struct, frozen=True):
    cached_tokens: int
    cache_write_tokens: int


class _OutputDetails(msgspec.Struct, frozen=True):
    reasoning_tokens: int


class ResponsesUsage(msgspec.Struct, frozen=True):
    """Tokens as Responses tells them: input includes cached, output includes reasoning."""

    input_tokens: int
    input_tokens_details: _InputDetails
    output_tokens: int
    output_tokens_details: _OutputDetails
    total_tokens: int


_completion = msgspec.json.Decoder(Completion)


def read_chat(data: bytes) -> Completion:
    """UpstreamError when it is no completion."""
    try:
        return _completion.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamError(f"its answer is not right: {error}.", code="upstream_bad_answer") from None


def error_of(raw: Raw) -> tuple[str, str]:
    """(message, code) of an error object inside an answer."""
    try:
        found: Any = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        found = None
    fields = cast("dict[str, Any]", found) if isinstance(found, dict) else {"message": found}
    message, code = fields.get("message"), fields.get("code") or fields.get("type")
    text = message if isinstance(message, str) and message else bytes(raw)[:500].decode("utf-8", "replace")
    return text, str(code) if isinstance(code, str | int) and code else "server_error"


def usage_of(raw: Raw) -> ResponsesUsage | None:
    """None when there is none, or one that cannot be (negative, not numbers)."""
    found = chat_usage(raw)
    if found is None:
        return None
    details = _InputDetails(found.cache_read, found.cache_write + found.cache_write_1h)
    spent = _OutputDetails(found.reasoning)
    return ResponsesUsage(found.input_tokens, details, found.output_tokens, spent, found.total_tokens)


def names_reasoning(message: Message) -> bool:
    """Whether reasoning stands in a field of its own: blocks beside it, there or in other deltas, repeat it."""
    return bool(message.reasoning_content or message.reasoning)


def texts_of(message: Message, *, named: bool = False) -> tuple[str, str]:
    """(visible text, reasoning). Servers that send both names of the reasoning send it twice, so one of them counts;
    Mistral puts reasoning into the parts of the content. `named`: former deltas had it in a field of its own."""
    reasoning = message.reasoning_content or message.reasoning or ""
    if not (reasoning or named) and message.thinking_blocks:
        reasoning = "".join(str(block.get("thinking") or "") for block in message.thinking_blocks)
    content = message.content
    if content is None or isinstance(content, str):
        return content or "", reasoning
    return (
        "".join(str(part.get("text") or "") for part in content if part.get("type") == "text"),
        reasoning + "".join(_thought(part.get("thinking")) for part in content if part.get("type") == "thinking"),
    )


def _thought(thinking: object) -> str:
    if not isinstance(thinking, list):
        return thinking if isinstance(thinking, str) else ""
    parts = cast("list[Any]", thinking)
    return "".join(str(cast("dict[str, Any]", part).get("text") or "") for part in parts if isinstance(part, dict))


def calls_of(message: Message) -> Sequence[ToolCall]:
    """The calls of tools, the older single `function_call` among them."""
    if message.tool_calls:
        return message.tool_calls
    return (ToolCall(0, None, "function", message.function_call),) if message.function_call is not None else ()


def outcome(finish_reason: str | None) -> tuple[Status, str | None]:
    """(status, why it is incomplete) of a response whose completion ended so."""
    if finish_reason == "length":
        return "incomplete", "max_output_tokens"
    if finish_reason == "content_filter":
        return "incomplete", "content_filter"
    return ("failed", None) if finish_reason == "error" else ("completed", None)


def logprobs_of(choice: Choice) -> list[dict[str, Any]]:
    """As Responses wants them, `bytes` always there."""
    found = choice.logprobs.content if choice.logprobs is not None else None
    return [
        {**_probability(one), "top_logprobs": list(map(_probability, one.top_logprobs or ()))} for one in found or ()
    ]


def _probability(one: TokenProbability) -> dict[str, Any]:
    spelled = one.bytes if one.bytes is not None else list(one.token.encode())
    return {"token": one.token, "logprob": one.logprob, "bytes": spelled}


def annotations_of(message: Message) -> list[dict[str, Any]]:
    """Citations of pages. Others have no counterpart."""
    found: list[dict[str, Any]] = []
    for one in message.annotations or ():
        cited = one.get("url_citation")
        if one.get("type") == "url_citation" and isinstance(cited, dict):
            fields = cast("dict[str, Any]", cited)
            found.append(
                {
                    "type": "url_citation",
                    "url": fields.get("url") or "",
                    "title": fields.get("title") or "",
                    "start_index": fields.get("start_index") or 0,
                    "end_index": fields.get("end_index") or 0,
                }
            )
    return found
