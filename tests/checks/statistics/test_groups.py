"""Groups: fairlearn's and AIF360's definitions, digit for digit, and bounds that hold."""

import random
from typing import Any

import fairlearn.metrics as fairlearn
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.checks.metrics import metric
from genaiops.checks.statistics.groups import Member, disparity, equalized_odds, levels
from genaiops.core.errors import UsageError
from genaiops.domain import Measure, Sample

# Each group has somebody for whom either decision is right, and somebody who was chosen: all is defined.
WHOLE = [Member(group, chosen=True, right=right) for group in "abc" for right in (True, False)]
rows = st.lists(st.builds(Member, st.sampled_from("abc"), st.booleans(), st.booleans()), max_size=60).map(
    lambda drawn: WHOLE + drawn
)


def columns(members: list[Member]) -> dict[str, Any]:
    return {
        "y_true": [bool(each.right) for each in members],
        "y_pred": [each.chosen for each in members],
        "sensitive_features": [each.group for each in members],
    }


@settings(max_examples=12, deadline=None)
@given(rows)
def test_differences_are_those_of_fairlearn(members: list[Member]) -> None:
    from sklearn.metrics import accuracy_score

    given_ = columns(members)
    ours = {
        fairlearn.demographic_parity_difference: disparity(members, "selection", "difference"),
        fairlearn.demographic_parity_ratio: disparity(members, "selection", "ratio"),
        fairlearn.equal_opportunity_difference: disparity(members, "true_positive", "difference"),
        fairlearn.equalized_odds_difference: equalized_odds(members),
    }
    for theirs, said in ours.items():
        assert said.value == pytest.approx(theirs(**given_), abs=1e-14), theirs.__name__
        assert 0 <= said.low <= said.value + 1e-12
        assert said.value <= said.high + 1e-12 <= 1 + 1e-9
    frame = fairlearn.MetricFrame(metrics=accuracy_score, **given_)
    assert disparity(members, "accuracy", "difference").value == pytest.approx(frame.difference(), abs=1e-14)


@settings(max_examples=30, deadline=None)
@given(rows)
def test_impact_is_that_of_aif360(members: list[Member]) -> None:
    """Pr(chosen | unprivileged) / Pr(chosen | privileged), and the difference, as its documentation has them."""
    two = [each for each in members if each.group in "ab"]
    rate = {
        name: sum(each.chosen for each in two if each.group == name) / sum(each.group == name for each in two)
        for name in "ab"
    }
    said = disparity(two, "selection", "ratio", reference="a")
    assert said.value == pytest.approx(rate["b"] / rate["a"], abs=1e-14)
    assert said.pair == ("b", "a")
    apart = disparity(two, "selection", "difference", reference="a")
    assert apart.value == pytest.approx(rate["a"] - rate["b"], abs=1e-14)
    assert apart.pair == ("a", "b")


@given(st.integers(0, 60), st.integers(0, 60))
def test_bounds_of_two_independent_groups_are_newcombes(a: int, b: int) -> None:
    """As statsmodels has his method 10; both bounds of 95 % are here of one pair in each order."""
    from statsmodels.stats.proportion import confint_proportions_2indep

    members = [Member("a", place < a) for place in range(60)] + [Member("b", place < b) for place in range(60)]
    said = disparity(members, "selection", "difference", reference="a")
    low, high = confint_proportions_2indep(a, 60, b, 60, method="newcomb", compare="diff", alpha=0.1)
    assert said.low == pytest.approx(low, abs=1e-9)
    assert said.high == pytest.approx(high, abs=1e-9)


@given(st.integers(1, 40), st.integers(1, 40))
def test_bounds_of_a_ratio_are_the_inverse_of_the_other_way_round(a: int, b: int) -> None:
    members = [Member("a", place < a) for place in range(40)] + [Member("b", place < b) for place in range(40)]
    over_a = disparity(members, "selection", "ratio", reference="a")
    over_b = disparity(members, "selection", "ratio", reference="b")
    assert over_a.low <= over_a.value <= over_a.high
    assert over_a.low * over_b.high == pytest.approx(1, rel=1e-6)


