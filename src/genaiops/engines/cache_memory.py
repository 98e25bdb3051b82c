"""A cache in this process's memory."""

from collections import OrderedDict
from typing import Any

_OVERHEAD = 512
"""Bytes that an entry takes beside its content, roughly."""


class MemoryCache:
    """At most so many entries and bytes (their content and an estimate of what holds it); the one that was used least
    recently goes first."""

    def __init__(self, *, most_bytes: int = 64 << 20, most_entries: int = 50_000) -> None:
        self._entries: OrderedDict[bytes, tuple[Any, int, int]] = OrderedDict()
        self._most_bytes = most_bytes
        self._most_entries = most_entries
        self._size = 0

    @property
    def size(self) -> int:
        return self._size

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes, now_us: int) -> Any | None:
        found = self._entries.get(key)
        if found is None:
            return None
        if found[2] <= now_us:
            self.drop(key)
            return None
        self._entries.move_to_end(key)
        return found[0]

    def put(self, key: bytes, value: Any, size: int, until_us: int) -> None:
        self.drop(key)
        size += _OVERHEAD
        if size > self._most_bytes:
            return
        self._entries[key] = (value, size, until_us)
        self._size += size
        while self._size > self._most_bytes or len(self._entries) > self._most_entries:
            _, (_, gone, _) = self._entries.popitem(last=False)
            self._size -= gone

    def drop(self, key: bytes) -> None:
        found = self._entries.pop(key, None)
        if found is not None:
            self._size -= found[1]
