"""Errors as Anthropic says them (platform.claude.com, Errors), in an answer and in a stream."""

import msgspec

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_KNOWN = frozenset(_TYPES.values()) | {"api_error"}


class _Error(msgspec.Struct, frozen=True):
    type: str
    message: str


class _Body(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag="error"):
    error: _Error
    request_id: str | None = None


def error_type(status: int) -> str:
    """Anthropic's word for an error of that HTTP status."""
    return _TYPES.get(status, "invalid_request_error" if 400 <= status < 500 else "api_error")


def error_body(status: int, message: str, request_id: str | None = None) -> bytes:
    """The body of an error answer. The official client chooses its exception by the HTTP status."""
    return msgspec.json.encode(_Body(_Error(error_type(status), message), request_id))


def error_event(message: str, *, kind: str = "api_error", request_id: str | None = None) -> bytes:
    """An error inside a stream, which ends it. A `kind` that Anthropic does not have becomes `api_error`."""
    body = _Body(_Error(kind if kind in _KNOWN else "api_error", message), request_id)
    return b"event: error\ndata: %b\n\n" % msgspec.json.encode(body)
