"""Weights by Kamiran and Calders: what they are for holds for all inputs, and what cannot be weighed is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.checks.statistics.reweighing import reweighed
from genaiops.core.errors import UsageError

WHOLE = [(g, y) for g in "ab" for y in ("yes", "no")]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["yes", "no"])), max_size=40))
def test_under_the_weights_every_group_has_each_label_equally_often(drawn: list[tuple[str, str]]) -> None:
    rows = WHOLE + drawn
    weights = reweighed([g for g, _ in rows], [y for _, y in rows])
    assert sum(weights[row] for row in rows) == pytest.approx(len(rows))
    shares = [
        sum(weights[row] for row in rows if row == (g, "yes")) / sum(weights[row] for row in rows if row[0] == g)
        for g in "ab"
    ]
    assert shares[0] == pytest.approx(shares[1])
    assert shares[0] == pytest.approx(sum(y == "yes" for _, y in rows) / len(rows))


def test_weights_are_those_of_aif360() -> None:
    """By AIF360 0.6.1's Reweighing of these ten rows."""
    groups, labels = list("aaaaaabbbb"), ["yes", "yes", "yes", "yes", "no", "no", "yes", "no", "no", "no"]
    said = reweighed(groups, labels)
    expected = {("a", "yes"): 0.75, ("a", "no"): 1.5, ("b", "yes"): 2.0, ("b", "no"): 2 / 3}
    assert said == pytest.approx(expected)


@pytest.mark.parametrize(
    ("groups", "labels", "said"),
    [
        ("aa", "xy", "only one group"),
        ("ab", "xx", "only one label"),
        ("aab", "xyx", "No case of 'b' has the label 'y'"),
    ],
)
def test_what_no_weight_can_mend_is_refused(groups: str, labels: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        reweighed(list(groups), list(labels))
