"""The simulation of margins by judges runs, and its draws have the difference that they are said to have."""

import argparse

import numpy as np
import pytest

from benchmarks.arena import corrected, corrected_levels
from benchmarks.arena.corrected import CASES, KINDS, KNOWS, LABELS, measure


def test_tables_are_whole() -> None:
    report = measure(argparse.Namespace(repetitions=3, power=2, seed=1))
    levels = corrected_levels
    wanted = [len(LABELS) * len(KINDS) * len(KNOWS)] * 2
    wanted += [len(levels.LABELS) * len(levels.KINDS) * len(levels.KNOWS)] * 4
    assert [len(table.rows) for table in report.tables] == wanted
    for table in report.tables:
        assert {len(row) for row in table.rows} == {len(table.head)}


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_people_see_the_difference_that_is_said(kind: str, *, clustered: bool) -> None:
    chance = np.random.default_rng(3)
    for mean in (-KINDS[kind], 0.0):
        drawn = [corrected._drawn(chance, kind, mean, 0.9, 60, clustered) for _ in range(400)]
        assert np.mean([y.mean() for y, *_ in drawn]) == pytest.approx(mean, abs=0.012)
        y, f, group, labelled = drawn[0]
        assert (len(y), labelled.sum()) == (CASES, 60)
        assert (len(np.unique(group)) == CASES) is not clustered
        assert np.corrcoef(y, f)[0, 1] > 0.5


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("kind", corrected_levels.KINDS)
def test_people_give_the_level_that_is_said(kind: str, *, own: bool) -> None:
    chance = np.random.default_rng(4)
    drawn = [corrected_levels.drawn(chance, kind, 0.9, 60, own, clustered=True) for _ in range(300)]
    assert np.mean([y.mean() for y, *_ in drawn]) == pytest.approx(corrected_levels.KINDS[kind][1], abs=0.012)
    y, f, group, labelled = drawn[0]
    assert labelled.sum() == 60
    assert len(y) == corrected_levels.CASES + (0 if own else 60)
    assert not own or len(np.unique(group)) < corrected_levels.CASES
    assert set(group[labelled]).isdisjoint(group[~labelled]) is not own
    assert (f >= y).all()
