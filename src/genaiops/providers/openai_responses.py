"""OpenAI's Responses at targets that speak it: bodies and events pass as they are, and are read on the way.

A target says so with the setting `responses`: `native`, or `chat` for one that is to get its calls translated. Unset it
is `native` at https://api.openai.com/ and `chat` elsewhere.
"""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Raw

from genaiops.core.errors import ConfigError, UpstreamError, UsageError
from genaiops.domain import Target, Usage
from genaiops.ports.providers import Answer, CallBody, Dialect, StreamPiece, StreamReader, Wire
from genaiops.providers._events import EventSplitter, event_data
from genaiops.providers._own_body import own_body
from genaiops.providers.openai import KEEP, TEXT_LIMIT, OpenAI, error_message

PATH = b"/responses"
Tokens = Annotated[int, Meta(ge=0)]
T = TypeVar("T")


class _InputDetails(msgspec.Struct, frozen=True):
    cached_tokens: Tokens | None = None
    cache_write_tokens: Tokens | None = None


class _OutputDetails(msgspec.Struct, frozen=True):
    reasoning_tokens: Tokens | None = None


class _Usage(msgspec.Struct, frozen=True):
    input_tokens: Tokens
    output_tokens: Tokens | None = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None


class _Text(msgspec.Struct, frozen=True):
    text: str | None = None
    refusal: str | None = None


class _Item(msgspec.Struct, frozen=True):
    """An item of any kind, kinds to come among them: only its type has to be what we know."""

    type: str | None = None
    content: Raw = Raw()
    summary: Raw = Raw()
    name: Any = None
    arguments: Any = None
    input: Any = None


class _Incomplete(msgspec.Struct, frozen=True):
    reason: str | None = None


class _Response(msgspec.Struct, frozen=True):
    """The object as far as it is read. Usage and error stay raw: a wrong one must not spoil the answer."""

    id: str | None = None
    model: str | None = None
    status: str | None = None
    output: list[_Item] | None = None
    incomplete_details: _Incomplete | None = None
    usage: Raw = Raw()
    error: Raw = Raw()


class _Event(msgspec.Struct, frozen=True):
    """An event of the stream. `delta` is text in every event that shows something."""

    type: str = ""
    delta: Any = None
    item: _Item | None = None
    response: _Response | None = None
    message: str | None = None
    error: Raw = Raw()


class _Background(msgspec.Struct, frozen=True):
    background: bool | None = None


_response = msgspec.json.Decoder(_Response)
_event = msgspec.json.Decoder(_Event)
_usage = msgspec.json.Decoder(_Usage)
_texts = msgspec.json.Decoder(list[_Text])
_background = msgspec.json.Decoder(_Background)

_SILENT_ITEMS = frozenset({None, "message", "reasoning"})
"""Items whose beginning shows nothing yet. The beginning of any other is a call: of a function, or of a tool that runs
there and costs."""


def speaks_responses(target: Target) -> bool:
    """Whether calls in this dialect go to the target as they are."""
    said = target.settings.get("responses")
    if said is None:
        return (target.base_url or "").startswith("https://api.openai.com/")
    if said not in {"native", "chat"}:
        raise ConfigError(
            f"The setting 'responses' of the target {target.id!r} is {said!r}.",
            remedy="Set it to 'native' or 'chat'.",
            code="invalid_setting",
        )
    return said == "native"


class OpenAIServer(OpenAI):
    """A server of OpenAI's API: chat and all its other endpoints, and Responses where the target speaks it."""

    def takes(self, dialect: Dialect, target: Target) -> bool:
        return dialect == "openai" or (dialect == "responses" and speaks_responses(target))

    def prepare(self, call: CallBody, target: Target, credential: str | None) -> Wire:
        if call.dialect == "responses":
            return prepare(call, target, self._headers_of(target, credential))
        return super().prepare(call, target, credential)

    def read(self, call: CallBody, body: bytes) -> Answer:
        return read(body) if call.dialect == "responses" else super().read(call, body)

    def stream(self, call: CallBody, *, filter_usage: bool) -> StreamReader:
        return (
            ResponsesNativeStream() if call.dialect == "responses" else super().stream(call, filter_usage=filter_usage)
        )


def prepare(call: CallBody, target: Target, headers: Sequence[tuple[bytes, bytes]]) -> Wire:
    """The request as it goes out, byte for byte where nothing must change. `headers` are the target's (as
    `openai.request_headers` makes them). UsageError for a call in the background: nobody would be there to settle it.
    """
    if b'"background"' in call.raw and _runs_on(call.raw):
        raise UsageError(
            "'background' is not served: what the call uses could be neither limited nor charged.",
            remedy="Send the request without it and wait for the answer, or stream it.",
            code="unsupported_field",
            param="background",
        )
    return Wire(b"POST", PATH, headers, own_body(call, target, cap="max_output_tokens"))


def _runs_on(raw: bytes) -> bool:
    try:
        return bool(_background.decode(raw).background)
    except msgspec.DecodeError:
        return True


def read(body: bytes) -> Answer:
    """A whole answer. UpstreamError when it is none, or says that it failed. `finish_reason` is in chat's words."""
    answer = _parse(_response, body, "its answer")
    if _given(answer.error):
        raise UpstreamError(error_message(answer.error), code="upstream_error_in_answer")
    if answer.status in {"failed", "cancelled"}:
        raise UpstreamError(f"its answer is {answer.status}.", code="upstream_error_in_answer")
    if answer.output is None:
        raise UpstreamError("its answer has no output.", code="upstream_bad_answer")
    usage = usage_of(answer.usage)
    text = "" if usage is not None else "\n".join(_text(item) for item in answer.output)
    return Answer(usage, answer.id, answer.model, _finish_reason(answer), text)


