"""Identifiers. Trace and span ids follow W3C Trace Context; record ids are a prefix and 26 sortable characters."""

import os
import re
import threading
import time

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_TRACEPARENT = re.compile(rb"^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$")
_NAME = re.compile(r"^[a-z0-9]([a-z0-9._/-]{0,126}[a-z0-9])?$")


def new_trace_id() -> bytes:
    """16 bytes: 48 bits of milliseconds, then random, so that ids made later sort later (as UUIDv7 does)."""
    return (time.time_ns() // 1_000_000).to_bytes(6, "big") + os.urandom(10)


def new_span_id() -> bytes:
    """8 random bytes, never all zero."""
    return os.urandom(8).replace(b"\0" * 8, b"\0" * 7 + b"\1")


class _Numbers:
    """Of records: 48 bits of milliseconds, then 80 random ones. Those of a process always grow, also within a
    millisecond (ULID's specification, "Monotonicity", with a random step, so that none tells the next)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> int:
        number = int.from_bytes((time.time_ns() // 1_000_000).to_bytes(6, "big") + os.urandom(10), "big")
        step = int.from_bytes(os.urandom(8), "big") + 1
        with self._lock:
            self._last = number if number >> 80 > self._last >> 80 else self._last + step
            return self._last


_numbers = _Numbers()


def new_id(prefix: str) -> str:
    """A record's id such as `key_01jd...`: 26 characters that sort in the order in which a process made them, and by
    time between processes."""
    number = _numbers.next()
    return prefix + "_" + "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))


def parse_traceparent(value: bytes) -> tuple[bytes, bytes, bool] | None:
    """(trace id, parent span id, sampled) of a W3C `traceparent`, or None when it is not one (the spec says: start
    anew).
    """
    match = _TRACEPARENT.match(value.strip())
    if match is None or match[1] == b"0" * 32 or match[2] == b"0" * 16:
        return None
    return bytes.fromhex(match[1].decode()), bytes.fromhex(match[2].decode()), bool(int(match[3], 16) & 1)


def format_traceparent(trace_id: bytes, span_id: bytes, *, sampled: bool = True) -> bytes:
    return b"00-%s-%s-%s" % (trace_id.hex().encode(), span_id.hex().encode(), b"01" if sampled else b"00")


def is_name(text: str) -> bool:
    """A name people give to things: lower case letters, digits and `. _ / -`, 1 to 128 characters."""
    return _NAME.match(text) is not None
