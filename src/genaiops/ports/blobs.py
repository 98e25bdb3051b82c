"""Blobs: large immutable payloads, named by the digest of their content."""

from collections.abc import Iterator
from typing import Protocol


class Blobs(Protocol):
    def put(self, data: bytes) -> str:
        """Store and return the digest (`sha256:...`). Storing the same content again is free, and makes it young.
        StoreError(code="disk_full").
        """
        ...

    def get(self, digest: str) -> bytes:
        """NotFound when there is none; StoreError(code="corrupt") when the content does not match its name."""
        ...

    def exists(self, digest: str) -> bool: ...

    def remove(self, digest: str) -> None: ...

    def idle(self, before_us: int) -> Iterator[str]:
        """Digests of what nobody has put since that time."""
        ...

    def discard(self, digest: str, before_us: int) -> int | None:
        """Remove it if nobody has put it since that time: the bytes that are free then. None: it stays, or was not
        there. Not safe against a `put` at the same moment: whoever calls this sees to it that there is none."""
        ...

    def digests(self) -> Iterator[str]: ...
