"""Both encodings of OTLP against the official package; and whatever bytes come."""

import base64
import contextlib
import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from genaiops.watch.otlp import (
    Malformed,
    decode_json,
    decode_protobuf,
    json_answer,
    protobuf_answer,
    protobuf_status,
)
from genaiops.watch.otlp._protobuf import message

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
UINT64 = st.integers(0, (1 << 64) - 1)
SCALARS = st.one_of(
    st.builds(lambda one: AnyValue(string_value=one), TEXTS),
    st.builds(lambda one: AnyValue(bool_value=one), st.booleans()),
    st.builds(lambda one: AnyValue(int_value=one), st.integers(-(1 << 63), (1 << 63) - 1)),
    st.builds(lambda one: AnyValue(double_value=one), st.floats(allow_nan=False)),
    st.builds(lambda one: AnyValue(bytes_value=one), st.binary(max_size=20)),
    st.just(AnyValue()),
)


def _pairs(values: Any) -> Any:
    return st.dictionaries(TEXTS, values, max_size=4).map(
        lambda found: [KeyValue(key=key, value=value) for key, value in found.items()]
    )


VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda many: AnyValue(array_value=ArrayValue(values=many)))
        | _pairs(inner).map(lambda many: AnyValue(kvlist_value=KeyValueList(values=many)))
    ),
    max_leaves=6,
)
ATTRIBUTES = _pairs(VALUES)
EVENTS = st.builds(Span.Event, time_unix_nano=UINT64, name=TEXTS, attributes=ATTRIBUTES)
LINKS = st.builds(Span.Link, trace_id=st.binary(max_size=20), span_id=st.binary(max_size=9), attributes=ATTRIBUTES)
SPANS = st.builds(
    Span,
    trace_id=st.binary(max_size=20),
    span_id=st.binary(max_size=9),
    trace_state=TEXTS,
    parent_span_id=st.binary(max_size=9),
    flags=st.integers(0, 1023),
    name=TEXTS,
    kind=st.sampled_from([0, 1, 2, 3, 4, 5]),
    start_time_unix_nano=UINT64,
    end_time_unix_nano=UINT64,
    attributes=ATTRIBUTES,
    dropped_attributes_count=st.integers(0, 9),
    events=st.lists(EVENTS, max_size=2),
    links=st.lists(LINKS, max_size=2),
    status=st.builds(Status, message=TEXTS, code=st.sampled_from([0, 1, 2])),
)
REQUESTS = st.builds(
    ExportTraceServiceRequest,
    resource_spans=st.lists(
        st.builds(
            ResourceSpans,
            resource=st.builds(Resource, attributes=ATTRIBUTES),
            scope_spans=st.lists(
                st.builds(
                    ScopeSpans,
                    scope=st.builds(InstrumentationScope, name=TEXTS, version=TEXTS),
                    spans=st.lists(SPANS, max_size=3),
                    schema_url=TEXTS,
                ),
                max_size=2,
            ),
            schema_url=TEXTS,
        ),
        max_size=2,
    ),
)


def _value(value: AnyValue) -> Any:
    which = value.WhichOneof("value")
    if which == "array_value":
        return [_value(one) for one in value.array_value.values]
    if which == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    return None if which is None else getattr(value, which)


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _check(groups: Any, request: ExportTraceServiceRequest) -> None:
    theirs = [(each, scoped) for each in request.resource_spans for scoped in each.scope_spans]
    assert len(groups) == len(theirs)
    for group, (each, scoped) in zip(groups, theirs, strict=True):
        assert group.resource == _attributes(each.resource.attributes)
        assert (group.scope, group.scope_version) == (scoped.scope.name, scoped.scope.version)
        assert group.schema_url == (scoped.schema_url or each.schema_url)
        assert len(group.spans) == len(scoped.spans)
        for ours, their in zip(group.spans, scoped.spans, strict=True):
            assert (ours.trace_id, ours.span_id, ours.parent_id) == (
                their.trace_id,
                their.span_id,
                their.parent_span_id,
            )
            assert (ours.name, ours.kind) == (their.name, their.kind)
            assert (ours.start_ns, ours.end_ns) == (their.start_time_unix_nano, their.end_time_unix_nano)
            assert ours.attributes == _attributes(their.attributes)
            assert (ours.status, ours.status_message) == (their.status.code, their.status.message)
            assert ours.dropped == their.dropped_attributes_count
            assert [(one.name, one.time_ns, one.attributes) for one in ours.events] == [
                (one.name, one.time_unix_nano, _attributes(one.attributes)) for one in their.events
            ]
            assert [(one.trace_id, one.span_id, one.attributes) for one in ours.links] == [
                (one.trace_id, one.span_id, _attributes(one.attributes)) for one in their.links
            ]


