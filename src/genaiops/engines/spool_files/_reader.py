"""Reading: the control process (and the supervisor after a worker's death), any number at a time."""

import fcntl
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final
from zlib import crc32

import msgspec

from genaiops.core.errors import StoreError, UsageError
from genaiops.domain import CallRecord
from genaiops.engines.spool_files._frame import (
    ALIVE,
    ASIDE,
    BODY,
    CHECKED,
    FORMAT,
    HEADER,
    HEADER_START,
    LIFE,
    MAGIC,
    MAKING,
    PLACE,
    SEGMENT,
    body_path,
    segment_path,
)
from genaiops.ports.spool import Frame

log = logging.getLogger(__name__)

_CHUNK: Final = 1 << 20
_decoder = msgspec.msgpack.Decoder(CallRecord)


class FilesSpoolReader:
    """`skipped` counts whole frames whose record this program does not know (a newer one wrote it)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.skipped = 0
        self._told: dict[str, tuple[int, int]] = {}

    def lives(self) -> Sequence[str]:
        """Names of all lives, oldest first."""
        try:
            found = [match for entry in os.scandir(self._folder) if (match := LIFE.fullmatch(entry.name))]
        except FileNotFoundError:
            return []
        return [match[0] for match in sorted(found, key=lambda match: (int(match[2]), int(match[1])))]

    def frames(self, life: str, segment: int, offset: int) -> Iterator[Frame]:
        while True:
            # Looked up before reading: when there is a later one, nothing is appended to this one any more.
            later = [number for number in self._segments(life) if number > segment]
            yield from self._frames_of(life, segment, offset, finished=bool(later))
            if not later:
                return
            segment, offset = later[0], 0

    def newest(self, life: str) -> int:
        segments = self._segments(life)
        return segments[-1] if segments else 0

    def is_alive(self, life: str) -> bool:
        try:
            fd = os.open(self._path(life) / ALIVE, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def forget(self, life: str, before_segment: int) -> None:
        """Delete the segments before that number; a dead life without segments goes as a whole. The newest of a live
        one stays."""
        path, alive, segments = self._path(life), self.is_alive(life), self._segments(life)
        self._forget_bodies(path, segments[-1] if alive and segments else before_segment, before_segment, alive=alive)
        for number in segments:
            if number < before_segment and not (alive and number == segments[-1]):
                segment_path(path, number).unlink(missing_ok=True)
        if not alive and not self._segments(life):
            (path / ALIVE).unlink(missing_ok=True)
            if path.exists():
                path.rmdir()
            self._told.pop(life, None)

    @staticmethod
    def _forget_bodies(path: Path, newest: int, before_segment: int, *, alive: bool) -> None:
        """Those of the segments that go; of a dead life also what was never told of."""
        for name in _names(path):
            match = BODY.fullmatch(name)
            gone = int(match[1]) < min(newest, before_segment) if match is not None else name.endswith(MAKING)
            if gone and (match is not None or not alive):
                (path / name).unlink(missing_ok=True)

    def _path(self, life: str) -> Path:
        if LIFE.fullmatch(life) is None:
            raise UsageError(f"{life!r} does not name a life of the spool.", remedy="Take a name that lives() gave.")
        return self._folder / life

    def _segments(self, life: str) -> list[int]:
        try:
            paths = list(self._path(life).iterdir())
        except FileNotFoundError:
            return []
        return sorted(int(match[1]) for path in paths if (match := SEGMENT.fullmatch(path.name)))

    def _frames_of(self, life: str, segment: int, offset: int, *, finished: bool) -> Iterator[Frame]:
        try:
            fd = os.open(segment_path(self._path(life), segment), os.O_RDONLY)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreError(
                f"Segment {segment} of the spool {life} cannot be read: {error.strerror}.",
                remedy="Check that the data directory belongs to this user.",
                code="spool_failed",
            ) from error
        try:
            yield from self._scan(fd, life, segment, offset, finished=finished)
        finally:
            os.close(fd)

    def _scan(self, fd: int, life: str, segment: int, at: int, *, finished: bool) -> Iterator[Frame]:
        size = os.fstat(fd).st_size
        window, start = memoryview(b""), at
        fault = ""
        while at < size and not fault:
            if at + HEADER.size - start > len(window):
                window, start = memoryview(os.pread(fd, _CHUNK, at)), at
            end = _end_of(window[at - start : at - start + HEADER.size], at)
            if end is None:
                fault = "no frame begins here"
                break
            if end > size:
                break
            if end - start > len(window):
                window, start = memoryview(os.pread(fd, max(_CHUNK, end - at), at)), at
            frame = window[at - start : end - start]
            if len(frame) != end - at or not _is_whole(frame):
                fault = "the frame is damaged"
                break
            record = self._decode(life, (segment, at), frame)
            at = end
            if record is not None:
                yield Frame(record, self._body(life, segment, frame), segment, end)
        if at < size:
            self._tell(life, segment, at, size, fault, finished=finished)

    def _body(self, life: str, segment: int, frame: memoryview) -> bytes:
        _, _, flags, record_length, *_ = HEADER.unpack_from(frame)
        body = bytes(frame[HEADER.size + record_length :])
        if not flags & ASIDE:
            return body
        number, length = PLACE.unpack(body)
        path = body_path(self._path(life), segment, number)
        try:
            found = path.read_bytes()
        except FileNotFoundError:
            found = b""
        except OSError as error:
            raise StoreError(
                f"The body {path} cannot be read: {error.strerror}.",
                remedy="Check that the data directory belongs to this user.",
                code="spool_failed",
            ) from error
        if len(found) != length:
            log.error("The body %s has %d bytes instead of %d; it is left out.", path, len(found), length)
            return b""
        return found

    def _decode(self, life: str, place: tuple[int, int], frame: memoryview) -> CallRecord | None:
        try:
            return _decoder.decode(frame[HEADER.size : HEADER.size + HEADER.unpack_from(frame)[3]])
        except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as error:
            if self._first_time(life, place):
                self.skipped += 1
                log.warning("Skipped a record of the spool %s (segment %d, offset %d): %s.", life, *place, error)
            return None

    def _tell(self, life: str, segment: int, at: int, size: int, fault: str, *, finished: bool) -> None:
        """Log what is lost, once. The end of a frame that is still being written is no fault."""
        if not fault and not finished and self.is_alive(life):
            return
        if self._first_time(life, (segment, at)):
            log.log(
                logging.ERROR if fault else logging.WARNING,
                "The spool %s ends at offset %d of segment %d (%s); the %d bytes after it are lost.",
                life,
                at,
                segment,
                fault or "its last frame was not finished",
                size - at,
            )

    def _first_time(self, life: str, place: tuple[int, int]) -> bool:
        if self._told.get(life, (0, -1)) >= place:
            return False
        self._told[life] = place
        return True


def _end_of(header: memoryview, at: int) -> int | None:
    """Where the frame ends, None when this is no header."""
    if len(header) < HEADER.size:
        return at + HEADER.size
    magic, form, _, record_length, body_length, _ = HEADER.unpack(header)
    if magic != MAGIC or form != FORMAT:
        return None
    return at + HEADER.size + record_length + body_length


def _is_whole(frame: memoryview) -> bool:
    *_, record_length, _, checksum = HEADER.unpack_from(frame)
    checked = HEADER.size + record_length + CHECKED
    return crc32(frame[HEADER.size : checked], crc32(frame[: HEADER_START.size])) == checksum


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 (names are all that is needed)
    except FileNotFoundError:
        return []


def open_reader(folder: Path) -> FilesSpoolReader:
    return FilesSpoolReader(folder)
