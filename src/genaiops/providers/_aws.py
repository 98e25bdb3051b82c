"""What Bedrock and SageMaker have in common: credentials, region, signed requests, error answers."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec

from genaiops.core.errors import UpstreamError
from genaiops.domain import Target
from genaiops.ports.providers import ProviderError
from genaiops.providers._errors import read_error
from genaiops.providers._eventstream import Message
from genaiops.providers._sigv4 import Keys, Scope, signed

Clock = Callable[[], datetime]

_REGION = re.compile(r"[a-z]{2,}(?:-[a-z]+)+-\d{1,2}")
_ACCESS_KEY = re.compile(r"[A-Z0-9]{16,128}")
_LIMITED = frozenset({"ThrottlingException", "TooManyRequestsException", "ServiceQuotaExceededException"})
_PASSING = _LIMITED | {
    "InternalDependencyException",
    "InternalFailure",
    "InternalServerException",
    "InternalStreamFailure",
    "ModelNotReadyException",
    "ModelStreamErrorException",
    "ModelTimeoutException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
}
"""Exceptions after which the same request may succeed."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def keys_of(credential: str) -> Keys | str:
    """A credential as it stands in the secret store: JSON with `access_key_id`, `secret_access_key` and maybe
    `session_token`; `AKID:SECRET` or `AKID:SECRET:TOKEN`; anything else is an API key, sent as bearer."""
    text = credential.strip()
    if text.startswith("{"):
        try:
            return msgspec.json.decode(text, type=Keys)
        except msgspec.DecodeError:
            raise UpstreamError(
                "its credential is JSON without access_key_id and secret_access_key.",
                code="provider_credential",
                remedy='Write it as {"access_key_id": ..., "secret_access_key": ...}.',
            ) from None
    name, colon, rest = text.partition(":")
    if colon and rest and _ACCESS_KEY.fullmatch(name):
        secret, _, token = rest.partition(":")
        return Keys(name, secret, token or None)
    return text


def region_of(target: Target) -> str:
    """The setting `region`, else the one in the host of the base URL."""
    named = target.settings.get("region")
    if named:
        return named
    host = urlsplit(target.base_url or "").hostname or ""
    found = _region_in(host)
    if found is None:
        raise UpstreamError(
            f"its address {host!r} has no region in it.",
            code="provider_region",
            remedy="Give the target the setting region, such as eu-central-1.",
        )
    return found


@lru_cache(maxsize=256)
def _region_in(host: str) -> str | None:
    return next((label for label in host.split(".") if _REGION.fullmatch(label)), None)


def request_fields(
    target: Target, credential: str | None, service: str, path: str, body: bytes, *, clock: Clock
) -> tuple[tuple[bytes, bytes], ...]:
    """The headers of a POST of `body` to `path` below the target's base URL, signed when the credential is an access
    key. Settings `header.NAME` go out (and are signed) as well."""
    own = {
        name.removeprefix("header.").lower(): value
        for name, value in target.settings.items()
        if name.startswith("header.")
    }
    plain = {"host": _authority(target), "content-type": "application/json", "accept-encoding": "identity"}
    fields = [*{**plain, **own}.items()]
    keys = keys_of(credential) if credential else None
    if isinstance(keys, Keys):
        base = urlsplit(target.base_url or "").path.rstrip("/")
        scope = Scope(region_of(target), service)
        fields = signed(keys, scope, clock(), method="POST", path=base + path, headers=fields, body=body)
    elif keys is not None:
        fields.append(("authorization", f"Bearer {keys}"))
    return tuple((name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in fields)


def _authority(target: Target) -> str:
    """As the connection would say it itself: the port only where it is not the scheme's own."""
    parts = urlsplit(target.base_url or "")
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = parts.port
    return host if port is None or port == (443 if parts.scheme == "https" else 80) else f"{host}:{port}"


# -- errors


def aws_error(status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> ProviderError:
    """An error answer in the form of AWS's REST-JSON services: the kind in `x-amzn-errortype` or `__type`, the words in
    `message` or `Message`. A container's own error (SageMaker's ModelError) is told in its words."""
    plain = read_error(status, headers, body)
    fields = _fields(body)
    name = next((value.decode("latin-1") for key, value in headers if key.lower() == b"x-amzn-errortype"), None)
    kind = _kind(name or _text(fields, "__type") or _text(fields, "code") or plain.code)
    original = fields.get("OriginalStatusCode", fields.get("originalStatusCode"))
    message = _text(fields, "OriginalMessage") or _text(fields, "message") or _text(fields, "Message") or plain.message
    passing = kind in _PASSING or (isinstance(original, int) and (original >= 500 or original == 429))
    return ProviderError(
        message,
        kind,
        plain.type,
        plain.retryable or passing,
        plain.rest,
        limits_credential=kind in _LIMITED or (status == 429 and kind is None),
    )


def event_error(message: Message) -> str | None:
    """What a message of a stream says went wrong; None for an event."""
    kind = message.headers.get(":message-type", "event")
    if kind == "event":
        return None
    name = message.headers.get(":exception-type") or message.headers.get(":error-code") or kind
    fields = _fields(message.payload)
    words = _text(fields, "message") or _text(fields, "Message") or message.headers.get(":error-message")
    return f"{name}: {words}" if words else name


def _kind(text: str | None) -> str | None:
    """`ThrottlingException` of `ThrottlingException:http://...` or `aws.x#ThrottlingException`."""
    return text.partition(":")[0].rpartition("#")[2] or None if text else None


def _fields(body: bytes) -> dict[str, Any]:
    try:
        found: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _text(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    return value if isinstance(value, str) and value else None
