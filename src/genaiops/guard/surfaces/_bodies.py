"""What came in and what goes out, as documents: which layout a body has, and what is done about what cannot be read."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from genaiops.core.errors import UpstreamError, UsageError
from genaiops.domain import Operation
from genaiops.guard.surfaces import _chat, _cohere, _gemini, _media, _messages, _responses
from genaiops.guard.surfaces._document import Document, put
from genaiops.guard.surfaces._forms import form_document
from genaiops.guard.surfaces._grammar import FREE, TEXT, Node, Provenance, Rule
from genaiops.guard.surfaces._walk import Malformed, Unread, Walker, decoded, unique
from genaiops.guard.surfaces._words import WORDS
from genaiops.ports.providers import Dialect, Form

_encode = msgspec.json.Encoder().encode

ASKED: Final[dict[tuple[Operation, Dialect], Node]] = {
    ("chat", "openai"): _chat.CHAT,
    ("chat", "responses"): _responses.REQUEST,
    ("chat", "messages"): _messages.REQUEST,
    ("chat", "cohere"): _cohere.CHAT,
    ("chat", "gemini"): _gemini.REQUEST,
    ("text_completion", "openai"): _chat.COMPLETION,
    ("embeddings", "openai"): _media.EMBEDDINGS,
    ("embeddings", "cohere"): _cohere.EMBED,
    ("embeddings", "gemini"): _gemini.REQUEST,
    ("rerank", "openai"): _media.RERANK,
    ("rerank", "cohere"): _media.RERANK,
    ("moderations", "openai"): _media.MODERATIONS,
    ("image_generation", "openai"): _media.IMAGES,
    ("speech", "openai"): _media.SPEECH,
    ("video_generation", "openai"): _media.VIDEOS,
}
"""Bodies of requests. One that is not here is text of provenance `other` all over."""

ANSWERED: Final[dict[tuple[Operation, Dialect], Node]] = {
    ("chat", "openai"): _chat.ANSWER,
    ("chat", "responses"): _responses.ANSWER,
    ("chat", "messages"): _messages.ANSWER,
    ("chat", "cohere"): _cohere.ANSWER,
    ("chat", "gemini"): _gemini.ANSWER,
    ("text_completion", "openai"): _chat.ANSWER,
    ("embeddings", "openai"): _media.EMBEDDED,
    ("embeddings", "cohere"): _cohere.ANSWER,
    ("embeddings", "gemini"): _gemini.ANSWER,
    ("rerank", "openai"): _media.RERANKED,
    ("rerank", "cohere"): _media.RERANKED,
    ("moderations", "openai"): _media.MODERATED,
    ("image_generation", "openai"): _media.IMAGINED,
    ("speech", "openai"): _media.SPOKEN,
    ("transcription", "openai"): _media.TRANSCRIBED,
    ("video_generation", "openai"): _media.VIDEO,
    ("video_job", "openai"): _media.VIDEO,
}
"""Bodies of answers, likewise."""

_JSON = re.compile(r"\s*(?:application|text)/(?:[\w.-]+\+)?json\b", re.IGNORECASE)
_MEDIA: Final[frozenset[Operation]] = frozenset({"speech", "video_job"})
"""Operations whose answers may be media. All others answer with JSON, whatever they say of its type."""
_PLAIN = re.compile(r"\s*(?:text/[\w.+-]+|application/x-subrip)", re.IGNORECASE)


def asked(operation: Operation, dialect: Dialect, raw: bytes | bytearray, form: Form | None = None) -> Document:
    """The texts of a request, in its client's dialect. UsageError when it cannot be read to the end by all alike: not
    JSON, not UTF-8, a key twice, deeper than anybody's, a text field of a form that is not UTF-8."""
    if form is not None:
        return form_document(raw, form)
    if operation == "video_job" and not raw:
        return Document(raw, (), lambda _: b"")
    try:
        return _document(raw, ASKED.get((operation, dialect), FREE), "other")
    except Malformed as error:
        raise UsageError(
            f"The body cannot be checked: {error}.", remedy="Send it as plain JSON.", code="invalid_json"
        ) from None


def answered(
    operation: Operation, dialect: Dialect, body: bytes | bytearray, content_type: bytes | str | None = None
) -> Document:
    """The texts of an answer that is not a stream, in its client's dialect: JSON, whatever its content type says, for
    that is how clients read it. Only a transcription may be plain text (one part), and only speech and videos may be
    what is not read. UpstreamError when it cannot be read to the end by all alike."""
    kind = content_type.decode("latin-1") if isinstance(content_type, bytes) else content_type or "application/json"
    try:
        if operation == "transcription" and not (_JSON.match(kind) or _is_object(body)):
            return _plain(body)
        if operation == "embeddings" and _is_vectors(body):
            return Document(body, (), lambda _: bytes(body))
        if operation not in _MEDIA or _JSON.match(kind):
            return _document(body, ANSWERED.get((operation, dialect), FREE), "other")
        if _PLAIN.match(kind):
            return _plain(body)
    except Malformed as error:
        raise UpstreamError(f"its answer cannot be checked: {error}.", code="upstream_bad_answer") from None
    return Document(body, (), lambda _: bytes(body), unread=(Unread(kind.partition(";")[0].strip(), ()),))


_STRING = re.compile(rb'"[^"]*"')
_OF_VECTORS = frozenset(
    b'"%b"' % word.encode()
    for word in ("object", "list", "data", "embedding", "index", "model", "usage", "prompt_tokens", "total_tokens",
                 "embeddings", "values")
)  # fmt: skip
_NAMED = re.compile(rb'"model"\s*:\s*("[\w.:/-]{1,256}")', re.ASCII)


def _is_vectors(body: bytes | bytearray) -> bool:
    """Whether there is no string in it but those that stand around vectors: then nobody need decode them."""
    if b"\\" in body:
        return False
    strings = set(_STRING.findall(body))
    return strings <= _OF_VECTORS | set(_NAMED.findall(body))


def _is_object(body: bytes | bytearray) -> bool:
    return body.lstrip()[:1] == b"{"


def walked(raw: bytes | bytearray, node: Node, provenance: Provenance) -> tuple[Walker, list[Any]]:
    """The value, in a list of one, and its texts. Malformed as `asked` says."""
    box = [decoded(raw)]
    walker = Walker(WORDS)
    walker.take(box, 0, box[0], Rule(TEXT, node), (), provenance)
    if not unique(raw, walker.keys):
        raise Malformed("an object has the same key twice")
    return walker, box


def _document(raw: bytes | bytearray, node: Node, provenance: Provenance) -> Document:
    walker, _ = walked(raw, node, provenance)

    def write(texts: Mapping[int, str]) -> bytes:
        again, box = walked(raw, node, provenance)
        put(again, texts)
        return _encode(box[0])

    return Document(raw, walker.parts, write, groups=walker.groups, unread=walker.unread)


def _plain(body: bytes | bytearray) -> Document:
    """A text that is no JSON by its type; but it may be by itself."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"it is not UTF-8: {error}") from None

    def read() -> tuple[Walker, list[str]]:
        box = [text]
        walker = Walker(WORDS)
        walker.take(box, 0, text, Rule(TEXT, FREE), (), "model_output")
        return walker, box

    def write(texts: Mapping[int, str]) -> bytes:
        again, box = read()
        put(again, texts)
        return box[0].encode()

    return Document(body, read()[0].parts, write)
