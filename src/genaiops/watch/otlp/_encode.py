"""Our spans as `ExportTraceServiceRequest` in protobuf, with the names of OpenTelemetry GenAI 1.41."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from genaiops.domain import Content, GuardVerdict, Span, SpanKind
from genaiops.ports.blobs import Blobs
from genaiops.watch._documents import bodies, span_attributes
from genaiops.watch._text import request_turns, response_turns
from genaiops.watch._turns import Turn
from genaiops.watch._verdicts import guard_attributes
from genaiops.watch.otlp._protobuf import message, varint
from genaiops.watch.otlp._translate import is_content

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.41.0"
_OURS: Final = "genaiops"
_KINDS: Mapping[SpanKind, int] = {"gateway": 2, "llm": 3, "embedding": 3, "rerank": 3, "retrieval": 3}
"""SERVER and CLIENT; what is not here is INTERNAL."""

_INTERNAL = 1
_TOLD_KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
_APART = ("otel.", "genaiops.attempts")


def encode_request(
    spans: Sequence[tuple[Span, Content | None]],
    blobs: Blobs,
    *,
    content: bool,
    verdicts: Sequence[GuardVerdict] = (),
) -> bytes:
    """One message of all of them. `content`: with what was said, where it was kept. `verdicts`: those of the guards
    whose spans are among them (of others too)."""
    said: dict[tuple[bytes, bytes], list[GuardVerdict]] = {}
    for verdict in verdicts:
        said.setdefault((verdict.trace_id, verdict.span_id), []).append(verdict)
    groups: dict[tuple[bytes, bytes, str], list[bytes]] = {}
    for span, kept in spans:
        attributes = _decoded(kept)
        key = _resource(span, attributes), _scope(attributes), _schema(span, attributes)
        found = said.get((span.trace_id, span.span_id), ())
        groups.setdefault(key, []).append(_span(span, kept, attributes, found, blobs if content else None))
    return b"".join(
        message(
            0x0A,
            message(0x0A, resource)
            + message(0x12, message(0x0A, scope) + b"".join(message(0x12, one) for one in members) + _url(url)),
        )
        for (resource, scope, url), members in groups.items()
    )


def _url(url: str) -> bytes:
    return message(0x1A, url.encode()) if url else b""


def _decoded(content: Content | None) -> dict[str, Any]:
    if content is None or content.attributes is None:
        return {}
    return {name: msgspec.json.decode(value) for name, value in content.attributes.items()}


def _resource(span: Span, attributes: Mapping[str, Any]) -> bytes:
    known = cast("dict[str, Any]", attributes.get("otel.resource") or {"service.name": _OURS})
    more = {
        "genaiops.tenant.id": span.tenant_id,
        "genaiops.environment.id": span.environment_id,
        "genaiops.team.id": span.team_id,
        "genaiops.application": span.application,
        "deployment.environment.name": span.environment_id,
    }
    return _attributes(0x0A, {**more, **known})


def _scope(attributes: Mapping[str, Any]) -> bytes:
    told = cast("dict[str, Any]", attributes.get("otel.scope") or {"name": _OURS})
    version = str(told.get("version") or "")
    return message(0x0A, str(told.get("name", "")).encode()) + (message(0x12, version.encode()) if version else b"")


def _schema(span: Span, attributes: Mapping[str, Any]) -> str:
    if span.dialect == _OURS:
        return SCHEMA_URL
    told = cast("dict[str, Any]", attributes.get("otel.scope") or {})
    return str(told.get("schema_url") or "")


def _span(
    span: Span,
    kept: Content | None,
    attributes: Mapping[str, Any],
    verdicts: Sequence[GuardVerdict],
    blobs: Blobs | None,
) -> bytes:
    told = {name: value for name, value in attributes.items() if not name.startswith(_APART) and not is_content(name)}
    shown = {**told, **span_attributes(span, guard_attributes(verdicts, span.span_id)), **_own(span)}
    if blobs is not None:
        shown |= _said(span, kept, blobs)
    kind = _TOLD_KINDS.get(str(attributes.get("otel.span.kind")), _KINDS.get(span.kind, _INTERNAL))
    parts = [
        message(0x0A, span.trace_id),
        message(0x12, span.span_id),
        message(0x22, span.parent_id) if span.parent_id else b"",
        message(0x2A, _utf8(span.name)),
        b"\x30" + varint(kind),
        b"\x39" + _fixed64(span.start_us * 1000),
        b"\x41" + _fixed64((span.start_us + span.duration_us) * 1000),
        _attributes(0x4A, shown),
        *(_finding(span, verdict) for verdict in verdicts),
    ]
    if span.status != "ok":
        parts.append(message(0x7A, message(0x12, _utf8(span.error_message or span.status)) + b"\x18\x02"))
    return b"".join(parts)


def _finding(span: Span, verdict: GuardVerdict) -> bytes:
    """An event of a guard's span: what one rule said. The conventions have no words for guards yet (as of 1.41), so
    these are ours. Nothing that was said is in it, and no place where it stood."""
    event = verdict.event
    facts = {
        "genaiops.guard.policy": verdict.policy_name,
        "genaiops.guard.policy.digest": verdict.policy_digest or None,
        "genaiops.guard.rule": event.rule,
        "genaiops.guard.detector": event.detector,
        "genaiops.guard.direction": event.direction,
        "genaiops.guard.action": event.action,
        "genaiops.guard.shadow": event.shadow,
        "genaiops.guard.kinds": list(event.kinds) or None,
        "genaiops.guard.count": verdict.count,
        "genaiops.guard.score": event.score,
        "genaiops.guard.provenance": list(event.provenance) or None,
        "genaiops.guard.failed": True if event.error is not None else None,
    }
    at = _fixed64((span.start_us + span.duration_us) * 1000)
    return message(0x5A, b"\x09" + at + message(0x12, b"genaiops.guard.finding") + _attributes(0x1A, facts))


def _own(span: Span) -> dict[str, Any]:
    """What the conventions have no name for."""
    cost = span.cost.nano if span.cost is not None else None
    return {
        "genaiops.span.kind": span.kind,
        "genaiops.key.id": span.key_id,
        "genaiops.target.id": span.target_id,
        "genaiops.route.id": span.route_id,
        "genaiops.cost.usd" if span.cost is not None and span.cost.currency == "USD" else "genaiops.cost": (
            None if cost is None else cost / 1_000_000_000
        ),
        "genaiops.owns_usage": span.owns_usage if span.usage is not None else None,
        "user.id": span.user_id,
    }


def _said(span: Span, kept: Content | None, blobs: Blobs) -> dict[str, Any]:
    asked, said = bodies(kept, blobs)
    operation = "chat" if span.dialect != _OURS else span.operation
    found: dict[str, Any] = {}
    for name, turns, raw in (
        ("gen_ai.input.messages", request_turns(operation, asked), asked),
        ("gen_ai.output.messages", response_turns(operation, said), said),
    ):
        if turns:
            found[name] = msgspec.json.encode([_parts(turn) for turn in turns]).decode()
        elif raw and span.kind == "tool":
            tool = "gen_ai.tool.call.arguments" if name == "gen_ai.input.messages" else "gen_ai.tool.call.result"
            found[tool] = raw.decode("utf-8", "replace")
    return found


def _parts(turn: Turn) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    if turn.reasoning:
        parts.append({"type": "reasoning", "content": turn.reasoning})
    if turn.text or not turn.tool_calls:
        parts.append({"type": "text", "content": turn.text})
    parts += [
        {"type": "tool_call", "id": call.id, "name": call.name, "arguments": call.arguments} for call in turn.tool_calls
    ]
    return {"role": turn.role, "parts": parts}


def _attributes(tag: int, given: Mapping[str, Any]) -> bytes:
    return b"".join(
        message(tag, message(0x0A, _utf8(name)) + message(0x12, _value(value)))
        for name, value in given.items()
        if value is not None
    )


def _value(value: Any) -> bytes:
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        return b"\x18" + varint(max(-(1 << 63), min(value, (1 << 63) - 1)) & ((1 << 64) - 1))
    if isinstance(value, float):
        return b"\x21" + struct.pack("<d", value)
    if isinstance(value, list | tuple):
        return message(0x2A, b"".join(message(0x0A, _value(one)) for one in cast("Sequence[Any]", value)))
    if isinstance(value, dict):
        return message(0x32, _attributes(0x0A, cast("dict[str, Any]", value)))
    return message(0x0A, _utf8(str(value))) if value is not None else b""


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _fixed64(number: int) -> bytes:
    return (max(0, number) & ((1 << 64) - 1)).to_bytes(8, "little")
