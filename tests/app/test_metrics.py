"""`/metrics` over a real telemetry and real counters."""

import contextlib
import json
import os
import random
import re
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from genaiops.app.exposition import Family
from genaiops.app.home import Home
from genaiops.app.installation import ProcessState, SupervisorState
from genaiops.app.metric_anomalies import AnomalyReader
from genaiops.app.metric_limits import limit_families
from genaiops.app.metric_processes import machine_families, process_families, read_process
from genaiops.app.metric_totals import MOST_NAMES, MOST_SERIES
from genaiops.app.metrics import Metrics
from genaiops.app.prepare import prepare
from genaiops.app.settings import Embedded, Settings
from genaiops.core.clock import now_us, window
from genaiops.domain import Cost, Scope, Span, Usage
from genaiops.engines.counters_mmap import MmapCounters, open_counters
from genaiops.engines.records_sql import open_records
from genaiops.engines.telemetry_sqlite import SqliteTelemetry, open_telemetry
from genaiops.hub import Hub, NewBudget, NewPrice, NewRateLimit
from genaiops.ports.counters import Hold, Refusal
from genaiops.ports.telemetry import Batch
from tests.house.tree import ROOT

DAY_US = 86_400_000_000
PROMETHEUS = ROOT / "docs" / "prometheus"
SAMPLE = re.compile(r'^([a-z_0-9]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*)\})? (-?[0-9.e+-]+|\+Inf)$')


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[SqliteTelemetry]:
    with open_telemetry(tmp_path / "telemetry", writer=True) as telemetry:
        telemetry.migrate()
        yield telemetry


@pytest.fixture
def counters(tmp_path: Path) -> Iterator[MmapCounters]:
    with contextlib.closing(open_counters(tmp_path / "counters.mmap", column=3)) as counters:
        yield counters


def span(number: int, ago_us: int, model: str = "echo", **facts: Any) -> Span:
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
        **facts,
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
    ready = Family("genaiops_process_ready", "gauge", "Whether it serves.", [({"process": "control"}, 1.0)])
    text = Metrics(telemetry, counters).text([ready]).decode()
    assert 'genaiops_worker_in_flight{worker="3"} 7' in text
    assert 'genaiops_worker_breaker{worker="3",target_id="echo"} 2' in text
    assert 'genaiops_process_ready{process="control"} 1\n' in text
    assert text.count("# TYPE genaiops_worker_in_flight gauge") == 1


def test_nothing_yet(telemetry: SqliteTelemetry, counters: MmapCounters) -> None:
    assert samples(Metrics(telemetry, counters).text()) == {}


def test_opentelemetrys_names(telemetry: SqliteTelemetry, counters: MmapCounters) -> None:
    ok: dict[str, Any] = {"operation": "chat", "target_id": "east", "first_token_us": 30_000}
    telemetry.write(Batch(spans=[span(1, 0, **ok), span(2, 0, **ok), span(3, 0, **ok | {"status": "error"})]))
    telemetry.write(Batch(spans=[span(4, 0, operation="chat", status="error")]))  # refused: it reached no model
    text = Metrics(telemetry, counters, lambda: {"east": "bedrock"}).text().decode()
    labels = 'gen_ai_operation_name="chat",gen_ai_provider_name="aws.bedrock",gen_ai_request_model="echo"'
    assert f'gen_ai_client_operation_duration_seconds_bucket{{{labels},le="0.16"}} 0' in text
    assert f'gen_ai_client_operation_duration_seconds_bucket{{{labels},le="0.32"}} 2' in text
    assert f'gen_ai_client_operation_duration_seconds_count{{{labels},error_type="error"}} 1' in text
    assert f'gen_ai_client_token_usage_sum{{{labels},gen_ai_token_type="input"}} 20' in text
    assert f'gen_ai_client_token_usage_sum{{{labels},gen_ai_token_type="output"}} 10' in text
    assert f"gen_ai_server_time_to_first_token_seconds_count{{{labels}}} 2" in text
    found = samples(text.encode())
    assert found["gen_ai_client_operation_duration_seconds_count"] == 3
    assert found["genaiops_calls_total"] == 4


