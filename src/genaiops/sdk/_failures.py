"""The server's errors as the exceptions of `genaiops.core.errors`."""

from collections.abc import Mapping

import msgspec

from genaiops.core.errors import (
    Conflict,
    ConsentNeeded,
    Forbidden,
    GenaiopsError,
    LimitReached,
    NotBuilt,
    NotFound,
    OutsideError,
    StoreError,
    TimedOut,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UpstreamError,
    UsageError,
)

_BY_STATUS: Mapping[int, type[GenaiopsError]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    500: StoreError,
    501: NotBuilt,
    503: Unavailable,
    504: TimedOut,
}


class _Error(msgspec.Struct, frozen=True):
    message: str = ""
    type: str = ""
    code: str | None = None
    param: str | None = None
    remedy: str | None = None


class _Body(msgspec.Struct, frozen=True):
    error: _Error


class _Waiting(msgspec.Struct, frozen=True):
    id: str
    message: str
    remedy: str | None = None
    approvers: tuple[str, ...] = ()


class _WaitingBody(msgspec.Struct, frozen=True):
    approval: _Waiting


APPROVAL_HEADER = "x-genaiops-approval"


def consent_needed(headers: Mapping[str, str], body: bytes) -> ConsentNeeded:
    """The exception that a 202 with the header APPROVAL_HEADER is: the change waits, and nothing has changed."""
    try:
        waiting = msgspec.json.decode(body, type=_WaitingBody).approval
    except msgspec.MsgspecError:
        waiting = _Waiting(headers[APPROVAL_HEADER], "Nothing has changed yet: another person has to consent.")
    return ConsentNeeded(waiting.message, remedy=waiting.remedy, approval_id=waiting.id, approvers=waiting.approvers)


def failure(status: int, headers: Mapping[str, str], body: bytes) -> GenaiopsError:
    """The exception that an answer with an error status is. Its message is the server's, with the request id where
    only the server's log can say more."""
    try:
        error = msgspec.json.decode(body, type=_Body).error
    except msgspec.MsgspecError:
        text = body[:200].decode("utf-8", "replace").strip().splitlines()
        return OutsideError(
            f"The answer was {status} without an error of genaiops: {text[0] if text else 'no body'}.",
            remedy="Check that the address is that of genaiops and not of something in between.",
        )
    message = error.message or f"The answer was {status}."
    if error.remedy:
        message = message.removesuffix(error.remedy).rstrip() or message
    request_id = headers.get("x-genaiops-request-id")
    if status >= 500 and status != 501 and request_id:
        message = f"{message} (request {request_id})"
    if status == 429:
        return LimitReached(
            message,
            limit=error.code or "limit",
            retry_after=seconds(headers.get("retry-after")),
            remedy=error.remedy,
            code=error.code,
        )
    if status == 502:
        return UpstreamError(message, remedy=error.remedy, code=error.code)
    kind = _BY_STATUS.get(status, UsageError if 400 <= status < 500 else OutsideError)
    return kind(message, remedy=error.remedy, code=error.code, param=error.param)


def seconds(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
