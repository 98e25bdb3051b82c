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
from genaiops.guard.surfaces._walk import Malformed, Part, Unread, Walker, decoded, unique
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
_OTHERWISE: Final[frozenset[Operation]] = frozenset({"transcription", "speech", "video_job"})
"""Whose answers need not be JSON."""
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
        if operation not in _OTHERWISE or _JSON.match(kind) or (operation == "transcription" and _is_object(body)):
            return _document(body, ANSWERED.get((operation, dialect), FREE), "other")
        if operation == "transcription" or _PLAIN.match(kind):
            return _plain(body)
    except Malformed as error:
        raise UpstreamError(f"its answer cannot be checked: {error}.", code="upstream_bad_answer") from None
    return Document(body, (), lambda _: bytes(body), unread=(Unread(kind.partition(";")[0].strip(), ()),))


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
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"it is not UTF-8: {error}") from None
    parts = (Part(text, "model_output", ()),) if text else ()
    return Document(body, parts, lambda texts: texts[0].encode())
