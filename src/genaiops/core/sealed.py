"""Words that carry what they mean, and show that this installation wrote them (HMAC-SHA-256, RFC 2104).

They are signed, not secret: whoever holds one can read it.
"""

import base64
import binascii
import hashlib
import hmac

KEY_BYTES = 32
_MARK = 16
"""Bytes of the HMAC that are kept: nobody can try anything but here, so 128 bits are plenty."""

LONGEST = 1024
"""Characters of a word that is looked at."""


def seal(payload: bytes, key: bytes) -> str:
    """Letters, digits, `-` and `_`. The same payload gives the same word."""
    return base64.urlsafe_b64encode(_mark(payload, key) + payload).rstrip(b"=").decode("ascii")


def unseal(text: str, key: bytes) -> bytes | None:
    """The payload; None for anything that `seal` did not make with this key."""
    if len(text) > LONGEST or not text.isascii():
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    payload = raw[_MARK:]
    if not hmac.compare_digest(raw[:_MARK], _mark(payload, key)) or seal(payload, key) != text:
        return None
    return payload


def _mark(payload: bytes, key: bytes) -> bytes:
    return hmac.digest(key, payload, hashlib.sha256)[:_MARK]
