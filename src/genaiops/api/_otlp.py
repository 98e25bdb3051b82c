"""`POST /v1/traces`: OTLP/HTTP, as OpenTelemetry's exporters send it (specification 1.x, section OTLP/HTTP)."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Request, Response, Router, post
from litestar.di import Provide

from genaiops.api._errors import ErrorDetail
from genaiops.api._held import held
from genaiops.api._request_id import HEADER, request_id
from genaiops.api._services import Services, Serving
from genaiops.core.errors import (
    Forbidden,
    GenaiopsError,
    LimitReached,
    Unauthenticated,
    Unavailable,
    UsageError,
)
from genaiops.watch.otlp import (
    Group,
    Sender,
    Taken,
    decode_json,
    decode_protobuf,
    json_answer,
    protobuf_answer,
    protobuf_status,
)

PROTOBUF, JSON = "application/x-protobuf", "application/json"
LARGEST = 64 * 1024 * 1024
"""Bytes of a request, which the gateway has decompressed."""

_RETRY_SECONDS = 5


class WrongType(UsageError):
    status = 415
    default_code = "unsupported_media_type"


class _Refusal(msgspec.Struct, frozen=True):
    """`message` as google.rpc.Status has it, `error` as all our answers do."""

    message: str
    error: ErrorDetail


@post("/traces", status_code=200, include_in_schema=False, request_max_body_size=LARGEST)
async def traces(request: Request[Any, Any, Any], services: Serving) -> Response[bytes]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind not in (PROTOBUF, JSON):
            raise WrongType(
                f"Traces of the type {kind[:60] or 'that nobody named'!r} are not read.",
                remedy=f"Send {PROTOBUF} or {JSON} (in OpenTelemetry: OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf).",
            )
        sender = await asyncio.to_thread(_sender, request, services)
        body = await request.body()
        taken = await asyncio.to_thread(_take, services, body, kind, sender)
    except GenaiopsError as error:
        return _refused(request, kind, error)
    answer = protobuf_answer if kind == PROTOBUF else json_answer
    return Response(answer(taken.rejected, taken.reason), media_type=kind, headers=_headers(request))


def create_ingest(services: Services) -> Router:
    """Everything below `/v1` that the gateway leaves to the control process."""

    def provided() -> Any:
        return services

    return Router(
        path="/v1",
        route_handlers=[traces, held],
        dependencies={"services": Provide(provided, sync_to_thread=False)},
    )


def _sender(request: Request[Any, Any, Any], services: Services) -> Sender:
    """Whose key it is; any key that calls models or was made for traces."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    text = text if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
    if not text.strip():
        raise Unauthenticated(
            "No key was sent.",
            remedy='Send "Authorization: Bearer KEY" (OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20KEY").',
            code="missing_api_key",
        )
    key, actor = services.hub.keys.authenticate(text.strip(), address=request.headers.get("x-forwarded-for"))
    if not {"calls", "ingest"} & set(key.scopes):
        raise Forbidden(
            f"The key {key.name!r} is neither for model calls nor for traces.",
            remedy="Use a key with the scope 'ingest'.",
            code="scope_missing",
        )
    return Sender(
        key_id=key.id,
        key_name=key.name,
        actor_id=actor.id,
        tenant_id=key.tenant_id,
        team_id=key.team_id,
        environment_id=key.environment_id,
        application=key.application,
        capture=services.capture_of(key.environment_id),
    )


def _take(services: Services, body: bytes, kind: str, sender: Sender) -> Taken:
    decode: Callable[[bytes], tuple[Group, ...]] = decode_protobuf if kind == PROTOBUF else decode_json
    return services.ingest.take(decode(body), sender)


def _headers(request: Request[Any, Any, Any]) -> dict[str, str]:
    return {HEADER: request_id(request.scope), "cache-control": "no-store"}


def _refused(request: Request[Any, Any, Any], kind: str, error: GenaiopsError) -> Response[bytes]:
    """Of the statuses, senders try again after 429, 502, 503 and 504 alone."""
    headers = _headers(request)
    if isinstance(error, LimitReached) and error.retry_after is not None:
        headers["retry-after"] = str(max(1, -int(-error.retry_after // 1)))
    elif isinstance(error, Unavailable):
        headers["retry-after"] = str(_RETRY_SECONDS)
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    if kind == PROTOBUF:
        return Response(protobuf_status(str(error)), status_code=error.status, media_type=PROTOBUF, headers=headers)
    detail = ErrorDetail(str(error), error.type, error.code, error.param, headers[HEADER], error.remedy)
    body = msgspec.json.encode(_Refusal(str(error), detail))
    return Response(body, status_code=error.status, media_type=JSON, headers=headers)
