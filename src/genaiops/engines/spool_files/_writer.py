"""Writing: one worker, one life, one thread (large bodies: any thread)."""

import contextlib
import errno
import fcntl
import itertools
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, cast
from zlib import crc32

import msgspec

from genaiops.core.errors import StoreError
from genaiops.domain import CallRecord, Settled
from genaiops.engines.spool_files._frame import (
    ALIVE,
    ASIDE,
    CHECKED,
    FORMAT,
    HEADER_START,
    MAGIC,
    MAKING,
    PLACE,
    body_path,
    life_name,
    segment_path,
)
from genaiops.ports.spool import Aside

SEGMENT_BYTES: Final = 64 * 1024 * 1024
SEGMENT_CALLS: Final = 10_000
SEGMENT_SECONDS: Final = 60.0
"""After so long a segment with calls in it is finished, so that what was said in them does not lie here for longer."""
_PIECES: Final = 1000  # writev takes 1024
_JOINED: Final = 65_536  # up to here one copy costs less than many small pieces

_STRIDE: Final = 8 << 20  # of one write(2): none of them takes 2 GiB

_encode = msgspec.msgpack.Encoder().encode
_pack = HEADER_START.pack


class FileAside(Aside):
    """Its file, as long as no frame names it."""

    def __init__(self, path: Path, number: int, length: int) -> None:
        self.path = path
        self.number = number
        self.length = length

    def discard(self) -> None:
        with contextlib.suppress(OSError):  # the reader removes it with the life
            self.path.unlink()


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
        self._beside = 0
        """Bytes of this segment's bodies that lie beside it."""
        self._calls = 0
        self._since = 0.0
        self._numbers = itertools.count(1)
        self._rotate()

    def set_aside(self, body: bytes | bytearray) -> FileAside:
        number = next(self._numbers)
        path = self._life / f"{number}{MAKING}"
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                left = memoryview(body)
                while left:
                    left = left[os.write(fd, left[:_STRIDE]) :]
            finally:
                os.close(fd)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise _failed(self._life, error) from error
        return FileAside(path, number, len(body))

    def append(self, record: CallRecord, body: bytes | Sequence[bytes] | Aside = b"") -> None:
        if self._size + self._beside >= self._segment_bytes or self._calls >= self._segment_calls:
            self._rotate()
        if isinstance(body, FileAside):
            self._append_aside(record, body)
        else:
            self._write(record, cast("bytes | Sequence[bytes]", body), 0)

    def _append_aside(self, record: CallRecord, body: FileAside) -> None:
        """Name it as a body of this segment, then write its frame. Killed in between it is nobody's, and goes with the
        segment."""
        path = body_path(self._life, self._segment, body.number)
        try:
            body.path.rename(path)
        except OSError as error:
            body.discard()
            raise _failed(self._life, error) from error
        try:
            self._write(record, PLACE.pack(body.number, body.length), ASIDE)
        except StoreError:
            path.unlink(missing_ok=True)
            raise
        self._beside += body.length

    def _write(self, record: CallRecord, body: bytes | Sequence[bytes], flags: int) -> None:
        encoded = _encode(record)
        if not isinstance(body, bytes) and (len(body) > _PIECES or sum(map(len, body)) <= _JOINED):
            body = b"".join(body)
        if isinstance(body, bytes):
            length, start, pieces = len(body), body[:CHECKED], (body,)
        else:
            length, start, pieces = sum(map(len, body)), _start(body), body
        header = _pack(MAGIC, FORMAT, flags, len(encoded), length)
        total = 20 + len(encoded) + length
        checksum = crc32(start, crc32(encoded, crc32(header)))
        try:
            written = os.writev(self._fd, [header + checksum.to_bytes(4, "little"), encoded, *pieces])
        except OSError as error:
            raise self._undone(error) from error
        if written != total:
            raise self._undone(None)
        self._size += total
        if type(record) is not Settled:
            self._calls += 1

    def tend(self, seconds: float = SEGMENT_SECONDS) -> None:
        """Finish the segment when it is that old and has something in it. For the thread that appends, now and then."""
        if self._size and time.monotonic() - self._since >= seconds:
            self._since = time.monotonic()
            with contextlib.suppress(StoreError):  # what cannot be made now is tried later; appending goes on
                self._rotate()

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
        self._beside = 0
        self._since = time.monotonic()

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
