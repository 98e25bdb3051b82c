"""What a response says besides its body: lines of its head, none with a value that a client gave."""

import re
from collections.abc import Sequence

from genaiops.core.money import NANO
from genaiops.domain import Cost
from genaiops.gateway.call import Call
from genaiops.gateway.failure import Failure
from genaiops.gateway.idempotency import Kept
from genaiops.gateway.plan import Candidate

Fields = Sequence[tuple[bytes, bytes]]

_KIND = re.compile(rb"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*(?:; ?[a-z]+=[a-zA-Z0-9.-]+)*")
_READ = (b"application/json", b"text/plain", b"text/vtt", b"application/x-subrip", b"text/srt")
"""Content types that a transcription may have."""

_EVENTS = b"content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n"
_RATE = b"x-ratelimit-"
_NOTHING_USED = b"x-genaiops-attempts: 0\r\nx-genaiops-cost: 0\r\nx-genaiops-energy: 0;low=0;high=0\r\n"


DISCLOSURE = b"x-genaiops-disclosure: generative-ai\r\nai-disclosure: mode=machine-generated\r\n"
"""Ours, and the header of draft-abaris-aicdh (an Internet-Draft, no standard yet), which crawlers and archives read."""

_STREAMS = frozenset({"chat", "text_completion"})
_GENERATES = frozenset({"chat", "text_completion", "image_generation", "speech", "video_generation"})


def whole(call: Call, candidate: Candidate, upstream: Fields, cost: Cost) -> bytes:
    """Of an answer that is not a stream."""
    kind = b"content-type: application/json\r\n"
    if call.operation == "transcription":
        found = kind_of(upstream)
        found = found if found.startswith(_READ) else b"text/plain; charset=utf-8"
        kind = b"content-type: %b\r\nx-content-type-options: nosniff\r\n" % found
    if call.operation == "video_generation":
        kind += _pace_of(upstream)
    return b"%b%b%b%bx-genaiops-attempts: %d\r\nx-genaiops-cost: %b\r\n%b" % (
        _identity(call) + _served(call),
        call.limit_lines,
        _limits_of(upstream),
        candidate.line,
        len(call.attempts),
        money(cost.nano),
        kind + energy(call) + call.cache_line + call.guard_line + call.provenance_line,
    )


def own(call: Call) -> bytes:
    """Of an answer that is the gateway's own."""
    return b"%b%bcontent-type: application/json\r\nx-genaiops-attempts: 0\r\nx-genaiops-cost: 0\r\n" % (
        _identity(call),
        call.limit_lines,
    )


def held(call: Call, held_id: str, cost: Cost | None) -> bytes:
    """Of an answer that waits for a person. `cost` None: nothing was sent to a model."""
    return b"%b%b%bx-genaiops-attempts: %d\r\nx-genaiops-cost: %b\r\nx-genaiops-held: %b\r\n" % (
        _identity(call) + _served(call),
        call.limit_lines,
        _EVENTS if call.streamed and call.operation in _STREAMS else b"content-type: application/json\r\n",
        len(call.attempts),
        money(cost.nano if cost is not None else 0),
        held_id.encode("ascii"),
    )


def remembered(call: Call, saved: Cost | None) -> bytes:
    """Of an answer out of the cache; `saved` is what it cost when it was made."""
    return b"%b%b%b%b%bx-genaiops-saved: %b\r\n" % (
        _identity(call) + _served(call),
        call.limit_lines,
        _EVENTS if call.streamed else b"content-type: application/json\r\n",
        _NOTHING_USED,
        call.cache_line + call.guard_line,
        money(saved.nano if saved is not None else None),
    )


def stream(call: Call, candidate: Candidate | None, upstream: Fields) -> bytes:
    """Of a stream that begins. Its cost is not known yet (it is in the trace, and in its trailers); `candidate` None:
    nor is its target, because a heartbeat came first."""
    events = _EVENTS
    if call.answer_type is not None and not call.answer_type.startswith(b"text/event-stream"):
        events = b"content-type: %b\r\nx-content-type-options: nosniff\r\n" % call.answer_type
    head = _identity(call) + _served(call) + call.limit_lines + events + call.cache_line + call.guard_line
    head += call.provenance_line
    if candidate is None:
        return head
    if call.trailers:
        head += b"trailer: x-genaiops-cost, x-genaiops-energy\r\n"
    return b"%b%bx-genaiops-attempts: %d\r\n%b" % (head, candidate.line, len(call.attempts) + 1, _limits_of(upstream))


