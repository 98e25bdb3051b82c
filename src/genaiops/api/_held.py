"""`GET /v1/held/{id}`: a client asks what became of its call that waits for a person."""

import asyncio
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath

from genaiops.api._errors import ErrorBody, ErrorDetail
from genaiops.api._request_id import HEADER, request_id
from genaiops.api._services import Services, Serving
from genaiops.core.clock import to_iso
from genaiops.core.errors import Conflict, GenaiopsError, NotFound, Unauthenticated
from genaiops.domain import Task
from genaiops.hub import opened, require_scope

_JSON = "application/json"
_AGAIN_SECONDS = 10


class Gone(Conflict):
    """It was refused, or nobody decided in time."""

    status = 410
    type = "gone_error"
    default_code = "held_refused"


class _State(msgspec.Struct, frozen=True):
    """`send_again_until`: of a request that was released."""

    id: str
    status: str
    kind: str
    expires_at: str
    send_again_until: str | None = None


class _Waiting(msgspec.Struct, frozen=True):
    held: _State


@get("/held/{held_id:str}", include_in_schema=False)
async def held(request: Request[Any, Any, Any], held_id: FromPath[str], services: Serving) -> Response[bytes]:
    """202 as long as it waits; 200 with the answer as it was made, or with how long a request may be sent again; 410
    when it was refused or its time ran out."""
    headers = {HEADER: request_id(request.scope), "cache-control": "no-store", "x-genaiops-held": held_id}
    try:
        return await asyncio.to_thread(_answer, request, services, held_id, headers)
    except GenaiopsError as error:
        detail = ErrorDetail(str(error), error.type, error.code, error.param, headers[HEADER], error.remedy)
        if error.status == 401:
            headers["www-authenticate"] = "Bearer"
        body = msgspec.json.encode(ErrorBody(detail))
        return Response(body, status_code=error.status, media_type=_JSON, headers=headers)


def _answer(
    request: Request[Any, Any, Any], services: Services, held_id: str, headers: dict[str, str]
) -> Response[bytes]:
    task = _task(request, services, held_id)
    if task.state in ("refused", "expired"):
        raise _gone(task)
    if task.state == "pending":
        body = msgspec.json.encode(_Waiting(_state(task)))
        return Response(
            body, status_code=202, media_type=_JSON, headers={**headers, "retry-after": str(_AGAIN_SECONDS)}
        )
    if task.kind == "held_request":
        return Response(msgspec.json.encode(_Waiting(_state(task))), media_type=_JSON, headers=headers)
    try:
        found = opened(task, services.blobs, services.seals)
    except NotFound:
        raise Gone(f"{task.id} was released, and is not kept any more.", code="held_dropped") from None
    return Response(found.body, media_type=found.content_type, headers=headers)


def _task(request: Request[Any, Any, Any], services: Services, held_id: str) -> Task:
    """NotFound unless a key of the same actor asks."""
    key, actor = services.hub.keys.authenticate(_key(request), address=request.headers.get("x-forwarded-for"))
    require_scope(key, "calls")
    try:
        task = services.hub.tasks.one(held_id)
    except NotFound:
        services.fold_now()  # it may have been held this very moment
        task = services.hub.tasks.one(held_id)
    if task.asked_by != actor.id:
        raise NotFound(f"There is no held answer {held_id!r} of this key.", remedy="Use the key that asked.")
    return task


def _key(request: Request[Any, Any, Any]) -> str:
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        text = request.headers.get("x-api-key") or request.headers.get("x-goog-api-key") or ""
    if not text.strip():
        raise Unauthenticated(
            "No key was sent.",
            remedy='Send "Authorization: Bearer KEY" with the key that asked.',
            code="missing_api_key",
        )
    return text.strip()


def _state(task: Task) -> _State:
    until = None if task.pass_until_us is None else to_iso(task.pass_until_us)
    return _State(task.id, task.state, task.kind, to_iso(task.expires_us), until)


def _gone(task: Task) -> Gone:
    if task.state == "expired":
        return Gone(
            f"Nobody decided about {task.id} before {to_iso(task.expires_us)}.",
            remedy="Send the call again.",
            code="held_expired",
        )
    why = f": {task.reason}" if task.reason else ""
    return Gone(f"{task.id} was refused{why}.", remedy="Its trace says what was found.")
