"""The two operations of every call, reserve and settle, on holds whose slots are known.

All here is laid out so that a call's way through it is short: what stays the same is worked out when the slots are
found, and kept as flat tuples; one loop runs over the sums, one over the rates; nothing is made for a call but its
reservation.

`reserve` writes no journal: besides the arrival times of rates it changes only words of its own column, and whatever a
killed process left there is cleared by `recover`. `settle` is journaled.
"""

from collections.abc import Sequence
from fcntl import LOCK_EX, LOCK_UN, flock
from operator import itemgetter
from time import time_ns
from typing import Final

import msgspec

from genaiops.core.errors import UsageError
from genaiops.engines.counters_mmap._file import APPLIED, ATTACHED, COLUMNS, EPOCH, PENDING, CountersFile
from genaiops.engines.counters_mmap._rate import DEBT_NS, ahead_ns, indebted, units
from genaiops.engines.counters_mmap._table import (
    GIVEN_BACK,
    LIMIT,
    RATE,
    RESERVED,
    SWEPT,
    Slot,
    Sweep,
    find_or_make,
    kind_of,
    name_of,
)
from genaiops.ports.counters import MINUTE_NS, Hold, Refusal

_NEVER: Final = 1 << 80
"""Stands for the limit of a sum that has none."""
_LONG_AGO_NS: Final = -(1 << 80)


