"""The file itself: making it, finding it unusable, crowding it."""

import errno
import fcntl
import logging
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from genaiops.core.errors import StoreError
from genaiops.domain import SESSION_KEYS
from genaiops.engines.counters_mmap import open_counters
from genaiops.engines.counters_mmap._file import EPOCH, PENDING
from genaiops.ports.counters import Counters, Hold, Reading, Refusal, Reservation
from tests.engines.counters.conftest import Demand, demand

NOW = 1_800_000_000_000_000
END = NOW + 3_600_000_000


def hold(key: str, amount: int = 1, window: int = NOW, end: int = END) -> Demand:
    return Demand(Hold("sum", key, window, end, None), amount)


def reserve(counters: Counters, *demands: Demand, now_us: int = NOW) -> Reservation:
    made = demand(counters, demands, now_us)
    assert not isinstance(made, Refusal)
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "counters.mmap"


def test_what_was_counted_is_there_after_reopening(path: Path) -> None:
    counters = open_counters(path, column=0, slots=64)
    reserve(counters, hold("b", 7)).settle([7], 1)
    counters.set_version(9)
    counters.close()
    again = open_counters(path, column=None)
    assert again.read("b", NOW) == Reading(7, 0)
    assert again.version() == 9
    again.close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_all_of_the_file_is_allocated(path: Path) -> None:
    open_counters(path, column=None, slots=1 << 10).close()
    found = path.stat()
    assert found.st_blocks * 512 >= found.st_size


@pytest.mark.parametrize(
    ("offset", "data", "fault"),
    [
        (0, b"notmagic", "not a counters file"),
        (8, (1).to_bytes(8, "little"), "its layout is 1"),
        (16, (32).to_bytes(8, "little"), "does not belong to 32 slots"),
        (16, (0).to_bytes(8, "little"), "does not belong to 0 slots"),
        (24, (5).to_bytes(8, "little"), "the machine was started anew"),
        (0, None, "it has only 100 bytes"),
    ],
)
def test_an_unusable_file_is_set_aside(
    path: Path, caplog: pytest.LogCaptureFixture, offset: int, data: bytes | None, fault: str
) -> None:
    counters = open_counters(path, column=0, slots=64)
    reserve(counters, hold("b", 7)).settle([7], 1)
    counters.close()
    with path.open("r+b") as file:
        if data is None:
            file.truncate(100)
        else:
            file.seek(offset)
            file.write(data)
    with caplog.at_level(logging.WARNING):
        again = open_counters(path, column=None, slots=64)
    assert fault in caplog.text
    assert again.read("b", NOW) == Reading(0, 0)
    again.close()
    assert path.with_name("counters.mmap.set-aside").exists()


def test_no_room_for_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, offset: int, length: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(StoreError, match="no room on the disk") as caught:
        open_counters(path, column=None)
    assert caught.value.code == "disk_full"
    monkeypatch.undo()
    open_counters(path, column=None, slots=64).close()


