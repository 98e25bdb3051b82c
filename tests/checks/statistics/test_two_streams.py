"""Two streams of one rate rarely seem to differ, however often one looks; two rates are told apart."""

import random
from itertools import product
from math import exp, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.checks.statistics.two_streams import TwoStreams


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=8), st.floats(0.01, 0.99))
def test_a_block_is_worth_at_most_1_on_average(before: list[tuple[bool, bool]], p: float) -> None:
    """Whatever came before, and whatever the one rate is."""
    shown = TwoStreams()
    for a, b in before:
        shown = shown.after(a, b)
    worth = sum(
        (p if a else 1 - p) * (p if b else 1 - p) * exp(shown.after(a, b).log_e - shown.log_e)
        for a, b in product((True, False), repeat=2)
    )
    assert worth <= 1 + 1e-9


def first_alarm(chance: random.Random, rates: tuple[float, float], most: int, alarm: float) -> int | None:
    p_a, p_b = rates
    shown = TwoStreams()
    for block in range(1, most + 1):
        shown = shown.after(chance.random() < p_a, chance.random() < p_b)
        if shown.log_e >= log(alarm):
            return block
    return None


def test_one_rate_gives_an_alarm_at_most_as_often_as_is_said() -> None:
    chance = random.Random(1)
    alarms = sum(first_alarm(chance, (p, p), 300, 100) is not None for p in (0.02, 0.3, 0.5) for _ in range(70))
    assert alarms <= 7  # of 210 at most 1 % each; 7 or more have a probability below 0.5 %


def test_two_rates_are_told_apart() -> None:
    """As far as the documentation says: 45 pairs of groups, and 0.01."""
    chance = random.Random(2)
    found = [first_alarm(chance, (0.1, 0.4), 2000, 45 / 0.01) for _ in range(200)]
    blocks = sorted(each for each in found if each is not None)
    assert len(blocks) == 200
    assert 60 <= blocks[100] <= 95
    shown = TwoStreams().after(a=True, b=False)
    assert shown.difference == pytest.approx(1)
