"""Spans as OTLP brings them, whichever encoding they came in."""

from typing import Any

import msgspec

from genaiops.core.errors import UsageError

Attributes = dict[str, Any]
"""Values are str, bool, int, float, bytes, None, lists and dicts of these."""

DEEPEST = 32
"""Values within values; what is nested deeper is no attribute of a span."""


class Malformed(UsageError):
    default_code = "malformed_otlp"


class WireEvent(msgspec.Struct, frozen=True):
    name: str
    time_ns: int
    attributes: Attributes


class WireLink(msgspec.Struct, frozen=True):
    trace_id: bytes
    span_id: bytes
    attributes: Attributes


class WireSpan(msgspec.Struct, frozen=True, kw_only=True):
    """`kind` and `status` by OTLP's numbers (status 2: error). Times in nanoseconds since the epoch. `dropped`: how
    many attributes, events and links the sender left out."""

    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    name: str
    kind: int
    start_ns: int
    end_ns: int
    attributes: Attributes
    events: tuple[WireEvent, ...] = ()
    links: tuple[WireLink, ...] = ()
    status: int = 0
    status_message: str = ""
    dropped: int = 0


class Group(msgspec.Struct, frozen=True):
    """Spans of one resource and one instrumentation scope."""

    resource: Attributes
    scope: str
    scope_version: str
    schema_url: str
    spans: tuple[WireSpan, ...]


def count(groups: tuple[Group, ...]) -> int:
    return sum(len(group.spans) for group in groups)
