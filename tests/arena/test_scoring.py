"""What a metric is shown of a case: what is right, wherever the case says it, and repeats as what they are."""

import pytest

from genaiops.arena import Scorer, cases_of, read_suite, sample_of
from genaiops.domain import Answer, Case


@pytest.mark.parametrize(
    ("case", "right"),
    [
        (Case(expected="a", label="b"), ("a",)),
        (Case(expected=("a", "b")), ("a", "b")),
        (Case(label="spam"), ("spam",)),
        (Case(number=0.1), ("0.1",)),
        (Case(), ()),
    ],
)
def test_what_is_right(case: Case, right: tuple[str, ...]) -> None:
    sample = sample_of(case, Answer(target="t", case="", state="answered", output="x"))
    assert sample.expected == right
    assert (sample.label, sample.number) == (None, None)


SUITE = """
[[target]]
name = "t"
recorded = true
[[case]]
label = "a"
[[case]]
label = "b"
[[check]]
metric = "f1"
"""


def test_repeats_of_a_case_are_of_one_cluster() -> None:
    """Two cases asked fifty times are no hundred cases."""
    suite = read_suite(SUITE, "toml").checked()
    cases = cases_of(suite, folder=None)
    answers = [
        Answer(target="t", case=case.id, repeat=repeat, state="answered", output=case.label or "")
        for case in cases
        for repeat in range(50)
    ]
    [judged] = Scorer(suite, cases).together(answers, at_us=1)
    assert judged.verdict.measure == 1.0
    assert judged.verdict.interval == pytest.approx((0.05**0.5, 1.0))
