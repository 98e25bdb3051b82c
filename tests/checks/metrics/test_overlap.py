"""BLEU, GLEU, chrF and TER, digit for digit as their reference implementations have them."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.checks.metrics import metric
from genaiops.core.errors import UsageError
from genaiops.domain import Measure, Sample
from tests.checks.metrics.texts import cases, samples

ALL = ("bleu", "gleu", "chrf", "ter")
NO_DRAWS = {"draws": 0}
GUIDING = (
    "It is the guiding principle which guarantees",
    "the military forces always being under the command of the Party",
)


def values(name: str, given: Sequence[Sample], **options: Any) -> list[float]:
    said = metric(name, options).measure(given)
    assert all(each.error == "" for each in said)
    return [each.value for each in said if each.value is not None]


def streams(given: Sequence[Sample]) -> list[list[Any]]:
    """References as sacrebleu takes them: a list for each place, None where a case has fewer."""
    most = max(len(sample.expected) for sample in given)
    return [[(*sample.expected, *[None] * most)[place] for sample in given] for place in range(most)]


@pytest.mark.parametrize(
    ("name", "ours", "theirs"),
    [
        ("bleu", {}, {}),
        ("bleu", {"tokenize": "intl", "lowercase": True}, {"tokenize": "intl", "lowercase": True}),
        ("bleu", {"tokenize": "zh", "smooth": "floor"}, {"tokenize": "zh", "smooth_method": "floor"}),
        ("bleu", {"tokenize": "char", "smooth": "add-k"}, {"tokenize": "char", "smooth_method": "add-k"}),
        ("bleu", {"tokenize": "none", "smooth": "none"}, {"tokenize": "none", "smooth_method": "none"}),
        ("chrf", {}, {}),
        ("chrf", {"words": 2}, {"word_order": 2}),
        (
            "chrf",
            {"characters": 3, "beta": 1, "lowercase": True},
            {"char_order": 3, "beta": 1, "lowercase": True},
        ),
        ("ter", {}, {}),
        (
            "ter",
            {"normalized": True, "no_punctuation": True, "asian": True, "case_sensitive": True},
            {"normalized": True, "no_punct": True, "asian_support": True, "case_sensitive": True},
        ),
    ],
)
def test_sacrebleu_has_the_same_digits(name: str, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    import sacrebleu

    given = samples(12 if name == "ter" else 40)
    kind = getattr(sacrebleu.metrics, name.upper())
    single = kind(**theirs, **({"effective_order": True} if name == "bleu" else {}))
    there = [single.sentence_score(sample.output, sample.expected).score for sample in given]
    assert values(name, given, **ours) == [min(100.0, each) if name == "bleu" else each for each in there]
    whole = kind(**theirs).corpus_score([sample.output for sample in given], streams(given)).score
    assert values(f"corpus_{name}", given, **ours, **NO_DRAWS) == [whole]


@given(st.lists(cases, min_size=1, max_size=4))
@settings(max_examples=60)
def test_nltk_has_the_same_digits(given: list[tuple[str, list[str]]]) -> None:
    from nltk.translate import gleu_score

    made = [Sample(id=str(n), output=said, expected=tuple(wanted)) for n, (said, wanted) in enumerate(given)]
    said = [sample.output.split() for sample in made]
    wanted = [[each.split() for each in sample.expected] for sample in made]
    assert values("gleu", made, tokenize="none") == [
        gleu_score.sentence_gleu(refs, words) for refs, words in zip(wanted, said, strict=True)
    ]
    assert values("corpus_gleu", made, tokenize="none", **NO_DRAWS) == [gleu_score.corpus_gleu(wanted, said)]


def test_examples_that_are_published() -> None:
    """BLEU's own, of the modified precision of "the the the" (section 2.1), and nltk's documentation of GLEU."""
    said = "the the the the the the the"
    sample = Sample(id="a", output=said, expected=("The cat is on the mat.", "There is a cat on the mat."))
    [measure] = metric("bleu", {"lowercase": True}).measure([sample])
    assert measure.parts["precision_1"] == pytest.approx(200 / 7)
    one = Sample(
        id="1",
        output="It is a guide to action which ensures that the military always obeys the commands of the party",
        expected=(
            "It is a guide to action that ensures that the military will forever heed Party commands",
            " ".join(GUIDING),
            "It is the practical guide for the army always to heed the directions of the party",
        ),
    )
    two = Sample(
        id="2",
        output="he read the book because he was interested in world history",
        expected=("he was interested in world history because he read the book",),
    )
    assert values("corpus_gleu", [one, two])[0] == pytest.approx(0.5673, abs=5e-5)


@given(st.lists(cases, min_size=1, max_size=3), st.sampled_from(ALL))
@settings(max_examples=60)
def test_figures_are_within_their_range(given: list[tuple[str, list[str]]], name: str) -> None:
    made = [Sample(id=str(n), output=said, expected=tuple(wanted)) for n, (said, wanted) in enumerate(given)]
    for full in (name, f"corpus_{name}"):
        card = metric(full).card
        for said in metric(full, {"draws": 20} if full != name else {}).measure(made):
            assert said.value is not None
            assert (card.low or 0) <= said.parts.get("low", said.value) <= said.value
            assert said.value <= said.parts.get("high", said.value) <= (card.high or 1e9)


@pytest.mark.parametrize("name", ALL)
def test_the_bounds_of_a_corpus(name: str) -> None:
    given = samples(20, seed=5)
    [said] = metric(f"corpus_{name}").measure(given)
    [again] = metric(f"corpus_{name}").measure(given)
    [closer] = metric(f"corpus_{name}", {"alpha": 0.25}).measure(given)
    [other] = metric(f"corpus_{name}", {"seed": 1}).measure(given)
    assert said == again
    assert said.value == closer.value == other.value
    assert said.parts["low"] < closer.parts["low"] < (said.value or 0) < closer.parts["high"] < said.parts["high"]
    assert other.parts != said.parts
    assert width(other) == pytest.approx(width(said), rel=0.2)


def width(said: Measure) -> float:
    return said.parts["high"] - said.parts["low"]


def test_answers_of_a_cluster_or_of_a_case_are_not_independent() -> None:
    given = samples(60, seed=5)
    repeated = [sample for sample in given for _ in range(4)]
    clustered = [msgspec.structs.replace(sample, cluster=str(n % 10)) for n, sample in enumerate(given)]
    [plain], [same], [few] = (metric("corpus_bleu").measure(each) for each in (given, repeated, clustered))
    assert same.value == plain.value
    assert same.parts["low"] == pytest.approx(plain.parts["low"])
    assert few.value == plain.value
    assert width(few) > width(plain)


def test_what_cannot_tell_how_sure_it_is() -> None:
    [one] = metric("corpus_bleu").measure(samples(1, seed=3))
    assert "low" not in one.parts
    alike = [Sample(id=str(n), output="the cat sat on the mat", expected=("the cat sat on the mat",)) for n in range(3)]
    [perfect] = metric("corpus_bleu").measure(alike)
    assert perfect.value == 100
    assert perfect.parts["low"] < 70  # three that are all right do not show that all are
    [more] = metric("corpus_bleu").measure([msgspec.structs.replace(alike[0], id=str(n)) for n in range(300)])
    assert more.parts["low"] > 99


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("bleu", {"tokenize": "13b"}),
        ("bleu", {"alpha": 0.1}),
        ("corpus_bleu", {"alpha": 0.7}),
        ("corpus_ter", {"draws": -1}),
        ("chrf", {"beta": 0}),
    ],
)
def test_options_that_are_none(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        metric(name, options)
