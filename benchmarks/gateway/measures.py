"""What is measured of each gateway, once a round. Figures are plain numbers by name; the unit is in the name."""

import time
from collections.abc import Callable, Mapping

import msgspec

from benchmarks.gateway.endpoint import Endpoint
from benchmarks.gateway.load import Load, Plan, Tools
from benchmarks.gateway.machine import BenchmarkError, cpu_us, resident_mb
from benchmarks.gateway.traffic import LONG, SHORT, Shape, paced

Figures = dict[str, float]


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured. Seconds for one measurement of one gateway in one round; `streams` at a time, each of
    `chunks` chunks; `requests` for the growth of memory; `steady` requests a
    second; `stream_digest` is that of an unaltered stream."""

    rounds: int = 5
    seconds: float = 3
    latency_seconds: float = 6
    stream_seconds: float = 9
    streams: int = 2_000
    chunks: int = 60
    requests: int = 200_000
    steady: int = 500
    backlog_seconds: float = 60
    stream_digest: str = ""


QUICK = Sizes(
    rounds=1, seconds=1, latency_seconds=1, stream_seconds=2, streams=50, chunks=5, requests=1_000, backlog_seconds=2
)
CONNECTIONS = 64
LONG_CONNECTIONS = 16


def _run(tools: Tools, endpoint: Endpoint, shape: Shape, plan: Plan) -> tuple[Load, float]:
    """The load, and the CPU time of the gateway's processes meanwhile."""
    before = cpu_us(endpoint.pids())
    load = tools.load(endpoint.request(shape), plan)
    spent = cpu_us(endpoint.pids()) - before
    endpoint.note(load.completed)
    if not load.completed:
        raise BenchmarkError(f"{endpoint.name} answered nothing: {load}")
    return load, spent


def warm_up(tools: Tools, endpoint: Endpoint, sizes: Sizes) -> None:
    """The first calls load and compile what the later ones use."""
    _run(tools, endpoint, SHORT, Plan(connections=8, seconds=sizes.seconds))
    endpoint.settled()


def short(tools: Tools, endpoint: Endpoint, sizes: Sizes) -> Figures:
    """Closed loop of short chats: throughput on one core, CPU of what answers, and of everything until the traces can
    be queried."""
    plan = Plan(connections=CONNECTIONS, seconds=sizes.seconds, warmup=sizes.seconds / 6)
    before = cpu_us(endpoint.all_pids())
    load, spent = _run(tools, endpoint, SHORT, plan)
    endpoint.settled()
    everything = cpu_us(endpoint.all_pids()) - before
    return {
        "requests_per_s": load.measured_per_s,
        "cpu_us": spent / load.completed,
        "all_cpu_us": everything / load.completed,
        "resident_mb": resident_mb(endpoint.pids()),
        "lost": load.lost,
    }


def long(tools: Tools, endpoint: Endpoint, sizes: Sizes) -> Figures:
    """Prompts of 200 KB."""
    load, spent = _run(tools, endpoint, LONG, Plan(connections=LONG_CONNECTIONS, seconds=sizes.seconds))
    endpoint.settled()
    return {"requests_per_s": load.measured_per_s, "cpu_us": spent / load.completed, "lost": load.lost}


def latency(tools: Tools, endpoint: Endpoint, sizes: Sizes) -> Figures:
    """At 200 requests a second on an open schedule (fewer at gateways that do not reach that)."""
    warmup = sizes.latency_seconds / 10
    plan = Plan(connections=CONNECTIONS, seconds=sizes.latency_seconds, rate=endpoint.rate, warmup=warmup)
    load, spent = _run(tools, endpoint, SHORT, plan)
    return {
        "rate": endpoint.rate,
        "p50_us": load.latency.p50,
        "p90_us": load.latency.p90,
        "p99_us": load.latency.p99,
        "cpu_us": spent / load.completed,
        "dropped_samples": load.tainted,
        "lost": load.lost,
    }


def streams(tools: Tools, endpoint: Endpoint, sizes: Sizes) -> Figures:
    """Streams with a chunk every 100 ms. `altered` streams are those whose bytes differ from the mock's."""
    count = min(sizes.streams, endpoint.streams)
    if not count:
        return {}
    shape, ramp = paced(sizes.chunks), min(3.0, sizes.stream_seconds / 3)
    plan = Plan(connections=count, seconds=sizes.stream_seconds, ramp=ramp, warmup=ramp, digest=True)
    before = cpu_us(endpoint.pids())
    running = tools.begin(endpoint.request(shape), plan)
    time.sleep(ramp)
    middle, began = cpu_us(endpoint.pids()), time.monotonic()
    time.sleep(sizes.stream_seconds - ramp)
    steady = (cpu_us(endpoint.pids()) - middle) / (time.monotonic() - began)
    load = running.result()
    spent = cpu_us(endpoint.pids()) - before
    endpoint.note(load.completed)
    endpoint.settled()
    return {
        "streams": count,
        "completed": load.completed,
        "lost": load.lost,
        "altered": load.completed - load.digests.get(sizes.stream_digest, 0),
        "cpu_us_per_chunk": spent / max(1, load.completed * sizes.chunks),
        "core_share": steady / 1e6,
        "first_byte_p50_ms": load.first_byte.p50 / 1000,
        "first_byte_p99_ms": load.first_byte.p99 / 1000,
        "resident_mb": resident_mb(endpoint.pids()),
    }


def stream_digest(tools: Tools, direct: Endpoint, sizes: Sizes) -> str:
    """What a stream's bytes are when they come straight from the mock."""
    load = tools.load(direct.request(paced(sizes.chunks)), Plan(connections=1, seconds=60, limit=1, digest=True))
    (digest,) = load.digests
    return digest


ROUNDS: Mapping[str, Callable[[Tools, Endpoint, Sizes], Figures]] = {
    "short": short,
    "long": long,
    "latency": latency,
    "streams": streams,
}
