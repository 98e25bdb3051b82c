"""System: processor time, memory and latency of the last hour, and whether there is enough of all."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
from litestar import Response, get

from genaiops.console._charts import Chart, Series, lines
from genaiops.console._meters import COLOURS
from genaiops.console._running import Process, running
from genaiops.console._visit import Visiting
from genaiops.ports.telemetry import Dimension
from genaiops.ports.vitals import STEP_US, ProcessReading, Reading
from genaiops.watch import Latency, cores_used, latencies, machine_busy

_HOUR_US = 3_600_000_000
_MINUTE_US = 60_000_000
_MB = 1_000_000


class Line(msgspec.Struct, frozen=True):
    """A process as it is now. `cores`: how many it kept busy since the reading before. None: nobody can say."""

    name: str
    process: Process | None
    used: ProcessReading | None
    cores: float | None


class MachineNow(msgspec.Struct, frozen=True):
    """Shares from 0 to 1 and bytes; None: nobody can say."""

    busy: float | None
    memory_used: float | None
    memory_total: float | None
    disk_free: int
    disk_share: float


@get("/system", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    readings = visit.services.vitals.readings()
    state = running(visit.services.home.state)
    told = {process.name: process for process in (state.processes if state is not None else ())}
    if state is not None:
        told["supervisor"] = Process("supervisor", "ready", state.pid, state.started_us)
    now, former = readings[-1], readings[-2] if len(readings) > 1 else readings[-1]
    names = list(dict.fromkeys([*told, *now.processes]))
    until_us = visit.now_us + 1
    since_us = until_us - _HOUR_US
    where: dict[Dimension, str] = {"environment_id": visit.environment} if visit.environment else {}
    telemetry = visit.services.stores.telemetry
    by_minute = latencies(telemetry, since_us=since_us, until_us=until_us, by_minute=True, where=where)
    by_target = latencies(telemetry, since_us=since_us, until_us=until_us, group_by=("target_id",), where=where)
    return visit.page(
        "system.html",
        title="System",
        nav="system",
        lines=[Line(name, told.get(name), now.processes.get(name), cores_used(former, now, name)) for name in names],
        machine=_machine(former, now),
        seconds=round((now.at_us - former.at_us) / 1_000_000),
        charts=[*_charts(readings), _latency_chart(by_minute, since_us, until_us)],
        by_target=[row for row in by_target if row.calls],
        url=state.url if state is not None else "",
    )


def _machine(former: Reading, now: Reading) -> MachineNow:
    machine = now.machine
    total, available = machine.memory_total, machine.memory_available
    return MachineNow(
        busy=machine_busy(former, now),
        memory_used=None if total is None or available is None else total - available,
        memory_total=total,
        disk_free=machine.disk_free,
        disk_share=machine.disk_free / machine.disk_total if machine.disk_total else 0.0,
    )


def _charts(readings: Sequence[Reading]) -> Sequence[Chart]:
    """Nothing before there are two readings: processor time is what went by between them."""
    pairs = list(pairwise(readings))
    if not pairs:
        return []
    starts = [later.at_us // STEP_US * STEP_US for _, later in pairs]
    names = list(dict.fromkeys(name for reading in readings for name in reading.processes))
    cpu = [[_percent(cores_used(*pair, name)) for pair in pairs] for name in names]
    memory = [[_megabytes(later.processes.get(name)) for _, later in pairs] for name in names]
    return [
        lines("Processor time by process", starts, _series(names, cpu), (), unit="% of a core"),
        lines("Memory by process", starts, _series(names, memory), (), unit="MB"),
    ]


def _series(names: Sequence[str], columns: Sequence[Sequence[float | None]]) -> list[Series]:
    """Each in its colour; the same colour again when there are more processes than colours."""
    return [
        Series(name, f"token:series-{place % COLOURS + 1}", column)
        for place, (name, column) in enumerate(zip(names, columns, strict=True))
    ]


def _latency_chart(rows: Sequence[Latency], since_us: int, until_us: int) -> Chart:
    found = {row.start_us: row for row in rows}
    starts = list(range(since_us // _MINUTE_US * _MINUTE_US, until_us, _MINUTE_US))
    minutes = [found.get(start) for start in starts]
    series = [
        Series("p50", "token:accent", [None if row is None else row.p50_ms for row in minutes]),
        Series("p95", "token:accent-soft", [None if row is None else row.p95_ms for row in minutes]),
        Series("p99", "token:series-2", [None if row is None else row.p99_ms for row in minutes]),
    ]
    return lines("Latency of calls, a minute", starts, series, (), unit="ms")


def _percent(cores: float | None) -> float | None:
    return None if cores is None else 100 * cores


def _megabytes(used: ProcessReading | None) -> float | None:
    return None if used is None else used.resident_bytes / _MB


HANDLERS: list[Any] = [show]
