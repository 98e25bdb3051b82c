"""The port's operations on the mapped file, but for those of every call (`_prepared`).

`load` and `recover` are journaled, so each of them has happened or has not.
"""

import os
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_UN, flock
from itertools import islice
from pathlib import Path
from typing import Final

from genaiops.core.clock import now_us as clock_us
from genaiops.core.clock import to_iso
from genaiops.core.errors import StoreError, UsageError
from genaiops.domain import Charge
from genaiops.engines.counters_mmap._file import (
    ACKNOWLEDGED,
    APPLIED,
    ATTACHED,
    COLUMNS,
    EPOCH,
    GAUGE_COUNT,
    GENERATION,
    PENDING,
    SLOT_WORDS,
    VERSION,
    CountersFile,
    open_file,
)
from genaiops.engines.counters_mmap._gauges import Gauges
from genaiops.engines.counters_mmap._leased import Desk, LeasedHolds, Lender
from genaiops.engines.counters_mmap._leases import UNLIMITED, Leases, Standing, boot_seconds
from genaiops.engines.counters_mmap._prepared import PreparedHolds
from genaiops.engines.counters_mmap._rate import units
from genaiops.engines.counters_mmap._stock import Stocks
from genaiops.engines.counters_mmap._table import (
    BASE,
    ELSEWHERE,
    GRANTED,
    KIND,
    LIMIT,
    RATE,
    RESERVED,
    SUM,
    WINDOW_END,
    Slot,
    Sweep,
    find,
    find_or_make,
    kind_of,
    name_of,
)
from genaiops.ports.counters import Gauge, Hold, Prepared, Reading

CEILING: Final = 1 << 62
_CHUNK: Final = 64
_TROUBLES: Final[Mapping[Standing, str]] = {
    Standing.JOINED: "",
    Standing.APART: "cut off from the store of the shared counters",
    Standing.WAITING: "not given leases of the shared counters yet",
}
_RATES: Final[Mapping[Standing, str]] = {
    Standing.JOINED: "hold",
    Standing.APART: "with this machine's part of them, one of as many as there are machines",
    Standing.WAITING: "hold",
}
_LONGEST_PERIOD_US: Final = 32 * 86_400_000_000


