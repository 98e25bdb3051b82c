"""The simulation of experiments runs, and what it draws differs by what it is said to."""

import argparse

import numpy as np
import pytest

from benchmarks.arena import experiments
from benchmarks.arena.experiments import VALUES, measure


def test_tables_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiments, "USERS", {0.5: 300, 0.1: 1200})
    report = measure(argparse.Namespace(repetitions=4, seed=1))
    assert [len(table.rows) for table in report.tables] == [16, 4]
    for table in report.tables:
        assert {len(row) for row in table.rows} == {len(table.head)}


@pytest.mark.parametrize("name", VALUES)
def test_a_candidate_differs_by_what_it_is_said_to(name: str) -> None:
    shape, values = (1, 200_000), VALUES[name]
    with_it, _ = values.draw(np.random.default_rng(2), shape, np.full(shape, values.effect))
    without, _ = values.draw(np.random.default_rng(2), shape, np.zeros(shape))
    assert with_it.mean() - without.mean() == pytest.approx(values.effect, abs=0.01)
