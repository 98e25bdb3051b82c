"""Snapshots in a folder: `snapshot.msgpack`, replaced atomically, and the key log `keys-<generation>.log`, appended to.

An entry of the key log: length of the digest (1 byte), removed (1), length of the encoded KeyEntry (2), CRC-32 of what
precedes and what follows (4), the digest, the KeyEntry in MessagePack; little-endian. What a published Snapshot names
has reached the disk before it is published.
"""

import errno
import os
import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final
from zlib import crc32

import msgspec

from genaiops.core.errors import StoreError
from genaiops.domain import KeyEntry, Snapshot

_SNAPSHOT: Final = "snapshot.msgpack"
_KEYS: Final = re.compile(r"keys-(\d{1,12})\.log")
_START: Final = struct.Struct("<BBI")
_HEADER: Final = struct.Struct("<BBII")
_CHUNK: Final = 1 << 20
_REMEDY: Final = "Restart genaiops: the control process compiles the Snapshot and the key log anew."

_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Snapshot)


class FilesSnapshotWriter:
    """One at a time: the control process's."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        for left in folder.glob(".*"):
            left.unlink(missing_ok=True)  # half written by a writer that was killed
        self._reader = FilesSnapshotReader(folder)
        generations = _generations(folder)
        self._generation = generations[-1] if generations else 1
        self._named = self._name_in_force()
        path = folder / _keys_name(self._generation)
        self._end = _end_of_entries(path) if generations else 0
        self._keys = self._open(path)
        os.ftruncate(self._keys, self._end)  # a torn tail: no Snapshot names it

    def publish(self, snapshot: Snapshot) -> None:
        _replace(self._folder / _SNAPSHOT, [_encode(snapshot)])
        keep = {snapshot.keys_file, self._named}  # the last one's too: workers may still be reading it
        for generation in _generations(self._folder):
            if generation < self._generation and _keys_name(generation) not in keep:
                (self._folder / _keys_name(generation)).unlink(missing_ok=True)
        self._named = snapshot.keys_file

    def append_keys(self, entries: Sequence[KeyEntry]) -> tuple[str, int]:
        try:
            for piece in _pieces(entries):
                _write(self._keys, piece)
            os.fdatasync(self._keys)
        except OSError as error:
            os.ftruncate(self._keys, self._end)
            raise _failed(self._folder / _keys_name(self._generation), error) from error
        self._end = os.fstat(self._keys).st_size
        return _keys_name(self._generation), self._end

    def restart_keys(self, entries: Iterable[KeyEntry]) -> tuple[str, int]:
        path = self._folder / _keys_name(self._generation + 1)
        _replace(path, _pieces(entries))
        os.close(self._keys)
        self._generation += 1
        self._keys = self._open(path)
        self._end = os.fstat(self._keys).st_size
        return path.name, self._end

    def close(self) -> None:
        os.close(self._keys)

    def _name_in_force(self) -> str:
        try:
            latest = self._reader.latest()
        except StoreError:
            return ""  # the next publish replaces it
        return latest.keys_file if latest else ""

    def _open(self, path: Path) -> int:
        try:
            return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise _failed(path, error) from error


class FilesSnapshotReader:
    """Any number of processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def latest(self) -> Snapshot | None:
        path = self._folder / _SNAPSHOT
        try:
            return _decoder.decode(path.read_bytes())
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as error:
            raise StoreError(f"The Snapshot {path} cannot be read: {error}.", remedy=_REMEDY, code="corrupt") from error
        except OSError as error:
            raise _failed(path, error) from error

    def raw_keys(self, file: str, start: int, end: int) -> Iterator[tuple[bytes, bytes, bool]]:
        """StoreError when the file is gone (a newer Snapshot names another), or not all of the range is there: a
        missing entry may be the removal of a key, so the caller must not go on with less."""
        if _KEYS.fullmatch(file) is None:
            raise StoreError(f"{file!r} does not name a key log.", remedy=_REMEDY, code="corrupt")
        path = self._folder / file
        try:
            fd = os.open(path, os.O_RDONLY)
        except FileNotFoundError as error:
            raise StoreError(
                f"The key log {path} is gone.", remedy="Read the latest Snapshot.", code="keys_gone"
            ) from error
        except OSError as error:
            raise _failed(path, error) from error
        try:
            reached = start
            for digest, encoded, removed, after in _entries(fd, start, end):
                reached = after
                yield digest, encoded, removed
            if reached != end:
                raise StoreError(
                    f"The key log {path} is damaged at offset {reached}; it should reach {end}.",
                    remedy=_REMEDY,
                    code="corrupt",
                )
        finally:
            os.close(fd)


def open_writer(folder: Path) -> FilesSnapshotWriter:
    return FilesSnapshotWriter(folder)


def open_reader(folder: Path) -> FilesSnapshotReader:
    return FilesSnapshotReader(folder)


def _keys_name(generation: int) -> str:
    return f"keys-{generation}.log"


def _generations(folder: Path) -> list[int]:
    return sorted(int(match[1]) for path in folder.iterdir() if (match := _KEYS.fullmatch(path.name)))


def _pieces(entries: Iterable[KeyEntry]) -> Iterator[bytes]:
    """The entries' bytes in pieces of about 1 MiB."""
    piece = bytearray()
    for entry in entries:
        encoded = _encode(entry)
        digest = entry.digest
        start = _START.pack(len(digest), entry.removed, len(encoded))
        piece += start
        piece += crc32(encoded, crc32(digest, crc32(start))).to_bytes(4, "little")
        piece += digest
        piece += encoded
        if len(piece) >= _CHUNK:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)


def _entries(fd: int, start: int, end: int) -> Iterator[tuple[bytes, bytes, bool, int]]:
    """(digest, encoded, removed, offset after it) of the whole entries in the range, until one is not whole."""
    window, at = b"", 0
    base = start
    size = _HEADER.size
    unpack = _HEADER.unpack_from
    while base + at < end:
        if at + size > len(window):
            base, at, window = base + at, 0, os.pread(fd, min(_CHUNK, end - base - at), base + at)
            if len(window) < size:
                return
        digest_length, removed, length, checksum = unpack(window, at)
        after = at + size + digest_length + length
        if after > len(window):
            wanted = after - at
            if base + after > end:
                return
            base, at, window = base + at, 0, os.pread(fd, min(max(_CHUNK, wanted), end - base - at), base + at)
            if len(window) < wanted:
                return
            after = wanted
        middle = at + size + digest_length
        if crc32(window[at + size : after], crc32(window[at : at + _START.size])) != checksum:
            return
        yield window[at + size : middle], window[middle:after], bool(removed), base + after
        at = after


def _end_of_entries(path: Path) -> int:
    with path.open("rb") as file:
        reached = 0
        for *_, after in _entries(file.fileno(), 0, os.fstat(file.fileno()).st_size):
            reached = after
        return reached


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _replace(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a new file and put it in the place of the old one; both steps have reached the disk on return."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            for piece in pieces:
                _write(fd, piece)
            os.fsync(fd)
        finally:
            os.close(fd)
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _failed(path, error) from error


def _failed(path: Path, error: OSError) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreError(
            f"There is no room on the disk for {path}.",
            remedy="Free some space; until then the old one stays in force.",
            code="disk_full",
        )
    return StoreError(
        f"{path} cannot be used: {error.strerror}.",
        remedy="Check that the data directory exists and belongs to this user.",
        code="snapshots_failed",
    )
