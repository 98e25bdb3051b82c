"""The energy of calls as they become traces: of the embedded model by its busy time, of providers by factors."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.checks.energy import THREAD_1
from genaiops.domain import NANO_WH, Span, Target, Usage
from genaiops.engines import spool_files
from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.ecologits import EcoLogits
from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.ports.telemetry import KWH_UNIT, RollupQuery, Telemetry
from genaiops.watch import Folder, Machine, Metering, trace_document
from tests.watch.calls import NOW, REQUEST, admitted, attempt, settled, trace_id

FACTORS = EcoLogits()
MACHINE = Machine({"smollm2": 1}, THREAD_1, "DEU")
BUSY_US = 500_000


def span(**facts: Any) -> Span:
    base: dict[str, Any] = {"trace_id": b"t", "span_id": b"s", "kind": "llm", "operation": "chat", "start_us": NOW}
    base |= {"duration_us": 2_000_000, "usage": Usage(1000, output_text=50), "owns_usage": True}
    base |= {"name": "chat up", "provider": "openai", "target_id": "far"}
    return Span(**(base | facts))


def metering(machine: Machine = MACHINE, *, extra: bool = True, zone: str | None = None) -> Metering:
    return Metering(machine, lambda: FACTORS if extra else None, zone=zone)


def test_the_embedded_model_says_how_long_it_worked() -> None:
    found = metering().energy_of(span(target_id="smollm2"), BUSY_US)
    assert found.kwh == THREAD_1.watts.times(0.5 / 3.6e6)
    assert found.basis.work.endswith("llama.cpp's own clock")
    litres = FACTORS.water("DEU")
    assert litres is not None
    assert found.kwh is not None
    assert found.water_l == found.kwh.times(litres)
    assert (found.basis.zone, found.basis.kg_per_kwh, found.basis.factors) == ("DEU", FACTORS.grid("DEU"), FACTORS.name)


def test_without_timings_it_is_the_duration_and_says_so() -> None:
    found = metering().energy_of(span(target_id="smollm2"))
    assert found.kwh == THREAD_1.watts.times(2 / 3.6e6)
    assert found.basis.work == "duration of the attempt on one thread, waiting included"


def test_two_threads_use_twice_as_much() -> None:
    found = metering(Machine({"smollm2": 2}, THREAD_1, "DEU")).energy_of(span(target_id="smollm2"), BUSY_US)
    assert found.kwh == THREAD_1.watts.times(2 * 0.5 / 3.6e6)


def test_the_operators_own_factor_comes_first() -> None:
    found = metering(Machine({"smollm2": 1}, THREAD_1, "DEU", 0.0)).energy_of(span(target_id="smollm2"), BUSY_US)
    assert (found.basis.kg_per_kwh, found.basis.factors) == (0.0, "configuration")
    assert found.co2e_g is not None
    assert found.co2e_g.high == 0
    assert found.water_l is None, "nobody said what water that electricity takes"


TARGETS = st.sampled_from(
    [("smollm2", "llamacpp", "smollm2"), ("far", "openai", "gpt-4o-mini"), ("other", "anthropic", "claude-haiku-4-5")]
)


@given(TARGETS, st.integers(0, 100_000), st.integers(0, 600_000_000), st.none() | st.integers(0, 600_000_000))
def test_what_is_known_before_a_call_is_what_its_trace_says(
    named: tuple[str, str, str], tokens: int, duration_us: int, busy_us: int | None
) -> None:
    name, provider, model = named
    target = Target(id=name, provider=provider, model="m", upstream_model=model, created_us=0)
    (rate,) = metering().rates([target])
    usage = Usage(9, output_text=tokens)
    facts = {"name": f"chat {model}", "provider": provider, "target_id": name, "duration_us": duration_us}
    energy = metering().energy_of(span(usage=usage, **facts), busy_us)
    assert energy.kwh is not None
    busy = None if busy_us is None else busy_us / 1e6
    used = rate.used(tokens, duration_us / 1e6, busy)
    assert used == pytest.approx(energy.kwh.central * NANO_WH, rel=1e-12, abs=0.51)
    assert used <= rate.most(tokens, max(duration_us / 1e6, busy or 0))


def test_what_is_not_known_before_a_call() -> None:
    far = Target(id="far", provider="openai", model="m", upstream_model="gpt-4o", created_us=0)
    vectors = msgspec.structs.replace(far, operations=("embeddings",))
    deployed = msgspec.structs.replace(far, provider="azure", upstream_model="my-deployment")
    echo = msgspec.structs.replace(far, provider="echo")
    assert metering().rates([vectors, deployed, echo]) == ()
    assert metering(extra=False).rates([far]) == ()
    (rate,) = metering().rates([far])
    assert rate.operations == ("chat", "text_completion")


def test_only_models_of_providers_need_the_factors() -> None:
    def load() -> None:
        raise AssertionError("the factors were loaded")

    near = Target(id="smollm2", provider="llamacpp", model="m", upstream_model="smollm2", created_us=0)
    echo = Target(id="echo", provider="echo", model="m", upstream_model="echo", created_us=0)
    (rate,) = Metering(MACHINE, load).rates([near, echo])
    assert "embeddings" in rate.operations


def test_a_providers_model_is_found_by_either_of_its_names() -> None:
    by_name = metering().energy_of(span(name="chat gpt-4o-mini"))
    by_answer = metering().energy_of(span(name="chat my-deployment", response_model="gpt-4o-mini"))
    assert by_name == by_answer == FACTORS.of_model("openai", "gpt-4o-mini", output_tokens=50, seconds=2.0, zone=None)
    assert metering(zone="FRA").energy_of(span(name="chat gpt-4o-mini")).basis.zone == "FRA"


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
    found = metering().energy_of(span(**facts))
    assert (found.basis.method, found.kwh, found.co2e_g) == ("unknown", None, None)
    assert reason in found.basis.reason


def test_without_the_extra_only_the_own_machine_is_known() -> None:
    bare = metering(extra=False)
    assert "extra `energy`" in bare.energy_of(span(name="chat gpt-4o-mini")).basis.reason
    own = bare.energy_of(span(target_id="smollm2"), BUSY_US)
    assert (own.kwh is None, own.co2e_g, own.basis.factors) == (False, None, "")


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[Telemetry]:
    store = open_telemetry(tmp_path / "telemetry", writer=True)
    yield store
    store.close()


def test_calls_become_traces_with_energy_and_sums_of_it(tmp_path: Path, telemetry: Telemetry) -> None:
    writer = spool_files.open_writer(tmp_path / "spool", column=0, life_us=1, segment_calls=9)
    far = msgspec.structs.replace(attempt(1, 1), upstream_model="gpt-4o-mini")
    near = msgspec.structs.replace(attempt(2), target_id="smollm2", provider="llamacpp", busy_us=BUSY_US)
    for number, tries in ((1, (attempt(1, 0, pays=False, status="error"), far)), (2, (near,))):
        writer.append(admitted(number), REQUEST)
        writer.append(settled(number, tries), b"{}")
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
    own = metering().energy_of(span(target_id="smollm2"), BUSY_US)
    assert own.kwh is not None
    assert (row.attempts, row.energy.known, row.energy.known_co2e, row.energy.known_water) == (3, 2, 2, 2)
    assert expected.water_l is not None
    assert one["energy"]["water_l"]["high"] == expected.water_l.high
    assert row.energy.kwh_central == round(expected.kwh.central / KWH_UNIT) + round(own.kwh.central / KWH_UNIT)
