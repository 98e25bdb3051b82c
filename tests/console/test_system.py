"""What the machine and the processes use, beside how long calls take."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from genaiops.app.home import Home
from genaiops.app.vitals import VitalsLoop
from genaiops.ports.vitals import MachineReading, ProcessReading, Reading
from genaiops.watch import cores_used, machine_busy
from tests.app.running import Installation, until
from tests.console.conftest import Visitor

SECOND = 1_000_000
MEMORY = re.compile(r"\d+\.\d MB")


def reading(at: int, started: float = 5.0, seconds: float = 1.0, **machine: Any) -> Reading:
    facts: dict[str, Any] = {"cpu": {}, "memory_total": None, "memory_available": None, "disk_total": 1, "disk_free": 1}
    process = ProcessReading(cpu_seconds=seconds, resident_bytes=1, threads=1, started=started, descriptors=None)
    return Reading(at * SECOND, {"worker-0": process}, MachineReading(**{**facts, **machine}))


def test_processor_time_is_what_went_by_between_two_readings() -> None:
    assert cores_used(reading(0, seconds=1.0), reading(20, seconds=6.0), "worker-0") == 0.25
    assert cores_used(reading(0), reading(20), "worker-1") is None
    assert cores_used(reading(0), reading(0), "worker-0") is None
    assert cores_used(reading(0, seconds=90.0), reading(20, started=15.0, seconds=2.0), "worker-0") is None, (
        "another process"
    )


def test_a_machine_is_busy_with_what_is_not_idle() -> None:
    former = reading(0, cpu={"user": 10.0, "idle": 100.0, "iowait": 1.0})
    later = reading(20, cpu={"user": 20.0, "idle": 128.0, "iowait": 3.0})
    assert machine_busy(former, later) == pytest.approx(0.25)
    assert machine_busy(former, former) is None
    assert machine_busy(reading(0), reading(20)) is None


def test_readings_of_a_home_where_nothing_runs(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.run.mkdir(parents=True)
    (last,) = VitalsLoop(home).readings()
    assert last.processes == {}
    assert last.machine.disk_free > 0


def test_readings_of_a_running_installation(installation: Installation) -> None:
    loop = VitalsLoop(installation.home, step_us=50_000)
    loop.start()
    try:
        former, later = until(lambda: (found := loop.readings())[1:] and found, "a second reading")[-2:]
    finally:
        loop.stop()
    assert {"supervisor", "control", "worker-0"} <= later.processes.keys()
    assert later.processes["control"].resident_bytes > 10_000_000
    used = cores_used(former, later, "control")
    assert used is None or used >= 0


@pytest.mark.needs_browser
def test_the_page_has_every_process_and_percentiles(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/system")
    visitor.drawn()
    for name in ("supervisor", "control", "worker-0"):
        line = page.locator(f"tr[data-process={name}]")
        expect(line.locator("[data-label=memory]")).to_have_text(MEMORY)
        expect(line.locator("[data-label=threads]")).to_have_text(re.compile(r"\d+"))
    heads = page.locator("#latencies thead").inner_text()
    assert all(word in heads for word in ("p50", "p95", "p99"))
