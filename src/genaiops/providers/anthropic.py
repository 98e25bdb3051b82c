"""Anthropic's API (Messages), for calls in Anthropic's own words and in OpenAI's.

A Messages body goes out byte for byte as it came in when nothing has to change in it; where something has to, every
other value keeps its bytes and its place. A chat body is translated, and so is what comes back.
"""

import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from genaiops.checks.tokens import Estimator
from genaiops.core.errors import ConfigError, NotBuilt, UsageError
from genaiops.dialects.chat import error_message, given, read
from genaiops.dialects.messages.answer import answer_to_chat, whole_message
from genaiops.dialects.messages.chat_stream import ChatStream, block_text
from genaiops.dialects.messages.from_chat import request_from_chat
from genaiops.dialects.messages.thinking import Thinking
from genaiops.dialects.messages.wire import (
    FINISH_OF_STOP,
    Event,
    Message,
    MessagesUsage,
    decode_event,
    messages_usage,
)
from genaiops.domain import Target
from genaiops.ports.providers import Answer, CallBody, Dialect, Provider, ProviderError, StreamPiece, Wire
from genaiops.providers._errors import LONGEST_REST, QUOTA_REST, read_error
from genaiops.providers._events import EventSplitter, event_data
from genaiops.providers._own_body import fields_of, own_body

VERSION = b"2023-06-01"
KEEP = 1 << 20
"""Bytes of a stream that are kept for the trace."""

TEXT_LIMIT = 4 << 20
"""Characters of a stream's text that are kept for the estimate."""

_ESTIMATOR = Estimator()

_BUDGETED = re.compile(r"claude-(?:instant|2|3)|claude-(?:opus|sonnet|haiku)-4(?:-[0-5](?!\d))?(?!-\d{1,2}(?!\d))")
"""Models that want a budget of thinking tokens (`thinking.type` = `enabled`): those before Claude 4.6."""

Headers = tuple[tuple[bytes, bytes], ...]
_LIMITS = (b"requests", b"tokens", b"input-tokens", b"output-tokens")