def test_labels_are_bounded_and_nothing_is_lost(telemetry: SqliteTelemetry, counters: MmapCounters) -> None:
    """Ten thousand teams, models and applications of one call each, and one of each that is busy."""
    many = [
        span(number, 0, f"model-{number}", team_id=f"team-{number}", application=f"app-{number}", target_id="east")
        for number in range(10_000)
    ]
    busy = [
        span(20_000 + number, 0, "zz-busy", team_id="zz-team", application="zz-app", target_id="east")
        for number in range(30)
    ]
    telemetry.write(Batch(spans=[*many, *busy]))
    metrics = Metrics(telemetry, counters)
    text = metrics.text()
    found = samples(text)
    assert found["genaiops_calls_total"] == 10_030
    assert found["genaiops_team_calls_total"] == 10_030
    assert found["genaiops_application_spend_total"] == pytest.approx(2 * 10_030)
    assert found["genaiops_call_duration_seconds_count"] == 10_030
    assert b'genaiops_team_calls_total{team_id="zz-team"} 30' in text
    assert b'genaiops_model_spend_total{request_model="zz-busy"} 60' in text
    for name in ("team_calls", "application_calls", "model_calls"):
        assert text.count(f"\ngenaiops_{name}_total{{".encode()) == MOST_NAMES + 1
    assert text.count(b"\ngenaiops_calls_total{") <= MOST_SERIES + 1
    assert len(text) < 1_000_000
    # A newcomer, however busy, takes no other's place: a counter that falls would be counted twice.
    telemetry.write(Batch(spans=[span(40_000 + number, 0, "new", team_id="new") for number in range(50)]))
    after = metrics.text()
    assert b'team_id="new"' not in after
    assert _series(text).keys() <= _series(after).keys()
    assert all(_series(after)[name] >= value for name, value in _series(text).items())


def _series(text: bytes) -> dict[str, float]:
    lines = [line for line in text.decode().splitlines() if not line.startswith("#") and "_total" in line]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


@pytest.mark.slow
def test_a_scrape_over_a_hundred_thousand_traces(telemetry: SqliteTelemetry, counters: MmapCounters) -> None:
    """The first scrape sums all of history; each of the next takes less than 100 ms of processor time."""
    rng = random.Random(1)
    for first in range(0, 100_000, 2_000):
        spans = [
            span(
                number,
                int(rng.random() * DAY_US),
                f"model-{number % 8}",
                operation="chat",
                target_id=f"target-{number % 4}",
                team_id=f"team-{rng.randrange(10)}",
                key_id=f"key-{rng.randrange(20)}",
                application=f"app-{rng.randrange(5)}",
                first_token_us=rng.randrange(1_000, 1_000_000),
            )
            for number in range(first, first + 2_000)
        ]
        telemetry.write(Batch(spans=spans))
    metrics = Metrics(telemetry, counters)
    assert samples(metrics.text())["genaiops_calls_total"] == 100_000
    took: list[float] = []
    for _ in range(7):
        began = time.process_time()
        metrics.text()
        took.append(time.process_time() - began)
    assert statistics.median(took) < 0.1


def test_unusual_spend_is_looked_for_every_few_minutes(telemetry: SqliteTelemetry) -> None:
    spans = [span(100 + day, day * DAY_US, team_id="t") for day in range(1, 14)]
    telemetry.write(Batch(spans=[*spans, *(span(1000 + number, 0, team_id="t") for number in range(30))]))
    reader = AnomalyReader(telemetry)
    at_us = now_us()

    def told(later_us: int) -> dict[str, float]:
        anomaly, unjudged = reader.families(at_us + later_us)
        found = {f"{each['scope']} {each['scope_id']} {each['window']}": value for each, value in anomaly.samples}
        return {**found, "unjudged": sum(value for _, value in unjudged.samples)}

    first = told(0)
    assert first["team t hour"] == first["model echo hour"] == 1.0
    telemetry.write(Batch(spans=[span(2000, 0, team_id="new")]))
    assert told(299_000_000) == first
    assert told(300_000_000)["unjudged"] == first["unjudged"] + 1


