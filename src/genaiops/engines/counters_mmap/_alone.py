"""What this machine used of shared rates by its part of them, while it could ask nobody, and has not told yet.

The slot of a rate has a word for it, `ALONE`: it is raised before the call goes out, and lowered when the common store
has taken it in. So a process that is killed at any step leaves it told or to be told; what is told twice, because an
answer was lost or two processes told at a time, counts as more than was used, never as less.

`TOLD` in the header counts the tellings: what turns out to be less than was reserved is taken off while it is not told.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Final, NamedTuple

from genaiops.core.clock import now_us as clock_us
from genaiops.engines.counters_mmap._file import OWING, SLOT_WORDS, TOLD, CountersFile
from genaiops.engines.counters_mmap._rate import ahead_ns
from genaiops.engines.counters_mmap._table import (
    ALONE,
    BASE,
    FREE,
    HASH_HIGH,
    HASH_LOW,
    KIND,
    LIMIT,
    RATE,
    TOMBSTONE,
    find,
)

Name = tuple[int, int]

_MOST: Final = 1 << 60


class Owed(NamedTuple):
    """`units` of a rate, used and not told; `ahead_ns`: how full this machine's own bucket is, in which all that it
    used counts, lent or not. `tellings` until then."""

    name: Name
    limit: int
    units: int
    ahead_ns: int
    tellings: int


class Alone:
    """One process's view of it. Any thread may use it."""

    def __init__(self, file: CountersFile, locked: Callable[[], AbstractContextManager[memoryview]]) -> None:
        self.now_us: Callable[[], int] = clock_us
        """The clock of reservations."""
        self._file = file
        self._locked = locked

    @property
    def owing(self) -> bool:
        return self._file.words[OWING] != 0

    def used(self, amounts: Iterable[tuple[Name, int]]) -> int:
        """Until when it may be lowered: the tellings so far."""
        with self._locked() as words:
            for name, amount in amounts:
                base = find(self._file, name)
                if base is None or amount <= 0:
                    continue
                if not words[base + ALONE]:
                    words[OWING] += 1  # before the other: too many does no harm
                words[base + ALONE] = min(words[base + ALONE] + amount, _MOST)
            return words[TOLD]

    def unused(self, name: Name, amount: int, tellings: int) -> None:
        """So much less, unless that was told already."""
        with self._locked() as words:
            if words[TOLD] == tellings:
                self._lower(words, name, amount)

    def owed(self, names: Iterable[Name]) -> list[Owed]:
        """Of these."""
        if not self.owing:
            return []
        with self._locked() as words:
            bases = [find(self._file, name) for name in dict.fromkeys(names)]
            return [self._owed(words, base) for base in bases if base is not None and words[base + ALONE]]

    def all_owed(self) -> list[Owed]:
        """Of every rate, also of those that no process that lives has used."""
        if not self.owing:
            return []
        first = self._file.slots_at + BASE
        with self._locked() as words:
            units = words[first + ALONE :: SLOT_WORDS].tolist()
            found = [first + at * SLOT_WORDS for at, amount in enumerate(units) if amount]
            rates = [base for base in found if _is_rate(words, base)]
            words[OWING] = len(rates)
            return [self._owed(words, base) for base in rates]

    def told(self, owed: Sequence[Owed]) -> None:
        """The common store has taken it in. If others told meanwhile it stays, and is told again."""
        if not owed:
            return
        with self._locked() as words:
            if words[TOLD] == owed[0].tellings:
                words[TOLD] += 1
                for one in owed:
                    self._lower(words, one.name, one.units)

    def _owed(self, words: memoryview, base: int) -> Owed:
        name = words[base + HASH_LOW], words[base + HASH_HIGH]
        ahead = ahead_ns(words[base], self.now_us() * 1000)
        return Owed(name, words[base + LIMIT], words[base + ALONE], ahead, words[TOLD])

    def _lower(self, words: memoryview, name: Name, amount: int) -> None:
        base = find(self._file, name)
        if base is None or not words[base + ALONE]:
            return
        words[base + ALONE] = max(words[base + ALONE] - amount, 0)
        if not words[base + ALONE]:
            words[OWING] = max(words[OWING] - 1, 0)


def _is_rate(words: memoryview, base: int) -> bool:
    return words[base + KIND] == RATE and words[base + HASH_LOW] not in (FREE, TOMBSTONE)
