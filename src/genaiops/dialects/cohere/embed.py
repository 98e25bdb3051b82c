"""Cohere's embed, said as an OpenAI embeddings request, and the answer back.

`input_type` goes out as it is to servers that may know it: models which embed questions and documents alike have no use
for it. Hints that are left out: `priority`, and `truncate` where it is END or NONE (a text that is too long is cut at
its end or refused, as the target does). Pictures, and vectors of other types than `float` and `base64`, are refused.
"""

import base64
import binascii
from array import array
from sys import byteorder
from typing import Any
from uuid import uuid4

import msgspec
from msgspec import Raw

from genaiops.core.errors import UpstreamError
from genaiops.dialects.chat import error_message, given, read
from genaiops.dialects.fields import Fields, body_fields, unsayable, wrong
from genaiops.domain import Usage

EMBEDDINGS = "OpenAI embeddings"
_TYPES = ("float", "base64")


class _Vector(msgspec.Struct, frozen=True):
    embedding: Raw
    index: int | None = None


class _Usage(msgspec.Struct, frozen=True):
    prompt_tokens: int | None = None


class _Embeddings(msgspec.Struct, frozen=True):
    data: list[_Vector] | None = None
    usage: Raw = Raw()
    error: Raw = Raw()


class _Asked(msgspec.Struct, frozen=True):
    embedding_types: list[str] | None = None
    texts: list[str] | None = None
    inputs: list[Raw] | None = None


_embeddings = msgspec.json.Decoder(_Embeddings)
_usage = msgspec.json.Decoder(_Usage)
_asked = msgspec.json.Decoder(_Asked)
_floats = msgspec.json.Decoder(list[float])
_string = msgspec.json.Decoder(str)


def embeddings_request(raw: bytes | bytearray, *, strict: bool = False) -> bytes:
    """The body of an embeddings request that means the same. `strict`: for a server that refuses what OpenAI does not
    document (`input_type`)."""
    request = body_fields(raw, EMBEDDINGS)
    for at, kind in enumerate(request.items("embedding_types") or ()):
        if kind not in _TYPES:
            raise unsayable(f"embedding_types.{at}", EMBEDDINGS, f"The target gives {' and '.join(_TYPES)} only.")
    out: dict[str, Any] = {
        "model": request.needed_text("model"),
        "input": _texts(request),
        "encoding_format": "float",
    }
    dimensions = request.integer("output_dimension")
    if dimensions is not None:
        out["dimensions"] = dimensions
    kind = request.text("input_type")
    if kind == "image":
        raise unsayable("input_type", EMBEDDINGS)
    if kind is not None and not strict:
        out["input_type"] = kind
    request.only("truncate", "END", "NONE")
    own = request.take("genaiops")
    if own is not None:
        out["genaiops"] = own
    request.close(("priority",))
    return msgspec.json.encode(out)


def _texts(request: Fields) -> list[str]:
    if request.peek("images"):
        request.refuse("images", "Send texts, or call a model that embeds pictures.")
    request.only("images", [])
    texts = request.items("texts")
    inputs = request.each("inputs")
    if (texts is None) == (not inputs):
        raise wrong("texts", "is missing" if texts is None else "cannot stand beside `inputs`")
    if texts is None:
        return [_text(one) for one in inputs]
    for at, text in enumerate(texts):
        if not isinstance(text, str):
            raise wrong(f"texts.{at}", "must be a string")
    return texts


def _text(one: Fields) -> str:
    """An input that is text alone. Two texts of one input would be one vector: the target makes two."""
    parts = one.each("content")
    one.close()
    if len(parts) != 1:
        raise unsayable(one.path("content"), EMBEDDINGS, "Send one text in each input.")
    if parts[0].needed_text("type") != "text":
        raise unsayable(parts[0].path("type"), EMBEDDINGS)
    text = parts[0].needed_text("text")
    parts[0].close()
    return text


def answer_from_embeddings(body: bytes, raw: bytes | bytearray, *, usage: Usage | None = None) -> bytes:
    """An answer to the request `raw`. `usage` stands in where the answer has none. UpstreamError when the body is an
    error, no answer, or has not one vector for each text."""
    answer = read(_embeddings, body, "its answer")
    if given(answer.error):
        raise UpstreamError(error_message(answer.error)[0], code="upstream_error_in_answer")
    asked = _asked.decode(raw)
    count = len(asked.texts if asked.texts is not None else asked.inputs or ())
    found = answer.data or []
    if len(found) != count:
        raise UpstreamError(f"its answer has {len(found)} embeddings for {count} texts.", code="upstream_bad_answer")
    vectors = [one.embedding for one in sorted(found, key=lambda one: one.index or 0)]
    kinds = asked.embedding_types or ["float"]
    made: dict[str, Any] = {}
    if "float" in kinds:
        made["float"] = [_as_floats(vector) for vector in vectors]
    if "base64" in kinds:
        made["base64"] = [_as_base64(vector) for vector in vectors]
    meta: dict[str, Any] = {"api_version": {"version": "2"}}
    counted = _tokens(answer.usage, usage)
    if counted is not None:
        meta["billed_units"] = {"input_tokens": counted}
    out: dict[str, Any] = {"id": str(uuid4()), "response_type": "embeddings_by_type", "embeddings": made, "meta": meta}
    if asked.texts is not None:
        out["texts"] = asked.texts
    return msgspec.json.encode(out)


def _tokens(raw: Raw, usage: Usage | None) -> int | None:
    counted: int | None = None
    if given(raw):
        try:
            counted = _usage.decode(raw).prompt_tokens
        except msgspec.DecodeError:
            counted = None
    return counted if counted is not None else usage.input_tokens if usage is not None else None


def _packed(vector: Raw) -> bool:
    return bytes(memoryview(vector)[:1]) == b'"'


def _as_floats(vector: Raw) -> Any:
    """Digit by digit as they came, where they are digits."""
    if not _packed(vector):
        read(_floats, bytes(vector), "an embedding")
        return vector
    floats = array("f")
    try:
        floats.frombytes(base64.b64decode(_string.decode(vector), validate=True))
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise UpstreamError("an embedding is not base64 of floats.", code="upstream_bad_answer") from None
    return _little(floats).tolist()


def _as_base64(vector: Raw) -> str:
    if _packed(vector):
        return read(_string, bytes(vector), "an embedding")
    try:
        floats = array("f", read(_floats, bytes(vector), "an embedding"))
    except OverflowError:
        raise UpstreamError("a number of an embedding is too large.", code="upstream_bad_answer") from None
    return base64.b64encode(_little(floats).tobytes()).decode()


def _little(floats: "array[float]") -> "array[float]":
    """float32 in little-endian order, whatever this machine's is."""
    if byteorder == "big":
        floats.byteswap()
    return floats
