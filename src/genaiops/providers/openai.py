"""OpenAI's API (`_openai_media`: what is beside text), as OpenAI and the many servers compatible with it
speak it.

A body goes out byte for byte as it came in when nothing has to change in it; where something has to, every other
value keeps its bytes and its place.
"""

from collections.abc import Sequence
from typing import Any, cast

import msgspec
from msgspec import Raw

from genaiops.core.errors import UpstreamError
from genaiops.dialects.chat import chat_usage, given
from genaiops.domain import MEDIA, Operation, Target, Usage
from genaiops.ports.providers import Answer, CallBody, Provider, ProviderError, StreamPiece, StreamReader, Wire
from genaiops.providers import _openai_media, _openai_media_stream, _openai_video
from genaiops.providers._errors import read_error
from genaiops.providers._events import EventSplitter, event_data
from genaiops.providers._own_body import fields_of, own_body, own_fields
from genaiops.providers._repeats import Frame, Log, frame_of, unescaped
from genaiops.providers._timings import busy_us

PATHS: dict[Operation, bytes] = {
    "chat": b"/chat/completions",
    "text_completion": b"/completions",
    "embeddings": b"/embeddings",
    **_openai_media.PATHS,
    **_openai_video.PATHS,
}
KEEP = 1 << 20
"""Bytes of a stream that are kept for the trace."""

TEXT_LIMIT = 4 << 20
"""Characters of a stream's text that are kept for the estimate."""

FRAMES = 4
"""So many frames in a row may be tried in vain before a stream's events are taken for too different."""


class _Message(msgspec.Struct, frozen=True):
    content: Any = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[Raw] | None = None
    function_call: Raw = Raw()


class _Choice(msgspec.Struct, frozen=True):
    message: _Message | None = None
    delta: _Message | None = None
    text: str | None = None
    finish_reason: str | None = None


class _Completion(msgspec.Struct, frozen=True):
    """A whole answer or one chunk of a stream. Usage and error stay raw: a wrong one must not spoil the answer."""

    choices: list[_Choice] | None = None
    data: list[Raw] | None = None
    usage: Raw = Raw()
    error: Raw = Raw()
    id: str | None = None
    model: str | None = None
    service_tier: Any = None
    timings: Raw = Raw()


_decode = msgspec.json.Decoder(_Completion).decode


