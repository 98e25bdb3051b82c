"""The port's operations on the mapped file.

`reserve` writes no journal: besides the arrival times of rates it changes only words of its own column, and whatever a
killed process left there is cleared by `recover`. `settle`, `load` and `recover` are journaled, so each of them has
happened or has not.
"""

import os
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_UN, flock
from itertools import islice
from pathlib import Path
from typing import Final

from genaiops.core.clock import now_us as clock_us
from genaiops.core.errors import StoreError, UsageError
from genaiops.domain import Charge
from genaiops.engines.counters_mmap._file import (
    ACKNOWLEDGED,
    APPLIED,
    ATTACHED,
    COLUMNS,
    EPOCH,
    GAUGE_COUNT,
    PENDING,
    SLOT_WORDS,
    VERSION,
    CountersFile,
    open_file,
)
from genaiops.engines.counters_mmap._gauges import Gauges
from genaiops.engines.counters_mmap._rate import MINUTE_NS, UNLIMITED, Entry, Reserved, ahead_ns, corrected, units
from genaiops.engines.counters_mmap._table import (
    BASE,
    GIVEN_BACK,
    KIND,
    LIMIT,
    RATE,
    RESERVED,
    SUM,
    SWEPT,
    WINDOW_END,
    Sweep,
    find,
    find_or_make,
)
from genaiops.ports.counters import Gauge, Hold, Reading, Refusal, Reservation

CEILING: Final = 1 << 62
_CHUNK: Final = 64
_REMEMBERED: Final = 100_000
_LONGEST_PERIOD_US: Final = 32 * 86_400_000_000


