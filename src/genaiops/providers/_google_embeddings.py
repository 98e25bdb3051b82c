"""Embeddings of the Gemini API and of Vertex AI: what goes out, and what comes back.

Source: Google's API reference (batchEmbedContents, embedContent), Vertex AI's (text embeddings by `predict`).
"""

from typing import Any, NoReturn

import msgspec
from msgspec import Raw

from genaiops.core.errors import UpstreamError
from genaiops.domain import Usage
from genaiops.ports.providers import Answer, CallBody
from genaiops.providers._chat_answer import embeddings, read_upstream
from genaiops.providers._chat_request import INT, TEXT, TEXTS, Fields
from genaiops.providers._google_answer import GoogleError, told, usage_of
from genaiops.providers._google_request import own_words

_TASKS = {
    "search_document": "RETRIEVAL_DOCUMENT",
    "search_query": "RETRIEVAL_QUERY",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
}
"""Cohere's `input_type` in Google's words."""


class Wanted(msgspec.Struct, frozen=True):
    """What an embeddings call asks for."""

    texts: tuple[str, ...]
    dimensions: int | None
    task_type: str | None


def embeddings_wanted(call: CallBody, provider: str) -> Wanted:
    fields = Fields(call, provider)
    own = own_words(fields)
    given = fields.need("input", TEXTS)
    dimensions = fields.take("dimensions", INT)
    fields.take("encoding_format", TEXT)
    kind = fields.take("input_type", TEXT)
    if kind is not None and kind not in _TASKS:
        raise fields.refuse("input_type", f"the type {kind!r}")
    fields.done()
    texts = (given,) if isinstance(given, str) else tuple(given)
    return Wanted(texts, dimensions, own.task_type or _TASKS.get(kind or ""))


def batch_body(wanted: Wanted, model: str) -> dict[str, Any]:
    """`batchEmbedContents` of the Gemini API."""
    config = {"outputDimensionality": wanted.dimensions, "taskType": wanted.task_type}
    given = {name: value for name, value in config.items() if value is not None}
    return {"requests": [{"model": model, "content": {"parts": [{"text": text}]}, **given} for text in wanted.texts]}


def vertex_embeddings(wanted: Wanted, model: str) -> tuple[str, dict[str, Any]]:
    """The method and its body: Vertex AI has `embedContent` for Gemini's models and `predict` for the others."""
    if "gemini" not in model:
        parameters = {} if wanted.dimensions is None else {"outputDimensionality": wanted.dimensions}
        own = {} if wanted.task_type is None else {"task_type": wanted.task_type}
        return "predict", {"instances": [{"content": text, **own} for text in wanted.texts], "parameters": parameters}
    named = {"outputDimensionality": wanted.dimensions, "taskType": wanted.task_type}
    given = {name: value for name, value in named.items() if value is not None}
    config = {"embedContentConfig": given} if given else {}
    contents: list[dict[str, Any]] = [{"content": {"parts": [{"text": text}]}, **config} for text in wanted.texts]
    if len(contents) == 1:
        return "embedContent", contents[0]
    return "batchEmbedContents", {"requests": contents}


class _Statistics(msgspec.Struct, frozen=True):
    token_count: float = 0


class _Values(msgspec.Struct, frozen=True):
    values: list[float] = []
    statistics: _Statistics | None = None


class _Prediction(msgspec.Struct, frozen=True):
    embeddings: _Values = _Values()


class _Embeddings(msgspec.Struct, frozen=True, rename="camel"):
    """The three forms: `embeddings` (batchEmbedContents), `embedding` (embedContent), `predictions` (predict)."""

    embeddings: list[_Values] | None = None
    embedding: _Values | None = None
    predictions: list[_Prediction] | None = None
    usage_metadata: Raw = Raw()
    error: GoogleError | None = None


_embeddings = msgspec.json.Decoder(_Embeddings)


def read_embeddings(call: CallBody, body: bytes, model: str) -> Answer:
    found = read_upstream(_embeddings, body, "its answer")
    if found.error is not None:
        raise UpstreamError(told(found.error), code="upstream_error_in_answer")
    if found.predictions is not None:
        values = [one.embeddings for one in found.predictions]
    elif found.embedding is not None:
        values = [found.embedding]
    else:
        values = found.embeddings or []
    if not values or not all(one.values for one in values):
        _no_embeddings()
    usage = usage_of(found.usage_metadata)
    if usage is None and all(one.statistics is not None for one in values):
        usage = Usage(int(sum(one.statistics.token_count for one in values if one.statistics is not None)))
    return embeddings(call, [one.values for one in values], usage, model)


def _no_embeddings() -> NoReturn:
    raise UpstreamError("its answer has no embeddings.", code="upstream_bad_answer")
