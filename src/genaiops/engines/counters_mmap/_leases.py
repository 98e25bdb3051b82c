"""What this machine may give out of counters that several machines share.

A leased sum has a word `granted`: settled + reserved of this machine never pass it by a reservation. Whoever keeps the
common store (see `engines/counters_redis`) has a figure of its own for what it lent to this machine, and the order of
the steps keeps ours at or below it: it is raised here after it was raised there, and lowered here before it is lowered
there. An answer that is lost on the way leaves it lower, which is safe, until both are set equal again.

`generation` numbers the times that they were set equal. What was asked for under an older one is not added any more;
0 means that they are being set equal, or never were.
"""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from enum import IntEnum
from typing import Final, NamedTuple

from genaiops.core.clock import now_us as clock_us
from genaiops.engines.counters_mmap._alone import Alone
from genaiops.engines.counters_mmap._file import (
    COLUMNS,
    EPOCH,
    GENERATION,
    HEARD,
    LEASED,
    MEMBERS,
    PEERS,
    RATES_AT,
    SINCE,
    SLOT_WORDS,
    STANDING,
    CountersFile,
)
from genaiops.engines.counters_mmap._prepared import PreparedHolds
from genaiops.engines.counters_mmap._table import (
    BASE,
    ELSEWHERE,
    GRANTED,
    HASH_HIGH,
    HASH_LOW,
    KIND,
    LIMIT,
    RATE,
    RESERVED,
    WINDOW_END,
    find,
)

Name = tuple[int, int]

UNLIMITED: Final = -1
_SILENT_US: Final = 5_000_000
_CHUNK: Final = 128


class Standing(IntEnum):
    """Of this machine: in touch with the others, cut off from them, or in touch and told to wait."""

    JOINED = 1
    APART = 2
    WAITING = 3


class Row(NamedTuple):
    """One leased sum. `limit` is UNLIMITED for what is only counted; `elsewhere` was settled by others."""

    name: Name
    limit: int
    granted: int
    settled: int
    reserved: int
    elsewhere: int
    window_end_us: int

    @property
    def used(self) -> int:
        return self.settled + self.reserved


