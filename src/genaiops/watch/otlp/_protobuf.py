"""`ExportTraceServiceRequest` of opentelemetry-proto 1.x out of protobuf's wire format, and the answers into it.

Written by hand: the official package pins a version of protobuf, which other parts of an installation pin too. Unknown
fields are passed over, as protobuf asks; a known field of another wire type is an unknown one.
"""

import struct
from typing import Any

from genaiops.watch.otlp._wire import DEEPEST, Attributes, Group, Malformed, WireEvent, WireLink, WireSpan

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_Place = tuple[int, int]
"""(start, end) of a field's bytes."""

_DOUBLE = struct.Struct("<d")
_SIGN, _WRAP = 1 << 63, 1 << 64


def decode_protobuf(data: bytes) -> tuple[Group, ...]:
    """The spans of a request. Malformed when it is no protobuf."""
    groups: list[Group] = []
    for tag, value in _fields(data, 0, len(data)):
        if tag == 0x0A:
            groups += _resource_spans(data, *_place(value))
    return tuple(groups)


def _place(value: Any) -> _Place:
    return value


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (_WRAP - 1), at
        shift += 7
        if shift > 63:
            break
    raise Malformed("A number in the protobuf body has no end.", remedy="Send ExportTraceServiceRequest.")


def _fields(data: bytes, at: int, end: int) -> list[tuple[int, Any]]:
    """(number and wire type as on the wire, value) of a message; of a field of bytes its place."""
    found: list[tuple[int, Any]] = []
    while at < end:
        tag = data[at]
        at += 1
        if tag >= 0x80:
            tag, at = _varint(data, at - 1, end)
        kind = tag & 7
        if kind == _BYTES:
            if at < end and data[at] < 0x80:
                size = data[at]
                at += 1
            else:
                size, at = _varint(data, at, end)
            if at + size > end:
                raise Malformed("The protobuf body is cut short.", remedy="Send the whole message.")
            found.append((tag, (at, at + size)))
            at += size
        elif kind == _VARINT:
            value, at = _varint(data, at, end)
            found.append((tag, value))
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
            if at + size > end:
                raise Malformed("The protobuf body is cut short.", remedy="Send the whole message.")
            found.append((tag, int.from_bytes(data[at : at + size], "little")))
            at += size
        else:
            raise Malformed(f"The body is no protobuf (wire type {kind}).", remedy="Send ExportTraceServiceRequest.")
        if tag < 8:
            raise Malformed("The body is no protobuf (field 0).", remedy="Send ExportTraceServiceRequest.")
    return found


def _text(data: bytes, value: Any) -> str:
    start, end = value
    return data[start:end].decode("utf-8", "replace")


def _resource_spans(data: bytes, start: int, end: int) -> list[Group]:
    resource: Attributes = {}
    scopes: list[_Place] = []
    url = ""
    for tag, value in _fields(data, start, end):
        if tag == 0x0A:
            resource |= _attributes(data, value, 0x0A)
        elif tag == 0x12:
            scopes.append(value)
        elif tag == 0x1A:
            url = _text(data, value)
    return [_scope_spans(data, place, resource, url) for place in scopes]


def _scope_spans(data: bytes, place: _Place, resource: Attributes, resource_url: str) -> Group:
    name = version = url = ""
    spans: list[WireSpan] = []
    for tag, value in _fields(data, *place):
        if tag == 0x12:
            spans.append(_span(data, value))
        elif tag == 0x0A:
            for inner, what in _fields(data, *value):
                if inner == 0x0A:
                    name = _text(data, what)
                elif inner == 0x12:
                    version = _text(data, what)
        elif tag == 0x1A:
            url = _text(data, value)
    return Group(resource, name, version, url or resource_url, tuple(spans))


def _span(data: bytes, place: _Place) -> WireSpan:
    attributes: Attributes = {}
    events: list[WireEvent] = []
    links: list[WireLink] = []
    found: dict[int, Any] = {}
    dropped = 0
    for tag, value in _fields(data, *place):
        if tag == 0x4A:
            _attribute(data, value, attributes, 0)
        elif tag == 0x5A:
            events.append(_event(data, value))
        elif tag == 0x6A:
            links.append(_link(data, value))
        elif tag in (0x50, 0x60, 0x70):
            dropped += value
        else:
            found[tag] = value
    status = dict(_fields(data, *found[0x7A])) if 0x7A in found else {}
    return WireSpan(
        trace_id=_raw(data, found.get(0x0A)),
        span_id=_raw(data, found.get(0x12)),
        parent_id=_raw(data, found.get(0x22)),
        name=_text(data, found.get(0x2A, (0, 0))),
        kind=found.get(0x30, 0),
        start_ns=found.get(0x39, 0),
        end_ns=found.get(0x41, 0),
        attributes=attributes,
        events=tuple(events),
        links=tuple(links),
        status=status.get(0x18, 0),
        status_message=_text(data, status.get(0x12, (0, 0))),
        dropped=dropped,
    )


