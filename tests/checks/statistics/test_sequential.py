"""Confidence sequences against their paper and against numpy, and shares against scipy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.arena.experiments import looked
from genaiops.checks.statistics import always_valid_p, chi_square_p, evidence, sequence, width
from genaiops.checks.statistics.sequential import slope_of
from genaiops.core.errors import UsageError
from genaiops.domain.experiments import ArmSums

Arm = list[tuple[float, float]]
numbers = st.floats(-100, 100)
arms = st.lists(st.tuples(numbers, numbers), min_size=2, max_size=40)


def sums(values: Arm) -> ArmSums:
    made = ArmSums()
    for y, x in values:
        made = made.plus(y, x)
    return made


@given(arms)
def test_sums_are_those_of_numpy(values: Arm) -> None:
    made, array = sums(values), np.array(values)
    assert made.mean == pytest.approx(array[:, 0].mean(), abs=1e-9)
    for slope in (0.0, 0.7):
        rest = array[:, 0] - slope * array[:, 1]
        assert made.spread(slope) == pytest.approx(((rest - rest.mean()) ** 2).sum(), rel=1e-6, abs=1e-5)


def test_the_width_is_that_of_the_paper() -> None:
    """Waudby-Smith et al., theorem 2.2, with the rho of section 3.5 by Lambert's W."""
    from scipy.special import lambertw

    alpha, tuned = 0.05, 500
    rho2 = float(-lambertw(-(alpha**2) / math.e, -1).real - 1) / tuned
    for n in (30, 500, 20_000):
        half = math.sqrt((n * rho2 + 1) / (n**2 * rho2) * math.log((n * rho2 + 1) / alpha**2))
        assert width(n, alpha=alpha, tuned=tuned) / math.sqrt(n) == pytest.approx(half)
    at = [width(n, alpha=alpha, tuned=tuned) for n in (100, 499, 500, 501, 3000)]
    assert min(at) == at[2]


def test_what_was_known_before_is_taken_out() -> None:
    chance = np.random.default_rng(7)
    before = chance.normal(size=4000)
    y = before + 0.5 * chance.normal(size=4000) + np.repeat([0.1, 0.0], 2000)
    one, other = (sums(list(zip(y[part], before[part], strict=True))) for part in (slice(2000), slice(2000, 4000)))
    plain = sequence(ArmSums(one.n, one.y, one.yy), ArmSums(other.n, other.y, other.yy), alpha=0.05, tuned=1000)
    adjusted = sequence(one, other, alpha=0.05, tuned=1000)
    assert slope_of(one, other) == pytest.approx(1.0, abs=0.02)
    assert adjusted.explained == pytest.approx(0.8, abs=0.02)  # 1 of 1.25
    assert adjusted.error == pytest.approx(plain.error * math.sqrt(1 - adjusted.explained), rel=1e-6)
    assert plain.explained == 0
    assert plain.low < 0 < plain.high
    assert 0 < adjusted.low < 0.1 < adjusted.high


@given(arms, arms)
def test_arms_exchanged_turn_the_interval_round(
    first: list[tuple[float, float]], second: list[tuple[float, float]]
) -> None:
    one, other = sums(first), sums(second)
    there = sequence(one, other, alpha=0.1, tuned=50, bounds=(-100, 100))
    back = sequence(other, one, alpha=0.1, tuned=50, bounds=(-100, 100))
    assert (there.low, there.high) == (pytest.approx(-back.high, abs=1e-6), pytest.approx(-back.low, abs=1e-6))
    assert there.low <= there.difference <= there.high


def test_events_that_were_not_seen_yet_are_no_proof() -> None:
    nothing, some = ArmSums(n=200), ArmSums(n=1800, y=18.0, yy=18.0)
    assert not sequence(nothing, some, alpha=0.05, tuned=1000, bounds=(0, 1)).high < 0
    alike = sequence(ArmSums(n=200, y=200.0, yy=200.0), ArmSums(n=200), alpha=0.05, tuned=1000)
    assert alike.error == pytest.approx(math.sqrt(2) * math.sqrt(2) / 2 / 202)
    assert alike.low > 0
    with pytest.raises(UsageError, match="two units"):
        sequence(ArmSums(n=1), some, alpha=0.05, tuned=1000)


@pytest.mark.parametrize("bounds", [None, (0.0, 1.0)])
def test_the_simulation_looks_as_the_library_does(bounds: tuple[float, float] | None) -> None:
    chance = np.random.default_rng(3)
    arm = (chance.random((1, 300)) < 0.3).astype(float)
    y, x = chance.random((1, 300)), chance.random((1, 300))
    difference, error, _ = looked(arm, y, x, bounds)
    both = [sums([(y[0, i], x[0, i]) for i in range(300) if arm[0, i] == side]) for side in (1, 0)]
    found = sequence(both[0], both[1], alpha=0.05, tuned=100, bounds=bounds)
    assert (found.difference, found.error) == (pytest.approx(difference[0, -1]), pytest.approx(error[0, -1]))


@given(st.integers(0, 500), st.integers(0, 500), st.floats(0.02, 0.98))
def test_chi_square_is_that_of_scipy(first: int, second: int, share: float) -> None:
    from scipy import stats

    n = first + second
    if n:
        expected = stats.chisquare([first, second], [n * share, n * (1 - share)]).pvalue
        assert chi_square_p(first, second, share) == pytest.approx(expected, abs=1e-12)
    else:
        assert chi_square_p(0, 0, share) == 1


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_evidence_against_shares_is_a_martingale(share: float) -> None:
    """Over what the next user may do it stays what it is, so it is at most 1 / alpha with a chance of 1 - alpha."""
    for first, second in ((0, 0), (3, 20), (60, 40)):
        ahead = share * math.exp(evidence(first + 1, second, share))
        ahead += (1 - share) * math.exp(evidence(first, second + 1, share))
        assert ahead == pytest.approx(math.exp(evidence(first, second, share)))
    assert evidence(0, 0, share) == 0
    assert always_valid_p(evidence(round(1000 * share), round(1000 * (1 - share)), share)) == 1
    assert always_valid_p(evidence(400, 2600, 0.1)) < 0.001
    with pytest.raises(UsageError):
        evidence(1, 1, 1.0)
