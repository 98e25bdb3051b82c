"""Ended spans as a request of OTLP/HTTP in JSON: ids in hexadecimal, whole numbers of 64 bits as text."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from genaiops.sdk._settings import Settings
from genaiops.sdk._span import Attribute, Span

SCHEMA = "https://opentelemetry.io/schemas/1.41.0"
_INTERNAL, _CLIENT = 1, 3
_ERROR = 2
_INT64 = 1 << 63


def request(spans: Sequence[Span], settings: Settings, version: str) -> bytes:
    resource = {
        **settings.resource,
        "service.name": settings.service,
        "telemetry.sdk.name": "genaiops",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.version": version,
    }
    scope = {"scope": {"name": "genaiops", "version": version}, "spans": [_span(span) for span in spans]}
    group = {"resource": {"attributes": _attributes(resource)}, "scopeSpans": [scope], "schemaUrl": SCHEMA}
    return msgspec.json.encode({"resourceSpans": [group]})


def _span(span: Span) -> dict[str, Any]:
    found: dict[str, Any] = {
        "traceId": span.id.trace_id.hex(),
        "spanId": span.id.span_id.hex(),
        "name": span.name,
        "kind": _CLIENT if span.kind in {"llm", "embedding"} else _INTERNAL,
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.start_ns + (span.duration_ns or 0)),
        "attributes": _attributes(span.attributes),
        "flags": 1,
    }
    if span.id.parent_id is not None:
        found["parentSpanId"] = span.id.parent_id.hex()
    if span.events:
        found["events"] = [
            {"name": event.name, "timeUnixNano": str(event.at_ns), "attributes": _attributes(event.attributes)}
            for event in span.events
        ]
    if span.dropped:
        found["droppedAttributesCount"] = span.dropped
    if span.failure is not None:
        found["status"] = {"code": _ERROR, "message": span.failure}
    return found


def _attributes(given: Mapping[str, Attribute]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in given.items()]


def _value(value: Attribute) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int) and -_INT64 <= value < _INT64:
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {
            "doubleValue": value if value - value == 0 else str(value).replace("nan", "NaN").replace("inf", "Infinity")
        }
    return {"stringValue": str(value)}
