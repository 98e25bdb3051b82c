"""The slots: an open-addressing hash table in the mapped file, one slot for each (key, window).

A slot's words, counted from its base (the word that is read most):

    -4, -3   128-bit hash of (key, window); the low half is FREE, TOMBSTONE or a slot's name, and is written last
    -2       end of the window in microseconds
    -1       kind: SUM, RATE, or PASSING: a sum that may be forgotten when there is no room
     0       SUM: settled total.  RATE: theoretical arrival time in nanoseconds
     1       RATE: nanoseconds given back so far.  SUM: where it is leased (see `_leases`): what may be used here
     2       RATE: the limit last used.  SUM: the same where it is leased, -1 without a limit, 0 where it is not leased
     3       SUM: settled on other machines, as far as they have told.  RATE: used alone and not told yet (see `_alone`)
     4..19   SUM: what each column has reserved

All functions run under the lock. A slot is given free only when forgetting it changes no answer: nothing is reserved
and its window is over (or its total is 0), or its bucket is empty and nothing is to be told. Only where there is no
room otherwise, passing sums on which nothing is reserved are forgotten with their totals. Processes remember bases; a
raised EPOCH tells them to look again.
"""

import hashlib
import struct
from collections.abc import Collection
from typing import Final, NamedTuple

from genaiops.core.errors import StoreError
from genaiops.domain import SESSION_KEYS
from genaiops.engines.counters_mmap._file import COLUMNS, EPOCH, SLOT_WORDS, CountersFile

FREE: Final = 0
TOMBSTONE: Final = 1
SUM: Final = 1
RATE: Final = 2
PASSING: Final = 3

HASH_LOW: Final = -4
HASH_HIGH: Final = -3
WINDOW_END: Final = -2
KIND: Final = -1
GIVEN_BACK: Final = 1
GRANTED: Final = 1
LIMIT: Final = 2
ELSEWHERE: Final = 3
ALONE: Final = 3
RESERVED: Final = 4
BASE: Final = 4

SWEPT: Final = 1 << 32
"""What a sweep adds to EPOCH; a change of the attached columns adds 1, and leaves every base as it is."""

GRACE_US: Final = 60_000_000
"""A window stays for a minute after its end: clocks are set back, and calls settle late."""

_CROWDED: Final = 32
_REACH: Final = 1024
_SWEEP: Final = 256
_AT_ONCE: Final = 64
"""Passing sums that are forgotten together."""

_two_words = struct.Struct("<qq").unpack


def name_of(key: str, window_us: int) -> tuple[int, int]:
    """The 128-bit name as two words; the low one is never FREE nor TOMBSTONE."""
    low, high = _two_words(hashlib.blake2b(f"{window_us} {key}".encode(), digest_size=16).digest())
    return (low if low not in (FREE, TOMBSTONE) else low + 2), high


class Slot(NamedTuple):
    """What a slot is found by, or made of. `name` is of the key and its window, `kind` SUM, RATE or PASSING."""

    kind: int
    key: str
    window_end_us: int
    name: tuple[int, int]


def find(file: CountersFile, name: tuple[int, int]) -> int | None:
    """The slot's base, or None."""
    words, first, mask = file.words, file.slots_at + BASE, file.slots - 1
    low, high = name
    for step in range(min(_REACH, file.slots)):
        base = first + ((low + step) & mask) * SLOT_WORDS
        found = words[base + HASH_LOW]
        if found == low and words[base + HASH_HIGH] == high:
            return base
        if found == FREE:
            return None
    return None


def find_or_make(file: CountersFile, slot: Slot, sweep: "Sweep") -> int:
    """The slot's base. StoreError(code="counters_full") when no slot can be given free."""
    base = find(file, slot.name)
    if base is not None:
        if (file.words[base + KIND] == RATE) != (slot.kind == RATE):
            raise ValueError(f"the counter {slot.key!r} is used both as a sum and as a rate")
        return base
    home = slot.name[0]
    reach = min(_REACH, file.slots)
    base = _first_free(file, home, min(_CROWDED, reach))
    for pressed in (False, True):
        for start in range(0, reach, _SWEEP):
            if base is None:
                _sweep(file, home + start, sweep, pressed=pressed)
                base = _first_free(file, home, min(start + _SWEEP, reach))
    if base is None:
        raise StoreError(
            f"All {file.slots} slots of the counters file are in use; there is none for {slot.key!r}.",
            remedy="Remove budgets and rate limits that are not needed, or make the counters file with more slots.",
            code="counters_full",
        )
    _make(file, base, slot)
    return base


class Sweep(NamedTuple):
    """When it is, and the slots that the change in progress needs though they may look forgettable."""

    now_us: int
    keep: Collection[int] = ()


def _first_free(file: CountersFile, home: int, reach: int) -> int | None:
    words, first, mask = file.words, file.slots_at + BASE, file.slots - 1
    for step in range(reach):
        base = first + ((home + step) & mask) * SLOT_WORDS
        if words[base + HASH_LOW] in (FREE, TOMBSTONE):
            return base
    return None


def _make(file: CountersFile, base: int, slot: Slot) -> None:
    words = file.words
    for index in range(base, base - BASE + SLOT_WORDS):
        words[index] = 0
    words[base + HASH_HIGH] = slot.name[1]
    words[base + WINDOW_END] = slot.window_end_us
    words[base + KIND] = slot.kind
    words[base + HASH_LOW] = slot.name[0]


def _sweep(file: CountersFile, start: int, sweep: Sweep, *, pressed: bool) -> None:
    """Give free what can be forgotten in the neighbourhood, all at once, so that the processes look again only once.
    `pressed`: some passing sums, too."""
    words, first, mask = file.words, file.slots_at + BASE, file.slots - 1
    bases = [first + ((start + step) & mask) * SLOT_WORDS for step in range(min(_SWEEP, file.slots))]
    forgotten = [base for base in bases if base not in sweep.keep and _forgettable(file, base, sweep.now_us)]
    if pressed and not forgotten:
        forgotten = [base for base in bases if base not in sweep.keep and _is_passing(file, base)][:_AT_ONCE]
    if not forgotten:
        return
    words[EPOCH] += SWEPT
    for base in forgotten:
        words[base + HASH_LOW] = TOMBSTONE
    after = FREE if words[first + ((start + len(bases)) & mask) * SLOT_WORDS + HASH_LOW] == FREE else TOMBSTONE
    for base in reversed(bases):  # a tombstone before a free slot ends no chain early: it is free
        if after == FREE and words[base + HASH_LOW] == TOMBSTONE:
            words[base + HASH_LOW] = FREE
        after = words[base + HASH_LOW]


def _forgettable(file: CountersFile, base: int, now_us: int) -> bool:
    words = file.words
    if words[base + HASH_LOW] in (FREE, TOMBSTONE):
        return False
    if words[base + KIND] == RATE:
        return words[base] <= now_us * 1000 and not words[base + ALONE]
    if any(words[base + RESERVED : base + RESERVED + COLUMNS]):
        return False
    return words[base] == 0 or words[base + WINDOW_END] + GRACE_US <= now_us


def _is_passing(file: CountersFile, base: int) -> bool:
    words = file.words
    free = words[base + HASH_LOW] in (FREE, TOMBSTONE)
    return not free and words[base + KIND] == PASSING and not any(words[base + RESERVED : base + RESERVED + COLUMNS])


def kind_of(key: str) -> int:
    """Of a sum, by its name."""
    return PASSING if key.startswith(SESSION_KEYS) else SUM
