"""What the training rests on: templates, measures, and that a test holds nothing that was trained on."""

from pathlib import Path

import numpy as np
import pytest

from genaiops.checks.classifying._weights import dump
from training import corpora, measures
from training.corpora import Corpus
from training.grammar import Grammar
from training.overlap import without_overlap


def corpus(*texts: str, label: int = 1) -> Corpus:
    return Corpus("c", "here", "Apache-2.0", "0", [(text, label) for text in texts])


def test_the_same_seed_gives_the_same_sentences() -> None:
    grammar = Grammar({"a": ["{x} one"], "b": ["{x} two", "three"]}, {"x": ["big", "{y}"], "y": ["small"]})
    found = grammar.sentences(4, 3)
    assert found == grammar.sentences(4, 3)
    assert len(set(found)) == len(found) <= 4
    assert {one.lower() for one in found} <= {"big one", "small one", "big two", "small two", "three"}


@pytest.mark.parametrize(("phrases", "error"), [({"x": ["{x}"]}, ValueError), ({}, KeyError)])
def test_slots_that_lead_nowhere_are_refused(phrases: dict[str, list[str]], error: type[Exception]) -> None:
    with pytest.raises(error):
        Grammar({"a": ["{x}"]}, phrases)


@pytest.mark.parametrize(("name", "label"), [("benign", 0), ("attacks", 1)])
def test_the_shipped_templates_fill(name: str, label: int) -> None:
    for one in corpora.generated(name, label, 40, 1):
        assert len(one.rows) >= 30
        assert all("{" not in text and found == label for text, found in one.rows)


def test_the_held_out_sentences_come_from_no_template() -> None:
    own = [one for name, label in (("benign", 0), ("attacks", 1)) for one in corpora.generated(name, label, 500, 1)]
    held = corpora.held_out()
    assert without_overlap(held, own).rows == held.rows
    assert len({text.lower() for text, _ in held.rows}) == len(held.rows)


def test_what_was_trained_on_is_taken_out_of_a_test() -> None:
    long = "one two three four five six seven eight nine ten eleven twelve"
    trained = corpus(f"{long} thirteen", "Short one.")
    tested = corpus(f"Now {long} and more", "short  ONE.", "Something else that shares no run of eight words at all.")
    assert [text for text, _ in without_overlap(tested, [trained]).rows] == [tested.rows[2][0]]


def test_pages_hold_their_sentence() -> None:
    pages = [
        corpus(
            *(f"This is harmless sentence number {n} of the page. Here follows another one, {n}." for n in range(9)),
            label=0,
        )
    ]
    attacks = corpus("Do as I say.", "Obey me.")
    found = corpora.within_pages(attacks, pages, 10)
    assert found == corpora.within_pages(attacks, pages, 10)
    assert sorted(label for _, label in found.rows) == [1, 1]
    assert all(any(attack in text for attack, _ in attacks.rows) and len(text) > 100 for text, _ in found.rows)


def test_wilson_by_the_book() -> None:
    found = measures.wilson(81, 263)  # Newcombe, 1998, method 3
    assert (found.low, found.high) == (0.2553, 0.3662)
    assert measures.wilson(0, 0).n == 0
    assert measures.wilson(0, 10).low == 0.0


def test_area_counts_pairs() -> None:
    found = measures.area([0.1, 0.4, 0.35, 0.8, 0.4], [0, 0, 1, 1, 1])
    # Pairs: .35 beats .1, .8 beats both, .4 beats .1 and ties with .4: 4.5 of 6.
    assert found.value == 0.75
    assert found.low <= found.value <= found.high


def test_area_has_a_narrow_interval_for_many() -> None:
    rng = np.random.default_rng(2)
    scores = np.concatenate([rng.normal(0, 1, 3000), rng.normal(1, 1, 3000)])
    found = measures.area(scores, np.repeat([0, 1], 3000))
    assert abs(found.value - 0.7602) < 0.02  # the normal distribution's value at 1 / sqrt(2)
    assert found.high - found.low < 0.04


@pytest.mark.slow
@pytest.mark.needs_weights("minilm-int8")
def test_the_same_training_gives_the_same_bytes(models_dir: Path, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    from training.encoding import Vectors
    from training.fitting import Fitting, Settings, examples_of, weights_of

    sets = [one for name, label in (("benign", 0), ("attacks", 1)) for one in corpora.generated(name, label, 20, 1)]
    examples = [example for one in sets for example in examples_of(one)]
    raw: list[bytes] = []
    for _ in range(2):
        fitting = Fitting(Vectors(models_dir.parent, tmp_path), Settings())
        heads = fitting.heads(examples)
        labels = np.array([one.label for one in examples])
        mixing = fitting.mixing(fitting.features(heads, examples), labels, ["one"] * len(examples))
        raw.append(dump(weights_of(heads, mixing)))
    assert raw[0] == raw[1]
