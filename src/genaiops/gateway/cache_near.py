"""Questions that mean the same: a chat whose last message is near another's, everything else in it being equal.

A question is only compared with those that stand in the same place (see `cache_key`: same route, reader, parameters,
tools, earlier turns) and that say the same of what an embedding is blind to (`sameness.marks`).
"""

import base64
import binascii
from array import array
from collections import OrderedDict
from operator import mul
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw

from genaiops.core.errors import GenaiopsError
from genaiops.gateway.cache_key import CachedRoute, Fields, add_fields, context
from genaiops.gateway.sameness import marks
from genaiops.gateway.upstream import clock
from genaiops.ports.providers import CallBody

if TYPE_CHECKING:
    from genaiops.gateway.call import Call
    from genaiops.gateway.plan import Candidate

LONGEST = 800
"""Characters of a question. The encoder reads 256 tokens: what it does not read must not count as equal."""

DIMENSIONS = 384
_NEIGHBOURS = 32
_PLACES = 4096

_messages = msgspec.json.Decoder(list[Raw]).decode
_raw_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_text = msgspec.json.Decoder(str).decode


class _Vector(msgspec.Struct, frozen=True):
    embedding: str


class _Vectors(msgspec.Struct, frozen=True):
    data: list[_Vector]
    genaiops: Raw | None = None
    """There when a text was longer than the encoder reads."""


_vectors = msgspec.json.Decoder(_Vectors).decode


class Question:
    """The last message of a chat, and where it stands. `similarity` of the nearest one; `matched`: its key, when that
    is near enough."""

    __slots__ = ("matched", "note", "place", "similarity", "text", "vector")

    def __init__(self, place: bytes, text: str) -> None:
        self.place = place
        self.text = text
        self.vector: array[float] | None = None
        self.similarity: float | None = None
        self.matched: bytes | None = None
        self.note: str | None = None


def question_of(call: "Call", cached: CachedRoute, fields: Fields, form: str) -> tuple[bytes, str] | None:
    """Place and text of a Question. None for what is no chat in OpenAI's words that ends in a short text of a user."""
    if call.operation != "chat" or call.speech.dialect != "openai":
        return None
    try:
        *before, raw = _messages(fields["messages"])
        last = _raw_fields(raw)
        role, text = _text(last.pop("role")), _text(last.pop("content"))
    except (KeyError, ValueError, msgspec.MsgspecError):
        return None
    if role != "user" or last or not 0 < len(text) <= LONGEST:
        return None
    digest = context(call, cached, form)
    add_fields(digest, {name: value for name, value in fields.items() if name != "messages"})
    for message in (*before, Raw(msgspec.json.encode(marks(text)))):
        part = bytes(message)
        digest.update(b"%d %b" % (len(part), part))
    return digest.digest(), text


async def encode(encoder: "Candidate", text: str) -> "array[float]":
    """The unit vector of a text, of 384 dimensions. GenaiopsError when there is none to be had."""
    upstream = encoder.upstream
    if upstream.blocked(clock()) is not None:
        raise GenaiopsError("The encoder takes no calls now.", code="encoder_blocked")
    credential = upstream.credential(clock())
    model = encoder.target.upstream_model
    raw = msgspec.json.encode({"model": model, "input": text, "encoding_format": "base64"})
    body = CallBody("embeddings", raw, model, False, False, None, False, False)
    wire = upstream.provider.prepare(body, encoder.target, credential.value if credential is not None else None)
    reply = await upstream.transport.send(wire, encoder.target, b"")
    try:
        data = await reply.read(65_536)
    except BaseException:
        reply.abort()
        raise
    if reply.status != 200:
        raise GenaiopsError(f"The encoder answered {reply.status}.", code="encoder_failed")
    return _read(data)


def _read(data: bytes) -> "array[float]":
    vector: array[float] = array("f")
    try:
        answer = _vectors(data)
        vector.frombytes(base64.b64decode(answer.data[0].embedding, validate=True))
    except (msgspec.MsgspecError, IndexError, ValueError, binascii.Error) as error:
        raise GenaiopsError("The encoder's answer is no vector.", code="encoder_failed") from error
    if len(vector) != DIMENSIONS or answer.genaiops is not None:
        raise GenaiopsError("The encoder did not read all of the text.", code="encoder_failed")
    return vector


class Neighbours:
    """The questions that were answered, by place: the newest 32 in each, in 4096 places. A worker's own."""

    def __init__(self) -> None:
        self._places: OrderedDict[bytes, list[tuple[Any, bytes]]] = OrderedDict()

    def nearest(self, question: Question) -> bytes | None:
        """The key of the nearest one; its cosine is the question's `similarity`."""
        vector = question.vector
        known = self._places.get(question.place)
        if known is None or vector is None:
            return None
        self._places.move_to_end(question.place)
        similarity, key = max((sum(map(mul, vector, other)), key) for other, key in known)
        question.similarity = round(similarity, 4)
        return key

    def add(self, question: Question, key: bytes) -> None:
        if question.vector is None:
            return
        known = self._places.setdefault(question.place, [])
        self._places.move_to_end(question.place)
        known[:] = [one for one in known if one[1] != key][1 - _NEIGHBOURS :]
        known.append((question.vector, key))
        if len(self._places) > _PLACES:
            self._places.popitem(last=False)

    def forget(self, question: Question, key: bytes) -> None:
        """Its answer is not there any more."""
        known = self._places.get(question.place)
        if known is not None:
            known[:] = [one for one in known if one[1] != key]
            if not known:
                del self._places[question.place]
