"""What a response says besides its body."""

from collections.abc import Sequence

from genaiops.core.money import NANO
from genaiops.domain import Cost
from genaiops.gateway.call import Call
from genaiops.gateway.failure import Failure, error_json
from genaiops.gateway.idempotency import Kept
from genaiops.gateway.plan import Candidate

Fields = list[tuple[bytes, bytes]]

_JSON = (b"content-type", b"application/json")
_EVENTS: Fields = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]
_CACHE = (b"x-genaiops-cache", b"off")
_ATTEMPTS = [(b"x-genaiops-attempts", b"%d" % count) for count in range(64)]
_RATE = b"x-ratelimit-"


def whole(call: Call, candidate: Candidate, upstream: Sequence[tuple[bytes, bytes]], cost: Cost) -> bytes:
    """Of an answer that is not a stream, as lines: no value is the client's, and what the provider said passed its
    parser."""
    limits = b"".join([b"%b: %b\r\n" % field for field in (*call.limit_headers, *_limits_of(upstream))])
    return b"%b%b%b%b\r\nx-genaiops-cost: %b\r\ncontent-type: application/json\r\nx-genaiops-cache: off\r\n" % (
        f"x-genaiops-request-id: {call.request_id}\r\nx-request-id: {call.request_id}\r\n"
        f"traceparent: {call.traceparent()}\r\n".encode("ascii"),
        limits,
        candidate.line,
        b"x-genaiops-attempts: %d" % len(call.attempts),
        money(cost.nano),
    )


def stream(call: Call, candidate: Candidate | None, upstream: Sequence[tuple[bytes, bytes]]) -> Fields:
    """Of a stream that begins. Its cost is not known yet (it is in the trace); `candidate` None: nor is its target,
    because a heartbeat came first."""
    fields = _common(call)
    fields.extend(_EVENTS)
    fields.append(_CACHE)
    if candidate is not None:
        fields.append(candidate.headers)
        fields.append(_ATTEMPTS[len(call.attempts) + 1])
        fields.extend(_limits_of(upstream))
    return fields


def refusal(call: Call, failure: Failure, candidate: Candidate | None = None) -> Fields:
    """Of an error."""
    fields = _common(call)
    fields.append(_JSON)
    if candidate is not None:
        fields.append(candidate.headers)
    if call.attempts:
        fields.append(_ATTEMPTS[len(call.attempts)])
    fields.extend(hints(failure))
    return fields


def tell(call: Call, failure: Failure) -> None:
    """Answer a call with an error."""
    fields = refusal(call, failure)
    data = error_json(failure, call.request_id)
    call.exchange.respond(failure.status, fields, data)
    if call.idempotent is not None:
        call.answer = Kept(failure.status, fields, data)


def hints(failure: Failure) -> Fields:
    """When to come back. `x-should-retry: false` keeps the official OpenAI clients from trying a 429 again."""
    fields: Fields = []
    if failure.retry_after is not None:
        fields.append((b"retry-after", b"%d" % max(1, -int(-failure.retry_after // 1))))
    if failure.final:
        fields.append((b"x-should-retry", b"false"))
    if failure.status == 401:
        fields.append((b"www-authenticate", b"Bearer"))
    return fields


def _common(call: Call) -> Fields:
    request_id = call.request_id.encode()
    return [
        (b"x-genaiops-request-id", request_id),
        (b"x-request-id", request_id),
        (b"traceparent", call.traceparent().encode()),
        *call.limit_headers,
    ]


def _limits_of(upstream: Sequence[tuple[bytes, bytes]]) -> Fields:
    """The provider's own limits, under a name that cannot be taken for ours."""
    return [(b"x-upstream-" + name[2:], value) for name, value in upstream if name[:12] == _RATE]


def money(nano: int | None) -> bytes:
    """Decimal currency units, or `unknown`."""
    if nano is None:
        return b"unknown"
    if not nano:
        return b"0"
    return b"%d.%09d" % divmod(nano, NANO)
