"""Rankings: digit for digit what trec_eval says, whatever was found and however it was graded."""

from typing import Any, cast

import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.checks.metrics import metric
from genaiops.core.errors import UsageError
from genaiops.domain import Measure, Sample

IDS = tuple("abcdefghijkl")
found = st.lists(st.sampled_from(IDS), unique=True, max_size=12)
graded = st.dictionaries(st.sampled_from(IDS), st.integers(-1, 3), min_size=1).filter(
    lambda each: max(each.values()) > 0
)

TREC = [
    ("recall_at_k", {"k": 5}, "recall.5", "recall_5"),
    ("precision_at_k", {"k": 5}, "P.5", "P_5"),
    ("hit_rate", {"k": 1}, "success.1", "success_1"),
    ("ndcg_at_k", {"k": 10}, "ndcg_cut.10", "ndcg_cut_10"),
    ("ndcg_at_k", {"k": None}, "ndcg", "ndcg"),
    ("mrr", {}, "recip_rank", "recip_rank"),
    ("map", {}, "map", "map"),
    ("map", {"k": 3}, "map_cut.3", "map_cut_3"),
]


def of(name: str, sample: Sample, **options: Any) -> Measure:
    return metric(name, options).measure([sample])[0]


@settings(max_examples=60, deadline=None)
@given(found, graded)
def test_figures_are_those_of_trec_eval(ids: list[str], grades: dict[str, int]) -> None:
    evaluator = cast("Any", pytrec_eval).RelevanceEvaluator({"q": grades}, {each[2] for each in TREC})
    theirs = (
        evaluator.evaluate({"q": {name: float(len(ids) - place) for place, name in enumerate(ids)}})["q"] if ids else {}
    )
    sample = Sample(retrieved=tuple(ids), output="[]", relevant={name: float(grade) for name, grade in grades.items()})
    for name, options, _, key in TREC:
        assert of(name, sample, **options).value == pytest.approx(theirs.get(key, 0.0), abs=1e-12), name


def test_the_gain_of_burges() -> None:
    """Grades 3 2 3 0 1 2, the example of discounted gain in many textbooks: 2^3 - 1 = 7, 3 / log2(3), ..."""
    sample = Sample(retrieved=tuple("abcdef"), relevant=dict(zip("abcdef", (3, 2, 3, 0, 1, 2), strict=True)))
    assert of("ndcg_at_k", sample).value == pytest.approx(0.960, abs=1e-3)
    assert of("ndcg_at_k", sample, gain="exponential").value == pytest.approx(0.949, abs=1e-3)
    steep = Sample(retrieved=("a",), relevant={"a": 5000.0})
    assert "no exponential gain" in of("ndcg_at_k", steep, gain="exponential").error


def test_an_id_that_is_found_twice_counts_once() -> None:
    sample = Sample(retrieved=("a", "a", "b"), relevant={"a": 1, "b": 1})
    assert of("precision_at_k", sample, k=2).value == 0.5
    assert of("recall_at_k", sample, k=3).value == 1.0


def test_ids_are_read_from_the_answer() -> None:
    plain = Sample(output='["b", "a"]', relevant={"a": 1})
    assert of("mrr", plain).value == 0.5
    assert of("mrr", Sample(output='{"hits": {"ids": [7]}}', relevant={"7": 1}), field="hits.ids").value == 1.0
    assert of("recall_at_k", Sample(output="[]", relevant={"a": 1})).value == 0.0


@pytest.mark.parametrize(
    ("output", "field", "relevant", "why"),
    [
        ("text", "", {"a": 1.0}, "no JSON list"),
        ('{"ids": "a"}', "ids", {"a": 1.0}, "are no list"),
        ('{"ids": []}', "hits", {"a": 1.0}, "no field 'hits'"),
        ("[]", "", {"a": 0.0}, "Nothing is relevant"),
        ("[]", "", {}, "has no relevant"),
    ],
)
def test_what_is_no_ranking_is_an_error(output: str, field: str, relevant: dict[str, float], why: str) -> None:
    said = of("mrr", Sample(output=output, relevant=relevant), field=field)
    assert said.value is None
    assert why in said.error


def test_a_cutoff_below_one() -> None:
    with pytest.raises(UsageError, match="k"):
        metric("recall_at_k", {"k": 0})
