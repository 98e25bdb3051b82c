"""What workers know together of video jobs: the key that seals their ids, and which ids an owner was given."""

from collections.abc import Sequence
from typing import Protocol


class Videos(Protocol):
    """The jobs themselves live at their providers, and their ids carry where. What is kept here is for lists only."""

    def key(self) -> bytes:
        """The same for all workers, and after every restart. StoreError when there can be none."""
        ...

    def add(self, owner: bytes, video: str) -> None:
        """Remember that `owner` (a digest) was given this id. StoreError."""
        ...

    def recent(self, owner: bytes) -> Sequence[str]:
        """The newest ids of an owner, oldest first; those that were dropped are not among them."""
        ...

    def drop(self, owner: bytes, video: str) -> None:
        """It was deleted. StoreError."""
        ...
