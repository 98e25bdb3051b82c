"""OpenAI's operations beside text, and rerank as Cohere and Jina have it: requests, answers, what they used.

Sources: OpenAI's API reference (images, audio, moderations), Cohere's (POST /v2/rerank), Jina's (POST /v1/rerank).
"""

from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta, Raw

from genaiops.core import media, multipart
from genaiops.core.errors import UpstreamError
from genaiops.domain import Operation, Target, Usage
from genaiops.ports.providers import Answer, CallBody, Wire

PATHS: dict[Operation, bytes] = {
    "rerank": b"/rerank",
    "moderations": b"/moderations",
    "image_generation": b"/images/generations",
    "transcription": b"/audio/transcriptions",
    "speech": b"/audio/speech",
}

DOCUMENTS_A_SEARCH = 100
"""Cohere's unit, where an answer does not count."""

Count = Annotated[int, Meta(ge=0)]


class _Details(msgspec.Struct, frozen=True):
    text_tokens: Count | None = None
    image_tokens: Count | None = None
    audio_tokens: Count | None = None


class _Usage(msgspec.Struct, frozen=True):
    type: str | None = None
    seconds: Annotated[float, Meta(ge=0, le=1e9)] | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    prompt_tokens: Count | None = None
    total_tokens: Count | None = None
    input_tokens_details: _Details | None = None
    input_token_details: _Details | None = None
    output_tokens_details: _Details | None = None


class _Billed(msgspec.Struct, frozen=True):
    search_units: Annotated[float, Meta(ge=0, le=1e9)] | None = None
    input_tokens: Annotated[float, Meta(ge=0, le=1e12)] | None = None


class _Meta(msgspec.Struct, frozen=True):
    billed_units: _Billed | None = None


class _Ranked(msgspec.Struct, frozen=True):
    index: int
    relevance_score: float


class MediaAnswer(msgspec.Struct, frozen=True):
    results: list[Raw] | None = None
    data: list[Raw] | None = None
    text: str | None = None
    duration: float | str | None = None
    usage: Raw = Raw()
    meta: Raw = Raw()
    error: Raw = Raw()
    id: str | None = None
    model: str | None = None
    type: str | None = None


class _Asked(msgspec.Struct, frozen=True):
    input: Any = None
    documents: list[Raw] | None = None
    response_format: str | None = None


decode = msgspec.json.Decoder(MediaAnswer).decode
_decode_usage = msgspec.json.Decoder(_Usage).decode
_decode_meta = msgspec.json.Decoder(_Meta).decode
_ranked = msgspec.json.Decoder(list[_Ranked]).decode
asked = msgspec.json.Decoder(_Asked).decode
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NO_IMAGE_TOKENS = ("input_uncached", "image_output")


def wire(path: bytes, call: CallBody, target: Target, headers: tuple[tuple[bytes, bytes], ...]) -> Wire:
    """The request: as it came where the model has the same name there."""
    if call.form is not None:
        return _form_wire(path, call, target, headers)
    if call.model == target.upstream_model and not call.extended:
        return Wire(b"POST", path, headers, call.raw)
    fields: dict[str, Any] = dict(_fields(call.raw))
    fields["model"] = target.upstream_model
    fields.pop("genaiops", None)
    return Wire(b"POST", path, headers, msgspec.json.encode(fields))


def _form_wire(path: bytes, call: CallBody, target: Target, headers: tuple[tuple[bytes, bytes], ...]) -> Wire:
    """The form as it came; the model's name is put in between, and nothing else is copied."""
    form = call.form
    assert form is not None
    fields = tuple(field for field in headers if field[0] != b"content-type")
    boundary = multipart.boundary_in(call.raw)
    assert boundary is not None
    fields = ((b"content-type", multipart.content_type(boundary)), *fields)  # nothing else of what the client said
    if call.model == target.upstream_model:
        return Wire(b"POST", path, fields, call.raw)
    part = next((part for part in form.parts if part.name == "model"), None)
    whole: Any = memoryview(call.raw)
    name = target.upstream_model.encode()
    if part is None:  # before all others, whose first boundary begins the form
        added = b'--%b\r\nContent-Disposition: form-data; name="model"\r\n\r\n%b\r\n' % (boundary, name)
        return Wire(b"POST", path, fields, b"", pieces=(added, whole))
    return Wire(b"POST", path, fields, b"", pieces=(whole[: part.start], name, whole[part.end :]))


def parse(body: bytes) -> MediaAnswer:
    """UpstreamError when it is no JSON object, or holds an error."""
    try:
        answer = decode(body)
    except UNREADABLE as error:
        raise UpstreamError(f"its answer is not right: {error}.", code="upstream_bad_answer") from None
    if given(answer.error):
        raise UpstreamError(message_of(answer.error), code="upstream_error_in_answer")
    return answer


