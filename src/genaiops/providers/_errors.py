"""Error answers of providers, read: many shapes, one meaning."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

import msgspec

from genaiops.ports.providers import ProviderError

RETRYABLE = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$")
_EXHAUSTED = frozenset({"insufficient_quota", "billing_hard_limit_reached", "quota_exceeded"})
QUOTA_REST = 300.0
LONGEST_REST = 3600.0


def read_error(status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> ProviderError:
    """What an answer with an error status says, whatever its shape. Rest in seconds from `retry-after-ms`,
    `retry-after` (seconds or a date) or, on 429, from the `x-ratelimit-reset-*` of a limit that has nothing left."""
    message, code, kind = _words(body)
    fields = {name.lower(): value.decode("latin-1") for name, value in headers}
    rest = _rest(fields, status)
    exhausted = code in _EXHAUSTED or kind in _EXHAUSTED
    if exhausted and rest is None:
        rest = QUOTA_REST
    return ProviderError(
        message or f"it answered with status {status}.",
        code,
        kind,
        status in RETRYABLE,
        min(rest, LONGEST_REST) if rest is not None else None,
        limits_credential=status == 429,
    )


def _words(body: bytes) -> tuple[str, str | None, str | None]:
    try:
        found: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = body[:300].decode("utf-8", "replace").strip()
        return ("" if text.startswith("<") else text), None, None
    if isinstance(found, list) and found:  # Google wraps its error in a list
        found = cast("list[Any]", found)[0]
    if not isinstance(found, dict):
        return str(cast("object", found))[:300], None, None
    fields = cast("dict[str, Any]", found)
    error: Any = fields.get("error", fields)
    if isinstance(error, str):
        return error, _word(fields.get("code")), _word(fields.get("type"))
    if not isinstance(error, dict):
        return "", None, None
    inner = cast("dict[str, Any]", error)
    message = inner.get("message") or inner.get("detail") or inner.get("msg") or ""
    text = message if isinstance(message, str) else msgspec.json.encode(message).decode()
    return text, _word(inner.get("code")), _word(inner.get("type") or inner.get("status"))


def _word(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _rest(fields: dict[bytes, str], status: int) -> float | None:
    if (text := fields.get(b"retry-after-ms")) is not None and (seconds := _number(text)) is not None:
        return seconds / 1000
    if (text := fields.get(b"retry-after")) is not None:
        return _retry_after(text)
    if status != 429:
        return None
    waits = [
        wait
        for unit in (b"requests", b"tokens")
        if fields.get(b"x-ratelimit-remaining-" + unit, "").strip() in ("0", "0.0")
        and (wait := duration(fields.get(b"x-ratelimit-reset-" + unit, ""))) is not None
    ]
    return max(waits, default=None)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < 1e9 else None


def _retry_after(text: str) -> float | None:
    seconds = _number(text)
    if seconds is not None:
        return seconds
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def duration(text: str) -> float | None:
    """Seconds of a duration as OpenAI writes it: `1s`, `6m0s`, `1h2m3.5s`, `20ms`; a plain number is seconds."""
    text = text.strip()
    plain = _number(text)
    if plain is not None:
        return plain
    match = _DURATION.match(text)
    if match is None or not text:
        return None
    hours, minutes, seconds, millis = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds + millis / 1000
