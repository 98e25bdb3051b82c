"""Plans: from what a run showed back to what was put in, and that the planned number decides."""

import math

import numpy as np
import pytest

from genaiops.arena import PlanAsked, Tables, planned, read_suite, spread_of
from genaiops.checks.statistics import p_above
from genaiops.checks.statistics.planning import Spread, alike, more_cases, needed
from genaiops.core.errors import UsageError
from genaiops.domain import Answer, Case, Judged, Verdict

SUITE = read_suite('[[check]]\nmetric = "equals"\n', "toml").checked()


def run_of(old: np.ndarray, new: np.ndarray, size: int) -> Tables:
    """Values by case and repeat; clusters of `size` cases."""
    cases = [
        Case(id=str(at), input="x", expected="y", cluster=str(at // size) if size > 1 else "") for at in range(len(old))
    ]
    answers: list[Answer] = []
    judged: list[Judged] = []
    for target, values in (("old", old), ("new", new)):
        for at, repeats in enumerate(values):
            for repeat, value in enumerate(repeats):
                answers.append(Answer(target=target, case=str(at), repeat=repeat, state="answered"))
                verdict = Verdict(outcome="inconclusive", measure=float(value))
                judged.append(
                    Judged(
                        target=target, case=str(at), repeat=repeat, check="equals", metric="equals/1", verdict=verdict
                    )
                )
    return Tables(cases, answers, judged)


def test_a_run_tells_what_was_put_into_it() -> None:
    chance = np.random.default_rng(7)
    shared = np.repeat(chance.normal(0, 0.12, 300), 4)
    between = shared + chance.normal(0, 0.16, 1200)  # together 0.2, of which 0.36 within a cluster
    old = chance.normal(0.5, 0.1, (1200, 5))
    new = 0.5 + between[:, None] + chance.normal(0, 0.1, (1200, 5))
    found = spread_of(SUITE.check[0], run_of(old, new, 4), "new", "old")
    assert found.noise == pytest.approx(math.sqrt(0.02), rel=0.03)
    assert found.deviation == pytest.approx(0.2, rel=0.05)
    assert found.cluster_size == pytest.approx(4)
    # Of means of five repeats: their noise is no part of what clusters share.
    assert found.correlation == pytest.approx(0.0144 / (0.04 + 0.004), abs=0.06)
    once = spread_of(SUITE.check[0], run_of(old[:, :1], new[:, :1], 1), "new", "old")
    assert (once.noise, once.cluster_size, once.correlation) == (0.0, 1.0, 0.0)
    assert once.deviation == pytest.approx(math.sqrt(0.06), rel=0.06)


def test_a_run_without_pairs_tells_nothing() -> None:
    with pytest.raises(UsageError, match="Fewer than two cases of equals"):
        spread_of(SUITE.check[0], run_of(np.ones((1, 1)), np.ones((1, 1)), 1), "new", "old")


@pytest.mark.parametrize("size", [1, 5])
def test_the_planned_number_passes_what_is_unchanged(size: int) -> None:
    chance = np.random.default_rng(11)
    spread = Spread(deviation=0.2, cluster_size=size, correlation=0.5 if size > 1 else 0.0, reach=1.0)
    [row] = planned(spread, PlanAsked(margins=(0.1,)))
    assert row.cases is not None
    number = math.ceil(row.cases / size)
    passed = 0
    for _ in range(150):
        shared = np.repeat(chance.normal(0, 0.2 * math.sqrt(spread.correlation), number), size)
        deltas = shared + chance.normal(0, 0.2 * math.sqrt(1 - spread.correlation), number * size)
        groups = [list(group) for group in deltas.reshape(number, size)]
        passed += p_above(groups, -1.0, at=-0.1) < 0.05
    assert 0.7 < passed / 150 < 0.98


def test_rows() -> None:
    asked = PlanAsked(margins=(0.05, 0.1), repeats=(1, 4), difference=-0.07)
    rows = planned(Spread(deviation=0.3, noise=0.4, reach=1.0), asked)
    assert [(row.margin, row.repeats) for row in rows] == [(0.05, 1), (0.05, 4), (0.1, 1), (0.1, 4)]
    assert [row.cases is None for row in rows] == [True, True, False, False]
    assert "not so" in rows[0].reason
    assert rows[0].least == 59
    assert rows[2].cases is not None
    assert rows[2].answers == 2 * rows[2].cases
    assert planned(Spread(deviation=1.0), PlanAsked(margins=(0.5,)))[0].least is None
    with pytest.raises(UsageError, match="margin of 0 is none"):
        planned(Spread(deviation=0.3), PlanAsked(margins=(0.0,)))


def test_alike() -> None:
    assert [alike(room, 1.0) for room in (0.01, 0.05, 0.1, 1.0)] == [299, 59, 29, 1]
    assert needed(0.05, Spread(deviation=0.0, reach=1.0)) == 59
    assert more_cases(0.0, Spread(deviation=0.3), 10) is None
    assert more_cases(0.05, Spread(deviation=0.0), 10) is None
