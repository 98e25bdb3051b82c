"""100,000 keys: raw records by digest, decoded when used, read from the key log in short steps."""

import hashlib
import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import msgspec

from genaiops.domain import KeyEntry
from genaiops.ports.snapshots import SnapshotReader

_decode = msgspec.msgpack.Decoder(KeyEntry).decode
_BATCH = 64

G = TypeVar("G")


class Hot(Generic[G]):
    """What was made of a key's record, with the record it was made of."""

    __slots__ = ("digest", "encoded", "made_for", "value")

    def __init__(self, digest: bytes, encoded: bytes, made_for: object, value: G) -> None:
        self.digest = digest
        self.encoded = encoded
        self.made_for = made_for
        self.value = value


class Keyring(Generic[G]):
    """Finds what `make(entry)` makes of the key that a bearer text belongs to; keeps the `hot` last used ones.

    A record that the log replaces or removes is another object (or none) in the table of records, so what was made of
    the former one is never used again: nothing has to be invalidated.
    """

    def __init__(self, make: Callable[[KeyEntry], G], *, hot: int) -> None:
        self._make = make
        self._records: dict[bytes, bytes] = {}
        self._hot: dict[bytes, Hot[G]] = {}
        self._most = hot

    def __len__(self) -> int:
        return len(self._records)

    def find(self, bearer: bytes, made_for: object) -> G | None:
        """None when no key has this text. `made_for` is whatever else the value depends on (compared by identity)."""
        hot = self._hot.get(bearer)
        if hot is not None and hot.made_for is made_for and self._records.get(hot.digest) is hot.encoded:
            return hot.value
        return self._warm(bearer, made_for)

    def _warm(self, bearer: bytes, made_for: object) -> G | None:
        self._hot.pop(bearer, None)
        digest = hashlib.sha256(bearer).digest()
        encoded = self._records.get(digest)
        if encoded is None:
            return None
        value = self._make(_decode(encoded))
        if len(self._hot) >= self._most:
            del self._hot[next(iter(self._hot))]
        self._hot[bearer] = Hot(digest, encoded, made_for, value)
        return value

    def replace(self, records: dict[bytes, bytes]) -> None:
        self._records = records

    @property
    def records(self) -> dict[bytes, bytes]:
        return self._records


class KeyLog:
    """Follows the key log into a keyring. A new generation of it is read aside, and put in place when complete."""

    def __init__(self, reader: SnapshotReader, keyring: Keyring[G]) -> None:
        self._reader = reader
        self._ring = keyring
        self._file = ""
        self._offset = 0
        self._pending: Iterator[tuple[bytes, bytes, bool]] | None = None
        self._into: dict[bytes, bytes] = keyring.records
        self._goal = ("", 0)

    def aim(self, file: str, offset: int) -> None:
        """Read on until that place is reached. Only once `done` again, or with a new generation."""
        if not file:
            self._pending, self._goal, self._file, self._offset = None, ("", 0), "", 0
            self._into = {}
            self._ring.replace(self._into)
            return
        start = self._offset
        if file != self._file:
            self._into, start = {}, 0
        if file == self._file and offset <= start:
            return
        self._goal = (file, offset)
        self._file = file
        self._pending = self._reader.raw_keys(file, start, offset)

    @property
    def done(self) -> bool:
        return self._pending is None

    @property
    def file(self) -> str:
        return self._file

    def step(self, seconds: float) -> bool:
        """Read for about so long. Whether the place aimed at is reached."""
        pending = self._pending
        if pending is None:
            return True
        into = self._into
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for _ in range(_BATCH):
                entry = next(pending, None)
                if entry is None:
                    self._pending = None
                    self._offset = self._goal[1]
                    self._ring.replace(into)
                    return True
                digest, encoded, removed = entry
                if removed:
                    into.pop(digest, None)
                else:
                    into[digest] = encoded
        return False
