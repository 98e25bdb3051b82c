"""Rerank at Cohere (POST /v2/rerank): documents are texts there, and do not come back with the results."""

from typing import Any, cast

import msgspec
from msgspec import Raw

from genaiops.core.errors import UpstreamError, UsageError
from genaiops.domain import Target
from genaiops.ports.providers import Answer, CallBody
from genaiops.providers import _openai_media

_fields = msgspec.json.Decoder(dict[str, Raw]).decode


def rerank_body(call: CallBody, target: Target) -> bytes:
    """What goes out: the bytes that came when nothing has to change. UsageError for a document that is neither a text
    nor an object with one."""
    fields: dict[str, Any] = dict(_fields(call.raw))
    given: Any = msgspec.json.decode(fields["documents"])
    texts = _texts({"documents": given})
    plain = texts == given
    if plain and call.model == target.upstream_model and not call.extended and "return_documents" not in fields:
        return call.raw
    fields.pop("genaiops", None)
    fields.pop("return_documents", None)
    return msgspec.json.encode(
        {**fields, "model": target.upstream_model, "documents": fields["documents"] if plain else texts}
    )


def read_rerank(call: CallBody, body: bytes) -> Answer:
    """The answer, with the documents where the request wanted them back."""
    answer = _openai_media.read(call, body)
    asked: dict[str, Any] = msgspec.json.decode(call.raw, type=dict[str, Any])
    if asked.get("return_documents") is not True:
        return answer
    found: dict[str, Any] = msgspec.json.decode(body, type=dict[str, Any])
    texts = _texts(asked)
    for result in cast("list[dict[str, Any]]", found["results"]):
        if not 0 <= result["index"] < len(texts):
            raise UpstreamError("its results name a document that was not sent.", code="upstream_bad_answer")
        result["document"] = {"text": texts[result["index"]]}
    return msgspec.structs.replace(answer, body=msgspec.json.encode(found))


def _texts(fields: dict[str, Any]) -> list[str]:
    return [_text(one, at) for at, one in enumerate(cast("list[Any]", fields["documents"]))]


def _text(document: Any, at: int) -> str:
    text = cast("dict[str, Any]", document).get("text") if isinstance(document, dict) else document
    if isinstance(text, str):
        return text
    raise UsageError(
        f"documents[{at}] is not a text, and the provider cohere ranks texts.",
        remedy='Send strings, or objects like {"text": "..."}.',
        code="unsupported_by_provider",
        param=f"documents[{at}]",
    )
