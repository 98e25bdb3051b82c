"""What the guard costs: the same calls by a key that a policy without rules holds for, and by one under the default
policy, in turn."""

import statistics

from benchmarks.gateway.load import Plan, Tools
from benchmarks.gateway.machine import BenchmarkError, cpu_us
from benchmarks.gateway.measures import CONNECTIONS, Figures, Sizes
from benchmarks.gateway.subject import Genaiops
from benchmarks.gateway.traffic import LONG, SHORT, Shape, paced

_TURNS = 5


def guarded(tools: Tools, subject: Genaiops, sizes: Sizes) -> Figures:
    """CPU of the worker for short prompts, prompts of 200 KB and chunks of streams, and how many times as much it is
    under the default policy: the median of the turns, each of which takes both ways one right after the other, with the
    least and the most; the latency of short prompts at a steady rate."""
    figures: Figures = {}
    streams = paced(sizes.chunks)
    plans = {
        "short": (SHORT, Plan(connections=CONNECTIONS, seconds=sizes.seconds), 1),
        "long": (LONG, Plan(connections=4, seconds=sizes.seconds), 1),
        "chunk": (streams, Plan(connections=min(200, sizes.streams), seconds=sizes.stream_seconds), sizes.chunks),
    }
    for name, (shape, plan, units) in plans.items():
        taken: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(_TURNS):
            for looked_at in (False, True):
                taken[looked_at].append(_cpu(tools, subject, shape, plan, guarded=looked_at) / units)
        ratios = [under / plain for plain, under in zip(taken[False], taken[True], strict=True)]
        figures |= {
            f"{name}_cpu_us": statistics.median(taken[False]),
            f"{name}_guarded_cpu_us": statistics.median(taken[True]),
            f"{name}_ratio": statistics.median(ratios),
            f"{name}_ratio_least": min(ratios),
            f"{name}_ratio_most": max(ratios),
        }
    rate = Plan(connections=CONNECTIONS, seconds=sizes.latency_seconds, rate=sizes.steady)
    for name, looked_at in (("plain", False), ("guarded", True)):
        load = tools.load(subject.request(SHORT, guarded=looked_at), rate)
        subject.note(load.completed)
        figures |= {f"{name}_p50_ms": load.latency.p50 / 1000, f"{name}_p99_ms": load.latency.p99 / 1000}
    subject.settled()
    return figures


def _cpu(tools: Tools, subject: Genaiops, shape: Shape, plan: Plan, *, guarded: bool) -> float:
    before = cpu_us(subject.pids())
    load = tools.load(subject.request(shape, guarded=guarded), plan)
    spent = cpu_us(subject.pids()) - before
    subject.note(load.completed)
    if not load.completed:
        raise BenchmarkError(f"nothing was answered: {load}")
    subject.settled()
    return spent / load.completed