class MmapCounters:
    """One process's view of the file. With a column it belongs to one thread; without, any thread may use it (but not
    reserve)."""

    def __init__(
        self,
        file: CountersFile,
        column: int | None,
        *,
        shared: bool = False,
        lender: Lender | None = None,
        clock: Callable[[], float] = boot_seconds,
    ) -> None:
        self._file = file
        self._shared = shared
        self.leases = Leases(file, self._locked)
        """What is leased from others, where the counters are shared between machines."""
        self.leases.clock = clock
        self._desk = None if lender is None else Desk(self.leases, lender)
        self._stocks = None if lender is None else Stocks(self.leases, lender)
        self._fd = file.fd
        self._words = file.words
        self._column = column
        self._threads = threading.Lock()
        self._gauges = Gauges(file)
        if column is not None:
            self._attach(column)

    def prepare(self, holds: Sequence[Hold]) -> Prepared:
        prepared = PreparedHolds(self._file, self._need_column(), holds)
        return LeasedHolds(prepared, self.leases, self._desk, self._stocks) if self._shared else prepared

    def read(self, key: str, window_us: int, now_us: int | None = None) -> Reading:
        with self._locked() as words:
            base = find(self._file, name_of(key, window_us))
            if base is None:
                return Reading(0, 0)
            if words[base + KIND] == RATE:
                ahead = words[base] - (clock_us() if now_us is None else now_us) * 1000
                return Reading(units(max(ahead, 0), words[base + LIMIT]), 0)
            reserved = sum(words[base + RESERVED : base + RESERVED + COLUMNS])
            return Reading(words[base] + words[base + ELSEWHERE], reserved)

    def load(self, totals: Mapping[tuple[str, int], tuple[int, int]]) -> None:
        items = iter(totals.items())
        while chunk := list(islice(items, _CHUNK)):
            with self._locked():
                values: dict[int, int] = {}
                for (key, window_us), (total, window_end_us) in chunk:
                    slot = Slot(SUM, key, window_end_us, name_of(key, window_us))
                    base = find_or_make(self._file, slot, Sweep(clock_us(), values))
                    values[base] = total
                    if self._shared:  # what was used counts as granted, and nothing beyond it does
                        reserved = sum(self._words[base + RESERVED : base + RESERVED + COLUMNS])
                        values[base + GRANTED] = total + reserved
                        if not self._words[base + LIMIT]:
                            self.leases.lease(base, UNLIMITED)
                    values[base + WINDOW_END] = window_end_us
                if self._shared:
                    values[GENERATION] = 0  # nothing lent before is added any more: the machine joins the others anew
                self._file.commit(_pairs(values))

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
                slot = Slot(
                    kind_of(charge.budget_id), charge.budget_id, end, name_of(charge.budget_id, charge.window_us)
                )
                base = find_or_make(self._file, slot, Sweep(clock_us(), values))
                values[base] = values.get(base, words[base]) + charge.amount
            held = words[first::step].tolist()
            if any(held):
                values.update((first + index * step, 0) for index, amount in enumerate(held) if amount)
            values.update((word + column, 0) for word in (ATTACHED, ACKNOWLEDGED, APPLIED, GAUGE_COUNT))
            values[EPOCH] = words[EPOCH] + 1
            self._file.commit(_pairs(values))

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

    def degraded(self) -> str | None:
        trouble = self.leases.trouble() if self._shared else None
        if trouble is None:
            return None
        standing, since_us = trouble
        since = f" since {to_iso(since_us)}" if since_us else ""
        return (
            f"This machine is {_TROUBLES[standing]}{since}: hard budgets and "
            "limits of concurrency go on with what it had leased, soft budgets are told to the others later, and rate "
            f"limits {_RATES[standing]}."
        )

    def close(self) -> None:
        """A column without reservations is given up; one with reservations stays taken until `recover`."""
        if self._file.map.closed:
            return
        if self._column is not None and not self._outstanding(self._column):
            with self._locked() as words:
                values = {word + self._column: 0 for word in (ATTACHED, ACKNOWLEDGED, GAUGE_COUNT)}
                self._file.commit(_pairs({**values, EPOCH: words[EPOCH] + 1}))
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
            self._file.commit(_pairs({**values, ATTACHED + column: os.getpid(), EPOCH: words[EPOCH] + 1}))

    def _need_column(self) -> int:
        if self._column is None:
            raise UsageError(
                "These counters were opened without a column.",
                remedy="Only a worker's, opened with its column, can reserve, acknowledge or set gauges.",
            )
        return self._column

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


def _pairs(values: Mapping[int, int]) -> list[int]:
    return [word for pair in values.items() for word in pair]


def _column(column: int) -> int:
    if not 0 <= column < COLUMNS:
        raise UsageError(f"There is no column {column} of the counters; they are 0 to {COLUMNS - 1}.")
    return column


def open_counters(
    path: Path,
    *,
    column: int | None,
    slots: int = 1 << 17,
    shared: bool = False,
    lender: Lender | None = None,
    clock: Callable[[], float] = boot_seconds,
) -> MmapCounters:
    """Map the counters file, made when it is not there (`slots`, a power of two, matters only then).

    `column`: 0 to 15 for a worker, None for the processes that only look, publish and recover. Open it after a fork,
    not before: a lock is shared by what was forked. StoreError when the file cannot be made or the column is taken.
    `shared`: several machines share what they count; a worker then asks its `lender` for leases. `clock`:
    seconds by which it counts how long it may use what it was lent of rates; it only goes forwards.
    """
    if column is not None:
        _column(column)
    file = open_file(path, slots)
    try:
        return MmapCounters(file, column, shared=shared, lender=lender, clock=clock)
    except StoreError:
        file.close()
        raise
