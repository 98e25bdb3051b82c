"""How the Snapshot and the keys reach the workers: files written by the control process, read by every worker.

The Snapshot is one file, replaced atomically. Keys are a log of changes in a file of the current generation; a
Snapshot names the file and the offset it reaches. The version that is in force stands in the counters (one word, read
on each request).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from genaiops.domain import KeyEntry, Snapshot


class SnapshotWriter(Protocol):
    def publish(self, snapshot: Snapshot) -> None: ...

    def append_keys(self, entries: Sequence[KeyEntry]) -> tuple[str, int]:
        """(file, offset after the last entry). An entry with `removed` takes its digest out."""
        ...

    def restart_keys(self, entries: Iterable[KeyEntry]) -> tuple[str, int]:
        """Begin a new generation with these entries; older generations are deleted once no published Snapshot names
        them.
        """
        ...


class SnapshotReader(Protocol):
    def latest(self) -> Snapshot | None: ...

    def raw_keys(self, file: str, start: int, end: int) -> Iterator[tuple[bytes, bytes, bool]]:
        """(digest, encoded KeyEntry, removed) of each entry in [start, end): cheap to keep by the hundred thousand,
        decoded when used with `msgspec.msgpack.decode(encoded, type=KeyEntry)`."""
        ...
