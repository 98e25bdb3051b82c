# ruff: noqa: RUF001 (characters that look like others are what this is about)
"""Words are the same whole and in pieces, whatever the script."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.checks.words import LONGEST, Words, WordStream, words
from tests.examples import examples

PIECES = st.sampled_from(
    [*"aZ9_ -éßİ½ﬁ漢กक가", "\u200b", "\u0301", "\u00ad", "\n", "word", "x" * LONGEST, "\U0001d400", "ـ"]
)
TEXTS = st.lists(PIECES | st.characters(), max_size=20).map("".join)


def told(*batches: Words) -> list[tuple[str, int, int]]:
    return [(text, *batch.span(at)) for batch in batches for at, text in enumerate(batch.texts)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Don't STOP_here", ["don", "t", "stop", "here"]),
        ("Café cafe\u0301 CAFE\u0301S", ["cafe", "cafe", "cafes"]),
        ("ｆｕｌｌ ﬁne Straße", ["full", "fine", "strasse"]),
        ("in\u200bvi\u00adsible", ["invisible"]),
        ("漢字とkana", ["漢", "字", "と", "kana"]),
        ("가나 다", ["가나", "다"]),
        ("a" * (LONGEST + 3), ["a" * LONGEST, "aaa"]),
        ("", []),
        (" ..", []),
    ],
)
def test_words(text: str, found: list[str]) -> None:
    assert words(text).texts == found


def test_places_are_those_of_the_text_as_it_was() -> None:
    text = "Eﬃcient cafe\u0301, ½ tea"
    assert [text[start:end] for _, start, end in told(words(text))] == ["Eﬃcient", "cafe", "½", "½", "tea"]


@settings(max_examples=examples())
@given(TEXTS, st.lists(st.integers(0, 60), max_size=8))
def test_pieces_make_no_difference(text: str, cuts: list[int]) -> None:
    reading = WordStream()
    bounds = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    batches = [reading.feed(text[start:end]) for start, end in pairwise(bounds)]
    assert told(*batches, reading.finish()) == told(words(text))


@settings(max_examples=examples())
@given(TEXTS)
def test_places_ascend_and_hold_something(text: str) -> None:
    spans = [(start, end) for _, start, end in told(words(text))]
    assert spans == sorted(spans)
    assert all(0 <= start < end <= len(text) for start, end in spans)
