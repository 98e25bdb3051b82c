"""The file: its layout in 64-bit words, how it is made, checked and mapped, and the journal that makes changes atomic.

- header: one page: what the file is, the Snapshot's version, and per column who is attached and what it acknowledged
- journal: the words that a change in progress is about to write
- gauges: per column, entries of 256 bytes: value, length of the name, name
- slots: the counters, an open-addressing table (see `_table`)

A change writes the new values of all its words to the journal (index, value, index, value ...), then the journal's
length in words to PENDING, then the words themselves, then 0 to PENDING. A process killed on the way leaves either
PENDING = 0 (nothing has happened) or a whole journal, which the next process to take the lock carries out: the values
are absolute, so doing so twice does no harm.
The lock is flock(2); the kernel releases it on death.

All of the file is allocated when it is made: a page that finds no room on a full disk would kill the process that
touches it.
"""

import errno
import fcntl
import hashlib
import logging
import mmap
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

from genaiops.core.errors import StoreError

log = logging.getLogger(__name__)

COLUMNS: Final = 16
GAUGES: Final = 512
GAUGE_WORDS: Final = 32
SLOT_WORDS: Final = 24

MAGIC: Final = 0
LAYOUT: Final = 1
SLOTS: Final = 2
BOOT: Final = 3
EPOCH: Final = 4
PENDING: Final = 5
VERSION: Final = 6
GENERATION: Final = 7
STANDING: Final = 8
SINCE: Final = 9
HEARD: Final = 10
PEERS: Final = 11
LEASED: Final = 12
RATES_AT: Final = 13
MEMBERS: Final = 14
ATTACHED: Final = 16
ACKNOWLEDGED: Final = 32
APPLIED: Final = 48
GAUGE_COUNT: Final = 64
OWING: Final = 80
TOLD: Final = 81
JOURNAL: Final = 512

_MAGIC_WORD: Final = int.from_bytes(b"gaicount", "little")
_LAYOUT_WORD: Final = 2
_OFTEN: Final = 256
_MOST: Final = (1 << 63) - 1


def gauges_at(slots: int) -> int:
    """The journal before it has room for the largest change, a recovery: two words of each slot and some of the
    header, each with its index."""
    return JOURNAL + slots * 4 + 64


def slots_at(slots: int) -> int:
    return gauges_at(slots) + COLUMNS * GAUGES * GAUGE_WORDS


def file_size(slots: int) -> int:
    return (slots_at(slots) + slots * SLOT_WORDS) * 8


class _Journal(dict[int, tuple[slice, Callable[..., bytes], Callable[[bytes], tuple[int, ...]]]]):
    """By the number of words in a change, indices and values together: where it stands in the map, and how it is
    written and read."""

    def __init__(self, end: int) -> None:
        super().__init__()
        self._end = end

    def __missing__(self, count: int) -> tuple[slice, Callable[..., bytes], Callable[[bytes], tuple[int, ...]]]:
        layout = struct.Struct(f"<{count}q")
        end = JOURNAL * 8 + layout.size
        if end > self._end:
            raise StoreError(
                f"A change of {count // 2} words does not fit the journal of the counters file.",
                remedy="This is a fault of genaiops; restart it and report the fault.",
                code="counters_failed",
            )
        made = slice(JOURNAL * 8, end), layout.pack, layout.unpack
        if count <= _OFTEN:
            self[count] = made
        return made


