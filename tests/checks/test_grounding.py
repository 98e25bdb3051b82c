"""What passages support, and what stands nowhere in them."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.checks.grounding import Grounding, findings, judge, sentences

PASSAGES = [
    "The Aurora bridge was opened on 12 May 1931 by Mayor Ellen Sorensen. It carries 23,000 vehicles a day.",
    "Repairs of the northern pylon cost 4.5 million euros; they were finished in 2019.",
]


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Dr. Smith paid 3.50 euros, e.g. in St. Ives. Yes.", ["Dr. Smith paid 3.50 euros, e.g. in St. Ives.", "Yes."]),
        ("# Head\n- first item\n- second", ["# Head", "- first item", "- second"]),
        ('He said "no." Then he left.', ['He said "no."', "Then he left."]),
        ("今日は晴れ。明日は雨。", ["今日は晴れ。", "明日は雨。"]),
        ("Am 12. Mai kam er. Im 3. Jahrhundert nicht.", ["Am 12. Mai kam er.", "Im 3. Jahrhundert nicht."]),
        ("It ended in 1931. Then he was 12. He left.", ["It ended in 1931.", "Then he was 12.", "He left."]),
        ("1. Wash it.\n2. Dry it.", ["1. Wash it.", "2. Dry it."]),
        ("Wait... what?!", ["Wait...", "what?!"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_sentences(text: str, found: list[str]) -> None:
    assert split(text) == found


@given(st.text(st.sampled_from('aB1.!?\n "é。'), max_size=60))
def test_sentences_are_in_order_and_hold_all_words(text: str) -> None:
    spans = sentences(text)
    ends = [0, *(place for span in spans for place in span), len(text)]
    assert ends == sorted(ends)
    left = list(text)
    for start, end in spans:
        left[start:end] = " " * (end - start)
    assert not "".join(left).strip()


def test_long_texts_are_split_in_time_that_grows_with_them() -> None:
    assert len(sentences("a. " * 30_000)) == 1
    assert len(sentences("." * 60_000 + "a")) == 1
    assert len(sentences("12. " * 20_000)) > 1


def test_what_the_passages_say_is_supported() -> None:
    answer = (
        "The Aurora bridge was opened by Mayor Ellen Sorensen on 12 May 1931. Every day, 23000 vehicles are carried."
    )
    checked = Grounding(PASSAGES).check(answer)
    assert [each.missing for each in checked] == [(), ()]
    assert checked[0].support == 1
    assert checked[0].supported(0.5)


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        ("The Aurora bridge was opened in 1932.", ["1932"]),
        ("Repairs of the northern pylon cost 45 million euros.", ["45"]),
        ("Repairs of the northern pylon cost 4,5 million euros.", []),
        ("The bridge carries 23 000 vehicles a day.".replace(" 000", "\u202f000"), []),
        ("The Aurora bridge was opened by Mayor Ellen Jensen.", ["Jensen"]),
        ("Jensen opened the bridge.", []),
        ("Aurora: The bridge was opened by Mayor Sorensen.", []),
    ],
)
def test_numbers_and_names_must_stand_there(answer: str, missing: list[str]) -> None:
    checked = Grounding(PASSAGES).check(answer)
    assert [answer[each.start : each.end] for sentence in checked for each in sentence.missing] == missing


def test_other_words_are_not_supported_and_are_found() -> None:
    answer = (
        "Repairs of the northern pylon were finished in 2019. Cyclists complained about dangerous crossings nearby!"
    )
    checked = Grounding(PASSAGES).check(answer)
    (finding,) = findings(checked)
    assert (finding.kind, finding.family) == ("unsupported", "grounding")
    assert answer[finding.start : finding.end] == "Cyclists complained about dangerous crossings nearby!"
    verdict = judge(checked)
    assert (verdict.outcome, verdict.measure, verdict.unit, verdict.n) == ("fail", 0.5, "share", 2)
    assert judge(checked, fail_below=0.4).outcome == "warn"
    assert judge(checked[:1]).outcome == "pass"


def test_german_nouns_are_no_names_when_told_so() -> None:
    passage = ["Die Brücke wurde 1931 eröffnet."]
    answer = "Man eröffnete 1931 die Brücke als Bauwerk."
    assert [each.kind for each in Grounding(passage).check(answer)[0].missing] == ["name"]
    assert Grounding(passage, names=False).check(answer)[0].missing == ()


def test_similarity_supports_a_paraphrase_but_no_number() -> None:
    asked: list[tuple[str, Sequence[str]]] = []

    def similarity(sentence: str, passages: Sequence[str]) -> float:
        asked.append((sentence, passages))
        return 0.9

    checked = Grounding(PASSAGES, similarity=similarity).check("Restoration expenses were considerable. They paid 17.")
    assert [each.support for each in checked] == [0.9, 0.9]
    assert [each.supported(0.5) for each in checked] == [True, False]
    assert asked[0] == ("Restoration expenses were considerable.", PASSAGES)


def test_nothing_to_judge_is_inconclusive() -> None:
    assert Grounding(PASSAGES).check("Yes. Oh!") == ()
    assert judge(()).outcome == "inconclusive"
    assert judge(Grounding([]).check("Bridges were opened everywhere.")).outcome == "fail"


@given(st.lists(st.text(max_size=30), max_size=3), st.text(max_size=80))
def test_any_text_is_judged_and_places_lie_within_it(passages: list[str], answer: str) -> None:
    for each in Grounding(passages).check(answer):
        assert 0 <= each.support <= 1
        assert 0 <= each.start < each.end <= len(answer)
        assert all(each.start <= one.start < one.end <= each.end for one in each.missing)


@given(st.text(st.sampled_from("abcdefghij klmno. 12AB\n"), max_size=80))
def test_a_text_supports_itself(text: str) -> None:
    assert all(each.support == 1 and not each.missing for each in Grounding([text]).check(text))