class Anthropic(Provider):
    """Settings of a target: `thinking` (`adaptive` or `budget`: what `reasoning_effort` becomes; by default what the
    model's name tells), `system` (`inline`, or `top` for models that take system messages only before the first turn)
    and `header.NAME` for headers that go out with every request (`header.anthropic-beta`)."""

    name = "anthropic"

    def __init__(self) -> None:
        self._headers: dict[tuple[str, str | None], tuple[Target, Headers]] = {}

    def takes(self, dialect: Dialect, target: Target) -> bool:  # noqa: ARG002 - all targets alike
        return dialect in ("openai", "messages")

    def prepare(self, call: CallBody, target: Target, credential: str | None) -> Wire:
        """UsageError names what Messages cannot say; ConfigError a setting that is none."""
        if call.operation != "chat":
            raise NotBuilt(
                f"Anthropic has no {call.operation.replace('_', ' ')}.", remedy="Call it by /v1/chat/completions."
            )
        body = own_body(call, target) if call.dialect == "messages" else _translated(call, target)
        return Wire(b"POST", b"/messages", self._headers_of(target, credential), body)

    def count(self, raw: bytes | bytearray, dialect: Dialect, target: Target, credential: str | None) -> Wire | None:
        """UsageError when it is no JSON object."""
        if dialect != "messages":
            return None
        try:
            fields: dict[str, Any] = dict(fields_of(raw))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UsageError(f"The body is not right: {error}.", code="invalid_json") from None
        fields["model"] = target.upstream_model
        fields.pop("genaiops", None)
        return Wire(
            b"POST", b"/messages/count_tokens", self._headers_of(target, credential), msgspec.json.encode(fields)
        )

    def _headers_of(self, target: Target, credential: str | None) -> Headers:
        """The same object for the same target: transports know it by that."""
        found = self._headers.get((target.id, credential))
        if found is None or found[0] is not target:
            if len(self._headers) > 1000:  # credentials rotate
                self._headers.clear()
            found = self._headers[target.id, credential] = (target, _headers(target, credential))
        return found[1]

    def read(self, call: CallBody, body: bytes) -> Answer:
        answer = whole_message(body)
        usage = messages_usage(answer.usage).buckets()
        text = "" if usage is not None else "\n".join(block_text(block, None) for block in answer.content or ())
        if call.dialect == "messages":
            return Answer(usage, answer.id, answer.model, answer.stop_reason, text)
        chat = answer_to_chat(answer, created=int(time.time()))
        return Answer(usage, answer.id, answer.model, _finish(answer.stop_reason), text, chat)

    def stream(self, call: CallBody, *, filter_usage: bool) -> "AnthropicStream":  # noqa: ARG002 (usage is always there)
        if call.dialect == "messages":
            return AnthropicStream(None)
        return AnthropicStream(ChatStream(created=int(time.time()), include_usage=call.wants_usage))

    def error(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> ProviderError:
        """A spent balance (also told with status 400) rests the credential; 529 and `overloaded_error` are everybody's
        and rest the target."""
        found = read_error(status, headers, body)
        rest = found.rest
        broke = found.type == "billing_error" or "credit balance is too low" in found.message
        if broke:
            rest = rest if rest is not None else QUOTA_REST
        elif rest is None and status == 429:
            rest = _until_reset(headers)
        return ProviderError(
            found.message,
            found.code,
            found.type,
            found.retryable or broke or found.type in ("overloaded_error", "api_error", "timeout_error"),
            rest,
            found.limits_credential or broke,
        )


class AnthropicStream:
    """Follows a stream, passed on as it is, or as chat when there is a translation. Every event is read."""

    __slots__ = ("_chat", "_id", "_kept", "_model", "_size", "_splitter", "_stop", "_text", "_text_size", "_told", "_usage")  # fmt: skip  # noqa: E501

    def __init__(self, chat: ChatStream | None) -> None:
        self._chat = chat
        self._splitter = EventSplitter()
        self._kept: list[bytes] = []
        self._size = 0
        self._text: list[str] = []
        self._text_size = 0
        self._usage = MessagesUsage()
        self._told = False  # whether the usage is more than the beginning's
        self._id: str | None = None
        self._model: str | None = None
        self._stop: str | None = None

    def feed(self, chunk: bytes) -> StreamPiece | None:
        events = self._splitter.feed(chunk)
        if not events:
            return None
        chat = self._chat
        out: list[bytes] = []
        content = done = False
        error: str | None = None
        for event in events:
            data = event_data(event)
            if data is None:
                if chat is None:
                    out.append(event)
                continue
            found = read(decode_event, data, "its stream")
            out.append(event if chat is None else chat.event(found))
            if found.type == "error":
                error = error_message(found.error)[0]
                break
            content |= self._note(found)
            if found.type == "message_stop":
                done = True
                break
        data = out[0] if len(out) == 1 else b"".join(out)
        if not data and not content and not done:
            return None  # a ping: chat has no such word
        self._keep(data)
        return StreamPiece(data, content, error, done)

    def _note(self, event: Event) -> bool:
        if event.message is not None:
            self._note_head(event.message)
        if given(event.usage):
            self._usage = self._usage.then(messages_usage(event.usage))
            self._told = True
        if event.delta is not None and event.delta.stop_reason is not None:
            self._stop = event.delta.stop_reason
        text = block_text(event.content_block, event.delta)
        if text and self._text_size < TEXT_LIMIT:
            self._text.append(text)
            self._text_size += len(text)
        return bool(text)

    def _note_head(self, message: Message) -> None:
        self._id, self._model = message.id, message.model
        self._usage = self._usage.then(messages_usage(message.usage))

    def _keep(self, data: bytes) -> None:
        if self._size <= KEEP:
            self._kept.append(data)
        self._size += len(data)

    def end(self) -> StreamPiece | None:
        return None

    def finish(self) -> Answer:
        """The beginning tells only the input: when the stream broke off, the output that came is estimated."""
        usage, text = self._usage.buckets(), "".join(self._text)
        if usage is not None and not self._told:
            usage = replace(
                usage, output_text=_ESTIMATOR.estimate(text), reasoning=0, estimated=True, estimator=_ESTIMATOR.name
            )
        stop = self._stop if self._chat is None else _finish(self._stop)
        return Answer(usage, self._id, self._model, stop, text)

    def keep(self) -> bytes:
        return b"".join(self._kept)

    @property
    def truncated(self) -> bool:
        return self._size > sum(map(len, self._kept))


def _finish(stop: str | None) -> str | None:
    return None if stop is None else FINISH_OF_STOP.get(stop, "stop")


def _headers(target: Target, credential: str | None) -> Headers:
    own = {
        name.removeprefix("header.").lower().encode("latin-1"): value.encode("latin-1")
        for name, value in target.settings.items()
        if name.startswith("header.")
    }
    key = {b"x-api-key": credential.encode("latin-1", "replace")} if credential else {}
    fixed = {b"content-type": b"application/json", b"accept-encoding": b"identity", b"anthropic-version": VERSION}
    return tuple({**fixed, **key, **own}.items())


def _translated(call: CallBody, target: Target) -> bytes:
    return request_from_chat(
        call.raw,
        model=target.upstream_model,
        max_tokens=call.max_tokens if call.max_tokens is not None else target.max_output_tokens,
        thinking=_thinking(target),
        inline_system=_one_of(target, "system", "inline", "top") != "top",
    )


def _thinking(target: Target) -> Thinking:
    named = _one_of(target, "thinking", "adaptive", "budget")
    if named is not None:
        return "budget" if named == "budget" else "adaptive"
    return "budget" if _BUDGETED.search(target.upstream_model) else "adaptive"


def _one_of(target: Target, name: str, *known: str) -> str | None:
    value = target.settings.get(name)
    if value is not None and value not in known:
        raise ConfigError(
            f"The target {target.id!r} has the setting {name} = {value!r}.",
            remedy=f"It can be {' or '.join(known)}.",
            code="unknown_setting",
            param=f"settings.{name}",
        )
    return value


def _until_reset(headers: Sequence[tuple[bytes, bytes]]) -> float | None:
    """Seconds until the limits that have nothing left are full again (`anthropic-ratelimit-*-reset`, RFC 3339)."""
    fields = {name.lower(): value.decode("latin-1").strip() for name, value in headers}
    waits: list[float] = []
    for unit in _LIMITS:
        if fields.get(b"anthropic-ratelimit-%b-remaining" % unit) == "0":
            try:
                at = datetime.fromisoformat(fields.get(b"anthropic-ratelimit-%b-reset" % unit, ""))
            except ValueError:
                continue
            moment = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
            waits.append((moment - datetime.now(UTC)).total_seconds())
    return min(max(0.0, *waits), LONGEST_REST) if waits else None
