"""The spool: a worker's append-only log of calls, read by the control process.

A spool is a folder per worker life (`w<column>-<start>`), of numbered segments. One frame per record: record and up
to two raw bodies (the request's with Admitted, the response's with Settled, both with Recalled). What `append` returned
from survives SIGKILL of any process.
"""

from abc import ABC, abstractmethod
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


class Aside(ABC):
    """A large body that lies beside the log already, and waits for its record. Each engine has its own."""

    @abstractmethod
    def discard(self) -> None:
        """There will be no record of it."""
        ...


class SpoolWriter(Protocol):
    def set_aside(self, body: bytes | bytearray) -> Aside:
        """Write a large body, for a record that is appended later. This takes its time: it is for another thread, and
        the only method that may be called from one. StoreError(code="spool_full"): then nothing of it is there."""
        ...

    def append(self, record: CallRecord, body: bytes | Sequence[bytes] | Aside = b"") -> None:
        """`body` is one of `set_aside` or is written here; it is then the record's, or is gone when this fails.
        StoreError(code="spool_full") when the disk is full: the frame is then not there at all, and the spool stays
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

    def newest(self, life: str) -> int:
        """The number of its newest segment: nothing is appended to those before it any more. 0: there is none."""
        ...

    def is_alive(self, life: str) -> bool:
        """Its worker still holds it open (a lock that dies with the process)."""
        ...

    def forget(self, life: str, before_segment: int) -> None:
        """Delete segments before that number (the whole folder when the life is dead and all of it is folded)."""
        ...
