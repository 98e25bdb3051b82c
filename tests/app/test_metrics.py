"""`/metrics` over a real telemetry and real counters."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from genaiops.app.metrics import Metrics
from genaiops.core.clock import now_us
from genaiops.domain import Cost, Span, Usage
from genaiops.engines.counters_mmap import MmapCounters, open_counters
from genaiops.engines.telemetry_sqlite import SqliteTelemetry, open_telemetry
from genaiops.ports.telemetry import Batch

DAY_US = 86_400_000_000
SAMPLE = re.compile(r'^([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*)\})? (-?[0-9.e+-]+|\+Inf)$')


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[SqliteTelemetry]:
    with open_telemetry(tmp_path / "telemetry", writer=True) as telemetry:
        telemetry.migrate()
        yield telemetry


@pytest.fixture
def counters(tmp_path: Path) -> Iterator[MmapCounters]:
    with contextlib.closing(open_counters(tmp_path / "counters.mmap", column=3)) as counters:
        yield counters


def span(number: int, ago_us: int, model: str = "echo") -> Span:
    return Span(
        trace_id=number.to_bytes(16, "big"),
        span_id=number.to_bytes(8, "big"),
        name="chat",
        kind="gateway",
        start_us=now_us() - ago_us,
        duration_us=200_000,
        environment_id="dev",
        request_model=model,
        usage=Usage(input_uncached=10, output_text=5),
        cost=Cost(2_000_000_000),
        owns_usage=True,
    )


def samples(text: bytes) -> dict[str, float]:
    """Every line is a comment or a sample; sums over the labels."""
    found: dict[str, float] = {}
    for line in text.decode().splitlines():
        if not line.startswith("# "):
            match = SAMPLE.match(line)
            assert match, line
            found[match[1]] = found.get(match[1], 0.0) + float(match[3])
    return found


def test_old_and_new_calls_are_counted_once(telemetry: SqliteTelemetry, counters: MmapCounters) -> None:
    telemetry.write(Batch(spans=[span(1, 3 * DAY_US), span(2, DAY_US), span(3, 0)]))
    metrics = Metrics(telemetry, counters)
    first = samples(metrics.text())
    assert first["genaiops_calls_total"] == 3
    assert first["genaiops_input_tokens_total"] == 30
    assert first["genaiops_cost_total"] == 6.0
    assert first["genaiops_call_duration_seconds_count"] == 3
    assert first["genaiops_call_duration_seconds_sum"] == pytest.approx(0.6)
    telemetry.write(Batch(spans=[span(4, 0)]))
    assert samples(metrics.text())["genaiops_calls_total"] == 4


def test_names_that_need_escaping(telemetry: SqliteTelemetry, counters: MmapCounters) -> None:
    telemetry.write(Batch(spans=[span(1, 0, 'a "quoted"\nback\\slash')]))
    text = Metrics(telemetry, counters).text()
    assert samples(text)["genaiops_calls_total"] == 1
    assert rb'request_model="a \"quoted\"\nback\\slash"' in text


def test_what_workers_say_of_themselves(telemetry: SqliteTelemetry, counters: MmapCounters) -> None:
    counters.set_gauge("in_flight", 7)
    counters.set_gauge("breaker/echo", 2)
    text = Metrics(telemetry, counters).text([("genaiops_process_ready", {"process": "control"}, 1.0)]).decode()
    assert 'genaiops_worker_in_flight{worker="3"} 7' in text
    assert 'genaiops_worker_breaker{worker="3",target_id="echo"} 2' in text
    assert 'genaiops_process_ready{process="control"} 1.0' in text
    assert text.count("# TYPE genaiops_worker_in_flight gauge") == 1


def test_nothing_yet(telemetry: SqliteTelemetry, counters: MmapCounters) -> None:
    assert samples(Metrics(telemetry, counters).text()) == {}
