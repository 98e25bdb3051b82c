"""Writing: one worker, one life, one thread."""

import errno
import fcntl
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from zlib import crc32

import msgspec

from genaiops.core.errors import StoreError
from genaiops.domain import CallRecord, Settled
from genaiops.engines.spool_files._frame import ALIVE, CHECKED, FORMAT, HEADER_START, MAGIC, life_name, segment_path

SEGMENT_BYTES: Final = 64 * 1024 * 1024
SEGMENT_CALLS: Final = 10_000
_PIECES: Final = 1000  # writev takes 1024
_JOINED: Final = 65_536  # up to here one copy costs less than many small pieces

_encode = msgspec.msgpack.Encoder().encode
_pack = HEADER_START.pack


class FilesSpoolWriter:
    """Appends frames to the newest segment of its life; a lock on the file `alive` tells readers that the life goes
    on."""

    def __init__(self, life: Path, alive: int, *, segment_bytes: int, segment_calls: int) -> None:
        self._life = life
        self._alive = alive
        self._segment_bytes = segment_bytes
        self._segment_calls = segment_calls
        self._segment = 0
        self._fd = -1
        self._size = 0
        self._calls = 0
        self._rotate()

    def append(self, record: CallRecord, body: bytes | Sequence[bytes] = b"") -> None:
        if self._size >= self._segment_bytes or self._calls >= self._segment_calls:
            self._rotate()
        encoded = _encode(record)
        if isinstance(body, bytes):
            length, start, pieces = len(body), body, (body,)
        else:
            length = sum(map(len, body))
            pieces = body if length > _JOINED and len(body) <= _PIECES else (b"".join(body),)
            start = _start(pieces)
        header = _pack(MAGIC, FORMAT, 0, len(encoded), length)
        total = 20 + len(encoded) + length
        checksum = crc32(start[:CHECKED] if length > CHECKED else start, crc32(encoded, crc32(header)))
        try:
            written = os.writev(self._fd, [header + checksum.to_bytes(4, "little"), encoded, *pieces])
        except OSError as error:
            raise self._undone(error) from error
        if written != total:
            raise self._undone(None)
        self._size += total
        if type(record) is not Settled:
            self._calls += 1

    def close(self) -> None:
        """The life is over: readers may fold and forget it."""
        if self._fd >= 0:
            os.close(self._fd)
            os.close(self._alive)
            self._fd = -1

    def _rotate(self) -> None:
        path = segment_path(self._life, self._segment + 1)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
        try:
            fd = os.open(path, flags, 0o600)
        except OSError as error:
            raise _failed(self._life, error) from error
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._segment, self._size, self._calls = fd, self._segment + 1, 0, 0

    def _undone(self, error: OSError | None) -> StoreError:
        """Take back what part of a frame was written; where that fails too, the rest of the segment stays unused."""
        try:
            os.ftruncate(self._fd, self._size)
        except OSError:
            self._size = self._segment_bytes
        return _failed(self._life, error)


def _start(pieces: Sequence[bytes]) -> bytes:
    start = b""
    for piece in pieces:
        start += piece[:CHECKED]
        if len(start) >= CHECKED:
            return start[:CHECKED]
    return start


def _failed(life: Path, error: OSError | None) -> StoreError:
    if error is None or error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreError(
            f"The spool {life} could not be written: the disk is full.",
            remedy="Free some space on the disk of the data directory; recording goes on by itself.",
            code="spool_full",
        )
    return StoreError(
        f"The spool {life} could not be written: {error.strerror}.",
        remedy="Check that the data directory exists, belongs to this user and can be written.",
        code="spool_failed",
    )


def open_writer(
    folder: Path,
    *,
    column: int,
    life_us: int,
    segment_bytes: int = SEGMENT_BYTES,
    segment_calls: int = SEGMENT_CALLS,
) -> FilesSpoolWriter:
    """Begin the life `w<column>-<life_us>` in the spool's folder. StoreError when it was there before or cannot be
    made."""
    life = folder / life_name(column, life_us)
    making = folder / f".{life.name}.{os.getpid()}"
    try:
        making.mkdir(parents=True, mode=0o700)
        alive = os.open(making / ALIVE, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(alive, fcntl.LOCK_EX)
        if life.exists():
            raise FileExistsError(errno.EEXIST, "this life was there before", str(life))
        making.rename(life)  # seen only now: nobody can take the life for dead before the lock is held
    except OSError as error:
        shutil.rmtree(making, ignore_errors=True)
        raise _failed(life, error) from error
    return FilesSpoolWriter(life, alive, segment_bytes=segment_bytes, segment_calls=segment_calls)
