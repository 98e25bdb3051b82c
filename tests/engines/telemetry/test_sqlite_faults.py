"""The writer is killed, or its disk is full: nothing is lost, doubled or half-written."""

import logging
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from genaiops.core.errors import StoreError
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.ports.telemetry import RollupQuery, Telemetry, TraceFilter
from tests.engines.telemetry.calls import DAY, NOW, listed, trace_id
from tests.engines.telemetry.writing import CALLS, CHARGE, LIFE, batch_of

KILLS = 6
LIMIT = 800_000


def start_writer(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.engines.telemetry.writing", str(folder), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def check_complete(store: Telemetry, batches: int, *, shed: int = 0) -> None:
    """Everything of that many batches is there exactly once, but for the content of `shed` calls."""
    calls = batches * CALLS
    rows = listed(store, limit=500)
    assert len(rows) == calls
    assert {row.root.trace_id for row in rows} == {trace_id(number) for number in range(calls)}
    assert all((row.spans, row.cost_nano, row.input_tokens) == (2, 1000, 15) for row in rows)
    assert dict(store.ledger()) == {("bud_1", 0): batches * CHARGE}
    for step in ("minute", "hour"):
        rollups = store.rollup(RollupQuery(since_us=NOW - 9 * DAY, until_us=NOW + 9 * DAY, step=step))
        sums = [sum(figures) for figures in zip(*((r.calls, r.attempts, r.cost_nano) for r in rollups), strict=True)]
        assert sums == [calls, calls, calls * 1000]
    matching = {row.root.trace_id for row in listed(store, TraceFilter(text="word"), limit=500)}
    assert matching == {row.root.trace_id for row in rows if row.root.content == "inline"}
    assert len(matching) == calls - shed
    for row in rows[:: max(1, calls // 40)]:
        trace = store.trace(row.root.trace_id)
        assert trace is not None
        assert len(trace.contents) == (row.root.content == "inline")


def test_a_writer_killed_at_any_moment_loses_and_doubles_nothing(tmp_path: Path) -> None:
    chance = random.Random(20)
    written = -1
    for _ in range(KILLS):
        writer = start_writer(tmp_path)
        assert writer.stdout is not None
        for _ in range(chance.randint(1, 6)):
            number, spans, duplicates, shed = map(int, writer.stdout.readline().split())
            assert (number, spans, duplicates, shed) == (written + 1, 2 * CALLS, 0, 0)
            written = number
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split("\n")
        assert writer.wait() == -signal.SIGKILL
        writer.stdout.close()
        with open_telemetry(tmp_path, writer=False) as reader:
            # A batch that was committed may not have been said to be.
            reached = reader.offsets()[LIFE].offset - 1
            assert reached >= written + len([line for line in rest if line])
            written = reached
    with open_telemetry(tmp_path, writer=True, content_floor_bytes=0, clock=lambda: NOW) as store:
        store.write(batch_of(written + 1))
        check_complete(store, written + 2)


def test_files_that_cannot_grow_shed_content_and_then_refuse_whole_batches(tmp_path: Path) -> None:
    writer = start_writer(tmp_path, str(LIMIT))
    *lines, error = writer.communicate(timeout=60)[0].splitlines()
    assert writer.returncode == 0
    assert error == "disk_full"
    shed = [int(line.split()[3]) for line in lines]
    assert shed[0] == 0
    assert sum(shed) > 0
    with open_telemetry(tmp_path, writer=False) as reader:
        assert reader.offsets()[LIFE].offset == len(lines)
        check_complete(reader, len(lines), shed=sum(shed))
    with open_telemetry(tmp_path, writer=True, content_floor_bytes=0, clock=lambda: NOW) as store:
        assert store.write(batch_of(len(lines))).spans == 2 * CALLS
        check_complete(store, len(lines) + 1, shed=sum(shed))


def test_content_is_shed_while_there_is_still_room_for_figures(tmp_path: Path) -> None:
    free = os.statvfs(tmp_path)
    more_than_free = free.f_blocks * free.f_frsize + 1
    with open_telemetry(tmp_path, writer=True, content_floor_bytes=more_than_free, clock=lambda: NOW) as store:
        written = store.write(batch_of(0))
        assert (written.spans, written.content_shed) == (2 * CALLS, CALLS)
        assert {row.root.content for row in listed(store)} == {"shed"}
        check_complete(store, 1, shed=CALLS)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if os.geteuid() != 0 or mounting.returncode != 0:
        pytest.skip("this process may not mount a file system; the test with a limit on file sizes runs everywhere")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_figures_go_on_when_content_has_stopped(small_disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    floor = 4_000_000
    with open_telemetry(small_disk, writer=True, content_floor_bytes=floor, clock=lambda: NOW) as store:
        shed: list[int] = []

        def fill() -> None:
            while True:
                shed.append(store.write(batch_of(len(shed))).content_shed)

        with pytest.raises(StoreError) as caught:
            fill()
        assert caught.value.code == "disk_full"
        first_shed = next(number for number, count in enumerate(shed) if count)
        assert 0 < first_shed < len(shed) // 2
        check_complete(store, len(shed), shed=sum(shed))
        subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
        assert store.write(batch_of(len(shed))).content_shed == 0
        check_complete(store, len(shed) + 1, shed=sum(shed))
