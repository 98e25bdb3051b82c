"""Calls in Google's own words: bodies that go out as they came, answers and streams that are passed on and followed.

Where something has to change in a body, every other value keeps its bytes and its place.
"""

from typing import Any

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from genaiops.core.errors import UpstreamError, UsageError
from genaiops.ports.providers import Answer, CallBody, StreamPiece
from genaiops.providers._chat_answer import KEEP, TEXT_LIMIT, read_upstream
from genaiops.providers._events import EventSplitter, event_data
from genaiops.providers._google_answer import (
    FAILED,
    Candidate,
    Response,
    decode_response,
    finish_of,
    shown,
    told,
    usage_of,
)

_OWN = frozenset({"genaiops", "model"})
"""What is ours in a body, or the gateway's to say: Google takes the model from the path."""

_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_many = msgspec.json.Decoder(list[dict[str, Raw]]).decode


def generate_body(call: CallBody) -> bytes:
    """generateContent's body: as it came, unless something has to change in it."""
    fields: dict[str, Any] = dict(_fields(call.raw))
    if not call.inject_cap and _OWN.isdisjoint(fields):
        return call.raw
    if call.inject_cap:
        name = "generation_config" if "generation_config" in fields else "generationConfig"
        fields[name] = {**_object(fields.get(name)), "maxOutputTokens": call.max_tokens}
    return msgspec.json.encode(_others(fields))


def _object(raw: Raw | None) -> dict[str, Raw]:
    return _fields(raw) if raw is not None and bytes(memoryview(raw)[:4]) != b"null" else {}


def _others(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in _OWN}


def embed_body(call: CallBody, model: str) -> tuple[str, bytes]:
    """The method, and its body for a `model` of the form `models/NAME`, which each request in it has to name."""
    fields: dict[str, Any] = dict(_fields(call.raw))
    named = msgspec.json.encode(model)
    if "requests" not in fields:
        return "embedContent", call.raw if _OWN.isdisjoint(fields) else msgspec.json.encode(_others(fields))
    requests = _many(fields["requests"])
    if "genaiops" not in fields and all(bytes(one.get("model", b"")) == named for one in requests):
        return "batchEmbedContents", call.raw
    fields["requests"] = [{**one, "model": Raw(named)} for one in requests]
    return "batchEmbedContents", msgspec.json.encode(_others(fields))


def count_body(raw: bytes | bytearray, model: str | None) -> bytes:
    """countTokens's body. `model`: of the form `models/NAME`, for the Gemini API; None for Vertex AI, which takes what
    stands in `generateContentRequest` by itself. UsageError when it is no JSON object."""
    try:
        fields: dict[str, Any] = _others(_fields(raw))
        for name in ("generateContentRequest", "generate_content_request"):
            if name in fields:
                asked: dict[str, Any] = dict(_object(fields[name]))
                if model is None:
                    return msgspec.json.encode(_others(asked))
                fields[name] = {**asked, "model": model}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"The body is not right: {error}.", code="invalid_json") from None
    return msgspec.json.encode(fields)


def read_native(body: bytes) -> Answer:
    """What an answer of generateContent says of itself. UpstreamError when it is none."""
    found = read_upstream(decode_response, body, "its answer")
    if found.error is not None:
        raise UpstreamError(told(found.error), code="upstream_error_in_answer")
    candidates = found.candidates or []
    if not candidates and (found.prompt_feedback is None or not found.prompt_feedback.block_reason):
        raise UpstreamError("its answer has no candidates.", code="upstream_bad_answer")
    usage = usage_of(found.usage_metadata)
    text = "" if usage is not None else "\n".join(_text(candidate) for candidate in candidates)
    finish = _finish(candidates[0]) if candidates else "content_filter"
    return Answer(usage, found.response_id, found.model_version, finish, text)


def _finish(candidate: Candidate, *, called: bool = False) -> str | None:
    """In chat's words, so that traces of both dialects read alike. `called`: it has called a function before."""
    if candidate.finish_reason in FAILED:
        return "error"
    return finish_of(candidate, called=called or _calls(candidate))


def _calls(candidate: Candidate) -> bool:
    return any(part.function_call is not None for part in candidate.content.parts)


def _text(candidate: Candidate) -> str:
    """All that a model wrote, for an estimate of its tokens."""
    found: list[str] = []
    for part in candidate.content.parts:
        call = part.function_call
        found.append(shown(part) or "")
        if call is not None:
            found.append(call.name + bytes(call.args).decode("utf-8", "replace"))
    return "".join(found)


class NativeStream:
    """Follows a stream that is passed on as it is, but for comments: Google's own client takes one for an event. No
    event says that it is the last: the stream ends when every candidate has its reason to."""

    __slots__ = (
        *("_answer", "_called", "_finish", "_kept", "_model", "_open"),
        *("_size", "_splitter", "_text", "_text_size", "_usage"),
    )

    def __init__(self) -> None:
        self._splitter = EventSplitter()
        self._open: dict[int, bool] = {}
        """Candidate -> whether it is still being written."""
        self._called = False
        self._finish: str | None = None
        self._usage: Any = None
        self._answer: str | None = None
        self._model: str | None = None
        self._text: list[str] = []
        self._text_size = 0
        self._kept: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> StreamPiece | None:
        out: list[bytes] = []
        content = False
        error: str | None = None
        for event in self._splitter.feed(chunk):
            data = event_data(event)
            if data is None:
                continue
            found = read_upstream(decode_response, data, "its stream")
            out.append(event)
            if found.error is not None:
                error = told(found.error)
                break
            content |= self._note(found)
        if not out:
            return None
        joined = out[0] if len(out) == 1 else b"".join(out)
        if self._size <= KEEP:
            self._kept.append(joined)
        self._size += len(joined)
        return StreamPiece(joined, content, error)

    def _note(self, found: Response) -> bool:
        """Whether there is something to see in it."""
        self._answer = self._answer or found.response_id
        self._model = self._model or found.model_version
        self._usage = usage_of(found.usage_metadata) or self._usage
        feedback = found.prompt_feedback
        if feedback is not None and feedback.block_reason and not found.candidates:
            self._finish = "content_filter"
        content = False
        for candidate in found.candidates or ():
            text = _text(candidate)
            content |= bool(text) or any(part.inline_data is not None for part in candidate.content.parts)
            if self._text_size < TEXT_LIMIT:
                self._text.append(text)
                self._text_size += len(text)
            self._called = self._called or _calls(candidate)
            finish = _finish(candidate, called=self._called)
            self._open[candidate.index] = finish is None and self._open.get(candidate.index, True)
            if finish is not None and (candidate.index == 0 or self._finish is None):
                self._finish = finish
        return content

    def end(self) -> StreamPiece | None:
        return None

    def finish(self) -> Answer:
        """Usage of a stream that was cut off counts only if it knows of the output: early events tell only the
        input."""
        over = self._finish is not None and not any(self._open.values())
        text = "".join(self._text)
        answer = Answer(self._usage, self._answer, self._model, self._finish if over else None, text)
        partial = not over and text and self._usage is not None and not self._usage.output_text
        return replace(answer, usage=None) if partial else answer

    def keep(self) -> bytes:
        return b"".join(self._kept)

    @property
    def truncated(self) -> bool:
        return self._size > sum(map(len, self._kept))
