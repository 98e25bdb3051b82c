"""Where replays of guard policies are kept: beside the traces that they are about, so that they outlive the process."""

from collections.abc import Sequence
from typing import Protocol


class ReplayStore(Protocol):
    """What a replay is belongs to the part that makes it: here each is a message by its id. StoreError when it cannot
    be used."""

    def keep(self, replay_id: str, begun_us: int, body: bytes) -> None:
        """Add it, or put it in the place of what was kept by that id."""
        ...

    def kept(self) -> Sequence[bytes]:
        """All, the newest first."""
        ...

    def drop(self, replay_ids: Sequence[str]) -> None:
        """Those that are not there are no fault."""
        ...
