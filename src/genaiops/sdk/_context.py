"""Which span is open where: a chain for each thread and task, shared with OpenTelemetry where that is in use.

OpenTelemetry is never imported here: without it in `sys.modules` nobody can have a span open with it.
"""

import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from genaiops.core.ids import format_traceparent, parse_traceparent

if TYPE_CHECKING:
    from genaiops.sdk._span import Span


class Parent(NamedTuple):
    """What a new span continues. `sampled` False: whoever began the trace keeps none of it."""

    trace_id: bytes
    span_id: bytes
    sampled: bool


_current: ContextVar["Span | None"] = ContextVar("genaiops_span", default=None)


def current_span() -> "Span | None":
    """The innermost span of `genaiops.trace` that is open here."""
    return _current.get()


def current_parent() -> Parent | None:
    """The innermost open span, be it ours or OpenTelemetry's. Ours stand in OpenTelemetry's context too, so its word on
    which is innermost counts."""
    theirs = _opentelemetry_parent()
    if theirs is not None:
        return theirs
    span = _current.get()
    return None if span is None else Parent(span.id.trace_id, span.id.span_id, span.id.sampled)


def parent_of(given: "str | Mapping[str, str]") -> Parent | None:
    """Of a `traceparent`, or of the headers of a request that came in. None where there is none that can be read."""
    if not isinstance(given, str):
        given = next((value for name, value in given.items() if name.lower() == "traceparent"), "")
    try:
        found = parse_traceparent(given.encode("ascii"))
    except UnicodeEncodeError:
        return None
    return None if found is None else Parent(*found)


def headers() -> dict[str, str]:
    """`{"traceparent": ...}` of the innermost open span, for a request that goes out; empty without one.

    The gateway, and whatever else knows W3C Trace Context, then goes on with this trace."""
    parent = current_parent()
    if parent is None:
        return {}
    return {"traceparent": format_traceparent(parent.trace_id, parent.span_id, sampled=parent.sampled).decode()}


def add_traceparent(request: Any) -> Any:
    """Put `headers()` into a request that is on its way. A request hook of httpx (`event_hooks={"request":
    [genaiops.add_traceparent]}`) and an `auth` of requests."""
    request.headers.update(headers())
    return request


class Place(NamedTuple):
    """Where this thread or task stands: our span, and OpenTelemetry's context where that is loaded."""

    span: "Span | None"
    context: Any


def place() -> Place:
    module = sys.modules.get("opentelemetry.context")
    return Place(_current.get(), None if module is None else module.get_current())


def take(new: Place) -> None:
    """Stand there. Tokens are not used: a generator may end in another context than it began in."""
    _current.set(new.span)
    if new.context is not None:
        sys.modules["opentelemetry.context"].attach(new.context)


def enter(span: "Span") -> None:
    """Make it the innermost one."""
    span.before = place()
    take(Place(span, _opentelemetry_context(span)))


def leave(span: "Span") -> None:
    """Go back to where it was opened, past those that were left meanwhile. Where something else is innermost now (a
    generator that opened it is being consumed), that stays, and whoever leaves it goes past this one."""
    if _current.get() is not span or span.before is None:
        span.left = True
        return
    before: Place = span.before
    while before.span is not None and before.span.left and before.span.before is not None:
        before = before.span.before
    take(before)


@contextmanager
def standing(at: Place) -> Generator[None]:
    """Stand at `at` within the block, afterwards where it was before."""
    outside = place()
    take(at)
    try:
        yield
    finally:
        take(outside)


def _opentelemetry_parent() -> Parent | None:
    module: Any = sys.modules.get("opentelemetry.trace")
    if module is None or "opentelemetry.context" not in sys.modules:
        return None
    context = module.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return Parent(
        context.trace_id.to_bytes(16, "big"), context.span_id.to_bytes(8, "big"), bool(context.trace_flags & 1)
    )


def _opentelemetry_context(span: "Span") -> Any:
    """OpenTelemetry's context with our span in it, so that its instrumentations hang theirs below."""
    module: Any = sys.modules.get("opentelemetry.trace")
    if module is None or "opentelemetry.context" not in sys.modules:
        return None
    found = module.SpanContext(
        int.from_bytes(span.id.trace_id, "big"),
        int.from_bytes(span.id.span_id, "big"),
        is_remote=False,
        trace_flags=module.TraceFlags(1 if span.id.sampled else 0),
    )
    return module.set_span_in_context(module.NonRecordingSpan(found))
