"""The machine under the benchmark: where processes run, what they use, and what the machine is."""

import contextlib
import os
import platform
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

LOAD_CORE = 0
GATEWAY_CORE = 1
"""The gateway under test has this core; the mock upstream and the load client have the other."""

_TICK_US = 1_000_000 / os.sysconf("SC_CLK_TCK")


class BenchmarkError(Exception):
    """The benchmark cannot be run; the message says what to do."""


def gateway_core() -> int:
    """BenchmarkError when this machine has fewer than two cores to use."""
    available = os.sched_getaffinity(0)
    if not {LOAD_CORE, GATEWAY_CORE} <= available:
        raise BenchmarkError(
            f"Cores {LOAD_CORE} and {GATEWAY_CORE} are needed, and only {sorted(available)} may be used."
        )
    return GATEWAY_CORE


def pin(pid: int, core: int) -> None:
    """All threads of a process to one core; what it starts later inherits that."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {core})


def cpu_us(pids: Iterable[int]) -> float:
    """User + system time of these processes so far."""
    total = 0.0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) * _TICK_US
    return total


def resident_mb(pids: Iterable[int]) -> float:
    """Resident memory in MiB; pages that processes share count for each."""
    page = os.sysconf("SC_PAGE_SIZE")
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page for pid in pids) / (1 << 20)


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").iterdir():
            with contextlib.suppress(FileNotFoundError):  # a thread that has ended meanwhile
                found += map(int, (task / "children").read_text().split())
    return found


def until(condition: Callable[[], bool], seconds: float, what: str) -> float:
    """Seconds that passed until it held. BenchmarkError when it does not in time."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise BenchmarkError(f"Waited {seconds:.0f} s for {what}.")
        time.sleep(0.05)
    return time.monotonic() - began


def describe() -> dict[str, str]:
    """For the head of the results."""
    models = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = next(line for line in _lines("/proc/meminfo") if line.startswith("MemTotal"))
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{len(models)} x {models[0] if models else platform.machine()}",
        "memory": f"{int(memory.split()[1]) >> 20} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": f"{os.getloadavg()[0]:.2f} (other work on the machine at the beginning)",
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
