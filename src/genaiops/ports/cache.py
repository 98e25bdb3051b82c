"""Caches: answers kept for the next call that asks the same.

Two of them: one in the worker, of objects, that answers at once; and optionally one that workers share, of bytes, that
is asked over a network and may be away. What is lost from either is only made again.
"""

from typing import Any, NamedTuple, Protocol


class Cache(Protocol):
    """A worker's own: bounded in entries and bytes, the least recently used goes first. Times in microseconds since the
    epoch, sizes in bytes. Not for several threads."""

    def get(self, key: bytes, now_us: int) -> Any | None:
        """None when there is none, or its time is over."""
        ...

    def put(self, key: bytes, value: Any, size: int, until_us: int) -> None: ...

    def drop(self, key: bytes) -> None: ...

    def __len__(self) -> int:
        """Entries kept."""
        ...

    @property
    def size(self) -> int:
        """Bytes kept."""
        ...


class SharedCache(Protocol):
    """What several workers, on several machines, share."""

    async def get(self, key: bytes) -> bytes | None:
        """Within milliseconds. StoreError(code="cache_away") when it cannot be asked."""
        ...

    def put(self, key: bytes, value: bytes, seconds: float) -> None:
        """Returns at once. What cannot be written is not: that is counted in `failures`."""
        ...

    @property
    def failures(self) -> int: ...

    async def aclose(self) -> None: ...


class Caches(NamedTuple):
    """What a gateway keeps answers in."""

    own: Cache
    shared: SharedCache | None = None
