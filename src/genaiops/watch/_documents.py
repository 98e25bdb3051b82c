"""Traces as JSON-ready documents, with OpenTelemetry's names (GenAI semantic conventions 1.41) on the spans."""

from typing import Any

import msgspec

from genaiops.core.clock import to_iso
from genaiops.core.errors import GenaiopsError
from genaiops.core.money import from_nano
from genaiops.domain import MEDIA_ATTRIBUTE, MODEL_CALLS, PROVENANCE_ATTRIBUTE, Content, Cost, Span, Usage
from genaiops.ports.blobs import Blobs
from genaiops.ports.telemetry import Recorded, Trace, TraceRow
from genaiops.watch._energy_documents import energy_document, trace_energy_document
from genaiops.watch._media import media_of
from genaiops.watch._spans import LOOKUP, PROPERTIES
from genaiops.watch._text import request_turns, response_turns
from genaiops.watch._turns import Turn
from genaiops.watch._verdicts import guard_attributes, verdict_document

Document = dict[str, Any]

OURS = "genaiops"
"""The dialect of what the gateway wrote."""

_OWN_ATTRIBUTES = ("genaiops.routing.", "genaiops.guard.")
"""How the attributes begin that the gateway's records add to a span."""

_APART = frozenset({"genaiops.attempts", LOOKUP, PROPERTIES, MEDIA_ATTRIBUTE, PROVENANCE_ATTRIBUTE})
"""Attributes that stand elsewhere in a document."""


def _ms(us: int | None) -> float | None:
    return None if us is None else us / 1000


def _error(span: Span) -> Document | None:
    if span.error_type is None and span.status == "ok":
        return None
    return {"type": span.error_type or span.status, "message": span.error_message or ""}


def _usage(input_tokens: int, output_tokens: int, *, estimated: bool) -> Document:
    return {
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "total_tokens": input_tokens + output_tokens,
        "estimated": estimated,
    }


def _span_usage(usage: Usage | None) -> Document | None:
    if usage is None:
        return None
    return {
        **_usage(usage.input_tokens, usage.output_tokens, estimated=usage.estimated),
        "input_uncached": usage.input_uncached,
        "cache_read": usage.cache_read,
        "cache_write": usage.cache_write,
        "output_text": usage.output_text,
        "reasoning": usage.reasoning,
        "estimator": usage.estimator,
        **{name: value for name in _RARE if (value := getattr(usage, name))},
    }


_RARE = (
    *("cache_write_1h", "audio_input", "image_input", "audio_output", "image_output"),
    *("searches", "images", "characters", "audio_ms", "video_ms", "video_size", "service", "unknown"),
)
"""Shown of a usage only where there are any."""


def _cost(nano: int | None, currency: str = "USD", version: int | None = None) -> Document:
    known = nano is not None
    return {
        "amount": from_nano(nano) if nano is not None else None,
        "currency": currency,
        "known": known,
        "price_version": version,
    }


def _span_cost(cost: Cost | None) -> Document | None:
    return None if cost is None else {**_cost(cost.nano, cost.currency, cost.price_version), "price_id": cost.price_id}


def trace_row_document(row: TraceRow) -> Document:
    """One line of a list of traces."""
    root = row.root
    return {
        "trace_id": root.trace_id.hex(),
        "request_id": root.request_id,
        "started_at": to_iso(root.start_us),
        "name": root.name,
        "operation": root.operation,
        "status": root.status,
        "http_status": root.http_status,
        "error": _error(root),
        "model": root.request_model,
        "target": root.target_id,
        "route": root.route_id,
        "key_id": root.key_id,
        "team_id": root.team_id,
        "environment_id": root.environment_id,
        "application": root.application,
        "user": {"id": root.user_id, "verified": root.user_verified} if root.user_id else None,
        "session_id": root.session_id,
        "duration_ms": _ms(root.duration_us),
        "first_token_ms": _ms(root.first_token_us),
        "streamed": root.streamed,
        "finish_reason": root.finish_reason,
        "usage": _usage(row.input_tokens, row.output_tokens, estimated=row.estimated),
        "cost": _cost(row.cost_nano),
        "spans": row.spans,
        "input_preview": root.input_preview,
        "output_preview": root.output_preview,
    }