def test_processes_are_those_that_the_system_knows(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        worker = ProcessState(name="worker-0", state="ready", pid=child.pid, since_us=0, restarts=2)
        gone = ProcessState(name="control", state="waiting", pid=None, since_us=0)
        state = SupervisorState(
            pid=os.getpid(),
            version="1",
            started_us=0,
            home=str(tmp_path),
            url="",
            host="",
            port=0,
            control_socket="",
            processes=(worker, gone),
        )
        found = {family.name: list(family.samples) for family in process_families(state)}
        mine = psutil.Process()
        cpu = {labels["process"]: value for labels, value in found["genaiops_process_cpu_seconds_total"]}
        memory = {labels["process"]: value for labels, value in found["genaiops_process_resident_memory_bytes"]}
        began = {labels["process"]: value for labels, value in found["genaiops_process_start_time_seconds"]}
        assert cpu.keys() == memory.keys() == {"supervisor", "worker-0"}
        assert cpu["supervisor"] == pytest.approx(sum(mine.cpu_times()[:2]), abs=1.0)
        assert memory["supervisor"] == pytest.approx(mine.memory_info().rss, rel=0.2)
        assert began["worker-0"] == pytest.approx(psutil.Process(child.pid).create_time(), abs=2.0)
        assert ({"process": "worker-0"}, 2.0) in found["genaiops_process_restarts_total"]
        assert ({"process": "control"}, 0.0) in found["genaiops_process_ready"]
        child.kill()
    assert read_process(child.pid) is None
    assert list(process_families(None)) == []


def test_a_command_with_blanks_and_parentheses_in_its_name(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    numbers = " ".join(str(number) for number in range(4, 53))
    (tmp_path / "7" / "stat").write_text(f"7 (a) ( b) S {numbers}")
    (tmp_path / "stat").write_text("cpu 1 2 3 4\nbtime 1000\n")
    used = read_process(7, tmp_path)
    assert used is not None
    assert used.cpu_seconds == (14 + 15) / os.sysconf("SC_CLK_TCK")
    assert (used.threads, used.resident_bytes) == (20, 24 * os.sysconf("SC_PAGE_SIZE"))
    assert used.descriptors is None


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    home = Home(tmp_path / "home")
    prepare(Settings(home=str(home.path), embedded=Embedded(enabled=False)), {})
    with contextlib.closing(open_records(f"sqlite:///{home.records}")) as records:
        yield Hub(records)


def test_budgets_and_limits(hub: Hub, counters: MmapCounters) -> None:
    scope = Scope("team", "default")
    hub.prices.set(NewPrice(provider="echo", model="echo", input="1", output="1"), by="admin")
    budget = hub.budgets.create(NewBudget(scope=scope, limit="8 USD"), by="admin")
    limit = hub.rate_limits.create(NewRateLimit(scope=scope, concurrency=10), by="admin")
    at_us = now_us()
    start_us, end_us = window("month", "UTC", at_us)
    counters.load({(budget.id, start_us): (2_000_000_000, end_us)})
    held = counters.prepare([Hold("sum", f"{limit.id}/concurrency", 0, 1 << 62, 10)]).reserve([3], at_us)
    assert not isinstance(held, Refusal)
    found = {family.name: list(family.samples) for family in limit_families(hub, counters, at_us)}
    assert [value for _, value in found["genaiops_budget_remaining"]] == [6.0]
    assert [value for _, value in found["genaiops_budget_used_ratio"]] == [0.25]
    assert found["genaiops_budget_limit"][0][0]["unit"] == "USD"
    energy = hub.budgets.create(NewBudget(scope=scope, limit="5 kWh"), by="admin")
    counters.load({(energy.id, start_us): (1_500_000_000, end_us)})
    again = {family.name: list(family.samples) for family in limit_families(hub, counters, at_us)}
    (watts,) = [value for labels, value in again["genaiops_budget_settled"] if labels["unit"] == "Wh"]
    assert watts == 1.5
    (ratio,) = found["genaiops_rate_limit_used_ratio"]
    assert (ratio[0]["meter"], ratio[1]) == ("concurrency", 0.3)


def checked(*arguments: str, text: bytes = b"") -> str:
    done = subprocess.run(["promtool", *arguments], input=text, capture_output=True, check=False)
    return (done.stdout + done.stderr).decode() if done.returncode else ""


@pytest.mark.needs_promtool
def test_prometheus_finds_no_fault(telemetry: SqliteTelemetry, counters: MmapCounters, hub: Hub) -> None:
    scope = Scope("team", "default")
    hub.budgets.create(NewBudget(scope=scope, limit="1M tokens"), by="admin")
    hub.rate_limits.create(NewRateLimit(scope=scope, requests_per_minute=60), by="admin")
    facts: dict[str, Any] = {"team_id": "t", "application": "a", "operation": "chat", "target_id": "east"}
    telemetry.write(Batch(spans=[span(1, 0, 'a "quoted"\nback\\slash', first_token_us=5, **facts)]))
    for name in ("in_flight", "refused", "unknown_keys", "untraced", "unsettled", "overrun", "breaker/east"):
        counters.set_gauge(name, 1)
    for name in ("target_in_flight/east", "resting/east", "credentials_resting/east", "cache_hits_total/exact"):
        counters.set_gauge(name, 1)
    process = ProcessState(name="control", state="ready", pid=os.getpid(), since_us=0)
    state = SupervisorState(
        pid=os.getppid(),
        version="1",
        started_us=0,
        home="",
        url="",
        host="",
        port=0,
        control_socket="",
        processes=(process,),
    )
    telemetry.write(Batch(spans=[span(100 + day, day * DAY_US, **facts) for day in range(12)]))
    spend = AnomalyReader(telemetry).families()
    families = [
        *spend,
        *limit_families(hub, counters, now_us()),
        *process_families(state),
        *machine_families(Path("/")),
    ]
    text = Metrics(telemetry, counters, lambda: {"east": "openai"}).text(families)
    assert checked("check", "metrics", text=text) == ""
    assert checked("check", "metrics", text=text.replace(b"genaiops_calls_total", b"genaiops_callsMillis")) != ""


@pytest.mark.needs_promtool
def test_the_rules_are_sound() -> None:
    assert checked("check", "rules", str(PROMETHEUS / "rules.yml")) == ""


@pytest.mark.needs_promtool
def test_alerts_fire_when_they_should() -> None:
    assert checked("test", "rules", str(PROMETHEUS / "rules_test.yml")) == ""


def test_rules_and_the_dashboard_name_only_what_there_is(
    telemetry: SqliteTelemetry, counters: MmapCounters, hub: Hub
) -> None:
    scope = Scope("team", "default")
    hub.budgets.create(NewBudget(scope=scope, limit="1M tokens"), by="admin")
    hub.rate_limits.create(NewRateLimit(scope=scope, requests_per_minute=60), by="admin")
    facts: dict[str, Any] = {"team_id": "t", "application": "a", "operation": "chat", "target_id": "east"}
    telemetry.write(Batch(spans=[span(1, 0, first_token_us=5, **facts)]))
    for name in ("in_flight", "refused", "untraced", "breaker/east", "credentials_resting/east"):
        counters.set_gauge(name, 1)
    process = ProcessState(name="control", state="ready", pid=os.getpid(), since_us=0)
    state = SupervisorState(
        pid=os.getppid(),
        version="1",
        started_us=0,
        home="",
        url="",
        host="",
        port=0,
        control_socket="",
        processes=(process,),
    )
    failing = Family("genaiops_traces_failing", "gauge", "", [({}, 0.0)])
    telemetry.write(Batch(spans=[span(100 + day, day * DAY_US, **facts) for day in range(12)]))
    families = [*AnomalyReader(telemetry).families(), *limit_families(hub, counters, now_us())]
    families += [*process_families(state), *machine_families(Path("/"))]
    text = Metrics(telemetry, counters, lambda: {"east": "openai"}).text([*families, failing])
    there_are = set(samples(text))
    for name in ("rules.yml", "dashboard.json"):
        asked = set(re.findall(r"\b(?:genaiops|gen_ai_(?:client|server))_[a-z_]+", (PROMETHEUS / name).read_text()))
        assert len(asked) > 5
        assert asked <= there_are | set(_LABELS), (name, asked - there_are)
    json.loads((PROMETHEUS / "dashboard.json").read_text())


_LABELS = ("gen_ai_token_type", "gen_ai_request_model")
