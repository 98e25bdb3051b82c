"""CLIPScore and Frechet's distance, by hand and to the digits of scipy's root of a matrix."""

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from genaiops.checks.metrics import metric, unready
from genaiops.checks.metrics.features import clip_score
from genaiops.checks.statistics.frechet import frechet
from genaiops.core.errors import UsageError


def by_scipy(x: Any, y: Any) -> float:
    """As pytorch-fid has it."""
    root = import_module("scipy.linalg").sqrtm(np.cov(x, rowvar=False) @ np.cov(y, rowvar=False)).real
    apart = ((x.mean(0) - y.mean(0)) ** 2).sum()
    return float(apart + np.trace(np.cov(x, rowvar=False)) + np.trace(np.cov(y, rowvar=False)) - 2 * np.trace(root))


@pytest.mark.parametrize(("many", "wide"), [(200, 16), (50, 40), (500, 3)])
def test_the_distance_is_that_of_scipys_root(many: int, wide: int) -> None:
    chance = np.random.default_rng(many)
    x, y = (
        chance.normal(0, 1, (many, wide)),
        chance.normal(0.2, 1.3, (many + 7, wide)) @ chance.normal(0, 1, (wide, wide)),
    )
    assert frechet(x.tolist(), y.tolist()) == pytest.approx(by_scipy(x, y), rel=1e-6)


def test_known_distances() -> None:
    assert frechet([[1.0], [3.0]], [[1.0], [3.0]]) == pytest.approx(0)
    # Means 2 and 7, deviations sqrt(2) and sqrt(8): 25 + 2.
    assert frechet([[1.0], [3.0]], [[5.0], [9.0]]) == pytest.approx(27)
    same = [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    assert frechet(same, [[a + 3, b + 4] for a, b in same]) == pytest.approx(25)


def test_few_vectors_lie_too_far_apart() -> None:
    """Both sides of one distribution: the distance is above 0, and falls as there are more."""
    chance = np.random.default_rng(3)
    found = [
        frechet(chance.normal(0, 1, (n, 8)).tolist(), chance.normal(0, 1, (n, 8)).tolist()) for n in (10, 100, 2000)
    ]
    assert found[0] > found[1] > found[2] > 0


@pytest.mark.parametrize(("one", "other"), [([[1.0]], [[1.0], [2.0]]), ([[1.0], [2.0]], [[1.0, 2.0], [3.0, 4.0]])])
def test_what_has_no_distance(one: list[list[float]], other: list[list[float]]) -> None:
    with pytest.raises(UsageError):
        frechet(one, other)


def test_clip_score_is_two_and_a_half_cosines() -> None:
    assert clip_score([3.0, 4.0], [6.0, 8.0]) == pytest.approx(2.5)
    assert clip_score([1.0, 0.0], [1.0, 1.0]) == pytest.approx(2.5 / 2**0.5)
    assert clip_score([1.0, 0.0], [-1.0, 0.0]) == 0


@pytest.mark.parametrize("name", ["clip_score", "fid", "endpoint"])
def test_without_an_endpoint_they_are_not_ready(name: str) -> None:
    assert "No endpoint is named" in unready(metric(name))
    with pytest.raises(UsageError, match="no address"):
        metric(name, {"url": "localhost"})
