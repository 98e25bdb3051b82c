"""Errors as Google says them (google.rpc.Status in JSON), in an answer and in a stream."""

import re
from typing import Any

import msgspec

_STATUS = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_NO_WORD = re.compile(r"[^A-Z0-9_]")


def error_status(status: int) -> str:
    """Google's word (google.rpc.Code) for an error of that HTTP status."""
    return _STATUS.get(status, "INVALID_ARGUMENT" if 400 <= status < 500 else "INTERNAL")


def error_body(
    status: int,
    message: str,
    *,
    code: str = "",
    param: str | None = None,
    request_id: str | None = None,
    retry_after: float | None = None,
) -> bytes:
    """The body of an error. Our own code is the `reason` of an ErrorInfo, in capitals as Google has them; `retry_after`
    in seconds."""
    details: list[dict[str, Any]] = []
    if code:
        info: dict[str, Any] = {"reason": _NO_WORD.sub("_", code.upper()), "domain": "genaiops"}
        if param:
            info["metadata"] = {"param": param}
        details.append(_detail("ErrorInfo", **info))
    if request_id:
        details.append(_detail("RequestInfo", requestId=request_id))
    if retry_after is not None:
        details.append(_detail("RetryInfo", retryDelay=f"{max(0.0, retry_after):.3f}s"))
    told: dict[str, Any] = {"code": status, "message": message, "status": error_status(status)}
    if details:
        told["details"] = details
    return msgspec.json.encode({"error": told})


def _detail(kind: str, **fields: Any) -> dict[str, Any]:
    return {"@type": f"type.googleapis.com/google.rpc.{kind}", **fields}


def error_event(body: bytes) -> bytes:
    """An error inside a stream, which ends it. `body`: of `error_body`."""
    return b"data: %b\r\n\r\n" % body
