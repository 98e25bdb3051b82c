"""The score of a figure beside its history: robust, and never infinite."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from genaiops.checks.anomaly import UNUSUAL, usual_scale

amounts = st.lists(st.integers(0, 10**12), min_size=7, max_size=14)


@given(amounts, st.randoms(use_true_random=False))
def test_the_order_does_not_count(history: list[int], random: Random) -> None:
    shuffled = random.sample(history, len(history))
    assert usual_scale(history, 1) == usual_scale(shuffled, 1)


@given(amounts, st.integers(1, 10**6), st.integers(2, 1000))
def test_it_scales_with_the_unit(history: list[int], floor: int, times: int) -> None:
    middle, scale = usual_scale(history, floor)
    more = usual_scale([value * times for value in history], floor * times)
    assert abs(more[0] - middle * times) <= 1e-9 * max(1.0, more[0])
    assert abs(more[1] - scale * times) <= 1e-9 * more[1]


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**15), min_size=3, max_size=3))
def test_a_few_odd_days_hide_nothing(usual: int, odd: list[int]) -> None:
    """Three days of anything among ten that are alike leave the score of an eleventh what it is."""
    assert usual_scale([usual] * 7 + odd, 10) == usual_scale([usual] * 10, 10)


@given(amounts, st.integers(1, 10**9))
def test_nothing_within_the_floor_is_unusual(history: list[int], floor: int) -> None:
    middle, scale = usual_scale(history, floor)
    assert scale >= floor
    assert (middle + UNUSUAL * floor - middle) / scale <= UNUSUAL


def test_the_figures_of_a_normal_history() -> None:
    """1.4826 x MAD: of 1 to 9 the median is 5 and the MAD 2."""
    assert usual_scale(range(1, 10), 0.001) == (5, 1.4826 * 2)