class ResponsesNativeStream:
    """Follows a stream of typed events. Its end is `response.completed` or `response.incomplete`; `response.failed`
    and `error` are errors."""

    __slots__ = ("_finish", "_id", "_kept", "_model", "_size", "_splitter", "_text", "_text_size", "_usage")

    def __init__(self) -> None:
        self._splitter = EventSplitter()
        self._kept: list[bytes] = []
        self._size = 0
        self._text: list[str] = []
        self._text_size = 0
        self._usage: Usage | None = None
        self._id: str | None = None
        self._model: str | None = None
        self._finish: str | None = None

    def feed(self, chunk: bytes) -> StreamPiece | None:
        events = self._splitter.feed(chunk)
        if not events:
            return None
        out: list[bytes] = []
        content = done = False
        error: str | None = None
        for raw in events:
            data = event_data(raw)
            if data == b"[DONE]" and self._finish is None:  # some servers send it after the terminal event
                raise UpstreamError("its stream ended before the answer did.", code="upstream_truncated")
            out.append(raw)
            if data is None or data == b"[DONE]":
                continue
            event = _parse(_event, data, "its stream")
            content = self._note(event) or content
            error = _error_of(event)
            done = error is None and event.type in {"response.completed", "response.incomplete"}
            if done or error is not None:
                break
        joined = out[0] if len(out) == 1 else b"".join(out)
        self._keep(joined)
        return StreamPiece(joined, content, error, done)

    def _note(self, event: _Event) -> bool:
        """Remember what the event says; whether it shows something."""
        response = event.response
        if response is not None:
            self._id = response.id or self._id
            self._model = response.model or self._model
            self._usage = usage_of(response.usage) or self._usage
            if event.type in {"response.completed", "response.incomplete"}:
                self._finish = _finish_reason(response)
        if isinstance(event.delta, str) and event.delta:
            self._say(event.delta)
            return True
        item = event.item
        if item is None or item.type in _SILENT_ITEMS:
            return False
        if event.type == "response.output_item.added" and isinstance(item.name, str):
            self._say(item.name)
        return True

    def _say(self, text: str) -> None:
        if self._text_size < TEXT_LIMIT:
            self._text.append(text)
            self._text_size += len(text)

    def _keep(self, data: bytes) -> None:
        if self._size <= KEEP:
            self._kept.append(data)
        self._size += len(data)

    def end(self) -> StreamPiece | None:
        return None

    def finish(self) -> Answer:
        return Answer(self._usage, self._id, self._model, self._finish, "".join(self._text))

    def keep(self) -> bytes:
        return b"".join(self._kept)

    @property
    def truncated(self) -> bool:
        return self._size > sum(map(len, self._kept))


def _error_of(event: _Event) -> str | None:
    """The message of an event that says that the answer failed."""
    if event.type == "response.failed":
        told = event.response.error if event.response is not None else Raw()
        return error_message(told) if _given(told) else "its answer failed."
    if event.type == "error" or (not event.type and _given(event.error)):
        return error_message(event.error) if _given(event.error) else event.message or "its stream has an error."
    return None


def _finish_reason(response: _Response) -> str | None:
    """How it ended, in chat's words, so that traces of both dialects read alike. None: it has not."""
    if response.status == "incomplete":
        reason = response.incomplete_details.reason if response.incomplete_details is not None else None
        return "length" if reason in {"max_output_tokens", None} else reason
    if response.status not in {"completed", None}:
        return None
    calls = any(item.type in {"function_call", "custom_tool_call"} for item in response.output or ())
    return "tool_calls" if calls else "stop"


def _text(item: _Item) -> str:
    """What a person or a program sees of an item."""
    text = _parts(item.summary) + _parts(item.content)
    return text + "".join(str(said) for said in (item.name, item.arguments, item.input) if said is not None)


def _parts(raw: Raw) -> str:
    try:
        parts = _texts.decode(raw) if _given(raw) else []
    except msgspec.DecodeError:
        return bytes(raw).decode("utf-8", "replace")
    return "".join((part.text or "") + (part.refusal or "") for part in parts)


def usage_of(raw: Raw) -> Usage | None:
    """Usage in buckets that exclude each other: here input includes what was cached and written to the cache, output
    includes reasoning. None when there is none, or one that cannot be (negative, not numbers).
    """
    if not _given(raw):
        return None
    try:
        found = _usage.decode(raw)
    except msgspec.DecodeError:
        return None
    details, spent = found.input_tokens_details, found.output_tokens_details
    read_tokens = min((details.cached_tokens if details else None) or 0, found.input_tokens)
    written = min((details.cache_write_tokens if details else None) or 0, found.input_tokens - read_tokens)
    output = found.output_tokens or 0
    reasoning = min((spent.reasoning_tokens if spent else None) or 0, output)
    return Usage(found.input_tokens - read_tokens - written, read_tokens, written, output - reasoning, reasoning)


def _given(raw: Raw) -> bool:
    return bytes(memoryview(raw)[:4]) not in (b"", b"null")


def _parse(decoder: "msgspec.json.Decoder[T]", data: bytes, what: str) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamError(f"{what} is not right: {error}.", code="upstream_bad_answer") from None