@given(REQUESTS)
def test_protobuf_is_read_as_the_official_package_reads_it(request: ExportTraceServiceRequest) -> None:
    _check(decode_protobuf(request.SerializeToString()), request)


def _hex_ids(value: Any) -> Any:
    """OTLP's JSON is protobuf's, but for ids, which are hexadecimal there."""
    if isinstance(value, dict):
        return {
            name: base64.b64decode(inner).hex() if name in ("traceId", "spanId", "parentSpanId") else _hex_ids(inner)
            for name, inner in value.items()
        }
    return [_hex_ids(one) for one in value] if isinstance(value, list) else value


@given(REQUESTS, st.booleans())
def test_json_is_read_as_the_official_package_writes_it(request: ExportTraceServiceRequest, names: bool) -> None:
    document = _hex_ids(MessageToDict(request, use_integers_for_enums=not names))
    _check(decode_json(json.dumps(document).encode()), request)


@given(st.binary(max_size=200) | REQUESTS.map(lambda one: one.SerializeToString()[1:]))
def test_whatever_bytes_come_are_spans_or_malformed(data: bytes) -> None:
    for decode in (decode_protobuf, decode_json):
        try:
            decode(data)
        except Malformed:
            continue


@given(REQUESTS, st.data())
def test_what_is_cut_short_is_malformed_or_shorter(request: ExportTraceServiceRequest, data: st.DataObject) -> None:
    whole = request.SerializeToString()
    cut = whole[: data.draw(st.integers(0, len(whole)))]
    try:
        groups = decode_protobuf(cut)
    except Malformed:
        return
    assert len(groups) <= len(decode_protobuf(whole))


def _of_bytes(pair: bytes) -> bytes:
    """A request with one span with one attribute of these bytes."""
    for tag in (0x4A, 0x12, 0x12, 0x0A):
        pair = message(tag, pair)
    return pair


@given(
    st.binary(max_size=12) | st.lists(st.sampled_from(b"\x0a\x12\x18\x21\x10\x00\x01\x02\x03\x80\xffab"), max_size=14)
)
@example(b"\x0a\x01a\x12\x80\x80\x00")  # a length of nothing in three bytes, at the end
@example(b"\x0a\x01a\x12\x04\x0a\x81\x00b")
@example(b"\x0a\x01a\x12\x02\x18\x07")
@example(b"\x0a\x01a\x12\x03\x18\x07\x08")
def test_an_attribute_of_any_bytes_is_read_as_the_official_package_reads_it(pair: bytes | list[int]) -> None:
    data = _of_bytes(bytes(pair))
    try:
        theirs = ExportTraceServiceRequest.FromString(data)
    except DecodeError:
        with contextlib.suppress(Malformed):  # texts that are no UTF-8 are taken with replacements
            decode_protobuf(data)
        return
    try:
        (group,) = decode_protobuf(data)
    except Malformed:
        return  # groups of proto2 and fields of other types are not read
    (span,) = theirs.resource_spans[0].scope_spans[0].spans
    if span.attributes[0].value.WhichOneof("value") not in ("array_value", "kvlist_value"):
        assert group.spans[0].attributes == _attributes(span.attributes)


def test_fields_that_nobody_knows_are_passed_over() -> None:
    request = ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=[Span(name="a")])])]
    )
    unknown = b"\xf8\x3f\x07" + b"\xfa\x3f\x02ab" + b"\xfd\x3f1234" + b"\xf9\x3f12345678"
    (group,) = decode_protobuf(request.SerializeToString() + unknown)
    assert group.spans[0].name == "a"


def test_an_attribute_without_an_end_in_depth_is_refused() -> None:
    value = AnyValue(string_value="x")
    for _ in range(40):
        value = AnyValue(array_value=ArrayValue(values=[value]))
    span = Span(attributes=[KeyValue(key="deep", value=value)])
    request = ExportTraceServiceRequest(resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=[span])])])
    with pytest.raises(Malformed, match="32 deep"):
        decode_protobuf(request.SerializeToString())
    with pytest.raises(Malformed):
        decode_json(json.dumps(_hex_ids(MessageToDict(request))).encode())


def test_answers_are_those_of_the_official_package() -> None:
    assert protobuf_answer(0, "") == ExportTraceServiceResponse().SerializeToString()
    answer = ExportTraceServiceResponse.FromString(protobuf_answer(300, "a trace_id is not 16 bytes"))
    assert answer.partial_success.rejected_spans == 300
    assert answer.partial_success.error_message == "a trace_id is not 16 bytes"
    assert json_answer(0, "") == b"{}"
    assert json.loads(json_answer(3, "why")) == {"partialSuccess": {"rejectedSpans": "3", "errorMessage": "why"}}
    assert protobuf_status("no") == b"\x12\x02no"