class Leases:
    """One process's view of them. Any thread may use it."""

    def __init__(self, file: CountersFile, locked: Callable[[], AbstractContextManager[memoryview]]) -> None:
        self.clock: Callable[[], float] = boot_seconds
        self.alone = Alone(file, locked)
        self._file = file
        self._locked = locked
        self._seen = (-1, -1)
        self._bases: list[int] = []

    @property
    def generation(self) -> int:
        return self._file.words[GENERATION]

    @generation.setter
    def generation(self, value: int) -> None:
        with self._locked() as words:
            words[GENERATION] = value

    def rows(self) -> list[Row]:
        """All sums that are leased or counted for others to see. The lock is held for some of them at a time: workers
        wait for it."""
        found: list[Row] = []
        for bases in self._chunks():
            with self._locked() as words:
                found += [self._row(words, base) for base in bases if _is_leased(words, base)]
        return found

    def grant(self, name: Name, amount: int, generation: int) -> bool:
        """Add what was lent under that generation; False when it came too late, and was not added."""
        with self._locked() as words:
            base = find(self._file, name)
            if base is None or words[GENERATION] != generation:
                return False
            words[base + GRANTED] += amount
            return True

    def give_up(self, name: Name) -> int:
        """Lower it to what is used: how much that was. The keeper of the common store is told afterwards."""
        with self._locked() as words:
            base = find(self._file, name)
            return 0 if base is None else self._lower(words, base)

    def level(self, *, lower: bool) -> None:
        """Set every `granted` to what is used where that is more, and with `lower` also where it is less. Only while
        the generation is 0."""
        for bases in self._chunks():
            with self._locked() as words:
                for base in bases:
                    used = words[base] + sum(words[base + RESERVED : base + RESERVED + COLUMNS])
                    if _is_leased(words, base) and (lower or words[base + GRANTED] < used):
                        words[base + GRANTED] = used

    def hear(self, name: Name, settled: int) -> None:
        """What others have settled."""
        with self._locked() as words:
            base = find(self._file, name)
            if base is not None:
                words[base + ELSEWHERE] = settled

    def stand(self, standing: Standing, peers: int | None = None) -> None:
        """How this machine stands, as of now. `peers`: machines that live, this one too."""
        words = self._file.words
        now = clock_us()
        if words[STANDING] != standing:
            words[SINCE] = now
            words[STANDING] = standing
        words[HEARD] = now
        if peers is not None:
            words[PEERS] = peers

    def trouble(self) -> tuple[Standing, int] | None:
        """(standing, since when in microseconds) unless it is joined. A keeper that is silent is as good as APART."""
        words = self._file.words
        standing = Standing(words[STANDING] or Standing.WAITING)
        if standing is Standing.JOINED:
            heard = words[HEARD]
            return None if clock_us() - heard < _SILENT_US else (Standing.APART, heard)
        return standing, words[SINCE]

    @property
    def peers(self) -> int:
        return self._file.words[PEERS]

    @property
    def members(self) -> int:
        """Machines that there are, as far as this one knows, alive or not."""
        return self._file.words[MEMBERS]

    @members.setter
    def members(self, value: int) -> None:
        self._file.words[MEMBERS] = value

    def used_rates(self) -> None:
        """From now on this machine may have used of a rate."""
        self._file.words[RATES_AT] = int(self.clock() * 1000)

    def without_rates_ms(self) -> int | None:
        """For how long it has certainly used no rate; None when it never has, as far as this file says."""
        used = self._file.words[RATES_AT]
        return None if not used else max(int(self.clock() * 1000) - used, 0)

    @contextmanager
    def found(self, prepared: PreparedHolds, now_us: int) -> Generator[memoryview]:
        """The lock, with the slots of the holds found (again)."""
        with self._locked() as words:
            prepared.catch_up(now_us)
            yield words

    def lease(self, base: int, limit: int) -> None:
        """Under the lock: say that a sum is leased."""
        words = self._file.words
        if not words[base + LIMIT]:
            words[LEASED] += 1
        words[base + LIMIT] = limit

    def _chunks(self) -> Iterator[Sequence[int]]:
        """The bases of what is leased, looked for in the whole table only when there is more of it."""
        file = self._file
        seen = file.words[LEASED], file.words[EPOCH]
        if seen != self._seen:
            limits = file.words[file.slots_at + BASE + LIMIT :: SLOT_WORDS].tolist()
            self._bases = [file.slots_at + BASE + at * SLOT_WORDS for at, limit in enumerate(limits) if limit]
            self._seen = seen
        for start in range(0, len(self._bases), _CHUNK):
            yield self._bases[start : start + _CHUNK]

    def _row(self, words: memoryview, base: int) -> Row:
        return Row(
            (words[base + HASH_LOW], words[base + HASH_HIGH]),
            words[base + LIMIT],
            words[base + GRANTED],
            words[base],
            sum(words[base + RESERVED : base + RESERVED + COLUMNS]),
            words[base + ELSEWHERE],
            words[base + WINDOW_END],
        )

    def _lower(self, words: memoryview, base: int) -> int:
        used = words[base] + sum(words[base + RESERVED : base + RESERVED + COLUMNS])
        idle = words[base + GRANTED] - used
        if idle <= 0:
            return 0
        words[base + GRANTED] = used
        return idle


def boot_seconds() -> float:
    """Since the machine was started, its sleep counted: of all its processes the same, whatever its clock is set to."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _is_leased(words: memoryview, base: int) -> bool:
    return words[base + LIMIT] != 0 and words[base + KIND] != RATE and words[base + HASH_LOW] not in (0, 1)