class CountersFile:
    """The mapped file. `words` is the whole of it as signed 64-bit integers; one is read or written whole."""

    def __init__(self, fd: int, slots: int) -> None:
        self.fd = fd
        self.slots = slots
        self.map = mmap.mmap(fd, file_size(slots))
        self.words = memoryview(self.map).cast("q")
        self.gauges_at = gauges_at(slots)
        self.slots_at = slots_at(slots)
        self._journal = _Journal(self.gauges_at * 8)

    def commit(self, changes: list[int]) -> None:
        """Write the words as one change: index, value, index, value ... Only under the lock, with nothing pending.
        Values beyond 63 bits stay at the top."""
        words = self.words
        count = len(changes)
        place, pack, _ = self._journal[count]
        try:
            self.map[place] = pack(*changes)
        except struct.error:
            changes[1::2] = [max(-_MOST, min(value, _MOST)) for value in changes[1::2]]
            self.map[place] = pack(*changes)
        words[PENDING] = count
        pairs = iter(changes)
        for index, value in zip(pairs, pairs):  # noqa: B905 - the same iterator twice: pairs
            words[index] = value
        words[PENDING] = 0

    def replay(self) -> None:
        """Carry out what a killed process left in the journal. Only under the lock."""
        words = self.words
        place, _, unpack = self._journal[words[PENDING]]
        pairs = iter(unpack(self.map[place]))
        for index, value in zip(pairs, pairs):  # noqa: B905 - the same iterator twice: pairs
            words[index] = value
        words[PENDING] = 0

    def close(self) -> None:
        self.words.release()
        self.map.close()
        os.close(self.fd)


def open_file(path: Path, slots: int) -> CountersFile:
    """Map the file, made anew when there is none or when it is not usable (the caller loads the totals from the ledger
    at start)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise _failed("cannot be opened", path, error) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            if not _is_current(fd, path):
                os.close(fd)  # another process put a new file in its place meanwhile
                continue
            fault = "" if os.fstat(fd).st_size == 0 else _fault(fd)
            if fault:
                _set_aside(path, fault)
                os.close(fd)
                continue
            if os.fstat(fd).st_size == 0:
                _initialise(fd, slots)
            mapped = CountersFile(fd, _header(fd)[SLOTS])
            fcntl.flock(fd, fcntl.LOCK_UN)
        except OSError as error:
            os.close(fd)
            raise _failed("cannot be made", path, error) from error
        return mapped


def _is_current(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _header(fd: int) -> list[int]:
    return memoryview(os.pread(fd, 64, 0)).cast("q").tolist()


def _fault(fd: int) -> str:
    size = os.fstat(fd).st_size
    if size < JOURNAL * 8:
        return f"it has only {size} bytes"
    header = _header(fd)
    if header[MAGIC] != _MAGIC_WORD:
        return "it is not a counters file, or was never finished"
    if header[LAYOUT] != _LAYOUT_WORD:
        return f"its layout is {header[LAYOUT]}, this program's is {_LAYOUT_WORD}"
    slots = header[SLOTS]
    if not 0 < slots <= 1 << 24 or slots & (slots - 1) or size != file_size(slots):
        return f"its size of {size} bytes does not belong to {slots} slots"
    if header[BOOT] != _boot():
        return "the machine was started anew, so that not all of it may have reached the disk"
    return ""


def _set_aside(path: Path, fault: str) -> None:
    aside = path.with_name(path.name + ".set-aside")
    log.warning("The counters file %s is made anew: %s. The old one is kept as %s.", path, fault, aside.name)
    path.replace(aside)


def _initialise(fd: int, slots: int) -> None:
    if slots < 1 or slots & (slots - 1):
        raise ValueError(f"slots must be a power of two, not {slots}")
    size = file_size(slots)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(fd, 0, size)
        else:
            os.ftruncate(fd, size)
    except OSError:
        os.ftruncate(fd, 0)
        raise
    header = memoryview(bytearray(64)).cast("q")
    header[LAYOUT] = _LAYOUT_WORD
    header[SLOTS] = slots
    header[BOOT] = _boot()
    os.pwrite(fd, header.tobytes(), 0)
    os.pwrite(fd, _MAGIC_WORD.to_bytes(8, "little"), 0)  # last: without it the file counts as unfinished


def _boot() -> int:
    """A word for this start of the machine (0 where the system does not tell)."""
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_bytes()
    except OSError:
        return 0
    return int.from_bytes(hashlib.blake2b(text.strip(), digest_size=7).digest(), "little")


def _failed(what: str, path: Path, error: OSError) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreError(
            f"There is no room on the disk for the counters file {path}.",
            remedy="Free some space and start again.",
            code="disk_full",
        )
    return StoreError(
        f"The counters file {path} {what}: {error.strerror}.",
        remedy="Check that the folder exists, belongs to this user and lies on a local disk.",
        code="counters_failed",
    )
