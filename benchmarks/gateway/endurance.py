"""What is measured of genaiops alone, once: the cost of everything at a steady rate, growth, and the rate that the
background work keeps up with."""

import statistics
import time

from benchmarks.gateway.guarded import guarded
from benchmarks.gateway.load import Plan, Tools
from benchmarks.gateway.machine import BenchmarkError, cpu_us, resident_mb
from benchmarks.gateway.measures import CONNECTIONS, Figures, Sizes
from benchmarks.gateway.subject import Genaiops
from benchmarks.gateway.traffic import KEPT, SHORT, TRANSLATED

LADDER = (250, 500, 750, 1_000, 1_500, 2_000, 2_500, 3_000, 4_000, 5_000, 6_000, 8_000)
BATCHES = 10


def steady(tools: Tools, subject: Genaiops, sizes: Sizes) -> Figures:
    """CPU of each process per call at a steady rate, until the traces can be queried."""
    pids = dict(zip(("worker", "control", "supervisor"), subject.all_pids(), strict=True))
    before = {name: cpu_us([pid]) for name, pid in pids.items()}
    load = tools.load(
        subject.request(SHORT), Plan(connections=CONNECTIONS, seconds=sizes.seconds * 2, rate=sizes.steady)
    )
    subject.note(load.completed)
    subject.settled()
    figures = {f"{name}_cpu_us": (cpu_us([pid]) - before[name]) / load.completed for name, pid in pids.items()}
    return {"rate": sizes.steady, "all_cpu_us": sum(figures.values()), **figures, "lost": load.lost}


def memory(tools: Tools, subject: Genaiops, sizes: Sizes) -> Figures:
    """Resident memory over many requests, in a closed loop. The first tenth fills pools and caches."""
    worker, control = subject.worker, subject.process("control")
    figures: Figures = {"start_mb": resident_mb([worker]), "control_start_mb": resident_mb([control])}
    lost = done = 0
    for batch in range(BATCHES):
        plan = Plan(connections=CONNECTIONS, seconds=600, limit=sizes.requests // BATCHES)
        load = tools.load(subject.request(SHORT), plan)
        subject.note(load.completed)
        lost, done = lost + load.lost, done + load.completed
        if batch == 0:
            figures["first_tenth_mb"] = resident_mb([worker])
    figures["end_mb"] = resident_mb([worker])
    began = time.monotonic()
    subject.settled()
    return {
        **figures,
        "control_end_mb": resident_mb([control]),
        "requests": done,
        "lost": lost,
        "catch_up_s": time.monotonic() - began,
    }


def keeps_up(tools: Tools, subject: Genaiops, rate: int, seconds: float) -> tuple[bool, Figures]:
    """Whether at this rate the calls that cannot be queried yet are no more at the end than one second brings."""
    running = tools.begin(subject.request(SHORT), Plan(connections=256, seconds=seconds, rate=rate))
    load = running.result()
    subject.note(load.completed)
    backlog = subject.backlog
    subject.settled()
    reached = load.completed / load.seconds
    good = backlog <= rate and reached >= 0.97 * rate and not load.lost
    return good, {
        "rate": rate,
        "reached": reached,
        "backlog_at_end": backlog,
        "p99_ms": load.latency.p99 / 1000,
        "lost": load.lost,
    }


def backlog(tools: Tools, subject: Genaiops, sizes: Sizes) -> Figures:
    """The highest rate of the ladder that is kept up with: found in short runs, confirmed in a long one."""
    highest = -1
    for step, rate in enumerate(LADDER):
        good, _ = keeps_up(tools, subject, rate, max(1.0, sizes.backlog_seconds / 6))
        if not good:
            break
        highest = step
    while highest >= 0:
        good, figures = keeps_up(tools, subject, LADDER[highest], sizes.backlog_seconds)
        if good:
            return {**figures, "seconds": sizes.backlog_seconds}
        highest -= 1
    raise BenchmarkError(f"Traces lag behind even at {LADDER[0]} requests a second.")


def translated(tools: Tools, subject: Genaiops, sizes: Sizes) -> Figures:
    """The same short chat in other dialects, at a target that speaks chat, each right after chat itself: medians."""
    spent: dict[str, list[float]] = {}
    lost = 0
    for _ in range(sizes.rounds):
        for shape in (SHORT, *TRANSLATED):
            before = cpu_us([subject.worker])
            load = tools.load(subject.request(shape), Plan(connections=CONNECTIONS, seconds=sizes.seconds))
            subject.note(load.completed)
            if not load.completed:
                raise BenchmarkError(f"{shape.dialect} was not answered: {load}")
            spent.setdefault(shape.dialect, []).append((cpu_us([subject.worker]) - before) / load.completed)
            lost += load.lost
            subject.settled()
    chat = statistics.median(spent["chat"])
    figures: Figures = {f"{name}_cpu_us": statistics.median(values) for name, values in spent.items()}
    ratios = {f"{name}_x": figures[f"{name}_cpu_us"] / chat for name in spent if name != "chat"}
    return {**figures, **ratios, "lost": lost}


def hits(tools: Tools, subject: Genaiops, sizes: Sizes) -> Figures:
    """Answers out of the exact cache in a closed loop: the worker's CPU of each, beside that of one that goes out."""
    figures: Figures = {}
    for name, shape in (("hit", KEPT), ("miss", SHORT)):
        before = cpu_us([subject.worker])
        load = tools.load(subject.request(shape), Plan(connections=CONNECTIONS, seconds=sizes.seconds * 2))
        figures[f"{name}_cpu_us"] = (cpu_us([subject.worker]) - before) / load.completed
        figures[f"{name}s_per_s"] = load.completed / load.seconds
        figures[f"{name}s_lost"] = load.lost
        subject.note(load.completed)
        subject.settled()
    return figures


ONCE = {
    "steady": steady,
    "guarded": guarded,
    "translated": translated,
    "hits": hits,
    "memory": memory,
    "backlog": backlog,
}
