"""Usage as OpenAI and the servers compatible with it tell it, in buckets that exclude each other."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw

from genaiops.domain import Usage

Tokens = Annotated[int, Meta(ge=0)]


class _PromptDetails(msgspec.Struct, frozen=True):
    cached_tokens: Tokens | None = None
    cache_write_tokens: Tokens | None = None
    audio_tokens: Tokens | None = None


class _CompletionDetails(msgspec.Struct, frozen=True):
    reasoning_tokens: Tokens | None = None
    audio_tokens: Tokens | None = None


class _Usage(msgspec.Struct, frozen=True):
    prompt_tokens: Tokens
    completion_tokens: Tokens | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None
    prompt_cache_hit_tokens: Tokens | None = None  # DeepSeek's name for cached_tokens


_SERVICES = frozenset({"batch", "flex", "priority", "scale"})
"""Classes of service with prices of their own; any other is the standard one."""
_decode_usage = msgspec.json.Decoder(_Usage).decode


def given(raw: Raw) -> bool:
    """Whether the field is there and not null."""
    return bytes(memoryview(raw)[:4]) not in (b"", b"null")


def usage_of(raw: Raw, service: Any = None) -> Usage | None:
    """Usage in buckets that exclude each other, of the class of `service` that the answer names. None when there is
    none, or one that cannot be (negative, not numbers).
    """
    if not given(raw):
        return None
    try:
        found = _decode_usage(raw)
    except msgspec.DecodeError:
        return None
    details = found.prompt_tokens_details
    read = (details.cached_tokens if details else None) or found.prompt_cache_hit_tokens or 0
    write = (details.cache_write_tokens if details else None) or 0
    read = min(read, found.prompt_tokens)
    write = min(write, found.prompt_tokens - read)
    output = found.completion_tokens or 0
    spent = found.completion_tokens_details
    reasoning = min((spent.reasoning_tokens if spent else None) or 0, output)
    into, out = found.prompt_tokens - read - write, output - reasoning
    heard = min((details.audio_tokens if details else None) or 0, into)
    spoken = min((spent.audio_tokens if spent else None) or 0, out)
    if not heard and not spoken and service not in _SERVICES:
        return Usage(into, read, write, out, reasoning)
    return Usage(
        into - heard,
        read,
        write,
        out - spoken,
        reasoning,
        audio_input=heard,
        audio_output=spoken,
        service=service if service in _SERVICES else None,
    )
