"""A body of Google's generateContent or embeddings, decoded no further than routing, limits and identity need."""

from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType, field

from genaiops.core.errors import UsageError
from genaiops.dialects.fields import wrong

Cap = Annotated[int, Meta(ge=0, le=100_000_000)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
T = TypeVar("T")


class _Thinking(msgspec.Struct, frozen=True):
    camel: bool | None = field(name="includeThoughts", default=None)
    snake: bool | None = field(name="include_thoughts", default=None)


class _Generation(msgspec.Struct, frozen=True):
    """Both spellings of each field, as Google takes both."""

    cap: Cap | None = field(name="maxOutputTokens", default=None)
    cap_snake: Cap | None = field(name="max_output_tokens", default=None)
    count: Count | None = field(name="candidateCount", default=None)
    count_snake: Count | None = field(name="candidate_count", default=None)
    thinking: _Thinking | None = field(name="thinkingConfig", default=None)
    thinking_snake: _Thinking | None = field(name="thinking_config", default=None)


class _Part(msgspec.Struct, frozen=True):
    inline: Raw = field(name="inlineData", default=Raw())
    inline_snake: Raw = field(name="inline_data", default=Raw())
    file: Raw = field(name="fileData", default=Raw())
    file_snake: Raw = field(name="file_data", default=Raw())
    result: "_Result | None" = field(name="functionResponse", default=None)
    result_snake: "_Result | None" = field(name="function_response", default=None)


class _Result(msgspec.Struct, frozen=True):
    parts: list[_Part] | _Part | None = None


class Turn(msgspec.Struct, frozen=True):
    parts: list[_Part] | _Part | None = None


class _Request(msgspec.Struct, frozen=True, kw_only=True):
    contents: list[Turn] | Turn
    generation: _Generation | None = field(name="generationConfig", default=None)
    generation_snake: _Generation | None = field(name="generation_config", default=None)
    cached: str | None = field(name="cachedContent", default=None)
    cached_snake: str | None = field(name="cached_content", default=None)
    labels: dict[str, str] | None = None
    genaiops: Raw | UnsetType = UNSET


class _Prompted(_Request, frozen=True, kw_only=True):
    contents: list[Turn] | Turn = []


class _Question(msgspec.Struct, frozen=True):
    """Of countTokens: contents, or a whole request."""

    contents: list[Turn] | Turn | None = None
    request: "_Question | None" = field(name="generateContentRequest", default=None)
    request_snake: "_Question | None" = field(name="generate_content_request", default=None)
    genaiops: Raw | UnsetType = UNSET


class _Embedded(msgspec.Struct, frozen=True):
    content: Turn


class _Single(_Embedded, frozen=True):
    genaiops: Raw | UnsetType = UNSET


class _Batch(msgspec.Struct, frozen=True):
    requests: list[_Embedded]
    genaiops: Raw | UnsetType = UNSET


class GeminiHead(msgspec.Struct, frozen=True, kw_only=True):
    """`max_tokens` caps each answer, `answers` is how many are asked for, `thoughts` whether they shall be shown,
    `dense` counts images, files and the like. `genaiops` is our own object, as in chat."""

    max_tokens: int | None = None
    answers: int | None = None
    thoughts: bool = False
    labels: dict[str, str] | None = None
    genaiops: Raw | UnsetType = UNSET
    dense: int = 0


_request = msgspec.json.Decoder(_Request).decode
_prompted = msgspec.json.Decoder(_Prompted).decode
_question = msgspec.json.Decoder(_Question).decode
_single = msgspec.json.Decoder(_Single).decode
_batch = msgspec.json.Decoder(_Batch).decode


def decode_generate(raw: bytes | bytearray) -> GeminiHead:
    """UsageError (400) that names the field at fault."""
    return _head(_decoded(_request, raw))


def decode_prompted(raw: bytes | bytearray) -> GeminiHead:
    """As `decode_generate`, for a body that names a prompt, which may bring its contents."""
    return _head(_decoded(_prompted, raw))


def _head(found: _Request) -> GeminiHead:
    if found.cached or found.cached_snake:
        raise UsageError(
            "'cachedContent' refers to something kept at a provider, and this gateway shares its credentials.",
            remedy="Send the whole content in `contents`.",
            code="not_translatable",
            param="cachedContent",
        )
    config = _one(found.generation, found.generation_snake, "generationConfig") or _Generation()
    thinking = _one(config.thinking, config.thinking_snake, "generationConfig.thinkingConfig") or _Thinking()
    turns = found.contents if isinstance(found.contents, list) else [found.contents]
    return GeminiHead(
        max_tokens=_one(config.cap, config.cap_snake, "generationConfig.maxOutputTokens"),
        answers=_one(config.count, config.count_snake, "generationConfig.candidateCount"),
        thoughts=thinking.camel is True or thinking.snake is True,
        labels=found.labels,
        genaiops=found.genaiops,
        dense=_dense(turns),
    )


def decode_embed(raw: bytes | bytearray, *, batch: bool) -> GeminiHead:
    """As `decode_generate`, of embedContent or (`batch`) batchEmbedContents."""
    if batch:
        many = _decoded(_batch, raw)
        if not many.requests:
            raise wrong("requests", "is empty")
        return GeminiHead(genaiops=many.genaiops, dense=_dense([one.content for one in many.requests]))
    one = _decoded(_single, raw)
    return GeminiHead(genaiops=one.genaiops, dense=_dense([one.content]))


def decode_count(raw: bytes | bytearray) -> GeminiHead:
    """As `decode_generate`, of countTokens."""
    found = _decoded(_question, raw)
    asked = _one(found.request, found.request_snake, "generateContentRequest") or found
    if asked.contents is None:
        raise wrong("contents", "is missing")
    turns = asked.contents if isinstance(asked.contents, list) else [asked.contents]
    return GeminiHead(genaiops=found.genaiops, dense=_dense(turns))


def _one(camel: T | None, snake: T | None, param: str) -> T | None:
    if camel is not None and snake is not None:
        raise wrong(param, "is there in two spellings")
    return camel if camel is not None else snake


def _dense(turns: list[Turn]) -> int:
    return sum(_dense_parts(turn.parts) for turn in turns)


def _dense_parts(parts: list[_Part] | _Part | None) -> int:
    found = 0
    for part in parts if isinstance(parts, list) else [parts] if parts is not None else []:
        found += any(bytes(memoryview(raw)[:1]) for raw in (part.inline, part.inline_snake, part.file, part.file_snake))
        for result in (part.result, part.result_snake):
            found += _dense_parts(result.parts) if result is not None else 0
    return found


def _decoded(decode: Callable[[bytes | bytearray], T], raw: bytes | bytearray) -> T:
    if not raw:
        raise UsageError("The body is empty.", remedy="Send a JSON object.", code="invalid_json")
    try:
        return decode(raw)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$")
        param = path.rstrip("`").removeprefix(".") or None
        if "required field" in what:
            name = what.split("`")[1]
            param = f"{param}.{name}" if param else name
        where = f"{param!r}: " if param else ""
        raise UsageError(f"The body is not right: {where}{what}.", code="invalid_value", param=param) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"The body is not JSON: {error}.", remedy="Send a JSON object.", code="invalid_json") from None
