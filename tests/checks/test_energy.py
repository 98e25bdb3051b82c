"""Energy of busy time, and sums of energies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.checks.energy import THREAD_1, Grid, of_busy_time, of_watts, total
from genaiops.domain import Energy, EnergyBasis, Range, unknown_energy

GERMANY = Grid("DEU", 0.32965, "a set 1")
BASIS = EnergyBasis(method="modelled", model="m")
amounts = st.floats(0, 1000)
ranges = st.lists(amounts, min_size=3, max_size=3).map(lambda found: Range(*sorted(found)))
energies = st.builds(Energy, st.just(BASIS), ranges, st.none() | ranges, st.none() | ranges)


def test_an_hour_of_a_thread_is_its_watts_in_watt_hours() -> None:
    found = of_busy_time(3600, 1, THREAD_1, GERMANY, work="a clock")
    assert found.kwh is not None
    assert found.co2e_g is not None
    assert found.kwh.central == pytest.approx(3.84e-3)
    assert found.co2e_g.central == pytest.approx(3.84e-3 * 329.65)
    assert (found.kwh.low, found.kwh.high) == (pytest.approx(2.12e-3), pytest.approx(15e-3))
    assert found.embodied_g is None
    basis = found.basis
    assert (basis.method, basis.model, basis.work, basis.zone) == ("modelled", "busy-thread-1", "a clock", "DEU")
    assert "input tokens" in basis.covers


@given(st.floats(0, 1e6), st.integers(1, 64), amounts)
def test_it_grows_with_time_threads_and_watts(seconds: float, threads: int, watts: float) -> None:
    found = of_busy_time(seconds, threads, of_watts(watts), GERMANY, work="")
    assert found.kwh is not None
    assert found.kwh.low == found.kwh.high == pytest.approx(seconds * threads * watts / 3.6e6)


def test_without_a_factor_of_the_grid_the_energy_is_known_and_the_co2e_is_not() -> None:
    found = of_busy_time(10, 1, THREAD_1, Grid("XXX", None, ""), work="")
    assert (found.kwh is None, found.co2e_g) == (False, None)


@given(st.lists(st.none() | energies | st.just(unknown_energy("nobody says")), max_size=8))
def test_a_sum_adds_bounds_and_counts_what_is_missing(several: list[Energy | None]) -> None:
    found = total(several)
    known = [one.kwh for one in several if one is not None and one.kwh is not None]
    assert (found.attempts, found.known) == (len(several), len(known))
    if not known:
        assert found.kwh is None
    else:
        assert found.kwh is not None
        assert found.kwh.low == pytest.approx(sum(one.low for one in known))
        assert found.kwh.high == pytest.approx(sum(one.high for one in known))
        assert found.kwh.low <= found.kwh.central * (1 + 1e-12) <= found.kwh.high * (1 + 1e-9)
