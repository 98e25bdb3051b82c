"""What the processes of an installation and its machine use, from Linux's `/proc` (proc(5)). Elsewhere there is none
of it, and nothing is said."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from genaiops.app.exposition import Family, Labels, one
from genaiops.app.installation import SupervisorState
from genaiops.ports.vitals import MachineReading, ProcessReading

PROC = Path("/proc")
_KIB = 1024
_CPU_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")


def process_families(state: SupervisorState | None, proc: Path = PROC) -> Iterator[Family]:
    """Of the supervisor and of each of its children."""
    if state is None:
        return
    ready = [({"process": each.name}, float(each.state == "ready")) for each in state.processes]
    restarts = [({"process": each.name}, float(each.restarts)) for each in state.processes]
    yield Family("genaiops_process_ready", "gauge", "Whether a process serves.", ready)
    yield Family("genaiops_process_restarts_total", "counter", "Starts after an end nobody asked for.", restarts)
    found: list[tuple[Labels, ProcessReading]] = [
        ({"process": name}, used) for name, used in read_processes(state, proc).items()
    ]
    cpu = [(labels, used.cpu_seconds) for labels, used in found]
    memory = [(labels, float(used.resident_bytes)) for labels, used in found]
    threads = [(labels, float(used.threads)) for labels, used in found]
    started = [(labels, used.started) for labels, used in found]
    files = [(labels, float(used.descriptors)) for labels, used in found if used.descriptors is not None]
    yield Family("genaiops_process_cpu_seconds_total", "counter", "Processor time, user and system.", cpu)
    yield Family("genaiops_process_resident_memory_bytes", "gauge", "Memory that is resident.", memory)
    yield Family("genaiops_process_threads", "gauge", "Threads.", threads)
    yield Family("genaiops_process_open_fds", "gauge", "Open file descriptors.", files)
    yield Family("genaiops_process_start_time_seconds", "gauge", "When it started, since the epoch.", started)


def read_processes(state: SupervisorState | None, proc: Path = PROC) -> dict[str, ProcessReading]:
    """By name; without those that are gone."""
    if state is None:
        return {}
    pids = {"supervisor": state.pid, **{each.name: each.pid for each in state.processes if each.pid is not None}}
    found = {name: read_process(pid, proc) for name, pid in pids.items()}
    return {name: used for name, used in found.items() if used is not None}


def read_process(pid: int, proc: Path = PROC) -> ProcessReading | None:
    """None when there is no such process, or no `/proc`."""
    try:
        text = (proc / str(pid) / "stat").read_text()
        boot = next(line for line in (proc / "stat").read_text().splitlines() if line.startswith("btime "))
    except (OSError, StopIteration):
        return None
    # The second field is the command in parentheses and may hold anything; numbers are of proc(5), from field 3 on.
    fields = text.rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    return ProcessReading(
        cpu_seconds=(int(fields[11]) + int(fields[12])) / ticks,
        resident_bytes=int(fields[21]) * os.sysconf("SC_PAGE_SIZE"),
        threads=int(fields[17]),
        started=int(boot.split()[1]) + int(fields[19]) / ticks,
        descriptors=_descriptors(proc / str(pid) / "fd"),
    )


def _descriptors(folder: Path) -> int | None:
    try:
        return sum(1 for _ in folder.iterdir())
    except OSError:
        return None


def machine_families(home: Path, proc: Path = PROC) -> Iterator[Family]:
    """Of the machine: what a node's exporter says too, for those who have none."""
    machine = read_machine(home, proc)
    cpu: list[tuple[Labels, float]] = [({"mode": mode}, seconds) for mode, seconds in machine.cpu.items()]
    yield Family("genaiops_node_cpu_seconds_total", "counter", "Processor time of the machine.", cpu)
    for name, amount, meaning in (
        ("genaiops_node_memory_total_bytes", machine.memory_total, "Memory of the machine."),
        (
            "genaiops_node_memory_available_bytes",
            machine.memory_available,
            "Memory that could be had without swapping.",
        ),
    ):
        if amount is not None:
            yield one(name, meaning, amount)
    yield one("genaiops_home_size_bytes", "Size of the data directory's disk.", machine.disk_total)
    yield one("genaiops_home_free_bytes", "What is free on it.", machine.disk_free)


def read_machine(home: Path, proc: Path = PROC) -> MachineReading:
    try:
        memory = _memory((proc / "meminfo").read_text())
        modes = (proc / "stat").read_text().partition("\n")[0].split()[1:]
    except OSError:
        memory, modes = dict[str, float](), list[str]()
    ticks = os.sysconf("SC_CLK_TCK")
    disk = shutil.disk_usage(home)
    return MachineReading(
        cpu={mode: int(spent) / ticks for mode, spent in zip(_CPU_MODES, modes, strict=False)},
        memory_total=memory.get("MemTotal"),
        memory_available=memory.get("MemAvailable"),
        disk_total=disk.total,
        disk_free=disk.free,
    )


def _memory(text: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        amount = rest.split()
        if amount:
            found[name] = float(int(amount[0]) * _KIB)
    return found
