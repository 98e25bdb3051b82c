"""What the URLs in the parts of a message point at."""

import base64
import binascii
import mimetypes
import re
from urllib.parse import unquote_to_bytes, urlsplit

import msgspec

from genaiops.core.errors import UsageError


class Media(msgspec.Struct, frozen=True):
    """Either bytes in base64 (`data`) or a `url`. `type` is the media type, None when the URL does not tell it."""

    type: str | None
    data: str | None = None
    url: str | None = None


_DATA_URL = re.compile(r"data:(?P<type>[^;,]*)(?P<parameters>(?:;[^;,]*)*),", re.IGNORECASE)


def media(url: str, *, given: str | None, param: str) -> Media:
    """What a URL in a content part points at. UsageError when it is neither a good data URL nor http(s) or gs."""
    if url[:5].lower() == "data:":
        match = _DATA_URL.match(url)
        if match is None:
            raise UsageError("A data URL has no media type.", code="invalid_value", param=param)
        payload = url[match.end() :]
        if not match["parameters"].lower().endswith(";base64"):
            payload = base64.b64encode(unquote_to_bytes(payload)).decode()
        elif not _is_base64(payload):
            raise UsageError("A data URL is not base64.", code="invalid_value", param=param)
        return Media(given or match["type"] or "text/plain", data=payload)
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise UsageError(f"A URL is none: {error}.", code="invalid_value", param=param) from None
    if parts.scheme not in ("http", "https", "gs"):
        raise UsageError(
            f"A URL of the scheme {parts.scheme!r} is none that a provider can read.",
            remedy="Give a data URL or an https URL.",
            code="invalid_value",
            param=param,
        )
    return Media(given or mimetypes.guess_type(parts.path)[0], url=url)


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
