"""Counts at several bounds are the counts at each of them."""

from hypothesis import given
from hypothesis import strategies as st

from genaiops.core.histogram import Histogram

VALUES = st.lists(st.floats(-1, 1e9, allow_nan=False), max_size=60)
BOUNDS = st.lists(st.floats(0, 1e9, allow_nan=False), max_size=20).map(sorted)


@given(VALUES, BOUNDS)
def test_counts_at_several_bounds_are_the_counts_at_each(values: list[float], bounds: list[float]) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    assert histogram.counts_below(bounds) == [histogram.counts_below([bound])[0] for bound in bounds]
