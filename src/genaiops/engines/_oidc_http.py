"""Questions to an identity provider over HTTP: bounded in time and size, never redirected, JSON alone."""

import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

import msgspec

from genaiops.core.errors import Unavailable

_SECONDS = 10.0
_MOST_BYTES = 1 << 20
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class _Straight(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer that nobody asked for: what is sent may be a secret."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_opener = urllib.request.build_opener(_Straight)


def may_be_asked(address: str) -> bool:
    """https, or a provider on this machine."""
    parts = urlsplit(address)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    )


def fetch(
    address: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, Mapping[str, Any]]:
    """(status, JSON object) of a GET, or of a POST of the form. Unavailable when there is no such answer."""
    if not may_be_asked(address):
        raise _away(address, "it is no https address")
    fields = {"accept": "application/json", **(headers or {})}
    data = None if form is None else urlencode(form).encode()
    asked = urllib.request.Request(address, data=data, headers=fields)  # noqa: S310 (the scheme was looked at)
    try:
        with _opener.open(asked, timeout=_SECONDS) as reply:
            return reply.status, _decoded(address, reply.read(_MOST_BYTES))
    except urllib.error.HTTPError as error:
        with error:
            body = error.read(_MOST_BYTES)
        try:
            return error.code, _decoded(address, body)
        except Unavailable:
            return error.code, {}
    except (OSError, http.client.HTTPException) as error:
        raise _away(address, str(getattr(error, "reason", error)) or type(error).__name__) from error


def _decoded(address: str, body: bytes) -> Mapping[str, Any]:
    try:
        document: Any = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise _away(address, "it answered something that is not JSON") from error
    if not isinstance(document, dict):
        raise _away(address, "it answered no JSON object")
    return cast("dict[str, Any]", document)


def _away(address: str, why: str) -> Unavailable:
    parts = urlsplit(address)
    return Unavailable(
        f"The identity provider at {parts.scheme}://{parts.netloc} cannot be asked: {why}.",
        remedy="Sign in with a key meanwhile, or try again.",
        code="identity_provider_away",
    )
