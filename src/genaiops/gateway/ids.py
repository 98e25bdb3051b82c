"""Trace and span ids as `genaiops.core.ids` makes them, from random bytes that are fetched for many calls at once."""

import os
import time

_CHUNK = 2048


class Ids:
    """Not to be shared between processes: two would make the same ids."""

    __slots__ = ("_at", "_random")

    def __init__(self) -> None:
        self._random = b""
        self._at = 0

    def trace(self) -> bytes:
        """16 bytes: milliseconds, then random."""
        return (time.time_ns() // 1_000_000).to_bytes(6, "big") + self._take(10)

    def span(self) -> bytes:
        """8 random bytes, never all zero."""
        return self._take(8).replace(b"\0" * 8, b"\0" * 7 + b"\1")

    def _take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._random):
            self._random = os.urandom(_CHUNK)
            end = size
        self._at = end
        return self._random[end - size : end]
