"""Wilson's interval against published figures, and where it must hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.checks.proportion import wilson


@pytest.mark.parametrize(
    ("times", "n", "low", "high"),
    # Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17, 1998, table I
    # (method 3).
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_published(times: int, n: int, low: float, high: float) -> None:
    assert wilson(times, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_it_holds_the_share(pair: tuple[int, int]) -> None:
    times, n = pair
    low, high = wilson(times, n)
    assert 0 <= low <= times / n <= high <= 1
    again = wilson(n - times, n)
    assert (1 - again[1], 1 - again[0]) == pytest.approx((low, high))
