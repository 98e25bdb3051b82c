"""What a dialect's attributes say, in one form; and how values are read out of attributes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec

from genaiops.domain import SpanKind, Usage

Message = dict[str, Any]
"""A message of OpenAI's chat."""


class Facts(msgspec.Struct, kw_only=True):
    """None: this dialect says nothing of it. `asked` and `said` are messages, `given` and `made` bare texts (of tools,
    chains, retrievers). `cost` as the sender reckoned it, in US dollars. `first_token_us` from the start."""

    kind: SpanKind | None = None
    operation: str | None = None
    provider: str | None = None
    request_model: str | None = None
    response_model: str | None = None
    response_id: str | None = None
    finish_reason: str | None = None
    streamed: bool | None = None
    first_token_us: int | None = None
    usage: Usage | None = None
    cost: float | None = None
    session_id: str | None = None
    user_id: str | None = None
    asked: list[Message] | None = None
    said: list[Message] | None = None
    given: str | None = None
    made: str | None = None


def merged(found: Iterable[Facts]) -> Facts:
    """Of several dialects on one span the first that says something of it counts: the same tokens in two sets of names
    are the same tokens."""
    every = iter(found)
    whole = next(every, None) or Facts()
    for facts in every:
        for name in _FACTS:
            if getattr(whole, name) is None:
                setattr(whole, name, getattr(facts, name))
    return whole


_FACTS = Facts.__struct_fields__


def text_at(attributes: Mapping[str, Any], *names: str) -> str | None:
    """The first of them that is a text, and not empty."""
    for name in names:
        value = attributes.get(name)
        if isinstance(value, str) and value:
            return value
    return None


def whole_at(attributes: Mapping[str, Any], *names: str) -> int | None:
    """The first of them that is a number of something: whole and not negative, also as text or as a float."""
    for name in names:
        value = attributes.get(name)
        if value is None or isinstance(value, bool):
            continue
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
            return int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and value >= 0:
            return value
    return None


def amount_at(attributes: Mapping[str, Any], *names: str) -> float | None:
    for name in names:
        value = attributes.get(name)
        if value is None:
            continue
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9:
            return float(value)
    return None


def json_text(value: Any) -> str:
    """Text as it is, everything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(plain(value)).decode()


def plain(value: Any) -> Any:
    """The same without bytes, which JSON has as base64 only."""
    if isinstance(value, list):
        return [plain(one) for one in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in cast("dict[Any, Any]", value).items()}
    return value


def loaded(value: Any) -> Any:
    """What a text holds when it is JSON; else the value itself."""
    if isinstance(value, str) and value[:1] in "[{":
        try:
            return msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return value
    return value


def numbered(attributes: Mapping[str, Any], prefix: str) -> list[dict[str, Any]]:
    """`prefix.0.role`, `prefix.0.content`, `prefix.1.role` ... as a list of {rest of the name: value}."""
    found: dict[int, dict[str, Any]] = {}
    at = len(prefix)
    for name, value in attributes.items():
        if name.startswith(prefix):
            index, _, rest = name[at:].partition(".")
            if index.isascii() and index.isdigit() and len(index) < 7:
                found.setdefault(int(index), {})[rest] = value
    return [found[index] for index in sorted(found)]


class Parts(msgspec.Struct, frozen=True):
    """Of the input what was read from a cache, written to one and heard; of the output what was thought and spoken."""

    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    audio_input: int = 0
    audio_output: int = 0


NO_PARTS = Parts()


def parts_at(attributes: Mapping[str, Any], names: Mapping[str, Sequence[str]]) -> Parts:
    """By the names that a dialect has for each."""
    given = attributes.keys()
    found = {part: whole_at(attributes, *those) or 0 for part, those in names.items() if not given.isdisjoint(those)}
    return Parts(**found) if found else NO_PARTS


def usage_of(
    *,
    input_tokens: int | None,
    output_tokens: int | None,
    total: int | None = None,
    of_it: Parts = NO_PARTS,
    silent: bool = False,
) -> Usage | None:
    """Buckets that exclude each other. Input includes what was read from and written to a cache, and output includes
    reasoning (OpenTelemetry GenAI 1.41); a sender whose input is less than its cached part counts them apart. With a
    total and one side the other is the rest. `silent`: such a call has no output (embeddings)."""
    if input_tokens is None and output_tokens is None and total is None:
        return None
    if total is not None and input_tokens is None and output_tokens is not None:
        input_tokens = max(0, total - output_tokens)
    if total is not None and output_tokens is None and input_tokens is not None:
        output_tokens = max(0, total - input_tokens)
    if output_tokens is None and silent:
        output_tokens = 0
        input_tokens = total if input_tokens is None else input_tokens
    unknown = tuple(
        name for name, value in (("input_uncached", input_tokens), ("output_text", output_tokens)) if value is None
    )
    into, out = input_tokens or 0, output_tokens or 0
    parts = of_it.cache_read + of_it.cache_write + of_it.audio_input
    spoken = of_it.reasoning + of_it.audio_output
    return Usage(
        input_uncached=into - parts if into >= parts else into,
        cache_read=of_it.cache_read,
        cache_write=of_it.cache_write,
        output_text=out - spoken if out >= spoken else out,
        reasoning=of_it.reasoning,
        audio_input=of_it.audio_input,
        audio_output=of_it.audio_output,
        unknown=unknown,
    )


_PROVIDERS = {
    "aws": "bedrock",
    "aws.bedrock": "bedrock",
    "aws_bedrock": "bedrock",
    "amazon": "bedrock",
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "az.ai.openai": "azure",
    "az.ai.inference": "azure",
    "azure_openai": "azure",
    "azure-openai": "azure",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gemini": "google",
    "google_generativeai": "google",
    "google_genai": "google",
    "gcp.vertex_ai": "vertex",
    "vertex_ai": "vertex",
    "vertexai": "vertex",
    "google_vertexai": "vertex",
    "mistral_ai": "mistral",
    "mistralai": "mistral",
    "openai.chat": "openai",
    "openai.responses": "openai",
    "anthropic.messages": "anthropic",
}


def provider_name(text: str | None) -> str | None:
    """Our name of a provider, where we have one; else theirs."""
    if text is None:
        return None
    name = text.strip().lower()
    return _PROVIDERS.get(name, name) or None
