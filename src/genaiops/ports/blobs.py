"""Blobs: large immutable payloads, named by the digest of their content."""

from collections.abc import Iterator
from typing import Protocol


class Blobs(Protocol):
    def put(self, data: bytes) -> str:
        """Store and return the digest (`sha256:...`). Storing the same content again is free.
        StoreError(code="disk_full").
        """
        ...

    def get(self, digest: str) -> bytes:
        """NotFound when there is none; StoreError(code="corrupt") when the content does not match its name."""
        ...

    def exists(self, digest: str) -> bool: ...

    def remove(self, digest: str) -> None: ...

    def digests(self) -> Iterator[str]: ...