def trailers(call: Call, cost: Cost | None) -> bytes:
    """Behind a stream: what is known at its end alone."""
    return b"x-genaiops-cost: %b\r\n%b" % (money(None if cost is None else cost.nano), energy(call))


def refusal(call: Call, failure: Failure, content_type: bytes = b"application/json") -> bytes:
    """Of an error."""
    attempts = b"x-genaiops-attempts: %d\r\n" % len(call.attempts) if call.attempts else b""
    return b"%b%b%b%bcontent-type: %b\r\n" % (
        _identity(call),
        call.limit_lines,
        attempts,
        b"".join([b"%b: %b\r\n" % field for field in hints(failure)]),
        content_type,
    )


def tell(call: Call, failure: Failure) -> None:
    """Answer a call with an error."""
    lines = refusal(call, failure)
    data = call.speech.error(failure, call.request_id)
    call.exchange.respond(failure.status, lines, data)
    if call.idempotent is not None:
        call.answer = Kept(failure.status, lines, data)


def hints(failure: Failure) -> list[tuple[bytes, bytes]]:
    """When to come back. `x-should-retry: false` keeps the official OpenAI clients from trying a 429
    or a 501 again."""
    fields: list[tuple[bytes, bytes]] = []
    if failure.retry_after is not None:
        fields.append((b"retry-after", b"%d" % max(1, -int(-failure.retry_after // 1))))
    if failure.final or failure.status == 501:
        fields.append((b"x-should-retry", b"false"))
    if failure.status == 401:
        fields.append((b"www-authenticate", b"Bearer"))
    return fields


def kind_of(upstream: Fields) -> bytes:
    """The content type of an answer, in a form that may be passed on."""
    value = next((value for name, value in upstream if name == b"content-type"), b"").strip()
    kind, _, rest = value.partition(b";")
    whole = kind.strip().lower() + (b"; " + rest.strip() if rest.strip() else b"")
    return whole if _KIND.fullmatch(whole) else b"application/octet-stream"


def _identity(call: Call) -> bytes:
    return (
        f"x-genaiops-request-id: {call.request_id}\r\nx-request-id: {call.request_id}\r\n"
        f"traceparent: {call.traceparent()}\r\n"
    ).encode("ascii")


def _served(call: Call) -> bytes:
    """By which release, and that it is of generative AI."""
    head = b"" if call.release is None else call.release.head
    return head + DISCLOSURE if call.key.disclosed and call.operation in _GENERATES else head


def _pace_of(upstream: Fields) -> bytes:
    """How soon to ask again: the official client keeps to it."""
    value = next((value for name, value in upstream if name == b"openai-poll-after-ms"), b"")
    return b"openai-poll-after-ms: %b\r\n" % value if value.isdigit() and len(value) < 10 else b""


def _limits_of(upstream: Fields) -> bytes:
    """The provider's own limits, under a name that cannot be taken for ours. They passed the parser: no value ends its
    line."""
    lines = b""
    for name, value in upstream:
        if name[:12] == _RATE:
            lines += b"x-upstream-%b: %b\r\n" % (name[2:], value)
    return lines


def energy(call: Call) -> bytes:
    """The line of what its attempts used, in nano-Wh: a structured field (RFC 9651) of the central figure with its
    ends, or `unknown`."""
    if call.energy_unknown:
        return b"x-genaiops-energy: unknown\r\n"
    low, central, high = call.used
    return b"x-genaiops-energy: %d;low=%d;high=%d\r\n" % (central, low, high)


def money(nano: int | None) -> bytes:
    """Decimal currency units, or `unknown`."""
    if nano is None:
        return b"unknown"
    if not nano:
        return b"0"
    return b"%d.%09d" % divmod(nano, NANO)
