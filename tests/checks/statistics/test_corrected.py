"""Means of what people would say: by hand, beside ppi-python's formula, and over clusters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.checks.statistics import compare
from genaiops.checks.statistics.corrected import corrected, grouped_z
from genaiops.checks.statistics.labelled import ppi_mean
from genaiops.core.errors import UsageError


def drawn(seed: int = 1, many: int = 400, labels: int = 150) -> tuple[list[float], list[float | None]]:
    chance = np.random.default_rng(seed)
    y = chance.choice([-1.0, 0.0, 1.0], many, p=(0.15, 0.75, 0.1))
    judged = np.where(chance.random(many) < 0.9, y, 0.0)
    return judged.tolist(), [float(each) if at < labels else None for at, each in enumerate(y)]


@given(st.integers(0, 5))
def test_the_estimate_is_that_of_ppi_plus_plus(seed: int) -> None:
    """Written over all cases instead of those without a label, the weight is another one, and the estimate is not."""
    judged, people = drawn(seed)
    known, rest = judged[:150], judged[150:]
    labels = [each for each in people if each is not None]
    said = corrected(judged, people, least=-1, most=1)
    mean = np.mean(labels) + said.weight * (np.mean(judged) - np.mean(known))
    assert said.mean == pytest.approx(mean)
    other = said.weight * len(rest) / len(judged)
    assert said.mean == pytest.approx(other * np.mean(rest) + np.mean(labels) - other * np.mean(known))


def test_a_good_judge_narrows_and_the_bounds_hold_what_ppi_mean_says() -> None:
    judged, people = drawn()
    said = corrected(judged, people, least=-1, most=1)
    labels = [each for each in people if each is not None]
    alone = compare(labels, [0.0] * len(labels), span=1.0)
    assert said.weight > 0.3
    assert said.high - said.low < alone.high - alone.low
    near = ppi_mean(labels, judged[:150], judged[150:])
    assert said.low < near.mean < said.high
    assert abs(said.mean - near.mean) < 0.01


def test_a_judge_that_knows_nothing_leaves_the_labels_alone() -> None:
    chance = np.random.default_rng(2)
    _, people = drawn()
    said = corrected(chance.normal(0, 0.3, 400).clip(-1, 1).tolist(), people, least=-1, most=1)
    assert said.weight <= 0.05
    assert said.mean == pytest.approx(np.mean([each for each in people if each is not None]), abs=0.01)


def test_with_every_case_labelled_the_judge_counts_for_nothing_in_the_mean() -> None:
    judged, people = drawn(labels=400)
    labels = [each for each in people if each is not None]
    said = corrected(judged, people, least=-1, most=1)
    assert said.mean == pytest.approx(np.mean(labels))
    same = compare(labels, [0.0] * 400, span=2.0)
    assert said.low == pytest.approx(same.low, abs=0.01)


def test_few_labels_that_are_alike_are_not_sure() -> None:
    said = corrected([0.0] * 400, [0.0] * 30 + [None] * 370, least=-1, most=1)
    assert said.mean == 0
    assert -0.11 < said.low < -0.07
    assert said.high == pytest.approx(-said.low)


def test_clusters_widen_and_the_two_sides_mirror() -> None:
    judged, people = drawn()
    names = [str(at % 40) for at in range(400)]
    alone, over = (corrected(judged, people, clusters, least=-1, most=1) for clusters in ((), names))
    assert over.mean == pytest.approx(alone.mean)
    assert over.high - over.low > alone.high - alone.low
    assert (over.clusters, over.labels) == (40, 150)
    mirrored = corrected(
        [-each for each in judged], [None if each is None else -each for each in people], names, least=-1, most=1
    )
    assert (mirrored.low, mirrored.high) == (pytest.approx(-over.high), pytest.approx(-over.low))


@pytest.mark.parametrize(("labels", "clusters"), [(9, ()), (20, ("a",) * 400)])
def test_too_few_labels_say_nothing(labels: int, clusters: tuple[str, ...]) -> None:
    judged, people = drawn(labels=labels)
    with pytest.raises(UsageError, match="say nothing"):
        corrected(judged, people, clusters, least=-1, most=1)


def test_groups_have_the_worst_further_one() -> None:
    f, labelled = np.zeros(4), np.array([True, True, False, False])
    found = grouped_z(np.zeros(4), f, labelled, np.arange(4), least=-1, most=1, alpha=0.05, weight=0.5)
    # One more labelled case, of four that count for two: people say -1 of it, and the judge 1.
    assert (found.least, found.most) == (0.5 + 2 * -1.5, -0.5 + 2 * 1.5)