def root_of(trace: Trace) -> Span:
    """The span that has no parent, else the gateway's, else the first one."""
    whole = next((span for span in trace.spans if span.parent_id is None), None)
    return whole or next((span for span in trace.spans if span.kind == "gateway"), trace.spans[0])


def row_of(trace: Trace) -> TraceRow:
    """The sums of a trace: every token and every charge of it once."""
    owners = [span for span in trace.spans if span.owns_usage and span.usage is not None]
    costs = [span.cost.nano if span.cost is not None else None for span in owners]
    return TraceRow(
        root=root_of(trace),
        input_tokens=sum(span.usage.input_tokens for span in owners if span.usage),
        output_tokens=sum(span.usage.output_tokens for span in owners if span.usage),
        estimated=any(span.usage.estimated for span in owners if span.usage),
        cost_nano=None if None in costs else sum(cost for cost in costs if cost is not None),
        spans=len(trace.spans),
    )


def trace_document(trace: Trace, blobs: Blobs) -> Document:
    """A whole trace. `usage` counts every token once; `input` and `output` are JSON where they are JSON, else text."""
    row = row_of(trace)
    root = row.root
    content = trace.contents.get(root.span_id.hex())
    asked, said = bodies(content, blobs)
    attempts = {
        span_id: more
        for span in trace.spans
        if span.kind == "gateway"
        for span_id, more in _attributes(trace.contents.get(span.span_id.hex())).get("genaiops.attempts", {}).items()
    }
    guards = {
        span.span_id.hex(): guard_attributes(trace.verdicts, span.span_id)
        for span in trace.spans
        if span.kind == "guardrail"
    }
    told = {**attempts, **guards}
    document = trace_row_document(row)
    untold = sorted({unit for span in trace.spans if span.owns_usage and span.usage for unit in span.usage.unknown})
    if untold:
        document["usage"]["unknown"] = untold
    return {
        **document,
        "energy": trace_energy_document([span for span in trace.spans if span.kind in MODEL_CALLS]),
        "spans": [
            {
                **_span_document(span, told.get(span.span_id.hex(), {}), trace.recorded.get(span.span_id.hex())),
                **_told_document(span, trace.contents.get(span.span_id.hex()), blobs),
            }
            for span in trace.spans
        ],
        "messages": msgspec.to_builtins(conversation(trace, blobs)),
        "input": _readable(asked),
        "output": _readable(said),
        "content": root.content,
        "media": [
            {**msgspec.to_builtins(one), "href": f"/api/traces/{trace.trace_id.hex()}/media/{one.digest[7:]}"}
            if one.kept
            else msgspec.to_builtins(one)
            for one in media_of(trace)
        ],
        "properties": _attributes(content).get(PROPERTIES, {}),
        "cache": _attributes(content).get(LOOKUP),
        "provenance": _attributes(content).get(PROVENANCE_ATTRIBUTE, []),
        "attributes": {key: value for key, value in _attributes(content).items() if key not in _APART},
        "verdicts": [verdict_document(verdict) for verdict in trace.verdicts],
        "scores": [
            {
                "name": score.name,
                "value": score.value,
                "label": score.label,
                "source": score.source,
                "comment": score.comment,
                "created_at": to_iso(score.created_us),
            }
            for score in trace.scores
        ],
    }


def _attributes(content: Content | None) -> Document:
    if content is None or content.attributes is None:
        return {}
    return {name: msgspec.json.decode(value) for name, value in content.attributes.items()}


