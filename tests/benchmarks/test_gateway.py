"""The benchmark runs, measures what it says, and its own arithmetic is right. Figures are not judged here."""

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.gateway.load import CHAT, Load, Mock, Percentiles, Plan, Request, Tools
from benchmarks.gateway.machine import GATEWAY_CORE, LOAD_CORE, cpu_us, resident_mb, tree
from benchmarks.gateway.peers import Direct
from benchmarks.gateway.results import Bar, Gateway, Results, bars, show, tables
from benchmarks.gateway.traffic import LONG, SHORT, paced
from tests.conftest import Require
from tests.house.tree import ROOT


@pytest.fixture(scope="module")
def needs(require: Require) -> None:
    require(bool(shutil.which("gcc") or shutil.which("cc")), "a C compiler", "apt-get install gcc")
    require(bool(shutil.which("taskset")), "taskset", "apt-get install util-linux")
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set[int]()
    require({LOAD_CORE, GATEWAY_CORE} <= cores, "two cores", "run it on a machine with two cores or more")


def results(**rounds: dict[str, list[dict[str, float]]]) -> Results:
    gateways = [Gateway(name, "1", "") for name in ("direct", "genaiops", "nginx")]
    return Results(machine={"date": "today"}, sizes={}, gateways=gateways, rounds=rounds)


def bar(of: Results, beginning: str) -> Bar:
    return next(each for each in bars(of) if each.what.startswith(beginning))


def test_medians_and_ratios() -> None:
    of = results(
        short={
            "genaiops": [{"cpu_us": 90.0}, {"cpu_us": 30.0}, {"cpu_us": 60.0}],
            "nginx": [{"cpu_us": 20.0}, {"cpu_us": 10.0}, {"cpu_us": 1000.0}],
        }
    )
    assert of.median("short", "genaiops", "cpu_us") == 60
    assert bar(of, "worker CPU").value == 3
    assert bar(of, "worker CPU").verdict == "yes"


def test_added_latency_is_taken_round_by_round() -> None:
    direct = [(40.0, 90.0), (140.0, 1000.0), (1.0, 1.0)]
    genaiops = [(240.0, 590.0), (640.0, 5000.0), (301.0, 2.0)]
    rounds = {
        name: [{"p50_us": p50, "p99_us": p99} for p50, p99 in figures]
        for name, figures in (("direct", direct), ("genaiops", genaiops))
    }
    of = results(latency=rounds)
    assert of.added("genaiops", "p50_us") == 300
    assert bar(of, "latency added at 200/s, p50").verdict == "yes"


def test_what_was_not_measured_is_never_fine() -> None:
    found = bars(results())
    assert {each.verdict for each in found} == {"not measured"}
    assert all(math.isnan(each.value) for each in found)
    assert "not measured" in tables(results())


@pytest.mark.parametrize(
    ("value", "at_least", "verdict"), [(4.0, False, "yes"), (4.1, False, "no"), (4.0, True, "yes"), (3.9, True, "no")]
)
def test_bounds(value: float, at_least: bool, verdict: str) -> None:
    assert Bar("it", value, 4, at_least).verdict == verdict


@pytest.mark.parametrize(
    ("value", "text"), [(1234.5, "1,234"), (12.34, "12.3"), (1.234, "1.23"), (0, "0"), (math.nan, "-")]
)
def test_figures_as_text(value: float, text: str) -> None:
    assert show(value) == text


@pytest.mark.slow
def test_the_load_client_sees_every_byte(needs: None) -> None:
    with Tools() as tools, Mock(tools, 60) as mock:
        direct = Direct(mock.port)
        shape = paced(3)
        load = tools.load(direct.request(shape), Plan(connections=4, seconds=20, limit=8, digest=True))
        assert (load.completed, load.lost, load.events) == (8, 0, 8 * (3 + 3))  # content, stop, usage, [DONE]
        assert list(load.digests.values()) == [8]
        assert load.latency.p50 >= 3 * 100_000
        other = tools.load(direct.request(paced(4)), Plan(connections=1, seconds=20, limit=1, digest=True))
        assert other.digests.keys().isdisjoint(load.digests)


@pytest.mark.slow
def test_rates_and_long_bodies(needs: None) -> None:
    with Tools() as tools, Mock(tools, 60) as mock:
        direct = Direct(mock.port)
        load = tools.load(direct.request(SHORT), Plan(connections=8, seconds=1, rate=50))
        assert load.lost == 0
        assert 1 <= load.completed <= 51  # fewer where the machine stalls
        assert tools.load(direct.request(LONG), Plan(connections=2, seconds=5, limit=20)).completed == 20


@pytest.mark.slow
def test_a_gateway_that_is_not_there_is_all_failures(needs: None) -> None:
    with Tools() as tools:
        load = tools.load(Request(port=1, path=CHAT, body=b"{}"), Plan(connections=2, seconds=5, limit=3))
        assert (load.completed, load.failed, load.lost) == (0, 3, 3)
        assert load.latency == Percentiles(-1, -1, -1, -1)


def test_processes_are_measured() -> None:
    assert tree(os.getpid())[0] == os.getpid()
    before = cpu_us([os.getpid()])
    while cpu_us([os.getpid()]) == before:
        sum(range(10_000))
    assert resident_mb([os.getpid()]) > 1


@pytest.mark.slow
def test_a_whole_run(needs: None, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    command = [sys.executable, "-m", "benchmarks.gateway", "--quick", "--peers", "", "--results", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(path.read_bytes())
    assert found["failures"] == []
    assert {name: list(gateways) for name, gateways in found["rounds"].items()} == {
        name: ["direct", "genaiops"] for name in ("short", "long", "latency", "streams")
    }
    assert all(gateways["genaiops"][0]["lost"] == 0 for gateways in found["rounds"].values())
    streams = found["rounds"]["streams"]["genaiops"][0]
    assert streams["completed"] > 0
    assert streams["altered"] == 0
    assert set(found["once"]) == {"steady", "guarded", "translated", "hits", "memory", "backlog"}
    assert "| what | measured | wanted | met |" in done.stdout


def test_load_reports_what_is_lost() -> None:
    none = Percentiles(-1, -1, -1, -1)
    load = Load(
        seconds=1, begun=10, completed=6, measured=5, measured_per_s=5, bad_status=1, failed=2, unfinished=2, events=0,
        tainted=0, stalls=0, latency=none, first_byte=none, digests={}, other_digests=0,
    )  # fmt: skip
    assert load.lost == 5