def read(call: CallBody, body: bytes) -> Answer:
    """UpstreamError when a body is no answer to such a call."""
    if call.operation == "transcription":
        return _read_transcription(call, body)
    answer = parse(body)
    if call.operation == "image_generation":
        if not answer.data:
            raise UpstreamError("its answer has no images.", code="upstream_bad_answer")
        return Answer(image_usage(answer.usage, len(answer.data)), answer.id, answer.model)
    if answer.results is None:
        raise UpstreamError("its answer has no results.", code="upstream_bad_answer")
    if call.operation == "moderations":
        return Answer(_tokens(answer.usage), answer.id, answer.model)
    try:
        _ranked(msgspec.json.encode(answer.results))
    except msgspec.DecodeError as error:
        raise UpstreamError(f"its results are not right: {error}.", code="upstream_bad_answer") from None
    return Answer(rerank_usage(call, answer), answer.id, answer.model)


def rerank_usage(call: CallBody, answer: MediaAnswer) -> Usage:
    """What Cohere billed, or the tokens that others counted; else a search for each hundred documents."""
    billed = None
    if given(answer.meta):
        try:
            billed = _decode_meta(answer.meta).billed_units
        except msgspec.DecodeError:
            billed = None
    if billed is not None and billed.search_units is not None:
        return Usage(int(billed.input_tokens or 0), searches=-int(-billed.search_units // 1))
    found = _tokens(answer.usage)
    documents = len(asked(call.raw).documents or ())
    searches = -(-documents // DOCUMENTS_A_SEARCH)
    if found is None:
        return Usage(searches=searches, unknown=("input_uncached",))
    return msgspec.structs.replace(found, searches=searches)


def image_usage(raw: Raw, images: int) -> Usage:
    """Tokens where they were counted (models that are paid by the token), and how many images."""
    found = usage_in(raw)
    if found is None or found.input_tokens is None:
        return Usage(images=images, unknown=_NO_IMAGE_TOKENS)
    into = found.input_tokens_details or found.input_token_details
    seen = min((into.image_tokens if into else None) or 0, found.input_tokens)
    made = found.output_tokens or 0
    spent = found.output_tokens_details
    text = min((spent.text_tokens if spent else None) or 0, made)
    return Usage(found.input_tokens - seen, output_text=text, image_input=seen, image_output=made - text, images=images)


def _tokens(raw: Raw) -> Usage | None:
    found = usage_in(raw)
    if found is None:
        return None
    count = next((one for one in (found.prompt_tokens, found.input_tokens, found.total_tokens) if one is not None), 0)
    return Usage(count)


def usage_in(raw: Raw) -> _Usage | None:
    if not given(raw):
        return None
    try:
        return _decode_usage(raw)
    except msgspec.DecodeError:
        return None


# -- transcriptions


def _read_transcription(call: CallBody, body: bytes) -> Answer:
    """JSON, or text in the form that was asked for (text, subtitles)."""
    if body[:1] == b"{" and _format(call) not in ("text", "srt", "vtt"):
        answer = parse(body)
        if answer.text is None:
            raise UpstreamError("its answer has no text.", code="upstream_bad_answer")
        return Answer(heard(call, answer), answer.id, answer.model)
    return Answer(heard(call, None))


def heard(call: CallBody, answer: MediaAnswer | None) -> Usage:
    """What a transcription used: tokens or seconds as its answer says, else the length that the file says."""
    found = usage_in(answer.usage) if answer is not None else None
    seconds = found.seconds if found is not None else None
    if seconds is None and answer is not None and answer.duration is not None:
        seconds = _seconds(answer.duration)
    played = None if seconds is None else round(seconds * 1000)
    if played is None:
        played = _length(call)
    if found is not None and found.input_tokens is not None:
        into = found.input_token_details or found.input_tokens_details
        sound = min((into.audio_tokens if into else None) or 0, found.input_tokens)
        return Usage(
            found.input_tokens - sound,
            output_text=found.output_tokens or 0,
            audio_input=sound,
            audio_ms=played or 0,
            unknown=() if played is not None else ("audio_ms",),
        )
    if played is None:
        return Usage(unknown=("audio_ms", "audio_input", "output_text"))
    return Usage(audio_ms=played, unknown=("audio_input", "output_text"))


def _seconds(value: float | str) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if 0 <= seconds < 1e9 else None


def _length(call: CallBody) -> int | None:
    form = call.form
    part = next((part for part in form.parts if part.name == "file"), None) if form is not None else None
    return None if part is None else media.duration_ms(memoryview(call.raw)[part.start : part.end])


def _format(call: CallBody) -> str:
    form = call.form
    part = next((one for one in form.parts if one.name == "response_format"), None) if form is not None else None
    return "json" if part is None else part.text(call.raw)


def message_of(raw: Raw) -> str:
    try:
        found: Any = msgspec.json.decode(raw) if given(raw) else None
    except msgspec.DecodeError:
        found = None
    message = cast("dict[str, Any]", found).get("message") if isinstance(found, dict) else found
    if isinstance(message, str) and message:
        return message
    return bytes(raw)[:500].decode("utf-8", "replace") or "an error"


def given(raw: Raw) -> bool:
    return bytes(memoryview(raw)[:4]) not in (b"", b"null")