def _raw(data: bytes, place: _Place | None) -> bytes:
    return b"" if place is None else data[place[0] : place[1]]


def _event(data: bytes, place: _Place) -> WireEvent:
    attributes: Attributes = {}
    name, at = "", 0
    for tag, value in _fields(data, *place):
        if tag == 0x1A:
            _attribute(data, value, attributes, 0)
        elif tag == 0x12:
            name = _text(data, value)
        elif tag == 0x09:
            at = value
    return WireEvent(name, at, attributes)


def _link(data: bytes, place: _Place) -> WireLink:
    attributes: Attributes = {}
    trace = span = b""
    for tag, value in _fields(data, *place):
        if tag == 0x22:
            _attribute(data, value, attributes, 0)
        elif tag == 0x0A:
            trace = _raw(data, value)
        elif tag == 0x12:
            span = _raw(data, value)
    return WireLink(trace, span, attributes)


def _attributes(data: bytes, place: _Place, tag: int, depth: int = 0) -> Attributes:
    """Of a message whose field `tag` repeats key and value."""
    found: Attributes = {}
    for each, value in _fields(data, *place):
        if each == tag:
            _attribute(data, value, found, depth)
    return found


def _attribute(data: bytes, place: _Place, into: Attributes, depth: int) -> None:
    """Most are a key and a value in this order, the value a text or a number: those are read without looking for fields
    in any order, which takes three times as long."""
    at, end = place
    if end - at > 4 and data[at] == 0x0A and data[at + 1] < 0x80:
        behind = at + 2 + data[at + 1]
        if behind + 3 < end and data[behind] == 0x12:
            size, start = (data[behind + 1], behind + 2) if data[behind + 1] < 0x80 else _varint(data, behind + 1, end)
            if start + size == end:
                found = _simple(data, start, end)
                if found is not None:
                    into[data[at + 2 : behind].decode("utf-8", "replace")] = found
                    return
    key, value = "", None
    for tag, what in _fields(data, *place):
        if tag == 0x0A:
            key = _text(data, what)
        elif tag == 0x12:
            value = _value(data, what, depth)
    into[key] = value


def _simple(data: bytes, at: int, end: int) -> str | int | float | None:
    """A value that is one text or number and nothing else; None: it is something else."""
    if end - at < 2:
        return None
    tag = data[at]
    if tag == 0x0A:
        size = data[at + 1]
        start = at + 2
        if size >= 0x80:
            size, start = _varint(data, at + 1, end)
        return data[start:end].decode("utf-8", "replace") if start + size == end else None
    if tag == 0x18:
        number, behind = _varint(data, at + 1, end)
        return None if behind != end else number - _WRAP if number & _SIGN else number
    if tag == 0x21 and end - at == 9:
        return _DOUBLE.unpack_from(data, at + 1)[0]
    return None


def _value(data: bytes, place: _Place, depth: int) -> Any:
    if depth > DEEPEST:
        raise Malformed(f"An attribute is nested more than {DEEPEST} deep.", remedy="Send it as JSON text.")
    found: Any = None
    for tag, value in _fields(data, *place):
        if tag == 0x0A:
            found = _text(data, value)
        elif tag == 0x18:
            found = value - _WRAP if value & _SIGN else value
        elif tag == 0x10:
            found = bool(value)
        elif tag == 0x21:
            found = _DOUBLE.unpack(value.to_bytes(8, "little"))[0]
        elif tag == 0x2A:
            found = [_value(data, inner, depth + 1) for each, inner in _fields(data, *value) if each == 0x0A]
        elif tag == 0x32:
            found = _attributes(data, value, 0x0A, depth + 1)
        elif tag == 0x3A:
            found = _raw(data, value)
    return found


# --- answers ---


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def message(tag: int, body: bytes) -> bytes:
    return bytes((tag,)) + varint(len(body)) + body


def protobuf_answer(rejected: int, said: str) -> bytes:
    """`ExportTraceServiceResponse`: empty when all was taken."""
    if not rejected and not said:
        return b""
    number = b"\x08" + varint(rejected) if rejected else b""
    return message(0x0A, number + message(0x12, said.encode()))


def protobuf_status(said: str) -> bytes:
    """`google.rpc.Status` without a code, which OTLP/HTTP does not use."""
    return message(0x12, said.encode())
