"""The energy of calls as they become traces: of the embedded model by its busy time, of providers by factors."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.checks.energy import THREAD_1
from genaiops.domain import Span, Usage
from genaiops.engines import spool_files
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.ecologits import EcoLogits
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.ports.telemetry import KWH_UNIT, RollupQuery, Telemetry
from genaiops.watch import Folder, Machine, Metering, busy_seconds, trace_document
from tests.watch.calls import NOW, REQUEST, admitted, attempt, settled, trace_id

FACTORS = EcoLogits()
MACHINE = Machine({"smollm2": 1}, THREAD_1, "DEU")
ANSWER: dict[str, Any] = {"choices": [], "timings": {"prompt_n": 9, "prompt_ms": 100.5, "predicted_ms": 399.5}}
STREAM = b'data: {"choices": []}\r\n\r\ndata: ' + json.dumps(ANSWER).encode() + b"\n\ndata: [DONE]\n\n"


def span(**facts: Any) -> Span:
    base: dict[str, Any] = {"trace_id": b"t", "span_id": b"s", "kind": "llm", "operation": "chat", "start_us": NOW}
    base |= {"duration_us": 2_000_000, "usage": Usage(1000, output_text=50), "owns_usage": True}
    base |= {"name": "chat up", "provider": "openai", "target_id": "far"}
    return Span(**(base | facts))


def metering(machine: Machine = MACHINE, *, extra: bool = True, zone: str | None = None) -> Metering:
    return Metering(machine, lambda: FACTORS if extra else None, zone=zone)


@pytest.mark.parametrize("output", [json.dumps(ANSWER).encode(), STREAM])
def test_the_embedded_model_says_how_long_it_worked(output: bytes) -> None:
    assert busy_seconds(output) == 0.5
    found = metering().energy_of(span(target_id="smollm2"), output)
    assert found.kwh == THREAD_1.watts.times(0.5 / 3.6e6)
    assert found.basis.work.endswith("llama.cpp's own clock")
    assert (found.basis.zone, found.basis.kg_per_kwh, found.basis.factors) == ("DEU", FACTORS.grid("DEU"), FACTORS.name)


def test_without_timings_it_is_the_duration_and_says_so() -> None:
    found = metering().energy_of(span(target_id="smollm2"), b"{}")
    assert found.kwh == THREAD_1.watts.times(2 / 3.6e6)
    assert found.basis.work == "duration of the attempt on one thread, waiting included"


def test_two_threads_use_twice_as_much() -> None:
    found = metering(Machine({"smollm2": 2}, THREAD_1, "DEU")).energy_of(span(target_id="smollm2"), STREAM)
    assert found.kwh == THREAD_1.watts.times(2 * 0.5 / 3.6e6)


def test_the_operators_own_factor_comes_first() -> None:
    found = metering(Machine({"smollm2": 1}, THREAD_1, "DEU", 0.0)).energy_of(span(target_id="smollm2"), STREAM)
    assert (found.basis.kg_per_kwh, found.basis.factors) == (0.0, "configuration")
    assert found.co2e_g is not None
    assert found.co2e_g.high == 0


@given(st.binary(max_size=60).map(lambda noise: b'{"timings"' + noise) | st.binary() | st.just(STREAM[:-40]))
def test_any_answer_can_be_looked_at(output: bytes) -> None:
    assert busy_seconds(output) in {None, 0.5}


@pytest.mark.parametrize("timings", [{"prompt_ms": -1e9, "predicted_ms": 0}, {"prompt_ms": 1e12, "predicted_ms": 0}])
def test_timings_that_cannot_be_are_none(timings: dict[str, float]) -> None:
    assert busy_seconds(json.dumps({"timings": timings}).encode()) is None


def test_a_providers_model_is_found_by_either_of_its_names() -> None:
    by_name = metering().energy_of(span(name="chat gpt-4o-mini"), b"")
    by_answer = metering().energy_of(span(name="chat my-deployment", response_model="gpt-4o-mini"), b"")
    assert by_name == by_answer == FACTORS.of_model("openai", "gpt-4o-mini", output_tokens=50, seconds=2.0, zone=None)
    assert metering(zone="FRA").energy_of(span(name="chat gpt-4o-mini"), b"").basis.zone == "FRA"


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({}, "does not know openai/up"),
        ({"provider": "echo"}, "does not know echo/up"),
        ({"usage": None}, "brought no usage"),
        ({"target_id": "smollm2", "usage": None}, "brought no usage"),
        ({"kind": "embedding", "name": "embeddings gpt-4o"}, "knows no embedding models"),
    ],
)
def test_unknown_is_unknown(facts: dict[str, Any], reason: str) -> None:
    found = metering().energy_of(span(**facts), b"")
    assert (found.basis.method, found.kwh, found.co2e_g) == ("unknown", None, None)
    assert reason in found.basis.reason


def test_without_the_extra_only_the_own_machine_is_known() -> None:
    bare = metering(extra=False)
    assert "extra `energy`" in bare.energy_of(span(name="chat gpt-4o-mini"), b"").basis.reason
    own = bare.energy_of(span(target_id="smollm2"), STREAM)
    assert (own.kwh is None, own.co2e_g, own.basis.factors) == (False, None, "")


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[Telemetry]:
    store = open_telemetry(tmp_path / "telemetry", writer=True)
    yield store
    store.close()


def test_calls_become_traces_with_energy_and_sums_of_it(tmp_path: Path, telemetry: Telemetry) -> None:
    writer = spool_files.open_writer(tmp_path / "spool", column=0, life_us=1, segment_calls=9)
    far = msgspec.structs.replace(attempt(1, 1), upstream_model="gpt-4o-mini")
    near = msgspec.structs.replace(attempt(2), target_id="smollm2", provider="llamacpp")
    for number, tries in ((1, (attempt(1, 0, pays=False, status="error"), far)), (2, (near,))):
        writer.append(admitted(number), REQUEST)
        writer.append(settled(number, tries), json.dumps(ANSWER).encode())
    writer.close()
    blobs = open_blobs(tmp_path / "blobs")
    Folder(spool_files.open_reader(tmp_path / "spool"), telemetry, blobs, metering()).finish_dead()

    first, second = telemetry.trace(trace_id(1)), telemetry.trace(trace_id(2))
    assert first is not None
    assert second is not None
    one, two = trace_document(first, blobs), trace_document(second, blobs)
    expected = FACTORS.of_model("openai", "gpt-4o-mini", output_tokens=2, seconds=0.0009, zone=None)
    assert expected is not None
    assert expected.kwh is not None
    assert one["energy"]["kwh"] == {
        "low": expected.kwh.low,
        "central": expected.kwh.central,
        "high": expected.kwh.high,
    }
    assert (one["energy"]["attempts"], one["energy"]["known"]) == (2, 1)  # the failed attempt used some, too
    assert one["energy"]["methods"] == ["modelled", "unknown"]
    assert one["spans"][1]["energy"]["reason"] == "The attempt brought no usage."
    assert one["spans"][0]["energy"] is None
    assert "input tokens" in one["energy"]["omits"]
    assert (two["energy"]["known"], two["energy"]["zones"]) == (1, ["DEU"])

    (row,) = telemetry.rollup(RollupQuery(since_us=NOW, until_us=NOW + 10**6, step="all"))
    own = metering().energy_of(span(target_id="smollm2"), STREAM)
    assert own.kwh is not None
    assert (row.attempts, row.energy.known, row.energy.known_co2e) == (3, 2, 2)
    assert row.energy.kwh_central == round(expected.kwh.central / KWH_UNIT) + round(own.kwh.central / KWH_UNIT)
