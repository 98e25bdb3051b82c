"""Families of variants: differences within them alone, exact tests, and bounds that hold."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.checks.statistics.families import Variant, apart
from genaiops.core.errors import UsageError


def two(values: list[tuple[bool, bool]]) -> list[Variant]:
    return [
        Variant(family=f"f{place}", group={"gender": name}, value=float(value))
        for place, row in enumerate(values)
        for name, value in zip(("woman", "man"), row, strict=True)
    ]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=40))
def test_two_values_are_mcnemars_exact_test(values: list[tuple[bool, bool]]) -> None:
    from scipy.stats import binomtest

    said = apart(two(values), ["gender"])
    wins, losses = sum(a > b for a, b in values), sum(b > a for a, b in values)
    [contrast] = said.contrasts
    assert said.value == pytest.approx(abs(wins - losses) / len(values))
    exact = binomtest(wins, wins + losses, 0.5).pvalue if wins + losses else 1.0
    assert contrast.p == pytest.approx(exact)
    assert 0 <= said.low <= said.value + 1e-12 <= said.high + 2e-12


def test_what_makes_a_case_hard_drops_out() -> None:
    chance = random.Random(1)
    hard = [chance.random() < 0.5 for _ in range(80)]
    said = apart(two([(not each, not each) for each in hard]), ["gender"])
    assert (said.value, said.low) == (0, 0)
    assert said.high < 0.05
    assert said.contrasts[0].means == {
        "man": pytest.approx(1 - sum(hard) / 80),
        "woman": pytest.approx(1 - sum(hard) / 80),
    }


def test_members_are_compared_with_those_that_are_alike() -> None:
    """Race decides, and every woman is Black: gender alone is never compared across races."""
    rows: list[Variant] = []
    for place in range(40):
        for race, gender in (("Black", "woman"), ("white", "man"), ("Black", "man")):
            value = float(race == "white")
            rows.append(Variant(family=f"f{place}", group={"race": race, "gender": gender}, value=value))
    said = {each.attribute: each for each in apart(rows, ["race", "gender"]).contrasts}
    assert (said["gender"].difference, said["gender"].differs) == (0, False)
    assert (said["race"].difference, said["race"].pair, said["race"].differs) == (1, ("white", "Black"), True)


def test_an_intersection_may_differ_where_no_attribute_does() -> None:
    rows = [
        Variant(family=f"f{n}", group={"race": race, "gender": gender}, value=float((race == "x") == (gender == "u")))
        for n in range(30)
        for race in "xy"
        for gender in "uv"
    ]
    said = {each.attribute: each for each in apart(rows, ["race", "gender", "race+gender"]).contrasts}
    assert (said["race"].difference, said["gender"].difference, said["race+gender"].difference) == (0, 0, 1)
    assert [each.differs for each in said.values()] == [False, False, True]


def test_chance_alone_is_rarely_a_difference() -> None:
    """Four values that do not matter: the lower bound is above 0, and Holm says so, in at most 5 % of 200 (and what
    chance adds to that)."""
    chance = random.Random(2)
    wrong = above = 0
    for _ in range(200):
        rows = [
            Variant(family=f"f{n}", group={"race": race}, value=float(chance.random() < 0.5))
            for n in range(30)
            for race in "abcd"
        ]
        said = apart(rows, ["race"])
        wrong, above = wrong + said.contrasts[0].differs, above + (said.low > 0)
    assert wrong <= 17
    assert above <= 17


def test_families_of_one_document_are_one() -> None:
    rows = [
        Variant(family=f"f{n}", group={"race": race}, value=float(race == "a"), cluster="one")
        for n in range(30)
        for race in "ab"
    ]
    with pytest.raises(UsageError, match="two independent families"):
        apart(rows, ["race"])


def test_each_value_is_held_against_the_reference() -> None:
    rows = [
        Variant(family=f"f{n}", group={"p": kind}, value=float(kind == "cue"))
        for n in range(20)
        for kind in ("original", "typos", "cue")
    ]
    said = apart(rows, ["p"], reference="original").contrasts
    assert [(each.pair, each.differs) for each in said] == [(("typos", "original"), False), (("cue", "original"), True)]