class PreparedHolds:
    """The holds of one column's calls, with the indices of their words, good as of `epoch`. Private to this module but
    for `holds` and `reserve`.

    `sums`: (place among the holds, settled, reserved by this column, reserved by each other column, limit);
    `rates`, those with a limit: (place, arrival time, limit, number among the rates). `given_back` reads that word of
    each rate.
    """

    __slots__ = ("applied", "blank", "column", "epoch", "file", "given_back", "holds", "rates", "slots", "sums")

    def __init__(self, file: CountersFile, column: int, holds: Sequence[Hold]) -> None:
        self.file = file
        self.column = column
        self.applied = APPLIED + column
        self.holds = tuple(holds)
        self.slots = tuple(_slot(hold) for hold in self.holds)
        if len({slot.name for slot in self.slots}) < len(self.slots):
            raise UsageError(
                f"A counter stands twice among the holds {', '.join(repr(hold.key) for hold in self.holds)}.",
                remedy="Hold each counter once, for all that the call needs of it.",
            )
        self.blank = [0 if hold.kind == "rate" and hold.limit is None else -1 for hold in self.holds]
        self.epoch = -1
        self.sums: tuple[tuple[int, int, int, tuple[int, ...], int], ...] = ()
        self.rates: tuple[tuple[int, int, int, int], ...] = ()
        self.given_back = itemgetter(PENDING, PENDING)

    def reserve(self, amounts: Sequence[int], now_us: int) -> "Reserved | Refusal":
        file = self.file
        words = file.words
        now_ns = now_us * 1000
        levels = self.blank.copy()
        flock(file.fd, LOCK_EX)
        try:
            if words[PENDING] or words[EPOCH] != self.epoch:
                self.catch_up(now_us)
            for at, base, mine, others, limit in self.sums:
                reserved = words[mine] + amounts[at]
                used = words[base] + reserved
                for other in others:
                    used += words[other]
                if used > limit:
                    return self._refusal(amounts, now_ns, levels)
                words[mine] = reserved
                levels[at] = used
            for at, base, limit, _ in self.rates:
                amount = amounts[at]
                level = words[base] - now_ns
                if level < 0:
                    level = 0
                elif level > DEBT_NS:
                    level = MINUTE_NS
                level += amount * MINUTE_NS // limit
                if level >= MINUTE_NS and (amount > limit or (amount and level > MINUTE_NS)):
                    return self._refusal(amounts, now_ns, levels)
                words[base] = now_ns + level
                levels[at] = level
            given_back = self.given_back(words)
        except BaseException:
            self._take_back(amounts, levels)
            raise
        finally:
            flock(file.fd, LOCK_UN)
        return Reserved(self, amounts, levels, given_back, self.epoch, now_ns)

    def _refusal(self, amounts: Sequence[int], now_ns: int, levels: list[int]) -> Refusal:
        """The first hold in order that says no; what the others hold already is taken back."""
        words = self.file.words
        self._take_back(amounts, levels)
        found: list[Refusal] = []
        for at, base, mine, others, limit in self.sums:
            settled, reserved = words[base], sum([words[index] for index in (mine, *others)])
            if settled + reserved + amounts[at] > limit:
                found.append(Refusal(at, None, settled, reserved))
        for at, base, limit, _ in self.rates:
            amount, arrival = amounts[at], words[base]
            ahead = ahead_ns(arrival, now_ns)
            if ahead < arrival - now_ns:
                words[base] = now_ns + ahead  # the clock was set back: drain from here
            after = ahead + amount * MINUTE_NS // limit if amount <= limit else 0
            if amount > limit:
                found.append(Refusal(at, None, units(ahead, limit), 0))
            elif after > MINUTE_NS and amount:
                found.append(Refusal(at, (after - MINUTE_NS) / 1e9, units(ahead, limit), 0))
        return min(found, key=lambda refusal: refusal.index)

    def _take_back(self, amounts: Sequence[int], levels: list[int]) -> None:
        """What `levels` says is held already."""
        words = self.file.words
        for at, _, mine, _, _ in self.sums:
            if levels[at] >= 0:
                words[mine] -= amounts[at]
        for at, base, limit, _ in self.rates:
            if levels[at] >= 0:
                words[base] -= amounts[at] * MINUTE_NS // limit

    def undo(self, reserved: "Reserved") -> None:
        """Take back what was held a moment ago, as if it had never been."""
        file = self.file
        flock(file.fd, LOCK_EX)
        try:
            if file.words[PENDING] or file.words[EPOCH] != reserved.epoch:
                self.catch_up(reserved.now_ns // 1000)
            self._take_back(reserved.amounts, reserved.levels)
            reserved.settled = True
        finally:
            flock(file.fd, LOCK_UN)

    def catch_up(self, now_us: int) -> None:
        """Under the lock: repair what a killed process left, and find the slots if they may have moved."""
        words = self.file.words
        if words[PENDING]:
            self.file.replay()
        if words[EPOCH] != self.epoch:
            self._find(now_us)

    def _find(self, now_us: int) -> None:
        words = self.file.words
        bases: list[int] = []
        for slot in self.slots:
            bases.append(find_or_make(self.file, slot, Sweep(now_us, bases)))
        others = [RESERVED + column for column in range(COLUMNS) if words[ATTACHED + column] and column != self.column]
        sums: list[tuple[int, int, int, tuple[int, ...], int]] = []
        rates: list[tuple[int, int, int, int]] = []
        for at, (hold, base) in enumerate(zip(self.holds, bases, strict=True)):
            if hold.kind == "sum":
                limit = _NEVER if hold.limit is None else hold.limit
                theirs = tuple([base + other for other in others])
                sums.append((at, base, base + RESERVED + self.column, theirs, limit))
            elif hold.limit is not None:
                words[base + LIMIT] = hold.limit
                rates.append((at, base, hold.limit, len(rates)))
        self.sums, self.rates = tuple(sums), tuple(rates)
        given_back = [base + GIVEN_BACK for _, base, _, _ in rates]
        self.given_back = itemgetter(*given_back, *([PENDING, PENDING] if len(rates) < 2 else ()))  # of one: no tuple
        self.epoch = words[EPOCH]


class Reserved(msgspec.Struct, gc=False):
    """A reservation: what was held, the fill of each counter afterwards, what its rates had given back before; as of
    which epoch, and when."""

    prepared: PreparedHolds
    amounts: Sequence[int]
    levels: list[int]
    given_back: tuple[int, ...]
    epoch: int
    now_ns: int
    settled: bool = False

    def settle(self, actual: Sequence[int], sequence: int, now_us: int | None = None) -> None:
        if self.settled:
            raise UsageError("This reservation is settled already.")
        amounts = self.amounts
        if len(actual) != len(amounts):
            raise UsageError(f"There are {len(amounts)} holds in the reservation, but {len(actual)} actual amounts.")
        self.settled = True
        prepared = self.prepared
        file = prepared.file
        words = file.words
        now_ns = time_ns() if now_us is None else now_us * 1000
        flock(file.fd, LOCK_EX)
        try:
            if words[PENDING] or words[EPOCH] != self.epoch:
                self._look_again()
            changes = [prepared.applied, sequence]
            for at, base, mine, _, _ in prepared.sums:
                changes += base, words[base] + actual[at], mine, words[mine] - amounts[at]
            for at, base, limit, number in prepared.rates:
                used, amount = actual[at], amounts[at]
                if used < amount:
                    back = self.now_ns + self.levels[at] - now_ns  # what of its own part is still to come
                    if back > 0:
                        given = words[base + GIVEN_BACK]
                        back -= given - self.given_back[number]
                        most = amount * MINUTE_NS // limit - used * MINUTE_NS // limit
                        if back > most:  # noqa: PLR1730 - min takes longer than the rest of it
                            back = most
                        if back > 0:
                            changes += base, words[base] - back, base + GIVEN_BACK, given + back
                elif used > amount:
                    more = used * MINUTE_NS // limit - amount * MINUTE_NS // limit
                    changes += base, indebted(words[base], more, now_ns)
            file.commit(changes)
        finally:
            flock(file.fd, LOCK_UN)

    def _look_again(self) -> None:
        """Slots that held nothing may have been given free since, and be new ones now: then nothing is given back to
        a rate."""
        prepared = self.prepared
        prepared.catch_up(self.now_ns // 1000)
        if (prepared.epoch ^ self.epoch) >= SWEPT:
            self.now_ns = _LONG_AGO_NS


def _slot(hold: Hold) -> Slot:
    kind = RATE if hold.kind == "rate" else kind_of(hold.key)
    return Slot(kind, hold.key, hold.window_end_us, name_of(hold.key, hold.window_us))
