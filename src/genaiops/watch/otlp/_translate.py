"""A span of OTLP as one of ours: facts in columns, messages as a conversation, every other attribute as it came."""

import functools
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import msgspec

from genaiops.domain import (
    INLINE,
    PREVIEW,
    Content,
    ContentState,
    Cost,
    Price,
    Span,
    Status,
    Usage,
    charge,
    price_at,
    prices_of,
)
from genaiops.ports.blobs import Blobs
from genaiops.watch._spans import SEARCHED, preview
from genaiops.watch._text import turns_of_answer, turns_of_request, turns_text
from genaiops.watch.otlp import _genai, _openinference, _traceloop
from genaiops.watch.otlp._facts import Facts, json_text, merged, plain, text_at
from genaiops.watch.otlp._messages import as_answer, as_request
from genaiops.watch.otlp._wire import Attributes, Group, WireEvent, WireSpan

Capture = Literal["full", "preview", "off"]

PLAIN: Final = "otel"
"""The dialect of spans that say nothing of generative AI."""

_DIALECTS = (_genai, _openinference, _traceloop)
_CONTENT = frozenset(name for dialect in _DIALECTS for name in dialect.CONTENT)
_PREFIXES = tuple(prefix for dialect in _DIALECTS for prefix in dialect.CONTENT_PREFIXES)
_NO_CONTENT = frozenset(_genai.NAMES_OF_PROMPTS)
_CONTENT_EVENTS = ("gen_ai.", "llm.")
_SHORT = 128
"""Characters of an attribute's text that are kept where content is not."""

_NAME = 512
_ENCODE: Final = msgspec.json.Encoder().encode
_FUTURE_US = 3_600_000_000


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """Whose key the spans came with; `capture` is what its environment keeps of content."""

    key_id: str
    key_name: str
    actor_id: str
    tenant_id: str
    team_id: str | None
    environment_id: str
    application: str | None
    capture: Capture


class Table:
    """The price table by provider and model."""

    def __init__(self, prices: Sequence[Price]) -> None:
        self.prices = prices
        self._found: dict[tuple[str, str], tuple[Price, ...]] = {}

    def cost(self, provider: str | None, models: Sequence[str | None], usage: Usage, at_us: int) -> Cost | None:
        """By the model that answered, else by the one that was asked for; None: no line says."""
        for model in models if provider is not None else ():
            if not model:
                continue
            lines = self._found.get((provider, model))  # pyright: ignore[reportArgumentType] (provider is a text here)
            if lines is None:
                assert provider is not None
                lines = self._found[provider, model] = prices_of(provider, model, self.prices)
            price = price_at(lines, at_us)
            nano = None if price is None else charge(usage, price)
            if price is not None and nano is not None:
                return Cost(nano, price.currency, price.id, price.version)
        return None


def fault(span: WireSpan) -> str | None:
    """Why a span cannot be taken; None when it can."""
    if len(span.trace_id) != 16 or not any(span.trace_id):
        return "a trace_id is not 16 bytes, or all zero"
    if len(span.span_id) != 8 or not any(span.span_id):
        return "a span_id is not 8 bytes, or all zero"
    if span.parent_id and len(span.parent_id) != 8:
        return "a parent_span_id is not 8 bytes"
    return None


