"""The spans that are sent: agents' traces of 10 spans, some 2 KB each, in requests of 500, as OTLP/HTTP protobuf."""

import hashlib
import json
import time

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

TRACE_SPANS = 10
_WORDS = (
    "the",
    "order",
    "that",
    "you",
    "asked",
    "about",
    "left",
    "our",
    "store",
    "on",
    "Monday",
    "and",
    "will",
    "arrive",
)


def request(number: int, spans: int) -> bytes:
    """The request of that number; spans of other numbers have other ids and other words."""
    made = [_span(number * spans + index) for index in range(spans)]
    resource = Resource(attributes=_pairs({"service.name": "shop", "telemetry.sdk.language": "python"}))
    scope = ScopeSpans(scope=InstrumentationScope(name="bench", version="1"), spans=made)
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=resource, scope_spans=[scope])]
    ).SerializeToString()


def ids(number: int, spans: int) -> set[str]:
    """The ids, in hexadecimal, of the spans of that request."""
    return {_span_id(number * spans + index).hex() for index in range(spans)}


def _span_id(index: int) -> bytes:
    return hashlib.sha256(b"span %d" % index).digest()[:8]


def _text(seed: int, words: int) -> str:
    return " ".join(f"{_WORDS[(seed * 7 + at * 13) % len(_WORDS)]}{(seed + at) % 97}" for at in range(words))


def _pairs(given: dict[str, str | int | float]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in given.items()]


def _value(value: str | float) -> AnyValue:
    if isinstance(value, str):
        return AnyValue(string_value=value)
    return AnyValue(int_value=value) if isinstance(value, int) else AnyValue(double_value=value)


def _span(index: int) -> Span:
    trace, step = divmod(index, TRACE_SPANS)
    now = time.time_ns()
    asked = [{"role": "user", "parts": [{"type": "text", "content": _text(index, 90)}]}]
    said = [{"role": "assistant", "parts": [{"type": "text", "content": _text(index + 1, 90)}]}]
    attributes: dict[str, str | int | float] = {
        "gen_ai.operation.name": "chat" if step else "invoke_agent",
        "openinference.span.kind": "LLM" if step else "AGENT",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.response.id": f"chatcmpl-{index}",
        "gen_ai.conversation.id": f"visit {trace % 1000}",
        "user.id": f"user {trace % 500}",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.usage.input_tokens": 100 + index % 50,
        "gen_ai.usage.output_tokens": 40,
        "gen_ai.input.messages": json.dumps(asked),
        "gen_ai.output.messages": json.dumps(said),
    }
    return Span(
        trace_id=hashlib.sha256(b"bench %d" % trace).digest()[:16],
        span_id=_span_id(index),
        parent_span_id=_span_id(trace * TRACE_SPANS) if step else b"",
        name="chat gpt-4o" if step else "invoke_agent",
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=now - 300_000_000,
        end_time_unix_nano=now,
        attributes=_pairs(attributes),
    )
