"""Every error as `{"error": {"message", "type", "code", "param", "request_id", "remedy"}}`: as the model API has
it, and the remedy, with which the message ends, by itself."""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from genaiops.api._request_id import HEADER, request_id
from genaiops.core.errors import ConsentNeeded, GenaiopsError, LimitReached

_log = logging.getLogger("genaiops.api")
_QUOTED = re.compile(r"`([^`]+)`")

AnyRequest = Request[Any, Any, Any]


class ErrorDetail(msgspec.Struct, frozen=True):
    """`code` is a stable machine word, `param` the field at fault. `message` says what was wrong and what to do;
    `remedy` is the latter by itself."""

    message: str
    type: str
    code: str
    param: str | None
    request_id: str
    remedy: str | None = None


class ErrorBody(msgspec.Struct, frozen=True):
    """The body of every answer of status 400 and above."""

    error: ErrorDetail


_KINDS: Mapping[int, tuple[str, str]] = {
    401: ("authentication_error", "invalid_api_key"),
    403: ("permission_error", "forbidden"),
    404: ("not_found_error", "not_found"),
    405: ("invalid_request_error", "method_not_allowed"),
    413: ("invalid_request_error", "request_too_large"),
}


class Waiting(msgspec.Struct, frozen=True):
    """A change that was asked for and is not made: one of `approvers` (names) has to consent."""

    id: str
    state: str
    message: str
    remedy: str | None
    approvers: Sequence[str]


class WaitingBody(msgspec.Struct, frozen=True):
    """The body of a 202 with the header `x-genaiops-approval`."""

    approval: Waiting


APPROVAL_HEADER = "x-genaiops-approval"


def on_consent_needed(request: AnyRequest, error: ConsentNeeded) -> Response[WaitingBody]:
    body = WaitingBody(Waiting(error.approval_id, "pending", error.message, error.remedy, error.approvers))
    headers = {APPROVAL_HEADER: error.approval_id, HEADER: request_id(request.scope), "cache-control": "no-store"}
    return Response(body, status_code=error.status, headers=headers, media_type="application/json")


def on_error(request: AnyRequest, error: GenaiopsError) -> Response[ErrorBody]:
    if error.status >= 500:
        _log.error("%s %s: %s", request.method, request.url.path, error)
    headers: dict[str, str] = {}
    if isinstance(error, LimitReached) and error.retry_after is not None:
        headers["retry-after"] = str(max(1, -int(-error.retry_after // 1)))
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    return _answer(request, error.status, (str(error), error.type, error.code, error.param), headers, error.remedy)


def on_http_error(request: AnyRequest, error: HTTPException) -> Response[ErrorBody]:
    """What the framework refused: unknown paths, wrong methods, parameters of the wrong type."""
    status = error.status_code
    fallback = ("invalid_request_error", "invalid_request") if status < 500 else ("server_error", "internal_error")
    kind, code = _KINDS.get(status, fallback)
    message, param = _words(request, error)
    remedy: str | None = None
    if status == 404:
        remedy = "See /api/openapi.json for what there is."
    elif status == 405:
        remedy = _methods(error)
    elif status == 413:
        remedy = "Send less at once."
    if status >= 500:
        _log.error("%s %s: %s", request.method, request.url.path, error.detail)
        message = _INTERNAL
    message = f"{message} {remedy}" if remedy else message
    return _answer(request, status, (message, kind, code, param), dict(error.headers or {}), remedy)


def on_fault(request: AnyRequest, error: Exception) -> Response[ErrorBody]:
    """A fault of ours: the stack goes to the log, and nothing of it to the client."""
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _answer(request, 500, (_INTERNAL, "server_error", "internal_error", None), {})


_INTERNAL = "Something failed inside. The log of the control process has the reason under this request id."

EXCEPTION_HANDLERS: dict[int | type[Exception], Callable[[AnyRequest, Any], Response[Any]]] = {
    ConsentNeeded: on_consent_needed,
    GenaiopsError: on_error,
    HTTPException: on_http_error,
    Exception: on_fault,
}
"""For the whole application: unknown paths belong to no router."""


def _words(request: AnyRequest, error: HTTPException) -> tuple[str, str | None]:
    path = request.url.path
    if error.status_code == 404:
        return f"There is nothing at {path}.", None
    if error.status_code == 405:
        return f"{path} does not answer to {request.method}.", None
    if error.status_code == 413:
        return f"The request is larger than {_most(request)}, which is the most that this API takes.", None
    if isinstance(error.extra, Sequence) and error.extra and isinstance(error.extra[0], Mapping):
        first = cast(Mapping[str, Any], error.extra[0])
        param = str(first.get("key", "")) or None
        return f"{param}: {first.get('message', error.detail)}.", param
    return error.detail, None


def field_of(message: str) -> str | None:
    """The field that a message of msgspec is about: "... - at `$.scope.kind`", "... unknown field `nam`"."""
    place = re.search(r" - at `\$\.?([^`]*)`$", message)
    named = re.search(r"(?:unknown|required) field `([^`]+)`", message)
    parts = [match[1] for match in (place, named) if match is not None and match[1]]
    return ".".join(parts) or None


def _methods(error: HTTPException) -> str | None:
    """The framework names them in the header `allow`."""
    allowed = {name.lower(): value for name, value in (error.headers or {}).items()}.get("allow")
    return f"It answers to {', '.join(sorted(each.strip() for each in allowed.split(',')))}." if allowed else None


def _most(request: AnyRequest) -> str:
    most = request.route_handler.resolve_request_max_body_size()
    return f"{most:,} bytes" if isinstance(most, int) else "the limit"


def _answer(
    request: AnyRequest,
    status: int,
    words: tuple[str, str, str, str | None],
    headers: dict[str, str],
    remedy: str | None = None,
) -> Response[ErrorBody]:
    number = request_id(request.scope)
    body = ErrorBody(ErrorDetail(*words, number, remedy))
    headers = {**headers, HEADER: number, "cache-control": "no-store"}
    return Response(body, status_code=status, headers=headers, media_type="application/json")
