"""Run as a program: forks workers over one counters file, kills them with SIGKILL, and checks that every figure is
exact.

`killing.py FOLDER each` kills one process before each of its stores into the file in turn; `killing.py FOLDER random
SECONDS` kills workers under load at moments nobody chose. Prints a JSON
object with what was done; an AssertionError says what was wrong. It is a program of its own because it must fork, and a
test runner may have threads.
"""

import json
import os
import random
import signal
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from genaiops.domain import Charge
from genaiops.engines.counters_mmap import MmapCounters, open_counters
from genaiops.engines.counters_mmap._file import PENDING
from genaiops.ports.counters import Hold, Reading, Refusal, Reservation

NOW: Final = 1_800_000_000_000_000
END: Final = 1 << 62
LIMIT: Final = 2_000
RECORD: Final = struct.Struct("<cqqqq")
Demand = tuple[Hold, int]


class Fatal:
    """Stands before a buffer; the process dies just before its store number `at`."""

    stores = 0
    at = 0

    def __init__(self, buffer: Any) -> None:
        self.buffer = buffer

    def __getitem__(self, index: Any) -> Any:
        return self.buffer[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        if Fatal.stores == Fatal.at:
            os.kill(os.getpid(), signal.SIGKILL)
        Fatal.stores += 1
        self.buffer[index] = value


def forked(work: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
    finally:
        os._exit(0)


def dies_at(path: Path, column: int | None, at: int, work: Callable[[MmapCounters], None]) -> bool:
    """Does the work in another process, which dies before its store number `at`; False when it had fewer."""

    def child() -> None:
        counters = open_counters(path, column=column)
        Fatal.at = at
        fatal: Any = counters
        fatal._words = fatal._file.words = Fatal(fatal._words)
        fatal._file.map = Fatal(fatal._file.map)
        work(counters)

    _, status = os.waitpid(forked(child), 0)
    return os.WIFSIGNALED(status)


def reserve(counters: MmapCounters, demands: list[Demand]) -> Reservation:
    made = counters.prepare([hold for hold, _ in demands]).reserve([amount for _, amount in demands], NOW)
    assert not isinstance(made, Refusal)
    return made


def settled(counters: MmapCounters, demands: list[Demand], actual: list[int], sequence: int) -> None:
    made = reserve(counters, demands)
    made.settle(actual, sequence, NOW)


def hold(key: str, amount: int, limit: int | None = None) -> Demand:
    return Hold("sum", key, 0, END, limit), amount


def each_store_of_a_call(folder: Path) -> int:
    """Reserve and settle: what others see is always the state before or after the settle, never between."""
    demands = [hold("b", 10), hold("c", 5), (Hold("rate", "r", 0, 0, 60), 30), hold("d", 3)]
    for at in range(1000):
        path = folder / f"call-{at}"
        witness = open_counters(path, column=1, slots=64)
        settled(witness, [hold(key, 100) for key in "bcd"], [100, 100, 100], 1)
        died = dies_at(path, 0, at, lambda counters: settled(counters, demands, [8, 5, 10, 1], 77))
        reserve(witness, [hold("other", 1)])
        state = [witness.read(key, 0) for key in "bcd"], witness.read("r", 0, NOW).settled, witness.applied(0)
        if state[2] == 77:
            assert state == ([Reading(108, 0), Reading(105, 0), Reading(101, 0)], 10, 77), state
        else:
            assert state[1:] in {(0, 0), (30, 0)}, state
            assert [reading.settled for reading in state[0]] == [100, 100, 100], state
            for reading, amount in zip(state[0], (10, 5, 3), strict=True):
                assert reading.reserved in {0, amount}, state
        witness.recover(0, [])
        assert [witness.read(key, 0).reserved for key in "bcd"] == [0, 0, 0]
        witness.close()
        if not died:
            return at
    raise AssertionError("the call never ended")


def each_store_of_a_recovery(folder: Path) -> int:
    """Recover and load, done by a process that dies itself: all of it has happened, or nothing."""
    before = [Reading(0, 10), Reading(0, 5), Reading(0, 0)]
    after = [Reading(12, 0), Reading(0, 0), Reading(9, 0)]

    def recovery(counters: MmapCounters) -> None:
        counters.recover(3, [Charge("b", 0, 10), Charge("d", 0, 9), Charge("b", 0, 2)])

    for at in range(1000):
        path = folder / f"recovery-{at}"
        dead = open_counters(path, column=3, slots=64)
        reserve(dead, [hold("b", 10), hold("c", 5)])
        dead.set_gauge("calls", 1)
        dead.acknowledge(8)
        died = dies_at(path, None, at, recovery)
        control = open_counters(path, column=None)
        state = [control.read(key, 0) for key in "bcd"]
        assert (state, control.acknowledged()) in ((before, {3: 8}), (after, {})), (at, state)
        assert len(control.gauges()) == len(control.acknowledged())
        control.close()
        if not died:
            assert state == after
            return at
    raise AssertionError("the recovery never ended")


def each_store_of_a_crowd(folder: Path) -> int:
    """Slots given free and taken again: whoever comes after finds every counter that matters, once."""

    past = [Hold("sum", f"crowd-{number}", 0, NOW - 10**9, None) for number in range(8)]

    def crowd(counters: MmapCounters) -> None:
        for number, expired in enumerate(past):
            settled(counters, [(expired, 1)], [10 + number], number + 1)

    for at in range(2000):
        path = folder / f"crowd-{at}"
        witness = open_counters(path, column=1, slots=8)
        for key in "abcd":
            settled(witness, [hold(key, 7)], [7], 1)
        settled(witness, [hold("idle", 1)], [0], 1)
        held = reserve(witness, [hold("held", 3)])
        died = dies_at(path, 0, at, crowd)
        assert all(witness.read(expired.key, 0).settled in {0, 10 + number} for number, expired in enumerate(past))
        settled(witness, [hold(key, 1) for key in ("a", "b", "c", "d", "idle")], [1] * 5, 2)
        held.settle([2], 3, NOW)
        witness.recover(0, [])
        settled(witness, [hold("new-1", 1), hold("new-2", 1)], [1, 1], 4)
        found = [witness.read(key, 0) for key in ("a", "b", "c", "d", "idle", "held", "new-1", "new-2")]
        assert found == [Reading(total, 0) for total in (8, 8, 8, 8, 1, 2, 1, 1)], (at, found)
        witness.close()
        if not died:
            return at
    raise AssertionError("the crowd never ended")


class Load:
    """A worker whose calls end in any order. Its log stands for the spool."""

    def __init__(self, path: Path, log: Path, column: int, window: int) -> None:
        self.path, self.log, self.column, self.window = path, log, column, window

    def __call__(self) -> None:
        draw = random.Random(os.getpid())
        counters = open_counters(self.path, column=self.column)
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        calls: list[tuple[int, Reservation, int]] = []
        prepared = counters.prepare(
            [
                Hold("sum", "b", self.window, END, LIMIT),
                Hold("sum", "calls", self.window, END, None),
                Hold("sum", "at a time", 0, END, 6),
                Hold("rate", "r", 0, 0, 10**9),
            ]
        )
        for sequence in range(1, 1 << 40):
            amount = draw.randrange(50)
            made = prepared.reserve([amount, 1, 1, 1], time.time_ns() // 1000)
            if not isinstance(made, Refusal):
                os.write(log, RECORD.pack(b"A", sequence, self.window, amount, 1))
                calls.append((sequence, made, amount))
            while calls and (isinstance(made, Refusal) or len(calls) > 4):
                number, reservation, most = calls.pop(draw.randrange(len(calls)))
                actual = draw.randrange(most + 1) // 8
                os.write(log, RECORD.pack(b"S", number, self.window, actual, 1))
                reservation.settle([actual, 1, 0, 1], number)
                made = None


def charges_of(log: Path, applied: int, truth: dict[tuple[str, int], int]) -> list[Charge]:
    """What the log of a dead life leaves to be charged, by the rule of the port; adds all of the life to the truth."""
    data = log.read_bytes()
    records = [RECORD.unpack_from(data, at) for at in range(0, len(data) - RECORD.size + 1, RECORD.size)]
    final: dict[int, tuple[int, ...]] = {}
    unsettled: set[int] = set()
    last = 0
    for kind, sequence, *figures in records:
        final[sequence] = tuple(figures)
        if kind == b"A":
            unsettled.add(sequence)
        else:
            unsettled.discard(sequence)
            last = sequence
    due = unsettled | ({last} if last != applied else set())
    charges: list[Charge] = []
    for sequence, (window, *amounts) in final.items():
        for key, amount in zip(("b", "calls"), amounts, strict=True):
            truth[key, window] = truth.get((key, window), 0) + amount
            if sequence in due:
                charges.append(Charge(key, window, amount))
    return charges


def random_kills(folder: Path, seconds: float) -> dict[str, int]:
    path = folder / "counters.mmap"
    control = open_counters(path, column=None, slots=256)
    truth: dict[tuple[str, int], int] = {}
    logs = {column: folder / f"log-{column}" for column in (0, 1)}
    workers: dict[int, int] = {}
    draw = random.Random()
    kills = torn = 0
    words = control._file.words
    until = time.monotonic() + seconds

    def bury(column: int) -> None:
        nonlocal kills, torn
        os.kill(workers[column], signal.SIGKILL)
        os.waitpid(workers.pop(column), 0)
        kills += 1
        torn += words[PENDING] > 0
        applied = control.applied(column)
        charges = charges_of(logs[column], applied, truth) if logs[column].exists() else []
        logs[column].unlink(missing_ok=True)
        control.recover(column, charges)

    while time.monotonic() < until:
        window = kills // 25
        for column in (0, 1):
            if column not in workers:
                workers[column] = forked(Load(path, logs[column], column, window))
        time.sleep(draw.random() * 0.006)
        column = draw.randrange(2)
        bury(column)
        for name, limit in (("b", LIMIT), ("at a time", 6)):
            reading = control.read(name, window if name == "b" else 0)
            assert reading.settled + reading.reserved <= limit, (name, reading)
        if kills % 10 == 0:
            bury(1 - column)
            for (key, at), total in truth.items():
                assert control.read(key, at) == Reading(total, 0), (key, at, control.read(key, at), total)
            assert control.read("at a time", 0) == Reading(0, 0)
    for column in list(workers):
        bury(column)
    for (key, at), total in truth.items():
        assert control.read(key, at) == Reading(total, 0), (key, at, control.read(key, at), total)
    control.close()
    return {"kills": kills, "torn": torn, "calls": sum(total for (key, _), total in truth.items() if key == "calls")}


def main() -> None:
    folder, mode = Path(sys.argv[1]), sys.argv[2]
    if mode == "random":
        print(json.dumps(random_kills(folder, float(sys.argv[3]))))
        return
    works = (each_store_of_a_call, each_store_of_a_recovery, each_store_of_a_crowd)
    print(json.dumps({work.__name__: work(folder) for work in works}))


if __name__ == "__main__":
    main()
