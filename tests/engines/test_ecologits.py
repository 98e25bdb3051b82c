"""EcoLogits as factors: what it says when it is called directly, digit for digit, and nothing where it says nothing."""

import subprocess
import sys
from pathlib import Path

import ecologits
import pytest
from ecologits.model_repository import models
from ecologits.tracers.utils import llm_impacts
from ecologits.utils.range_value import RangeValue
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.domain import NANO_WH, EnergyRate, Range
from genaiops.engines.ecologits import _STEPS_KNOWN, PROVIDERS, EcoLogits
from tests.examples import examples

FACTORS = EcoLogits()
OURS = {theirs: ours for ours, theirs in PROVIDERS.items()}
MODELS = [
    ("openai", "gpt-4o-mini"),
    ("openai", "gpt-4o-2024-08-06"),
    ("azure", "gpt-4.1"),
    ("anthropic", "claude-haiku-4-5"),
    ("mistral", "mistral-small-latest"),
    ("gemini", "gemini-2.5-flash"),
    ("cohere", "command-r-08-2024"),
]


def as_range(value: float | RangeValue, factor: float = 1.0) -> Range:
    """`factor` turns kilograms into grams."""
    if isinstance(value, RangeValue):
        return Range(value.min * factor, value.mean * factor, value.max * factor)
    return Range(value * factor, value * factor, value * factor)


