"""Seals: what only this installation can read, wherever it lies."""

from typing import Protocol


class Seals(Protocol):
    """`about` is bound to what is sealed: it opens for nothing else. Safe to use from several threads and processes."""

    def seal(self, data: bytes, about: str) -> bytes:
        """StoreError when there is no key to seal with."""
        ...

    def open(self, sealed: bytes, about: str) -> bytes:
        """StoreError (`seal_broken`) for what was not sealed here, or not about that."""
        ...
