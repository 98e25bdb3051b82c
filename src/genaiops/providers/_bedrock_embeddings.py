"""Embeddings by Bedrock's InvokeModel: each family of models has a body of its own.

After the Amazon Bedrock user guide (Amazon Titan Embeddings Text, Cohere Embed). Titan takes one text a call.
"""

import base64
import sys
from array import array
from typing import Any

import msgspec

from genaiops.core.errors import UpstreamError, UsageError
from genaiops.domain import Target
from genaiops.ports.providers import CallBody
from genaiops.providers._converse_messages import cannot

COHERE_TEXTS = 96
"""Texts a call."""


class _Request(msgspec.Struct, frozen=True):
    input: str | list[str]
    dimensions: int | None = None
    encoding_format: str | None = None
    input_type: str | None = None
    truncate: str | None = None


class _Floats(msgspec.Struct, frozen=True):
    float: list[list[float]]


class _Answer(msgspec.Struct, frozen=True):
    """Titan's `embedding` with its tokens, or Cohere's `embeddings`, by type or not."""

    embedding: list[float] | None = None
    embeddings: list[list[float]] | _Floats | None = None
    input_text_token_count: int | None = msgspec.field(default=None, name="inputTextTokenCount")


_TAKEN = frozenset({"input", "dimensions", "encoding_format", "input_type", "truncate", "model", "user", "genaiops"})


def embedding_request(call: CallBody, target: Target) -> dict[str, Any]:
    """The body of InvokeModel. Cohere's `input_type` is the request's own field of that name, else the target's
    setting, else `search_document`."""
    asked = _asked(call)
    texts = [asked.input] if isinstance(asked.input, str) else asked.input
    if not texts:
        raise UsageError("input is empty.", remedy="Give at least one text.", param="input")
    given = set(msgspec.json.decode(call.raw, type=dict[str, msgspec.Raw])) - _TAKEN
    if given:
        raise cannot(min(given), "Leave it out.")
    if _is_titan(target):
        if len(texts) > 1:
            raise cannot("input", "Send one text a call.", "several texts at once with Titan")
        body: dict[str, Any] = {"inputText": texts[0]}
        return body if asked.dimensions is None else {**body, "dimensions": asked.dimensions}
    if len(texts) > COHERE_TEXTS:
        raise cannot("input", f"Send {COHERE_TEXTS} texts a call at most.", f"{len(texts)} texts at once")
    kind = asked.input_type or target.settings.get("input_type", "search_document")
    body = {"texts": texts, "input_type": kind, "embedding_types": ["float"]}
    if asked.truncate is not None:
        body["truncate"] = asked.truncate
    return body if asked.dimensions is None else {**body, "output_dimension": asked.dimensions}


def _is_titan(target: Target) -> bool:
    if "titan-embed" in target.upstream_model:
        return True
    if "cohere.embed" in target.upstream_model:
        return False
    raise UsageError(
        f"The embedding model {target.upstream_model!r} is of no family that is known here.",
        remedy="Use a Titan or Cohere model by its id.",
        code="unsupported_by_provider",
        param="model",
    )


def _asked(call: CallBody) -> _Request:
    try:
        return msgspec.json.decode(call.raw, type=_Request)
    except msgspec.DecodeError as error:
        raise UsageError(
            f"The request cannot be sent to Amazon Bedrock: {error}.", remedy="Send text, not tokens.", param="input"
        ) from None


def embedding_answer(call: CallBody, body: bytes) -> bytes:
    """OpenAI's list of embeddings. Cohere tells no tokens in its body, so there may be no usage."""
    try:
        vectors, tokens = _vectors(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UpstreamError(f"its answer has no embeddings: {error}.", code="upstream_bad_answer") from None
    packed = _asked(call).encoding_format == "base64"
    data = [
        {"object": "embedding", "index": place, "embedding": _packed(vector) if packed else vector}
        for place, vector in enumerate(vectors)
    ]
    usage = {} if tokens is None else {"usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
    return msgspec.json.encode({"object": "list", "data": data, "model": call.model, **usage})


def _vectors(body: bytes) -> tuple[list[list[float]], int | None]:
    found = msgspec.json.decode(body, type=_Answer)
    if found.embedding is not None:
        return [found.embedding], found.input_text_token_count
    if isinstance(found.embeddings, _Floats):
        return found.embeddings.float, None
    if found.embeddings is None:
        raise UpstreamError("its answer has no embeddings.", code="upstream_bad_answer")
    return found.embeddings, None


def _packed(vector: list[float]) -> str:
    """Base64 of 32-bit floats, little-endian, as OpenAI packs them."""
    floats = array("f", vector)
    if sys.byteorder == "big":
        floats.byteswap()
    return base64.b64encode(floats.tobytes()).decode()
