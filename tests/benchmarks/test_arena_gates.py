"""The simulation of gates runs, and its draws have the difference that they are said to have."""

import argparse

import numpy as np
import pytest

from benchmarks.arena.gates import GRADED, LEVELS, MARGINS, measure


def test_tables_are_whole() -> None:
    report = measure(argparse.Namespace(repetitions=20, seed=1))
    assert [len(table.rows) for table in report.tables] == [16, 20, 16]
    for table in report.tables:
        assert {len(row) for row in table.rows} == {len(table.head)}


@pytest.mark.parametrize("name", GRADED)
def test_a_candidate_is_as_much_worse_as_it_is_said_to_be(name: str) -> None:
    for mean in (-MARGINS[100], 0.0):
        totals, sizes = GRADED[name](np.random.default_rng(2), 4000, 100, mean)
        assert totals.sum() / sizes.sum() == pytest.approx(mean, abs=0.003)
        assert np.all(np.abs(totals) <= sizes + 1e-9) or name == "clusters, graded"


@pytest.mark.parametrize("name", LEVELS)
def test_a_level_is_what_it_is_said_to_be(name: str) -> None:
    draw, mean = LEVELS[name]
    totals, sizes = draw(np.random.default_rng(2), 4000, 100, mean)
    assert totals.sum() / sizes.sum() == pytest.approx(mean, abs=0.004)