class Translator:
    """From one request to spans and contents. Large bodies go to the blob store here."""

    def __init__(self, prices: Sequence[Price], blobs: Blobs, clock: Callable[[], int]) -> None:
        self._table = Table(prices)
        self._blobs = blobs
        self._clock = clock
        self._last: tuple[Group | None, Capture, dict[str, msgspec.Raw]] = (None, "off", {})

    def span(self, span: WireSpan, group: Group, sender: Sender) -> tuple[Span, Content]:
        speaking = [dialect for dialect in _DIALECTS if dialect.speaks(span)]
        facts = merged([dialect.read(span) for dialect in speaking])
        dialect = speaking[0].DIALECT if speaking else PLAIN
        start_us = self._start(span)
        content, state, previews = self._content(span, group, sender, facts, start_us)
        status, error_type, message = _status(span)
        parent = span.parent_id if any(span.parent_id) and span.parent_id != span.span_id else None
        return Span(
            trace_id=span.trace_id,
            span_id=span.span_id,
            parent_id=parent,
            name=span.name[:_NAME],
            kind=facts.kind or ("llm" if facts.usage is not None and facts.request_model else "other"),
            operation=(facts.operation or "")[:_NAME],
            start_us=start_us,
            duration_us=max(0, (span.end_ns - span.start_ns) // 1000) if span.end_ns else 0,
            first_token_us=facts.first_token_us,
            status=status,
            error_type=error_type,
            error_message=_kept_text(message, sender.capture),
            http_status=_http_status(span.attributes),
            provider=facts.provider,
            request_model=facts.request_model or facts.response_model,
            response_model=facts.response_model,
            response_id=facts.response_id,
            finish_reason=facts.finish_reason or _finish(facts),
            streamed=bool(facts.streamed),
            tenant_id=sender.tenant_id,
            environment_id=sender.environment_id,
            team_id=sender.team_id,
            key_id=sender.key_id,
            actor_id=sender.actor_id,
            application=sender.application,
            user_id=facts.user_id or text_at(span.attributes, "user.id", "enduser.id"),
            session_id=facts.session_id or text_at(span.attributes, "session.id"),
            usage=facts.usage,
            cost=self._cost(facts, start_us),
            owns_usage=facts.usage is not None,
            input_preview=previews[0],
            output_preview=previews[1],
            content=state,
            dialect=dialect,
            semconv=_version(group.schema_url),
        ), content

    def _start(self, span: WireSpan) -> int:
        """A span without a time, or from the future, began when it came."""
        now = self._clock()
        start_us = span.start_ns // 1000
        return start_us if 0 < start_us < now + _FUTURE_US else now

    def _cost(self, facts: Facts, at_us: int) -> Cost | None:
        """By our table, else as it was reported, else unknown."""
        if facts.usage is None:
            return None
        found = self._table.cost(facts.provider, (facts.response_model, facts.request_model), facts.usage, at_us)
        if found is not None:
            return found
        return Cost(None) if facts.cost is None else Cost(round(facts.cost * 1_000_000_000))

    def _content(
        self, span: WireSpan, group: Group, sender: Sender, facts: Facts, start_us: int
    ) -> tuple[Content, ContentState, tuple[str, str]]:
        request = as_request(facts.asked) if facts.asked else None
        answer = as_answer(facts.said) if facts.said else None
        asked = (facts.given or "").encode("utf-8", "replace") if request is None else _ENCODE(request)
        said = (facts.made or "").encode("utf-8", "replace") if answer is None else _ENCODE(answer)
        raw = _attributes(span, self._common(group, sender.capture), sender.capture)
        if said and sender.capture != "full":
            raw["genaiops.output.sha256"] = _raw(hashlib.sha256(said).hexdigest())
        fields: dict[str, Any] = {}
        previews, state = ("", ""), "digest"
        if sender.capture != "off":
            turns = [] if request is None else turns_of_request("chat", request)
            answers = [] if answer is None else turns_of_answer(answer)
            previews = (preview(turns) or _line(facts.given), preview(answers) or _line(facts.made))
            state = "preview"
            if sender.capture == "full":
                words = (turns_text(turns) or facts.given, turns_text(answers) or facts.made)
                fields = self._bodies(asked, said) | {"text": "\n".join(one[:SEARCHED] for one in words if one)}
                state = "blob" if "input_blob" in fields or "output_blob" in fields else "inline"
        content = Content(trace_id=span.trace_id, span_id=span.span_id, start_us=start_us, attributes=raw, **fields)
        return content, state, previews

    def _common(self, group: Group, capture: Capture) -> dict[str, msgspec.Raw]:
        """What all spans of a group say. The last one is kept: a request has few groups with many spans."""
        last, its_capture, found = self._last
        if last is group and its_capture == capture:
            return found
        scope = {"name": group.scope, "version": group.scope_version, "schema_url": group.schema_url}
        found = {"otel.scope": _raw(scope)}
        if group.resource:
            found["otel.resource"] = _raw({name: _value(value, capture) for name, value in group.resource.items()})
        self._last = group, capture, found
        return found

    def _bodies(self, asked: bytes, said: bytes) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, body in (("input", asked), ("output", said)):
            if len(body) > INLINE:
                found[f"{name}_blob"] = self._blobs.put(body)
            elif body:
                found[name] = body
        return found


def _line(text: str | None) -> str:
    return " ".join((text or "")[: PREVIEW * 2].split())[:PREVIEW]


def _finish(facts: Facts) -> str | None:
    found = facts.said[-1].get("finish_reason") if facts.said else None
    return found if isinstance(found, str) else None


def _status(span: WireSpan) -> tuple[Status, str | None, str | None]:
    """(status, error.type, message). An exception that was caught fails no span: only its status does."""
    if span.status != 2:
        return "ok", None, None
    nothing: Attributes = {}
    raised = next((one.attributes for one in reversed(span.events) if one.name == "exception"), nothing)
    kind = text_at(span.attributes, "error.type") or text_at(raised, "exception.type") or "error"
    return "error", kind[:_NAME], span.status_message or text_at(raised, "exception.message")


def _kept_text(text: str | None, capture: Capture) -> str | None:
    """A message of an error may quote the prompt."""
    if text is None:
        return None
    return text[:4096] if capture == "full" else text[:PREVIEW] if capture == "preview" else None


def _http_status(given: Attributes) -> int | None:
    for name in ("http.response.status_code", "http.status_code"):
        value = given.get(name)
        if isinstance(value, int) and 100 <= value < 600:
            return value
    return None


def _version(schema_url: str) -> str:
    """The version of the semantic conventions that the sender names; unknown where it names none."""
    version = schema_url.rstrip("/").rpartition("/")[2]
    return version[:20] if version[:1].isdigit() else "unknown"


@functools.lru_cache(maxsize=4096)
def is_content(name: str) -> bool:
    return (name in _CONTENT or name.startswith(_PREFIXES)) and name not in _NO_CONTENT


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(_ENCODE(value if isinstance(value, str | int | float) else plain(value)))


def _attributes(span: WireSpan, common: dict[str, msgspec.Raw], capture: Capture) -> dict[str, msgspec.Raw]:
    """What has no column. What was said is not among it: that is the content."""
    found = {
        name: _raw(value if capture == "full" else _value(value, capture))
        for name, value in span.attributes.items()
        if not is_content(name)
    }
    found |= common
    found["otel.span.kind"] = _KINDS[span.kind] if 0 <= span.kind < len(_KINDS) else _raw(str(span.kind))
    events = [_event(one, capture) for one in span.events if not one.name.startswith(_CONTENT_EVENTS)]
    if events:
        found["otel.events"] = _raw(events)
    if span.links:
        found["otel.links"] = _raw(
            [
                {"trace_id": one.trace_id.hex(), "span_id": one.span_id.hex(), **_kept(one.attributes, capture)}
                for one in span.links
            ]
        )
    if span.dropped:
        found["otel.dropped"] = _raw(span.dropped)
    return found


_KINDS = tuple(map(_raw, ("unspecified", "internal", "server", "client", "producer", "consumer")))


def _event(event: WireEvent, capture: Capture) -> dict[str, Any]:
    given = event.attributes
    if capture == "off":  # messages of exceptions quote what was said
        given = {name: value for name, value in given.items() if name == "exception.type"}
    return {"name": event.name, "time_unix_nano": event.time_ns, **_kept(given, capture)}


def _kept(given: Attributes, capture: Capture) -> dict[str, Any]:
    return {"attributes": {name: _value(value, capture) for name, value in given.items()}} if given else {}


def _value(value: Any, capture: Capture) -> Any:
    """An attribute that nobody knows may hold what was said: where content is not kept, long texts are cut or left
    out."""
    if capture == "full":
        return value
    most = PREVIEW if capture == "preview" else _SHORT
    if isinstance(value, bool | int | float) or value is None:
        return value
    text = json_text(value)
    if len(text) <= most:
        return value
    return text[:PREVIEW] if capture == "preview" else f"[{len(text)} characters, not kept]"