class MmapCounters:
    """One process's view of the file. With a column it belongs to one thread; without, any thread may use it (but not
    reserve)."""

    def __init__(self, file: CountersFile, column: int | None) -> None:
        self._file = file
        self._fd = file.fd
        self._words = file.words
        self._column = column
        self._own = 0 if column is None else RESERVED + column
        self._applied = APPLIED + (column or 0)
        self._others: tuple[int, ...] = ()
        self._epoch = -1
        self._slots: dict[tuple[str, int], int] = {}
        self._rates: dict[tuple[str, int], int] = {}
        self._threads = threading.Lock()
        self._gauges = Gauges(file)
        if column is not None:
            self._attach(column)

    def reserve(self, holds: Sequence[Hold], now_us: int) -> Reservation | Refusal:
        words, own = self._words, self._own
        if not own:
            self._need_column()
        entries: list[Entry] = []
        flock(self._fd, LOCK_EX)
        try:
            if words[PENDING]:
                self._file.replay()
            if words[EPOCH] != self._epoch:
                self._look_again()
            slots, others = self._slots, self._others
            for hold in holds:
                if hold.kind == "rate":
                    refusal = self._reserve_rate(hold, now_us, entries)
                    if refusal is not None:
                        self._take_back(entries)
                        return refusal
                    continue
                try:
                    base = slots[hold.key, hold.window_us]
                except KeyError:
                    base = self._resolve(hold, now_us, entries)
                amount = hold.amount
                limit = hold.limit
                mine = base + own
                reserved = words[mine] + amount
                used = words[base] + reserved
                for other in others:
                    used += words[base + other]
                if limit is not None and used > limit:
                    found = Refusal(len(entries), None, words[base], used - amount - words[base])
                    self._take_back(entries)
                    return found
                words[mine] = reserved
                entries.append((base, amount, used, None))
        except BaseException:
            self._take_back(entries)
            raise
        finally:
            flock(self._fd, LOCK_UN)
        return Reserved(holds, self._epoch, entries, now_us)

    def _reserve_rate(self, hold: Hold, now_us: int, entries: list[Entry]) -> Refusal | None:
        words = self._words
        base = self._rates.get((hold.key, hold.window_us)) or self._resolve(hold, now_us, entries)
        limit, amount, now_ns = hold.limit, hold.amount, now_us * 1000
        if limit is None:
            entries.append((base, amount, now_ns, UNLIMITED))
            return None
        arrival = words[base]
        ahead = ahead_ns(arrival, now_ns)
        if ahead < arrival - now_ns:
            words[base] = now_ns + ahead  # the clock was set back: drain from here
        if amount > limit:
            return Refusal(len(entries), None, units(ahead, limit), 0)
        cost = amount * MINUTE_NS // limit
        if ahead + cost > MINUTE_NS and amount:
            return Refusal(len(entries), (ahead + cost - MINUTE_NS) / 1e9, units(ahead, limit), 0)
        after = now_ns + ahead + cost
        if words[base + LIMIT] != limit:
            words[base + LIMIT] = limit
        words[base] = after
        entries.append((base, amount, after, (limit, cost, words[base + GIVEN_BACK])))
        return None

    def settle(self, reservation: Reservation, actual: Sequence[int], sequence: int, now_us: int | None = None) -> None:
        words, own = self._words, self._own
        if not isinstance(reservation, Reserved) or reservation.entries is None:
            raise UsageError("This reservation is settled already, or was made by other counters.")
        entries = reservation.entries
        if len(actual) != len(entries):
            raise UsageError(f"There are {len(entries)} holds in the reservation, but {len(actual)} actual amounts.")
        reservation.entries = None
        flock(self._fd, LOCK_EX)
        try:
            if words[PENDING]:
                self._file.replay()
            if (words[EPOCH] ^ reservation.epoch) >= SWEPT:
                entries = self._resolve_again(reservation, entries)
            values: dict[int, int] = {}
            rates = corrections = 0
            for (base, amount, _, rate), used in zip(entries, actual):  # noqa: B905 - as long, see above; twice as fast
                if rate is None:
                    mine = base + own
                    values[base] = words[base] + used
                    values[mine] = words[mine] - amount
                else:
                    rates += 2
                    corrections += used != amount
            if len(values) + rates != 2 * len(entries):
                values = self._settle_one_by_one(entries, actual)
            if corrections:
                self._settle_rates(values, entries, actual, clock_us() if now_us is None else now_us)
            values[self._applied] = sequence
            self._file.commit(values)
        finally:
            flock(self._fd, LOCK_UN)

    def _settle_one_by_one(self, entries: list[Entry], actual: Sequence[int]) -> dict[int, int]:
        """The slow way, for a reservation that holds the same counter more than once."""
        values: dict[int, int] = {}
        for (base, amount, _, rate), used in zip(entries, actual, strict=True):
            if rate is None:
                mine = base + self._own
                values[base] = values.get(base, self._words[base]) + used
                values[mine] = values.get(mine, self._words[mine]) - amount
        return values

    def _settle_rates(self, values: dict[int, int], entries: list[Entry], actual: Sequence[int], now_us: int) -> None:
        words = self._words
        for (base, amount, after, rate), used in zip(entries, actual, strict=True):
            if rate is None or rate is UNLIMITED or used == amount:
                continue
            arrival = values.get(base, words[base])
            given_back = values.get(base + GIVEN_BACK, words[base + GIVEN_BACK])
            settled = corrected(rate, after, used, (arrival, given_back, now_us * 1000))
            values[base], values[base + GIVEN_BACK] = settled

    def read(self, key: str, window_us: int, now_us: int | None = None) -> Reading:
        with self._locked() as words:
            base = find(self._file, key, window_us)
            if base is None:
                return Reading(0, 0)
            if words[base + KIND] == RATE:
                ahead = words[base] - (clock_us() if now_us is None else now_us) * 1000
                return Reading(units(max(ahead, 0), words[base + LIMIT]), 0)
            return Reading(words[base], sum(words[base + RESERVED : base + RESERVED + COLUMNS]))

    def load(self, totals: Mapping[tuple[str, int], tuple[int, int]]) -> None:
        items = iter(totals.items())
        while chunk := list(islice(items, _CHUNK)):
            with self._locked():
                values: dict[int, int] = {}
                for (key, window_us), (total, window_end_us) in chunk:
                    sweep = Sweep(clock_us(), values)
                    base = find_or_make(self._file, SUM, key, (window_us, window_end_us), sweep)
                    values[base] = total
                    values[base + WINDOW_END] = window_end_us
                self._file.commit(values)

    def applied(self, column: int) -> int:
        with self._locked() as words:
            return words[APPLIED + _column(column)]

    def recover(self, column: int, charges: Sequence[Charge]) -> None:
        mine = RESERVED + _column(column)
        first, step = self._file.slots_at + BASE + mine, SLOT_WORDS
        with self._locked() as words:
            values: dict[int, int] = {}
            for charge in charges:
                end = charge.window_us + _LONGEST_PERIOD_US if charge.window_us else CEILING
                window = (charge.window_us, end)
                base = find_or_make(self._file, SUM, charge.budget_id, window, Sweep(clock_us(), values))
                values[base] = values.get(base, words[base]) + charge.amount
            held = words[first::step].tolist()
            values.update((first + index * step, 0) for index, amount in enumerate(held) if amount)
            values.update((word + column, 0) for word in (ATTACHED, ACKNOWLEDGED, APPLIED, GAUGE_COUNT))
            values[EPOCH] = words[EPOCH] + 1
            self._file.commit(values)

    def set_version(self, version: int) -> None:
        self._words[VERSION] = version

    def version(self) -> int:
        return self._words[VERSION]

    def acknowledge(self, version: int) -> None:
        self._words[ACKNOWLEDGED + self._need_column()] = version

    def acknowledged(self) -> Mapping[int, int]:
        words = self._words
        return {column: words[ACKNOWLEDGED + column] for column in range(COLUMNS) if words[ATTACHED + column]}

    def set_gauge(self, name: str, value: int) -> None:
        at = self._gauges.place.get(name)
        if at is None:
            column = self._need_column()
            with self._locked():
                at = self._gauges.register(column, name) or 0
            self._gauges.place[name] = at
        if at:
            self._words[at] = value

    def gauges(self) -> Sequence[Gauge]:
        with self._locked():
            return list(self._gauges.all())

    def close(self) -> None:
        """A column without reservations is given up; one with reservations stays taken until `recover`."""
        if self._file.map.closed:
            return
        if self._column is not None and not self._outstanding(self._column):
            with self._locked() as words:
                values = {word + self._column: 0 for word in (ATTACHED, ACKNOWLEDGED, GAUGE_COUNT)}
                self._file.commit({**values, EPOCH: words[EPOCH] + 1})
        self._file.close()

    def _outstanding(self, column: int) -> bool:
        return any(self._words[self._file.slots_at + BASE + RESERVED + column :: SLOT_WORDS].tolist())

    def _attach(self, column: int) -> None:
        with self._locked() as words:
            holder = words[ATTACHED + _column(column)]
            if holder:
                raise StoreError(
                    f"Column {column} of the counters is taken by process {holder}.",
                    remedy="Choose another column; if that process is dead, call recover for the column first.",
                    code="column_taken",
                )
            values = {word + column: 0 for word in (ACKNOWLEDGED, APPLIED, GAUGE_COUNT)}
            self._file.commit({**values, ATTACHED + column: os.getpid(), EPOCH: words[EPOCH] + 1})

    def _need_column(self) -> int:
        if self._column is None:
            raise UsageError(
                "These counters were opened without a column.",
                remedy="Only a worker's, opened with its column, can reserve, acknowledge or set gauges.",
            )
        return self._column

    def _take_back(self, entries: list[Entry]) -> None:
        for base, amount, _, rate in entries:
            if rate is None:
                self._words[base + self._own] -= amount
            else:
                self._words[base] -= rate[1]
        entries.clear()

    def _resolve(self, hold: Hold, now_us: int, entries: Sequence[Entry]) -> int:
        kind, slots = (RATE, self._rates) if hold.kind == "rate" else (SUM, self._slots)
        sweep = Sweep(now_us, {entry[0] for entry in entries})
        base = find_or_make(self._file, kind, hold.key, (hold.window_us, hold.window_end_us), sweep)
        if self._words[EPOCH] != self._epoch or len(slots) > _REMEMBERED:
            self._look_again()
        slots[hold.key, hold.window_us] = base
        return base

    def _resolve_again(self, reservation: Reserved, entries: list[Entry]) -> list[Entry]:
        """The entries with the slots as they are now: one that held nothing may have been given free since."""
        resolved: list[Entry] = []
        if self._words[EPOCH] != self._epoch:
            self._look_again()
        for hold, (_, amount, _, rate) in zip(reservation.holds, entries, strict=True):
            slots = self._slots if rate is None else self._rates
            base = slots.get((hold.key, hold.window_us)) or self._resolve(hold, reservation.now_us, resolved)
            resolved.append((base, amount, 0, rate))  # 0: of a rate nothing can be given back, it may be a new slot
        return resolved

    def _look_again(self) -> None:
        words = self._words
        self._slots.clear()
        self._rates.clear()
        self._epoch = words[EPOCH]
        self._others = tuple(
            RESERVED + column for column in range(COLUMNS) if words[ATTACHED + column] and column != self._column
        )

    @contextmanager
    def _locked(self) -> Generator[memoryview]:
        """The lock, also between threads (flock belongs to the open file), with nothing pending."""
        with self._threads:
            flock(self._fd, LOCK_EX)
            try:
                if self._words[PENDING]:
                    self._file.replay()
                yield self._words
            finally:
                flock(self._fd, LOCK_UN)


def _column(column: int) -> int:
    if not 0 <= column < COLUMNS:
        raise UsageError(f"There is no column {column} of the counters; they are 0 to {COLUMNS - 1}.")
    return column


def open_counters(path: Path, *, column: int | None, slots: int = 1 << 17) -> MmapCounters:
    """Map the counters file, made when it is not there (`slots`, a power of two, matters only then).

    `column`: 0 to 15 for a worker, None for the processes that only look, publish and recover. Open it after a fork,
    not before: a lock is shared by what was forked. StoreError when the file cannot be made or the column is taken.
    """
    if column is not None:
        _column(column)
    file = open_file(path, slots)
    try:
        return MmapCounters(file, column)
    except StoreError:
        file.close()
        raise
