"""What the section [energy] makes of an installation's metering."""

from pathlib import Path
from typing import Any

from genaiops.app.metering import open_metering
from genaiops.app.settings import Embedded, EnergyOptions, Settings
from genaiops.domain import Energy, Span, Usage

HOUR = 3_600_000_000


def energy(tmp_path: Path, target: str, model: str = "m", **options: Any) -> Energy | None:
    """Of an hour's attempt."""
    embedded = Embedded(model_threads=2)
    metering = open_metering(Settings(home=str(tmp_path), embedded=embedded, energy=EnergyOptions(**options)))
    span = Span(
        trace_id=b"t",
        span_id=b"s",
        name=f"chat {model}",
        kind="llm",
        operation="chat",
        start_us=0,
        duration_us=HOUR,
        target_id=target,
        provider="openai",
        usage=Usage(9, output_text=9),
        owns_usage=True,
    )
    return None if metering is None else metering.energy_of(span)


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    assert energy(tmp_path, "smollm2", enabled=False) is None


def test_the_embedded_models_run_on_this_machine_with_their_threads(tmp_path: Path) -> None:
    for name in ("smollm2", "minilm"):
        found = energy(tmp_path, name, zone="FRA", thread_watts=10.0)
        assert found is not None
        assert found.kwh is not None
        assert (found.kwh.low, found.kwh.high) == (0.02, 0.02)  # two threads of 10 W for an hour
        assert (found.basis.model, found.basis.zone) == ("configured watts", "FRA")


def test_the_operators_own_factor_and_zones(tmp_path: Path) -> None:
    own = energy(tmp_path, "smollm2", zone="FRA", kg_per_kwh=0.25, thread_watts=10.0)
    assert own is not None
    assert own.co2e_g is not None
    assert (own.co2e_g.central, own.basis.factors) == (5.0, "configuration")
    assert [
        found.basis.zone
        for options in ({}, {"provider_zone": "DEU"}, {"zone": "FRA"})
        if (found := energy(tmp_path, "far", "gpt-4o-mini", **options)) is not None
    ] == ["USA", "DEU", "USA"]


def test_only_what_runs_here_is_this_machines(tmp_path: Path) -> None:
    settings = Settings(home=str(tmp_path), only="gateway")
    metering = open_metering(settings)
    assert metering is not None
    span = Span(trace_id=b"t", span_id=b"s", name="chat smollm2", kind="llm", operation="chat", start_us=0)
    assert metering.energy_of(span).kwh is None
