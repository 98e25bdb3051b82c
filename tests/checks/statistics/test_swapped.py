"""Whether answers still come from what they came from: false alarms at most as often as said, and what is found."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.checks.statistics.swapped import far, swapped


def answer(chance: random.Random, odds: float) -> str:
    """One of two usual answers, the first with these odds."""
    return "It rains in Berlin today." if chance.random() < odds else "Berlin has rain today."


def looks(odds: float, later: float, *, times: int, cases: int, before: int, now: int) -> float:
    """The share of looks with an alarm at 5 %."""
    chance = random.Random(7)
    alarms = 0
    for _ in range(times):
        drawn = [
            ([answer(chance, odds) for _ in range(before)], [answer(chance, later) for _ in range(now)])
            for _ in range(cases)
        ]
        alarms += swapped(drawn, draws=199).p <= 0.05
    return alarms / times


def test_false_alarms_are_at_most_as_often_as_said() -> None:
    share = looks(0.5, 0.5, times=400, cases=8, before=4, now=2)
    assert share <= 0.05 + 3 * (0.05 * 0.95 / 400) ** 0.5  # three standard errors


def test_a_change_of_odds_is_found() -> None:
    assert looks(0.9, 0.2, times=20, cases=20, before=5, now=2) >= 0.9


def test_answers_that_never_vary_are_found_when_they_change() -> None:
    before = ["Paris", "Paris", "Paris"]
    same = swapped([(before, ["Paris"])] * 10)
    assert (same.p, same.distance, same.differing) == (1.0, 0.0, 0)
    other = swapped([(before, ["The capital is Paris."])] * 10)
    assert other.p < 1e-4
    assert (other.cases, other.differing) == (10, 10)
    # One case of four answers is one of four choices, and no more can be said.
    assert swapped([(before, ["Rome"])]).p == pytest.approx(0.25, abs=0.01)


def test_what_cannot_tell_says_nothing() -> None:
    assert swapped([]).p == 1.0
    assert swapped([(["a"], ["b"]), ([], ["b"]), (["a", "a"], [])]).cases == 0


@settings(max_examples=50)
@given(st.text(max_size=60), st.text(max_size=60))
def test_the_distance_is_one(one: str, other: str) -> None:
    assert far(one, other) == far(other, one)
    assert 0.0 <= far(one, other) <= 1.0
    assert (far(one, other) == 0) == (one == other)
