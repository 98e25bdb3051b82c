"""Content digests: the names of immutable versions."""

import hashlib
from typing import Any

import msgspec


def digest_bytes(data: bytes) -> str:
    """`sha256:` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_value(value: Any) -> str:
    """Digest of a JSON-like value or struct in canonical form (keys sorted, no spaces, UTF-8)."""
    return digest_bytes(msgspec.json.encode(value, order="sorted"))
