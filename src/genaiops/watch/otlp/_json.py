"""`ExportTraceServiceRequest` in OTLP's JSON: ids in hexadecimal, whole numbers as text or as numbers."""

import base64
import binascii
from typing import Any

import msgspec

from genaiops.watch.otlp._wire import DEEPEST, Attributes, Group, Malformed, WireEvent, WireLink, WireSpan

_Number = int | str | None


class _Value(msgspec.Struct, rename="camel"):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: _Number = None
    double_value: float | str | None = None
    array_value: "_Array | None" = None
    kvlist_value: "_List | None" = None
    bytes_value: str | None = None


class _KeyValue(msgspec.Struct):
    key: str = ""
    value: _Value | None = None


class _Array(msgspec.Struct):
    values: list[_Value | None] | None = None


class _List(msgspec.Struct):
    values: list[_KeyValue] | None = None


class _Event(msgspec.Struct, rename="camel"):
    time_unix_nano: _Number = None
    name: str | None = None
    attributes: list[_KeyValue] | None = None


class _Link(msgspec.Struct, rename="camel"):
    trace_id: str | None = None
    span_id: str | None = None
    attributes: list[_KeyValue] | None = None


class _Status(msgspec.Struct):
    message: str | None = None
    code: _Number = None


class _Span(msgspec.Struct, rename="camel"):
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    name: str | None = None
    kind: _Number = None
    start_time_unix_nano: _Number = None
    end_time_unix_nano: _Number = None
    attributes: list[_KeyValue] | None = None
    events: list[_Event] | None = None
    links: list[_Link] | None = None
    status: _Status | None = None
    dropped_attributes_count: int | None = None
    dropped_events_count: int | None = None
    dropped_links_count: int | None = None


class _Scope(msgspec.Struct):
    name: str | None = None
    version: str | None = None


class _ScopeSpans(msgspec.Struct, rename="camel"):
    scope: _Scope | None = None
    spans: list[_Span] | None = None
    schema_url: str | None = None


class _Resource(msgspec.Struct):
    attributes: list[_KeyValue] | None = None


class _ResourceSpans(msgspec.Struct, rename="camel"):
    resource: _Resource | None = None
    scope_spans: list[_ScopeSpans] | None = None
    schema_url: str | None = None


class _Request(msgspec.Struct, rename="camel"):
    resource_spans: list[_ResourceSpans] | None = None


_DECODER = msgspec.json.Decoder(_Request)
_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_STATUS = ("UNSET", "OK", "ERROR")


def decode_json(data: bytes) -> tuple[Group, ...]:
    """The spans of a request. Malformed when it is no JSON of OTLP."""
    try:
        request = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(
            f"The body is no OTLP in JSON: {error}.", remedy="Send an object with resourceSpans, in UTF-8."
        ) from error
    groups: list[Group] = []
    for each in request.resource_spans or ():
        resource = _attributes(each.resource.attributes if each.resource else None)
        for scoped in each.scope_spans or ():
            scope = scoped.scope or _Scope()
            spans = tuple(_span(span) for span in scoped.spans or ())
            url = scoped.schema_url or each.schema_url or ""
            groups.append(Group(resource, scope.name or "", scope.version or "", url, spans))
    return tuple(groups)


def _span(span: _Span) -> WireSpan:
    status = span.status or _Status()
    return WireSpan(
        trace_id=_id(span.trace_id),
        span_id=_id(span.span_id),
        parent_id=_id(span.parent_span_id),
        name=span.name or "",
        kind=_number(span.kind, _KINDS),
        start_ns=_number(span.start_time_unix_nano),
        end_ns=_number(span.end_time_unix_nano),
        attributes=_attributes(span.attributes),
        events=tuple(
            WireEvent(one.name or "", _number(one.time_unix_nano), _attributes(one.attributes))
            for one in span.events or ()
        ),
        links=tuple(
            WireLink(_id(one.trace_id), _id(one.span_id), _attributes(one.attributes)) for one in span.links or ()
        ),
        status=_number(status.code, _STATUS),
        status_message=status.message or "",
        dropped=sum(
            one or 0 for one in (span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count)
        ),
    )


def _id(text: str | None) -> bytes:
    try:
        return bytes.fromhex(text or "")
    except ValueError:
        return b""  # of no valid length, so the span is rejected by itself


def _number(value: _Number, names: tuple[str, ...] = ()) -> int:
    if value is None:
        return 0
    if isinstance(value, int):
        return value
    try:
        return int(value)
    except ValueError:
        word = value.rpartition("_")[2]
        if word in names:  # some senders write SPAN_KIND_CLIENT
            return names.index(word)
        raise Malformed(f"{value[:40]!r} is no whole number.", remedy="Write numbers in decimal.") from None


def _attributes(given: list[_KeyValue] | None, depth: int = 0) -> Attributes:
    return {one.key: _plain(one.value, depth) for one in given or ()}


def _plain(value: _Value | None, depth: int) -> Any:
    if value is None:
        return None
    if depth > DEEPEST:
        raise Malformed(f"An attribute is nested more than {DEEPEST} deep.", remedy="Send it as JSON text.")
    if value.string_value is not None:
        return value.string_value
    if value.int_value is not None:
        return _number(value.int_value)
    if value.bool_value is not None:
        return value.bool_value
    if value.double_value is not None:
        return _double(value.double_value)
    if value.array_value is not None:
        return [_plain(one, depth + 1) for one in value.array_value.values or ()]
    if value.kvlist_value is not None:
        return _attributes(value.kvlist_value.values, depth + 1)
    if value.bytes_value is not None:
        try:
            return base64.b64decode(value.bytes_value, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Malformed("A bytesValue is no base64.", remedy="Encode bytes in base64.") from error
    return None


def _double(value: float | str) -> float:
    try:
        return float(value)  # "NaN" and "Infinity" are text in protobuf's JSON
    except ValueError:
        raise Malformed(f"{str(value)[:40]!r} is no number.", remedy="Write numbers in decimal.") from None


def json_answer(rejected: int, message: str) -> bytes:
    """`ExportTraceServiceResponse`: empty when all was taken."""
    if not rejected and not message:
        return b"{}"
    said: dict[str, Any] = {"errorMessage": message}
    if rejected:
        said["rejectedSpans"] = str(rejected)
    return msgspec.json.encode({"partialSuccess": said})