def test_a_folder_in_the_place_of_the_file(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot be opened"):
        open_counters(path, column=None)


def test_a_full_table_says_so_and_holds_nothing(path: Path) -> None:
    counters = open_counters(path, column=0, slots=16)
    held = [reserve(counters, hold(f"k{number}")) for number in range(16)]
    with pytest.raises(StoreError, match="All 16 slots of the counters file are in use") as caught:
        demand(counters, [hold("k0"), hold("one too many")], NOW)
    assert caught.value.code == "counters_full"
    assert counters.read("k0", NOW) == Reading(0, 1)
    held[3].settle([0], 1)
    reserve(counters, hold("one too many"))
    assert counters.read("k3", NOW) == Reading(0, 0)
    counters.close()


def test_expired_windows_make_room(path: Path) -> None:
    counters = open_counters(path, column=0, slots=16)
    minute = 60_000_000
    for number in range(200):
        start = NOW + number * minute
        calls, kept = hold("calls", 5, start, start + minute), hold("kept", end=NOW + 1000 * minute)
        made = reserve(counters, calls, kept, now_us=start)
        made.settle([5, 1], number + 1)
        assert counters.read("calls", start) == Reading(5, 0)
    assert counters.read("kept", NOW) == Reading(200, 0)
    counters.close()


def test_a_reservation_outlives_its_window_and_a_crowd(path: Path) -> None:
    counters = open_counters(path, column=0, slots=16)
    early = reserve(counters, hold("b", 5, NOW, NOW + 1), hold("nothing", 0, NOW, NOW + 1))
    later = NOW + 3_600_000_000
    for number in range(60):
        reserve(counters, hold(f"crowd-{number}"), now_us=later).settle([0], number)
    early.settle([4, 3], 61)
    assert counters.read("b", NOW) == Reading(4, 0)
    assert counters.read("nothing", NOW) == Reading(3, 0)
    counters.close()


def test_the_slots_of_a_reservation_are_not_taken_for_its_next_hold(path: Path) -> None:
    counters = open_counters(path, column=0, slots=16)
    for number in range(12):
        reserve(counters, hold(f"held-{number}"))
    for number in range(4):
        reserve(counters, hold(f"idle-{number}")).settle([0], number)
    nothing = [hold(f"new-{number}", 0) for number in range(5)]
    with pytest.raises(StoreError, match="in use"):
        demand(counters, nothing, NOW)
    reserve(counters, *nothing[:4]).settle([1, 2, 3, 4], 5)
    assert [counters.read(f"new-{number}", NOW).settled for number in range(4)] == [1, 2, 3, 4]
    counters.close()


def test_one_name_is_one_kind(path: Path) -> None:
    counters = open_counters(path, column=0, slots=16)
    reserve(counters, hold("b", 3))
    with pytest.raises(ValueError, match="both as a sum and as a rate"):
        demand(counters, [hold("c", 2), Demand(Hold("rate", "b", NOW, 0, 60), 1)], NOW)
    assert counters.read("b", NOW) == Reading(0, 3)
    counters.close()


def test_a_total_beyond_64_bits_stays_at_the_top(path: Path) -> None:
    counters = open_counters(path, column=0, slots=16)
    for sequence in (1, 2, 3):
        reserve(counters, hold("b", 1)).settle([1 << 62], sequence)
    assert counters.read("b", NOW) == Reading((1 << 63) - 1, 0)
    assert counters.applied(0) == 3
    counters.close()


def test_gauges_beyond_the_room_are_left_out(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    counters = open_counters(path, column=0, slots=16)
    for number in range(520):
        counters.set_gauge(f"gauge-{number}", number)
    assert len(counters.gauges()) == 512
    assert "gauge-512" in caplog.text
    counters.close()


def test_a_slot_that_was_given_away_is_looked_up_again(path: Path) -> None:
    one, two = (open_counters(path, column=column, slots=16) for column in (0, 1))
    reserve(one, hold("idle"), Demand(Hold("rate", "r", 0, 0, 60), 1)).settle([0, 1], 1)
    later = NOW + 3_600_000_000
    for number in range(60):
        reserve(two, hold(f"crowd-{number}", 7), now_us=later).settle([0], number)
    held = [reserve(two, hold(f"held-{number}", 7), now_us=later) for number in range(14)]
    reserve(one, hold("idle"), Demand(Hold("rate", "r", 0, 0, 60), 9), now_us=later).settle([1, 9], 2)
    assert one.read("idle", NOW) == Reading(1, 0)
    assert one.read("r", 0, later) == Reading(9, 0)
    assert [one.read(f"held-{number}", NOW) for number in range(14)] == [Reading(0, 7)] * 14
    for number, reservation in enumerate(held):
        reservation.settle([7], number)
    one.close()
    two.close()


class Watched:
    """Stands before a buffer, and asks at each access whether the lock is held."""

    def __init__(self, buffer: Any, fd: int, first: int) -> None:
        self.buffer, self.fd, self.first = buffer, fd, first
        self.accesses = 0

    def check(self, index: Any) -> None:
        if isinstance(index, slice) or index >= self.first or index in (PENDING, EPOCH):
            self.accesses += 1
            with pytest.raises(BlockingIOError):
                fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def __getitem__(self, index: Any) -> Any:
        self.check(index)
        return self.buffer[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self.check(index)
        self.buffer[index] = value


def test_the_lock_is_held_at_every_access(path: Path) -> None:
    counters: Any = open_counters(path, column=0, slots=16)
    file = counters._file
    fd = os.open(path, os.O_RDWR)
    words, mapped = counters._words, file.map
    counters._words = file.words = Watched(words, fd, file.slots_at)
    file.map = Watched(mapped, fd, 0)
    for number in range(20):
        made = reserve(counters, hold("b", 5), hold(f"crowd-{number}"), Demand(Hold("rate", "r", 0, 0, 60), 1))
        made.settle([4, 0, 0], number)
    assert isinstance(demand(counters, [hold("c"), Demand(Hold("sum", "b", NOW, END, 1), 1)], NOW), Refusal)
    counters.load({("b", NOW): (1, END)})
    counters.read("b", NOW)
    counters.set_gauge("calls", 1)
    counters.gauges()
    counters.recover(0, [])
    assert counters._words.accesses > 300
    counters._words, file.words, file.map = words, words, mapped
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):  # the watch itself sees a missing lock
        Watched(words, fd, 0).check(PENDING)
    os.close(fd)
    counters.close()


def test_threads_of_the_control_process_take_turns(path: Path) -> None:
    control = open_counters(path, column=None, slots=256)
    wrong: list[object] = []

    def work(name: str) -> None:
        for total in range(300):
            control.load({(name, NOW): (total, END)})
            if control.read(name, NOW) != Reading(total, 0):
                wrong.append((name, total))

    threads = [threading.Thread(target=work, args=(f"b{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    control.close()


def test_sessions_make_room_for_one_another_and_budgets_stay(path: Path) -> None:
    counters = open_counters(path, column=0, slots=64)
    for number in range(20):
        reserve(counters, hold(f"budget-{number}", number + 1)).settle([number + 1], 1)
    busy = reserve(counters, hold(f"{SESSION_KEYS}busy/steps", 3))
    for number in range(500):
        name = f"{SESSION_KEYS}{number}/steps"
        reserve(counters, hold(name, 2)).settle([2], 1)
        assert counters.read(name, NOW) == Reading(2, 0)
    assert [counters.read(f"budget-{number}", NOW).settled for number in range(20)] == list(range(1, 21))
    assert counters.read(f"{SESSION_KEYS}busy/steps", NOW) == Reading(0, 3), "what is under way is not forgotten"
    busy.settle([3], 2)
    reserve(counters, hold("another"))
    counters.close()