def span_attributes(span: Span, more: Document) -> Document:
    """By OpenTelemetry's names; `more` is what the gateway's records tell of an attempt."""
    attributes: Document = {
        "gen_ai.operation.name": span.operation or None,
        "gen_ai.provider.name": span.provider,
        "gen_ai.request.model": more.get("gen_ai.request.model") or span.request_model,
        "gen_ai.response.model": span.response_model,
        "gen_ai.response.id": span.response_id,
        "gen_ai.response.finish_reasons": [span.finish_reason] if span.finish_reason else None,
        "gen_ai.request.stream": True if span.streamed else None,
        "gen_ai.conversation.id": span.session_id,
        "server.address": more.get("server.address"),
        "server.port": more.get("server.port"),
        "error.type": span.error_type,
        "http.response.status_code": span.http_status,
        **{name: value for name, value in more.items() if name.startswith(_OWN_ATTRIBUTES)},
    }
    if span.usage is not None:
        attributes |= {
            "gen_ai.usage.input_tokens": span.usage.input_tokens,
            "gen_ai.usage.output_tokens": span.usage.output_tokens,
            "gen_ai.usage.cache_read.input_tokens": span.usage.cache_read or None,
            "gen_ai.usage.cache_creation.input_tokens": span.usage.cache_write + span.usage.cache_write_1h or None,
            "gen_ai.usage.reasoning.output_tokens": span.usage.reasoning or None,
        }
    if span.first_token_us is not None:
        attributes["gen_ai.response.time_to_first_chunk"] = span.first_token_us / 1_000_000
    return {name: value for name, value in attributes.items() if value is not None}


def _span_document(span: Span, more: Document, recorded: Recorded | None) -> Document:
    return {
        "span_id": span.span_id.hex(),
        "parent_id": span.parent_id.hex() if span.parent_id else None,
        "name": span.name,
        "kind": span.kind,
        "started_at": to_iso(span.start_us),
        "duration_ms": _ms(span.duration_us),
        "first_token_ms": _ms(span.first_token_us),
        "status": span.status,
        "http_status": span.http_status,
        "error": _error(span),
        "target": span.target_id,
        "attempt": span.attempt,
        "reason": more.get("reason"),
        "usage": _span_usage(span.usage),
        "cost": _span_cost(span.cost),
        "cost_recorded": _span_cost(recorded.cost) if recorded is not None else None,
        "cost_corrected": _correction(recorded),
        "energy": energy_document(span.energy),
        "owns_usage": span.owns_usage,
        "semconv": span.semconv,
        "attributes": span_attributes(span, more),
    }


def _told_document(span: Span, content: Content | None, blobs: Blobs) -> Document:
    """What only spans of other programs have: their dialect, their own input and output, all their attributes."""
    if span.dialect == OURS:
        return {}
    asked, said = bodies(content, blobs)
    return {
        "dialect": span.dialect,
        "input": _readable(asked),
        "output": _readable(said),
        "attributes": {**_attributes(content), **span_attributes(span, {})},
    }


def _correction(recorded: Recorded | None) -> Document | None:
    """Who corrected the cost, an actor's id, and when."""
    return None if recorded is None else {"at": to_iso(recorded.corrected_us), "by": recorded.corrected_by}


def bodies(content: Content | None, blobs: Blobs) -> tuple[bytes, bytes]:
    """(input, output) as they crossed the wire; empty where nothing was kept or the blob is gone."""
    if content is None:
        return b"", b""
    return _whole(content.input, content.input_blob, blobs), _whole(content.output, content.output_blob, blobs)


def _whole(inline: bytes | None, blob: str | None, blobs: Blobs) -> bytes:
    if blob is None:
        return inline or b""
    try:
        return blobs.get(blob)
    except GenaiopsError:
        return b""


def _readable(data: bytes) -> Any:
    if not data:
        return None
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return data.decode("utf-8", "replace")


def conversation(trace: Trace, blobs: Blobs) -> list[Turn]:
    """What was said in the call that the trace is about; where its root is none, or has only half of it, in
    the last call of a model below."""
    root = root_of(trace)
    calls = [span for span in trace.spans if span.kind in ("gateway", "llm") and span is not root]
    half: list[Turn] = []
    for span in (root, *sorted(calls, key=lambda one: one.start_us, reverse=True)):
        asked, said = bodies(trace.contents.get(span.span_id.hex()), blobs)
        operation = "chat" if span.dialect != OURS else span.operation
        answer = response_turns(operation, said)
        turns = [*request_turns(operation, asked), *answer]
        if turns and (answer or span.dialect == OURS):
            return turns
        half = half or turns
    return half