@pytest.fixture(scope="module")
def as_a_whole() -> EcoLogits:
    """How an unknown version is asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genaiops.engines.ecologits._STEPS_KNOWN", ())
        return EcoLogits()


EVERY = [(OURS[model.provider.value], model.name) for model in models.list_models()]


def test_the_installed_version_is_one_whose_steps_are_known() -> None:
    assert _STEPS_KNOWN[-1] == ecologits.__version__


@pytest.mark.parametrize("seconds", [0.001, 1e6])
def test_figures_of_every_model_are_those_of_ecologits(seconds: float) -> None:
    for provider, name in EVERY:
        theirs = llm_impacts(PROVIDERS[provider], name, 321, seconds, "DEU")
        ours = FACTORS.of_model(provider, name, output_tokens=321, seconds=seconds, zone="DEU")
        assert ours is not None
        assert theirs.energy
        assert ours.kwh == as_range(theirs.energy.value), name


@settings(max_examples=examples(100), deadline=None)
@given(
    st.sampled_from(MODELS) | st.sampled_from(EVERY),
    st.integers(0, 100_000),
    st.floats(0.01, 600),
    st.sampled_from([None, "WOR", "DEU", "FRA", "USA", "SWE"]),
)
def test_figures_are_those_of_ecologits(
    as_a_whole: EcoLogits, model: tuple[str, str], tokens: int, seconds: float, zone: str | None
) -> None:
    provider, name = model
    theirs = llm_impacts(PROVIDERS[provider], name, tokens, seconds, zone)
    assert theirs.energy
    assert theirs.usage
    assert theirs.embodied
    ours = FACTORS.of_model(provider, name, output_tokens=tokens, seconds=seconds, zone=zone)
    assert ours is not None
    assert as_a_whole.of_model(provider, name, output_tokens=tokens, seconds=seconds, zone=zone) == ours
    assert ours.kwh == as_range(theirs.energy.value)
    assert ours.co2e_g == as_range(theirs.usage.gwp.value, 1000)
    assert ours.embodied_g == as_range(theirs.embodied.gwp.value, 1000)
    assert ours.water_l == as_range(theirs.usage.wcf.value)
    assert ours.kwh is not None
    assert ours.kwh.low <= ours.kwh.central <= ours.kwh.high
    assert (ours.basis.method, ours.basis.factors) == ("modelled", FACTORS.name)
    assert "input tokens" in ours.basis.omits
    assert ours.basis.notes == tuple(warning.code for warning in theirs.warnings or ())


@settings(max_examples=examples(100), deadline=None)
@given(st.sampled_from(EVERY), st.integers(0, 100_000), st.floats(0, 600))
def test_the_lines_are_those_figures(model: tuple[str, str], tokens: int, seconds: float) -> None:
    lines = FACTORS.rate(*model)
    found = FACTORS.of_model(*model, output_tokens=tokens, seconds=seconds, zone=None)
    assert lines is not None
    assert found is not None
    assert found.kwh is not None
    low, high = (line.kwh(tokens, seconds) for line in lines)
    assert (low, high) == pytest.approx((found.kwh.low, found.kwh.high), rel=1e-12, abs=1e-18)
    rate = EnergyRate("t", *lines, ("chat",))
    assert rate.used(tokens, seconds, None) == pytest.approx(found.kwh.central * NANO_WH, rel=1e-12, abs=0.51)
    assert rate.most(tokens, seconds) >= max(rate.used(tokens, seconds, None), found.kwh.high * NANO_WH * (1 - 1e-12))


def test_what_has_no_lines(as_a_whole: EcoLogits) -> None:
    assert FACTORS.rate("openai", "gpt-nobody") is None
    assert FACTORS.rate("echo", "gpt-4o") is None
    assert as_a_whole.rate("openai", "gpt-4o") is None, "nobody knows the steps of that version"


def test_the_same_energy_in_two_zones_emits_differently() -> None:
    found = [
        FACTORS.of_model("openai", "gpt-4o-mini", output_tokens=500, seconds=9, zone=zone) for zone in ("FRA", "DEU")
    ]
    france, germany = found
    assert france is not None
    assert germany is not None
    assert france.kwh == germany.kwh
    assert france.co2e_g is not None
    assert germany.co2e_g is not None
    assert germany.co2e_g.low > 5 * france.co2e_g.high
    assert [one.basis.zone for one in found if one] == ["FRA", "DEU"]
    assert [one.basis.kg_per_kwh for one in found if one] == [FACTORS.grid("FRA"), FACTORS.grid("DEU")]


def test_without_a_zone_it_is_that_of_the_providers_data_centres() -> None:
    found = FACTORS.of_model("mistral", "mistral-small-latest", output_tokens=5, seconds=1, zone=None)
    assert found is not None
    assert found.basis.zone == "SWE"


@pytest.mark.parametrize(
    ("provider", "model"), [("openai", "gpt-nobody"), ("echo", "gpt-4o"), ("llamacpp", "smollm2"), ("", "")]
)
def test_what_it_does_not_know_is_unknown(provider: str, model: str) -> None:
    assert FACTORS.of_model(provider, model, output_tokens=5, seconds=1, zone=None) is None


def test_in_a_zone_without_a_factor_only_the_energy_is_known() -> None:
    found = FACTORS.of_model("openai", "gpt-4o-mini", output_tokens=5, seconds=1, zone="XXX")
    assert found is not None
    assert found.kwh is not None
    assert (found.co2e_g, found.water_l, found.basis.kg_per_kwh, found.basis.zone) == (None, None, None, "XXX")
    assert (FACTORS.grid("XXX"), FACTORS.water("XXX")) == (None, None)


ALONE = """
import logging, socket
def refuse(*args, **more): raise AssertionError("a network was asked")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from genaiops.engines.ecologits import EcoLogits
found = EcoLogits().of_model("openai", "gpt-4o", output_tokens=5, seconds=1, zone="DEU")
assert found is not None and logging.getLoggerClass() is logging.Logger
"""


def test_it_asks_no_network_prints_nothing_and_leaves_logging_alone() -> None:
    ran = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_the_example_of_the_documentation(capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "costs.md").read_text()
    exec(page.split("```python\n")[1].split("```")[0], {})
    france, germany = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert (france[0], germany[0]) == ("FRA", "DEU")
    assert france[1:3] == germany[1:3] == FACTORS.name.split(), "the set of factors is named"
    assert france[4] == germany[4], "the same electricity"
    assert float(germany[5]) > 5 * float(france[5]), "and not the same CO2e"
