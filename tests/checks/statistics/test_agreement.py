"""Krippendorff's alpha: the value does not know of groups, its bounds do."""

import random

from genaiops.checks.statistics.agreement import krippendorff


def test_units_of_one_group_are_drawn_together() -> None:
    chance = random.Random(1)
    people = [float(chance.random() < 0.5) for _ in range(20)]
    judged = [value if chance.random() < 0.7 else 1 - value for value in people]
    # Each request was answered five times, and all its answers are judged alike.
    ratings = [pair for pair in zip(people, judged, strict=True) for _ in range(5)]
    requests = [number // 5 for number in range(len(ratings))]
    alone = krippendorff(ratings, "interval", alpha=0.025)
    grouped = krippendorff(ratings, "interval", alpha=0.025, groups=requests)
    assert grouped.value == alone.value
    assert alone.low is not None
    assert alone.high is not None
    assert grouped.low is not None
    assert grouped.high is not None
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)


def test_one_group_has_no_bounds() -> None:
    found = krippendorff([(0.0, 0.0), (1.0, 1.0), (1.0, 0.0)], "interval", groups=["a"] * 3)
    assert found.low is None
    assert found.high is None
    assert found.units == 3
