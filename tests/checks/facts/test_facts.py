"""Claims held against sources: verdicts, the passage that decides, and how likely they are supported."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.checks.facts import Corpus, Source, check_facts, confidence, features, probability, tally
from genaiops.core.errors import UsageError

BRIDGE = (
    "The Aurora bridge was opened on 12 May 1931 by Mayor Ellen Sorensen. It carries 23,000 vehicles a day. "
    "The bridge is not a toll bridge."
)
CASTLE = "The castle has a garden with old roses. It burned in 1690."
SOURCES = [Source("1", BRIDGE), Source("2", CASTLE)]


@pytest.mark.parametrize(
    ("claim", "verdict", "source"),
    [
        ("The Aurora bridge was opened on 12 May 1931.", "supported", "1"),
        ("It carries 23000 vehicles a day.", "supported", "1"),
        ("The Aurora bridge was opened on 12 May 1932.", "refuted", "1"),
        ("The bridge is a toll bridge.", "refuted", "1"),
        ("The castle has no garden with old roses.", "refuted", "2"),
        ("The castle garden has old roses.", "supported", "2"),
        ("Cyclists complained about dangerous crossings.", "not_enough_evidence", None),
        ("The bridge was painted blue in 1999.", "not_enough_evidence", "1"),
    ],
)
def test_a_claim_has_a_verdict_and_the_passage_that_decides(claim: str, verdict: str, source: str | None) -> None:
    (found,) = check_facts(claim, SOURCES)
    assert (found.verdict, found.citation and found.citation.source) == (verdict, source)
    if found.citation is not None:
        text = {each.id: each.text for each in SOURCES}[found.citation.source]
        assert text[found.citation.start : found.citation.end].startswith(found.citation.quote)


def test_claims_stand_where_the_answer_has_them_and_say_what_is_missing() -> None:
    answer = "Yes. The bridge opened in 1931.\n- It was designed by Olsen."
    one, other = check_facts(answer, SOURCES)
    assert (answer[one.start : one.end], answer[other.start : other.end]) == (one.text, other.text)
    assert other.missing == ("Olsen",)
    assert tally([one, other]) == {"supported": 1, "refuted": 0, "not_enough_evidence": 1}
    assert confidence([one, other]) == pytest.approx((one.probability + other.probability) / 2)
    assert confidence([]) is None


def test_a_copy_is_likelier_than_a_paraphrase_and_that_than_something_else() -> None:
    said = ["It burned in 1690.", "In 1690 the castle burned.", "Trains stop there."]
    likely = [check_facts(each, SOURCES)[0].probability for each in said]
    assert likely == sorted(likely, reverse=True)
    assert likely[0] > 0.9 > 0.1 > likely[-1]


def test_of_a_corpus_the_nearest_pieces_count_and_not_words_from_everywhere() -> None:
    many = [("bridge", BRIDGE), ("castle", CASTLE), *((f"n{n}", f"Report {n} says nothing of it.") for n in range(50))]
    corpus = Corpus(many)
    assert corpus.nearest("Which roses has the garden?", 1)[0].source == "castle"
    (found,) = check_facts("The castle burned in 1690.", (), corpus=corpus)
    assert (found.verdict, found.citation and found.citation.source) == ("supported", "castle")
    scattered = Corpus(
        [(str(n), f"{word} stood alone there.") for n, word in enumerate(["alpha", "beta", "gamma", "delta"])]
    )
    (found,) = check_facts("Alpha beta gamma delta epsilon zeta eta theta iota kappa.", (), corpus=scattered)
    assert found.verdict == "not_enough_evidence"


def test_what_means_the_same_is_found_by_vectors() -> None:
    meant = {"Cats purr.": (1.0, 0.0), "Felines make a low sound.": (1.0, 0.0)}
    corpus = Corpus(
        [("a", "Dogs bark loudly."), ("b", "Felines make a low sound.")],
        vectors=lambda texts: [meant.get(t, (0.0, 1.0)) for t in texts],
    )
    assert corpus.nearest("Cats purr.", 1)[0].source == "b"


def test_too_large_a_corpus_is_refused() -> None:
    with pytest.raises(UsageError, match="5,000,001"):
        Corpus([("a", "x" * 5_000_001)])


@given(st.lists(st.text(max_size=40), max_size=3), st.text(max_size=80))
def test_any_answer_is_judged_and_places_lie_within_it(texts: list[str], answer: str) -> None:
    sources = [Source(str(n), text) for n, text in enumerate(texts)]
    for found in (
        check_facts(answer, sources),
        check_facts(answer, (), corpus=Corpus([(s.id, s.text) for s in sources])),
    ):
        for each in found:
            assert answer[each.start : each.end] == each.text
            assert 0 <= each.probability <= 1
            if each.citation is not None:
                text = texts[int(each.citation.source)]
                assert 0 <= each.citation.start < each.citation.end <= len(text)


@given(st.lists(st.sampled_from("abcd"), max_size=6), st.lists(st.sampled_from("abcd"), max_size=6))
def test_figures_are_shares(claim: list[str], passage: list[str]) -> None:
    found = features(claim, passage, 0.5)
    assert all(0 <= each <= 1 for each in found[:5])
    assert 0 <= probability(found) <= 1


def test_marks_of_citations_and_what_the_guard_added_state_nothing() -> None:
    said = "The castle burned in 1690. [2] It has old roses. [unsupported]"
    plain = check_facts("The castle burned in 1690.", SOURCES)
    added = "\n\nSources:\n[2] It burned in 1690.\n\nNot supported by the sources:\n- It was sold."
    for text in (said, said + added, said + "\n\nCaution: 1 of 2 statements above are not supported by the sources."):
        found = check_facts(text, SOURCES)
        assert [each.verdict for each in found] == ["supported", "supported"]
        assert (found[0].text, found[0].probability) == (plain[0].text, plain[0].probability)
    assert len(check_facts("It burned in 1690.\n\nSources:\nThe castle.", SOURCES)) > 1, "that is the answer's own"
