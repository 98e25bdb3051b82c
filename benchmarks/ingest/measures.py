"""What is measured of a server that takes traces."""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from benchmarks.gateway.machine import cpu_us, resident_mb
from benchmarks.ingest.sending import Calls, Sender, percentiles
from benchmarks.ingest.spans import ids, request
from benchmarks.ingest.subjects import Ours, Subject

BATCH = 500
"""Spans a request: what OpenTelemetry's batch processor sends at most, nearly."""

BAR = 2_000
"""Spans a second at which the gateway's latency is looked at, beside full speed."""

CALM_SECONDS = 8.0


class Options(msgspec.Struct, frozen=True, kw_only=True):
    spans: int = 20_000
    clients: int = 2
    settle: float = 120.0


class Measured(msgspec.Struct, kw_only=True):
    """`load`: of the machine when it began. Figures by name, each of this one round."""

    subject: str
    measure: str
    load: float
    figures: dict[str, float]


Measure = Callable[[type[Subject], Options, Path], dict[str, float]]


def measure(name: str, kind: type[Subject], options: Options) -> Measured:
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="genaiops-ingest-", ignore_cleanup_errors=True) as folder:
        figures = MEASURES[name](kind, options, Path(folder))
    return Measured(subject=kind.name, measure=name, load=load, figures=figures)


def _bodies(options: Options, part: int = 0) -> list[bytes]:
    """The parts have no span in common."""
    count = options.spans // BATCH
    return [request(part * count + number, BATCH) for number in range(count)]


def _speed(kind: type[Subject], options: Options, folder: Path) -> dict[str, float]:
    """Sent as fast as it is answered, until all that was answered with 200 is in the database, or `settle` is over."""
    bodies = _bodies(options)
    with kind(folder) as subject:
        idle, used = resident_mb(subject.pids()), cpu_us(subject.pids())
        peak = [idle]
        sender = Sender(subject, bodies, clients=options.clients)
        began = time.monotonic()

        def watch() -> None:
            peak[0] = max(peak[0], resident_mb(subject.pids()))

        seconds = sender.run(watch)
        taken = len(sender.seconds) * BATCH
        while (stored := subject.stored()) < taken and time.monotonic() - began < seconds + options.settle:
            watch()
            time.sleep(0.2)
        after = time.monotonic() - began
        cpu = (cpu_us(subject.pids()) - used) / 1e6
    times = percentiles(list(sender.seconds.values()))
    return {
        "taken_a_second": taken / seconds,
        "stored_a_second": stored / after,
        "missing": taken - min(stored, taken),
        "cpu_ms_per_1000": cpu * 1e6 / max(1, stored),
        "post_p50_ms": times["p50"],
        "post_p99_ms": times["p99"],
        "idle_mb": idle,
        "peak_mb": peak[0],
    }


def _kill(kind: type[Subject], options: Options, folder: Path) -> dict[str, float]:
    """SIGKILL of all its processes when half was answered; then it is started again and has time to settle."""
    bodies = _bodies(options)
    with kind(folder) as subject:
        sender = Sender(subject, bodies, clients=options.clients)

        def watch() -> None:
            if subject.process is not None and len(sender.seconds) >= len(bodies) // 2:
                subject.kill()

        sender.run(watch)
        expected = {one for number in sender.seconds for one in ids(number, BATCH)}
        subject.start()
        began = time.monotonic()
        while (lost := len(expected - subject.ids())) and time.monotonic() - began < min(options.settle, 30):
            time.sleep(1)
    return {"answered": len(expected), "lost": lost}


def _gateway(kind: type[Subject], options: Options, folder: Path) -> dict[str, float]:
    """100 calls a second through the gateway: alone, beside the bar's rate of spans, beside as many as it takes."""
    found: dict[str, float] = {}
    with kind(folder) as subject:
        for part, (name, every) in enumerate((("calm", 0.0), ("at_bar", BATCH / BAR), ("at_full", 0.0))):
            bodies = _bodies(options, part)
            calls = Calls(subject)
            if name == "calm":
                time.sleep(CALM_SECONDS)
                seconds = 0.0
            else:
                seconds = Sender(subject, bodies, clients=options.clients, every=every).run()
            told = calls.end()
            found |= {f"{name}_{figure}": told[figure] for figure in ("p50", "p99", "failed")}
            if seconds:
                found[f"{name}_spans_a_second"] = options.spans / seconds
    return found


MEASURES: dict[str, Measure] = {"speed": _speed, "kill": _kill, "gateway": _gateway}


def applies(name: str, kind: type[Subject]) -> bool:
    """Peers have no gateway."""
    return name != "gateway" or kind is Ours


def middle(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
