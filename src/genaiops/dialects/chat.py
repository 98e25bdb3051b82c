"""What every dialect reads of an OpenAI chat answer: usage, errors, and whether a field is there.

`prompt_tokens` and `completion_tokens` include all (OpenAI's API reference, chat completions).
"""

from typing import Annotated, Any, TypeVar, cast

import msgspec
from msgspec import Meta, Raw

from genaiops.core.errors import UpstreamError
from genaiops.domain import Usage

Tokens = Annotated[int, Meta(ge=0)]
T = TypeVar("T")


class _Written(msgspec.Struct, frozen=True):
    """LiteLLM's words for how long a cache keeps what it took; ours too, where a provider tells it apart."""

    ephemeral_1h_input_tokens: Tokens | None = None


class _PromptDetails(msgspec.Struct, frozen=True):
    cached_tokens: Tokens | None = None
    cache_write_tokens: Tokens | None = None
    cache_creation_token_details: _Written | None = None
    audio_tokens: Tokens | None = None


class _CompletionDetails(msgspec.Struct, frozen=True):
    reasoning_tokens: Tokens | None = None
    audio_tokens: Tokens | None = None


class _ChatUsage(msgspec.Struct, frozen=True):
    prompt_tokens: Tokens
    completion_tokens: Tokens | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None
    prompt_cache_hit_tokens: Tokens | None = None  # DeepSeek's name for cached_tokens


_SERVICES = frozenset({"batch", "flex", "priority", "scale"})
"""Classes of service with prices of their own; any other is the standard one."""
_chat_usage = msgspec.json.Decoder(_ChatUsage).decode


def read(decoder: "msgspec.json.Decoder[T]", data: bytes, what: str) -> T:
    """UpstreamError when the data is not what the dialect says."""
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamError(f"{what} is not right: {error}.", code="upstream_bad_answer") from None


def given(raw: Raw) -> bool:
    """Whether the field is there and not null."""
    return bytes(memoryview(raw)[:4]) not in (b"", b"null")


def chat_usage(raw: Raw, service: Any = None) -> Usage | None:
    """OpenAI's counts, and those of servers compatible with it, in buckets that exclude each other, of the class of
    `service` that the answer names. None when there are none, or some that cannot be (negative, not numbers)."""
    if not given(raw):
        return None
    try:
        found = _chat_usage(raw)
    except msgspec.DecodeError:
        return None
    details = found.prompt_tokens_details
    read = (details.cached_tokens if details else None) or found.prompt_cache_hit_tokens or 0
    write = (details.cache_write_tokens if details else None) or 0
    read = min(read, found.prompt_tokens)
    write = min(write, found.prompt_tokens - read)
    split = details.cache_creation_token_details if details else None
    hour = min((split.ephemeral_1h_input_tokens if split else None) or 0, write)
    output = found.completion_tokens or 0
    spent = found.completion_tokens_details
    reasoning = min((spent.reasoning_tokens if spent else None) or 0, output)
    into, out = found.prompt_tokens - read - write, output - reasoning
    heard = min((details.audio_tokens if details else None) or 0, into)
    spoken = min((spent.audio_tokens if spent else None) or 0, out)
    if not heard and not spoken and not hour and service not in _SERVICES:
        return Usage(into, read, write, out, reasoning)
    return Usage(
        into - heard,
        read,
        write - hour,
        out - spoken,
        reasoning,
        cache_write_1h=hour,
        audio_input=heard,
        audio_output=spoken,
        service=service if service in _SERVICES else None,
    )


def as_chat(usage: Usage) -> dict[str, Any]:
    """`usage` of a chat answer."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write + usage.cache_write_1h,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def error_message(raw: Raw | bytes) -> tuple[str, str]:
    """(message, type) of an error object in an answer or a stream; its text when it has no message."""
    try:
        found: Any = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        found = None
    fields = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    message, kind = fields.get("message"), fields.get("type")
    if not isinstance(message, str) or not message:
        message = found if isinstance(found, str) else bytes(raw)[:500].decode("utf-8", "replace")
    return message, kind if isinstance(kind, str) else "api_error"