class OpenAI(Provider):
    """Settings of a target: `max_tokens_field` (default: `max_completion_tokens` at api.openai.com, else
    `max_tokens`) and `header.NAME` for headers that go out with every request (`header.openai-organization`)."""

    name = "openai"
    serves = frozenset(PATHS)

    def __init__(self) -> None:
        self._headers: dict[tuple[str, str | None], tuple[tuple[bytes, bytes], ...]] = {}

    def strict(self, target: Target) -> bool:
        return (target.base_url or "").startswith("https://api.openai.com/")

    def prepare(self, call: CallBody, target: Target, credential: str | None) -> Wire:
        if call.job is not None:
            return _openai_video.job_wire(call.job, call, self._headers_of(target, credential))
        if call.operation in MEDIA:
            return _openai_media.wire(PATHS[call.operation], call, target, self._headers_of(target, credential))
        filtered = call.stream and target.stream_usage and not call.wants_usage and call.operation != "embeddings"
        return Wire(
            b"POST",
            PATHS[call.operation],
            self._headers_of(target, credential),
            _body(call, target, filtered),
            filtered,
        )

    def _headers_of(self, target: Target, credential: str | None) -> tuple[tuple[bytes, bytes], ...]:
        found = self._headers.get((target.id, credential))
        if found is None:
            if len(self._headers) > 1000:  # credentials rotate
                self._headers.clear()
            found = self._headers[target.id, credential] = request_headers(target, credential)
        return found

    def read(self, call: CallBody, body: bytes) -> Answer:
        if call.operation in MEDIA:
            return _openai_video.read(call, body) if _openai_video.concerns(call) else _openai_media.read(call, body)
        answer = _parse(body, "its answer")
        if given(answer.error):
            raise UpstreamError(error_message(answer.error), code="upstream_error_in_answer")
        if call.operation == "embeddings":
            if answer.data is None:
                raise UpstreamError("its answer has no embeddings.", code="upstream_bad_answer")
            return Answer(chat_usage(answer.usage), answer.id, answer.model)
        if answer.choices is None:
            raise UpstreamError("its answer has no choices.", code="upstream_bad_answer")
        usage = chat_usage(answer.usage, answer.service_tier)
        finish = answer.choices[0].finish_reason if answer.choices else None
        text = "" if usage is not None else "\n".join(_text(choice) for choice in answer.choices)
        return Answer(usage, answer.id, answer.model, finish, text, busy_us=busy_us(answer.timings))

    def stream(self, call: CallBody, *, filter_usage: bool) -> StreamReader:  # noqa: ARG002 (one format for all)
        return OpenAIStream(filter_usage=filter_usage)

    def media(self, call: CallBody, kind: bytes) -> StreamReader | None:
        return _openai_media_stream.stream(call, kind)

    def error(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> ProviderError:
        return read_error(status, headers, body)


class OpenAIStream:
    """Follows a stream. Every event is read: whether content came, what it was, usage, finish reason, an error."""

    __slots__ = (
        "_busy_us",
        "_filter",
        "_finish",
        "_frame",
        "_id",
        "_later",
        "_later_size",
        "_log",
        "_missed",
        "_model",
        "_size",
        "_splitter",
        "_usage",
    )

    def __init__(self, *, filter_usage: bool) -> None:
        self._filter = filter_usage
        self._splitter = EventSplitter()
        self._frame: Frame | None = None
        self._missed = 0
        """Frames in a row that fitted no other event."""
        self._log = Log()
        self._size = 0
        self._later: list[str] = []
        """Texts of the events that are no longer kept."""
        self._later_size = 0
        self._usage: Usage | None = None
        self._id: str | None = None
        self._model: str | None = None
        self._finish: str | None = None
        self._busy_us: int | None = None

    def feed(self, chunk: bytes) -> StreamPiece | None:
        frame = self._frame
        if frame is not None and not self._splitter.rest:
            text = frame.text_of(chunk)
            if text is not None:  # most chunks are one event, and most events are of one frame
                self._missed = 0
                self._keep(chunk, frame, text)
                return StreamPiece(chunk, True)
        events = self._splitter.feed(chunk)
        return self._feed_events(events) if events else None

    def _feed_events(self, events: list[bytes]) -> StreamPiece:
        out: list[tuple[bytes, Frame | None, bytes]] = []
        content = done = False
        error: str | None = None
        for event in events:
            frame = self._frame
            text = frame.text_of(event) if frame is not None else None
            if text is not None:
                self._missed = 0
                content = True
                out.append((event, frame, text))
                continue
            data = event_data(event)
            if data is None:
                out.append((event, None, b""))
                continue
            if data == b"[DONE]":
                out.append((event, None, b""))
                done = True
                break
            message = _parse(data, "its stream")
            if given(message.error):
                error = error_message(message.error)
                out.append((event, None, b""))
                break
            if self._note(event, message):
                content = True
            if not (self._filter and not message.choices and given(message.usage)):
                out.append((event, None, b""))
        for entry in out:
            self._keep(*entry)
        return StreamPiece(out[0][0] if len(out) == 1 else b"".join([one[0] for one in out]), content, error, done)

    def _note(self, event: bytes, message: _Completion) -> bool:
        """Whether there is content in the event."""
        if self._id is None:
            self._id = message.id
            self._model = message.model
        if given(message.usage):
            self._usage = chat_usage(message.usage, message.service_tier) or self._usage
        if given(message.timings):
            self._busy_us = busy_us(message.timings)
        content = False
        for choice in message.choices or ():
            if choice.finish_reason is not None:
                self._finish = choice.finish_reason
            if _text(choice):
                content = True
        if content and self._missed < FRAMES and event.startswith(b"data: ") and event.endswith(b"}\n\n"):
            text = _only_text(message)
            if text is not None:
                self._missed += 1
                self._frame = frame_of(event, text, _text_in_frame)
        return content

    def _keep(self, event: bytes, frame: Frame | None, text: bytes) -> None:
        size = len(event)
        self._size += size
        if self._log.size <= KEEP:
            if frame is not None:
                self._log.add_text(frame, text, size)
            else:
                self._log.add(event)
        elif self._later_size < TEXT_LIMIT:
            said = unescaped(text) if frame is not None else _texts(event)
            self._later.append(said)
            self._later_size += len(said)

    def end(self) -> StreamPiece | None:
        return None

    def finish(self) -> Answer:
        text = "" if self._usage is not None else self._log.texts(_texts) + "".join(self._later)
        return Answer(self._usage, self._id, self._model, self._finish, text, busy_us=self._busy_us)

    def keep(self) -> bytes:
        return self._log.events()

    @property
    def truncated(self) -> bool:
        return self._size > self._log.size


def _texts(event: bytes) -> str:
    """What a person or a program sees of an event that was read before."""
    data = event_data(event)
    if data is None or data == b"[DONE]":
        return ""
    message = _decode(data)
    return "" if given(message.error) else "".join([_text(choice) for choice in message.choices or ()])


def _only_text(message: _Completion) -> str | None:
    """The text of an event that says nothing but one text; None when there is more to it."""
    if message.choices is None or len(message.choices) != 1 or given(message.usage):
        return None
    choice = message.choices[0]
    if choice.finish_reason is not None:
        return None
    part = choice.delta
    if choice.text is not None:
        return choice.text
    if part is None or part.tool_calls or given(part.function_call):
        return None
    content: Any = part.content
    texts = [text for text in (content, part.reasoning_content, part.reasoning, part.refusal) if text]
    return texts[0] if len(texts) == 1 and isinstance(texts[0], str) else None


def _text_in_frame(event: bytes) -> str | None:
    try:
        return _only_text(_decode(event[6:]))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def request_headers(target: Target, credential: str | None) -> tuple[tuple[bytes, bytes], ...]:
    own = [
        (name.removeprefix("header.").lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in target.settings.items()
        if name.startswith("header.")
    ]
    authorization = [(b"authorization", b"Bearer " + credential.encode("latin-1", "replace"))] if credential else []
    return ((b"content-type", b"application/json"), (b"accept-encoding", b"identity"), *authorization, *own)


def _body(call: CallBody, target: Target, filtered: bool) -> bytes:
    cap = cap_field(call.operation, target) if call.inject_cap else ""
    if not filtered:
        return own_body(call, target, cap=cap)
    fields = own_fields(call, target, cap=cap)
    given = fields.get("stream_options", b"")
    options = fields_of(given) if bytes(memoryview(given)[:1]) == b"{" else {}
    fields["stream_options"] = {**options, "include_usage": True}
    return msgspec.json.encode(fields)


def cap_field(operation: Operation, target: Target) -> str:
    """The field that caps the output there. OpenAI's newer models refuse `max_tokens` for chat."""
    named = target.settings.get("max_tokens_field")
    if named:
        return named
    own = operation == "chat" and (target.base_url or "").startswith("https://api.openai.com/")
    return "max_completion_tokens" if own else "max_tokens"


def _parse(data: bytes, what: str) -> _Completion:
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamError(f"{what} is not right: {error}.", code="upstream_bad_answer") from None


def _text(choice: _Choice) -> str:
    """What a person or a program sees of a choice: text, reasoning, refusal, tool calls."""
    if choice.text is not None:
        return choice.text
    message = choice.delta or choice.message
    if message is None:
        return ""
    content = message.content
    text = content if isinstance(content, str) else "" if content is None else msgspec.json.encode(content).decode()
    text += (message.reasoning_content or "") + (message.reasoning or "") + (message.refusal or "")
    if message.tool_calls:
        text += "".join(bytes(call).decode("utf-8", "replace") for call in message.tool_calls)
    if given(message.function_call):
        text += bytes(message.function_call).decode("utf-8", "replace")
    return text


def error_message(raw: Raw | bytes) -> str:
    """The message of an error object in an answer or a stream; its text when it has none."""
    try:
        found: Any = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        found = None
    message = cast("dict[str, Any]", found).get("message") if isinstance(found, dict) else found
    return message if isinstance(message, str) and message else bytes(raw)[:500].decode("utf-8", "replace")
