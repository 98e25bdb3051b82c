import math
import random

import pytest

from genaiops.checks.statistics import compare
from genaiops.checks.statistics.planning import Spread, needed
from genaiops.core.errors import UsageError


def test_a_tenth_that_differs_and_three_points_of_margin() -> None:
    assert needed(0.03, Spread(deviation=math.sqrt(0.1))) == pytest.approx(688, abs=1)


def test_repeats_help_only_against_noise() -> None:
    assert needed(0.05, Spread(deviation=0.3, repeats=8)) == needed(0.05, Spread(deviation=0.3))
    noisy = [needed(0.05, Spread(deviation=0.3, noise=0.4, repeats=repeats)) for repeats in (1, 4, 64)]
    assert noisy == sorted(noisy, reverse=True)
    assert noisy[2] >= needed(0.05, Spread(deviation=0.3))


def test_clusters_need_more() -> None:
    alone = needed(0.05, Spread(deviation=0.3))
    assert needed(0.05, Spread(deviation=0.3, cluster_size=5, correlation=0.5)) == pytest.approx(3 * alone, abs=3)


def test_the_number_gives_the_power() -> None:
    chance = random.Random(11)
    n = needed(0.05, Spread(deviation=math.sqrt(0.1)))
    passed = 0
    for _ in range(400):
        deltas = [chance.choice((1.0, -1.0)) if chance.random() < 0.1 else 0.0 for _ in range(n)]
        passed += compare(deltas, [0.0] * n).low > -0.05
    assert 0.73 < passed / 400 < 0.87


def test_what_no_number_shows() -> None:
    with pytest.raises(UsageError, match="not so"):
        needed(0.03, Spread(deviation=0.3), difference=-0.03)
    with pytest.raises(UsageError, match="could ever"):
        needed(1e-9, Spread(deviation=0.3))
