"""Every answer carries the id of its request, errors included."""

from typing import Any

from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

from genaiops.core.ids import new_span_id

HEADER = "x-genaiops-request-id"
_KEY = "genaiops_request_id"


def request_id(scope: Scope) -> str:
    state: dict[str, Any] = scope["state"]
    if _KEY not in state:
        state[_KEY] = "req_" + new_span_id().hex()
    return state[_KEY]


async def add_headers(message: Message, scope: Scope) -> None:
    """A `before_send` hook of the application. Answers of the API are never kept by a cache."""
    if message["type"] != "http.response.start" or not scope["path"].startswith("/api"):
        return
    headers = MutableScopeHeaders.from_message(message)
    wanted = {HEADER: request_id(scope), "cache-control": "no-store", "x-content-type-options": "nosniff"}
    for name, value in wanted.items():
        if name not in headers:
            headers[name] = value
