"""Writes `application/vnd.amazon.eventstream`, as a server of AWS would.

What it writes is read back by AWS's own reader in test_eventstream.py.
"""

import json
import struct
from typing import Any
from zlib import crc32


def text_header(name: str, value: str) -> bytes:
    key, data = name.encode(), value.encode()
    return bytes([len(key)]) + key + b"\x07" + struct.pack(">H", len(data)) + data


def framed(headers: bytes, payload: bytes) -> bytes:
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return message + struct.pack(">I", crc32(message))


def message(payload: bytes, **headers: str) -> bytes:
    return framed(
        b"".join(text_header(":" + name.replace("_", "-"), value) for name, value in headers.items()), payload
    )


def event(kind: str, body: Any) -> bytes:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return message(payload, message_type="event", event_type=kind, content_type="application/json")


def exception(kind: str, text: str) -> bytes:
    return message(json.dumps({"message": text}).encode(), message_type="exception", exception_type=kind)
