"""Ratings by duels, held against choix, and what they say of what they cannot know."""

import math
import random

import choix
import numpy as np
import pytest

from genaiops.checks.statistics.ranking import Duel, bradley_terry
from genaiops.core.errors import UsageError

STRENGTHS = {"a": 1.0, "b": 0.4, "c": 0.0, "d": -0.8}


def drawn(times: int, seed: int, strengths: dict[str, float] = STRENGTHS) -> list[Duel]:
    chance = random.Random(seed)
    found: list[Duel] = []
    for number in range(times):
        one, other = chance.sample(sorted(strengths), 2)
        wins = chance.random() < 1 / (1 + math.exp(strengths[other] - strengths[one]))
        found.append(Duel(one, other, float(wins), f"case-{number % (times // 3 or 1)}"))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_without_a_prior_the_strengths_are_those_of_choix(seed: int) -> None:
    duels = drawn(300, seed)
    names = sorted(STRENGTHS)
    pairs = [
        (names.index(each.one), names.index(each.other))
        if each.score
        else (names.index(each.other), names.index(each.one))
        for each in duels
    ]
    theirs = choix.mm_pairwise(len(names), pairs, tol=1e-10)
    ours = {each.name: each.value for each in bradley_terry(duels, prior=0, times=2).ratings}
    points = 1000 + 400 / math.log(10) * (theirs - theirs.mean())
    assert [ours[name] for name in names] == pytest.approx(points.tolist(), abs=1e-3)


def test_a_tie_is_half_a_win_of_each() -> None:
    found = bradley_terry([Duel("a", "b", 0.5, str(number)) for number in range(20)])
    assert [each.value for each in found.ratings] == pytest.approx([1000, 1000])
    assert [(each.duels, each.wins) for each in found.ratings] == [(20, 10.0)] * 2
    halves = bradley_terry([Duel("a", "b", 1, "x"), Duel("a", "b", 0, "x")], prior=0)
    assert [each.value for each in halves.ratings] == pytest.approx([1000, 1000])
    assert [each.low for each in halves.ratings] == [None, None]  # one prompt says nothing of others


def test_who_never_lost_is_strong_and_not_infinitely_so() -> None:
    found = bradley_terry([Duel("a", "b", 1, str(number)) for number in range(10)])
    first, last = found.ratings
    assert (first.name, first.rank, last.rank) == ("a", 1, 2)
    assert 1100 < first.value < 2000
    assert all(math.isfinite(each.value) for each in found.ratings)


def test_the_bootstrap_is_over_prompts() -> None:
    """Twenty duels of one prompt say no more than that prompt."""
    spread: list[float] = []
    for clusters in (10, 200):
        duels = [Duel("a", "b", float(number % 3 > 0), f"{number % clusters}") for number in range(200)]
        rating = bradley_terry(duels, seed=1).ratings[0]
        assert rating.low is not None
        assert rating.high is not None
        assert rating.low < rating.value < rating.high
        spread.append(rating.high - rating.low)
    chance = random.Random(3)
    alike = [Duel("a", "b", score, f"{n}") for n in range(10) for score in [float(chance.random() < 0.6)] * 20]
    rating = bradley_terry(alike, seed=1).ratings[0]
    assert rating.low is not None
    assert rating.high is not None
    assert rating.high - rating.low > 2 * spread[1]


@pytest.mark.slow
def test_bounds_hold_what_they_promise() -> None:
    """Of 60 sets of 150 duels, the difference of a and d that is true lies within bounds about as often as they say."""
    held = 0
    truth = 400 / math.log(10) * (STRENGTHS["a"] - STRENGTHS["d"])
    for seed in range(60):
        by_name = {each.name: each for each in bradley_terry(drawn(150, seed), times=200, seed=seed).ratings}
        a, d = by_name["a"], by_name["d"]
        held += (a.low or 0) - (d.high or 0) <= truth <= (a.high or 0) - (d.low or 0)
    assert held >= 54


def test_what_was_never_compared_is_said() -> None:
    found = bradley_terry([Duel("a", "b", 1, "1"), Duel("b", "a", 1, "2"), Duel("c", "d", 1, "3")])
    assert sorted(sorted(group) for group in found.groups) == [["a", "b"], ["c", "d"]]
    assert found.clusters == 3


def test_what_cannot_be_rated() -> None:
    with pytest.raises(UsageError, match="no duels"):
        bradley_terry([])
    with pytest.raises(UsageError, match="themselves"):
        bradley_terry([Duel("a", "a", 1, "1")])


def test_many_are_rated_at_once() -> None:
    strengths = {f"m{number:02}": float(np.sin(number)) for number in range(30)}
    found = bradley_terry(drawn(2000, 5, strengths), times=100)
    rated = [strengths[each.name] for each in found.ratings]
    assert np.corrcoef(rated, [each.value for each in found.ratings])[0, 1] > 0.9