def drawn(draw: random.Random, rates: dict[str, float], n: int, size: int = 1) -> list[Member]:
    """`n` members a group, `size` to a cluster, who mostly fare alike."""
    found: list[Member] = []
    for group, rate in rates.items():
        for number in range(n // size):
            fate = draw.random() < rate
            for _ in range(size):
                chosen = fate if draw.random() < 0.9 else draw.random() < rate
                found.append(Member(group, chosen, cluster=f"{group}{number}" if size > 1 else ""))
    return found


@pytest.mark.parametrize("size", [1, 5])
def test_bounds_hold_as_often_as_they_say(size: int) -> None:
    """Equal groups of three: an upper bound below the truth (0) is impossible, a lower bound above it rare."""
    draw = random.Random(size)
    repetitions = 300 if size == 1 else 60
    wrong = sum(
        disparity(drawn(draw, dict.fromkeys("abc", 0.4), 100, size), "selection", "difference").low > 0
        for _ in range(repetitions)
    )
    assert wrong / repetitions <= 0.1
    far = sum(
        disparity(drawn(draw, {"a": 0.6, "b": 0.3}, 100, size), "selection", "difference").high < 0.3
        for _ in range(repetitions)
    )
    assert far / repetitions <= 0.12


def test_clusters_widen_the_bounds() -> None:
    clustered = drawn(random.Random(1), {"a": 0.6, "b": 0.4}, 200, 10)
    apart = [Member(each.group, each.chosen) for each in clustered]
    wide, narrow = (disparity(each, "selection", "difference") for each in (clustered, apart))
    assert wide.value == narrow.value
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)
    assert wide == disparity(clustered, "selection", "difference")  # the same draws each time


def test_groups_that_were_all_chosen_are_not_certain() -> None:
    members = [Member(group, chosen=True, cluster=f"{group}{n // 3}") for group in "ab" for n in range(90)]
    said = disparity(members, "selection", "difference")
    assert said.value == said.low == 0
    assert said.high > 0.05


def test_of_small_groups_nothing_is_said() -> None:
    members = [Member("a", n % 2 == 0) for n in range(100)] + [Member("b", chosen=False) for _ in range(29)]
    said = disparity(members, "selection", "difference")
    assert (said.value, said.low, said.high, said.small) == (0.5, 0.0, 1.0, ("b",))
    assert disparity(members, "selection", "difference", least=29).low > 0.2


@pytest.mark.parametrize(
    ("members", "rate", "kind", "says"),
    [
        ([Member("a", True)], "selection", "difference", "there is only 'a'"),
        ([], "selection", "difference", "there is none"),
        ([Member("a", False), Member("b", False)], "selection", "ratio", "over a selection rate of 0"),
        ([Member("a", True, True), Member("b", True, False)], "true_positive", "difference", "of the group 'b' is not"),
        ([Member("a", True), Member("b", True)], "accuracy", "difference", "what is right for everybody"),
    ],
)
def test_what_is_not_defined_is_an_error(members: Any, rate: Any, kind: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        disparity(members, rate, kind)


def test_levels_of_any_metric_by_group() -> None:
    found = levels([1, 0, 1, 1, 0.5], ["a", "a", "a", "b", "c"])
    assert found["a"].mean == pytest.approx(2 / 3)
    assert set(found) == {"a"}  # of one case without a range nothing can be said


def said(name: str, samples: list[Sample], **options: Any) -> Measure:
    return metric(name, options).measure(samples)[0]


def test_groups_are_told_by_metadata_or_by_slices() -> None:
    samples = [
        Sample(output="yes" if n % 4 else "no", metadata={"land": "de"}, expected=("yes",)) for n in range(40)
    ] + [Sample(output="yes" if n % 2 else "no", slices=("land:fr", "new"), expected=("yes",)) for n in range(40)]
    options = {"by": "land", "positive": "yes", "labels": ["yes", "no"]}
    ratio = said("disparate_impact", samples, reference="de", **options)
    assert ratio.value == pytest.approx(0.5 / 0.75)
    assert ratio.reason == "fr against de; selection: de 0.75 (n=40), fr 0.5 (n=40)."
    assert ratio.interval is not None
    assert ratio.interval[0] < 0.8 < ratio.interval[1]
    assert said("equal_opportunity_difference", samples, **options).value == pytest.approx(0.25)
    assert "There is no group 'uk'" in said("disparate_impact", samples, reference="uk", **options).error
    assert "has no 'age'" in said("disparate_impact", samples, **options | {"by": "age"}).error
    assert "The option by is not given" in said("disparate_impact", samples, positive="yes").error
    assert "The option positive is not given" in said("disparate_impact", samples, by="land").error
