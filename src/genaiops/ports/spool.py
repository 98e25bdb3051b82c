"""The spool: a worker's append-only log of calls, read by the control process.

A spool is a folder per worker life (`w<column>-<start>`), of numbered segments. One frame per record: record and up
to two raw bodies (the request's with Admitted, the response's with Settled). What `append` returned from survives
SIGKILL of any process.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from genaiops.domain import CallRecord


class Frame(msgspec.Struct, frozen=True):
    """`end` is the offset after the frame in its segment."""

    record: CallRecord
    body: bytes
    segment: int
    end: int


class SpoolWriter(Protocol):
    def append(self, record: CallRecord, body: bytes | Sequence[bytes] = b"") -> None:
        """StoreError(code="spool_full") when the disk is full: the frame is then not there at all, and the spool stays
        readable.
        """
        ...

    def close(self) -> None: ...


class SpoolReader(Protocol):
    """Reads all lives. A frame is handed out once it is whole; a torn tail of a dead life ends that life."""

    def lives(self) -> Sequence[str]: ...

    def frames(self, life: str, segment: int, offset: int) -> Iterator[Frame]:
        """Frames from that place on, across segments, until what is there now ends."""
        ...

    def is_alive(self, life: str) -> bool:
        """Its worker still holds it open (a lock that dies with the process)."""
        ...

    def forget(self, life: str, before_segment: int) -> None:
        """Delete segments before that number (the whole folder when the life is dead and all of it is folded)."""
        ...
