"""How a call fails: what the client is told, and what it means for the next try."""

import re

import msgspec

from genaiops.core.errors import GenaiopsError, LimitReached, UpstreamError
from genaiops.domain import Target
from genaiops.http1.errors import (
    ConnectFailed,
    ConnectTimeout,
    FirstByteTimeout,
    IdleTimeout,
    PoolExhausted,
    TotalTimeout,
    UpstreamFault,
)
from genaiops.ports.providers import ProviderError


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """One error answer in OpenAI's form. `retry_after` in seconds; `final`: the same request will fail again."""

    status: int
    type: str
    code: str
    message: str
    param: str | None = None
    retry_after: float | None = None
    final: bool = False

    def body(self, request_id: str) -> bytes:
        return error_json(self, request_id)


class AttemptFailure(msgspec.Struct, frozen=True, kw_only=True):
    """One failed try. `retryable`: another may succeed, though not at the same target when it is `futile` there;
    `breaks`: counts against the target's breaker; `rest`: for how many seconds the credential (`limits_credential`,
    `rejects_credential`) or the whole target should be left alone; `too_long`: the prompt is, for this model."""

    failure: Failure
    retryable: bool
    breaks: bool
    rest: float | None = None
    limits_credential: bool = False
    rejects_credential: bool = False
    futile: bool = False
    upstream_status: int | None = None
    too_long: bool = False


class _Error(msgspec.Struct, frozen=True):
    message: str
    type: str
    code: str
    param: str | None
    request_id: str


class _Body(msgspec.Struct, frozen=True):
    error: _Error


_encode = msgspec.json.Encoder().encode


def error_json(failure: Failure, request_id: str) -> bytes:
    return _encode(_Body(_Error(failure.message, failure.type, failure.code, failure.param, request_id)))


def of_error(error: GenaiopsError) -> Failure:
    """What a client is told of an error of the tree."""
    retry_after = error.retry_after if isinstance(error, LimitReached) else None
    return Failure(
        status=error.status,
        type=error.type,
        code=error.code,
        message=str(error),
        param=error.param,
        retry_after=retry_after,
        final=isinstance(error, LimitReached) and retry_after is None,
    )


_PHRASES: tuple[tuple[type[UpstreamFault], str], ...] = (
    (ConnectFailed, "could not be reached"),
    (ConnectTimeout, "could not be reached in time"),
    (PoolExhausted, "has no free connection"),
    (FirstByteTimeout, "did not answer in time"),
    (IdleTimeout, "went silent in the middle of its answer"),
    (TotalTimeout, "did not finish its answer in time"),
)


def of_fault(fault: UpstreamFault, target_id: str) -> AttemptFailure:
    """A fault of the wire. A full pool is our own doing and no mark against the target."""
    phrase = next(
        (text for kind, text in _PHRASES if isinstance(fault, kind)), f"failed: {fault.message.removesuffix('.')}"
    )
    return AttemptFailure(
        failure=Failure(
            status=fault.status, type=fault.type, code=fault.code, message=f"The target {target_id!r} {phrase}."
        ),
        retryable=not isinstance(fault, TotalTimeout),
        breaks=not isinstance(fault, PoolExhausted),
    )


def too_late(target: Target) -> AttemptFailure:
    """No content in time."""
    return AttemptFailure(
        failure=Failure(
            status=504,
            type="timeout_error",
            code="upstream_first_token_timeout",
            message=f"The target {target.id!r} sent no content within {target.timeouts.first_token:g} s.",
        ),
        retryable=True,
        breaks=True,
    )


def of_upstream_error(error: UpstreamError, target_id: str) -> AttemptFailure:
    """An answer that is none."""
    return AttemptFailure(
        failure=Failure(
            status=502,
            type=error.type,
            code="upstream_bad_response" if error.code == UpstreamError.default_code else error.code,
            message=f"The target {target_id!r} gave no proper answer: {error.message}",
        ),
        retryable=True,
        breaks=True,
        upstream_status=error.upstream_status or None,
    )


def of_answer(status: int, error: ProviderError, target_id: str, rest: float) -> AttemptFailure:
    """An error answer of a provider. Its words on our credential are not for the client (they may quote it)."""
    if status in (401, 403, 407):
        message = f"The provider of the target {target_id!r} refused the gateway's credential ({status})."
        failure = Failure(status=502, type="upstream_error", code="provider_authentication", message=message)
        return AttemptFailure(
            failure=failure, retryable=True, breaks=False, rest=rest, rejects_credential=True, upstream_status=status
        )
    if status < 400:
        return of_upstream_error(UpstreamError(f"its status is {status}.", upstream_status=status), target_id)
    failure = Failure(
        status=_client_status(status),
        type=error.type or _TYPES.get(status, "upstream_error" if status >= 500 else "invalid_request_error"),
        code=error.code or _CODES.get(status, "upstream_error"),
        message=error.message,
        retry_after=error.rest if status in (429, 503) else None,
    )
    return AttemptFailure(
        failure=failure,
        retryable=error.retryable,
        breaks=status >= 500,
        rest=error.rest,
        limits_credential=error.limits_credential,
        upstream_status=status,
        too_long=status in (400, 413, 422) and _says_too_long(error),
    )


_TOO_LONG = re.compile(
    r"context.?length|context.?window|context.?size|maximum context|prompt is too long|input is too long"
    r"|too many input tokens|input token count.{0,40}exceed|exceeds the available context",
    re.IGNORECASE,
)
"""How providers say it. OpenAI has a code for it (context_length_exceeded), others only words: vLLM and Mistral
"maximum context length", Anthropic "prompt is too long", Google "The input token count (...) exceeds", Bedrock "Input
is too long", llama.cpp "exceeds the available context size"."""


def _says_too_long(error: ProviderError) -> bool:
    return _TOO_LONG.search(f"{error.code} {error.message[:500]}") is not None


_TYPES = {429: "rate_limit_error", 404: "not_found_error", 503: "unavailable_error", 504: "timeout_error"}
_CODES = {429: "upstream_rate_limited", 404: "upstream_not_found", 503: "upstream_unavailable", 504: "upstream_timeout"}


def _client_status(status: int) -> int:
    """The upstream's class of status; what only makes sense between the gateway and the provider becomes 502."""
    if status in (400, 404, 409, 413, 415, 422, 429, 503, 504):
        return status
    if status == 529:
        return 503
    if status == 408:
        return 504
    if status == 402 or status >= 500:
        return 502
    return 400
