"""Edits: Levenshtein's distance as rapidfuzz has it, error rates as jiwer has them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.checks.metrics import metric
from genaiops.domain import Measure, Sample
from tests.checks.metrics.texts import samples, sentences


def reference(name: str) -> Any:
    import jiwer

    return {"wer": jiwer.process_words, "cer": jiwer.process_characters}[name]


def say(name: str, output: str, *expected: str, **options: Any) -> Measure:
    [said] = metric(name, options).measure([Sample(output=output, expected=expected)])
    return said


def distance(one: str, other: str) -> int:
    """By the recurrence itself."""
    row = list(range(len(other) + 1))
    for place, said in enumerate(one, 1):
        before, row[0] = row[0], place
        for column, wanted in enumerate(other, 1):
            before, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, before + (said != wanted))
    return row[-1]


@given(st.text("abAé日", max_size=8), st.text("abAé日", max_size=8))
def test_the_distance_is_the_least_number_of_edits(one: str, other: str) -> None:
    edits = distance(one, other)
    assert say("levenshtein", one, other).value == edits == say("levenshtein", other, one).value
    longest = max(len(one), len(other))
    assert say("levenshtein_ratio", one, other).value == pytest.approx(1 - edits / longest if longest else 1)


def test_examples() -> None:
    assert say("levenshtein", "sitting", "kitten").value == 3
    assert say("levenshtein", "KITTEN", "kitten", ignore_case=True).value == 0
    assert say("levenshtein", "kitten", "mitten!!", "kittens").value == 1
    assert say("levenshtein_ratio", "KITTEN", "dog", "kitten", ignore_case=True).value == 1
    assert say("wer", "hello duck", "hello world").parts == {
        "substitutions": 1,
        "deletions": 0,
        "insertions": 0,
        "length": 2,
    }
    assert say("wer", "one two three four", "one").value == 3
    assert say("wer", "Hello, World!", "hello world").value == 1
    assert say("wer", "Hello, World!", "hello world", ignore_case=True, ignore_punctuation=True).value == 0
    assert say("wer", "two words", "three words here", "two  words ").value == 0
    assert say("wer", "", "").value == 0
    assert say("wer", "two words", "").value == 2
    assert say("cer", " hallo ", "hello").value == 0.2


@given(st.lists(st.tuples(sentences, sentences), min_size=1, max_size=4), st.sampled_from(("wer", "cer")))
def test_jiwer_has_the_same_digits(pairs: list[tuple[str, str]], name: str) -> None:
    made = [Sample(id=str(n), output=said, expected=(wanted,)) for n, (said, wanted) in enumerate(pairs)]
    for sample, said in zip(made, metric(name).measure(made), strict=True):
        theirs = reference(name)(sample.expected[0], sample.output)
        assert said.value == getattr(theirs, name)
        assert said.parts["substitutions"] == theirs.substitutions
        assert said.parts["deletions"] == theirs.deletions
        assert said.parts["insertions"] == theirs.insertions
    together = reference(name)([sample.expected[0] for sample in made], [sample.output for sample in made])
    [said] = metric(f"corpus_{name}", {"draws": 0}).measure(made)
    assert said.value == getattr(together, name)


@pytest.mark.parametrize("name", ["wer", "cer"])
def test_the_bounds_of_a_corpus(name: str) -> None:
    [said] = metric(f"corpus_{name}").measure(samples(50, seed=2))
    assert said.value is not None
    assert 0 < said.parts["low"] < said.value < said.parts["high"] < 2 * said.value
