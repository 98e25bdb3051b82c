# ruff: noqa: RUF001 (letters that look like others are what this is about)
"""What of registered documents is found again: the guarantee against a search by brute force, and the file."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.checks.verbatim import Following, Index, Overlapping, Repeat, judge, overlaps
from genaiops.checks.verbatim.merging import merge
from genaiops.checks.words import words
from genaiops.core.errors import Conflict, StoreError, UsageError
from tests.examples import examples

OPENING = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, it "
    "was the epoch of belief, it was the epoch of incredulity, it was the season of Light."
)
CLAUSE = (
    "The supplier shall hold in strict confidence every drawing, formula and price list of the customer and shall use "
    "them for no other purpose than the performance of this agreement, also after its end."
)
INDEX = Index.build([("novel", OPENING), ("contract", CLAUSE)])
RARE = [f"w{number}" for number in range(400)]


def longest_shared(first: list[str], second: list[str]) -> int:
    """Words of the longest common run, by brute force."""
    best, before = 0, [0] * (len(second) + 1)
    for word in first:
        now = [0] + [before[at] + 1 if other == word else 0 for at, other in enumerate(second)]
        best, before = max(best, *now), now
    return best


def test_a_quotation_is_found_where_it_stands() -> None:
    quoted = "drawing, formula and PRICE LIST of the  customer and shall use them for no other purpose"
    text = f"As agreed: {quoted}; so much for that."
    (overlap,) = overlaps(INDEX, text)
    (run,) = overlap.runs
    assert (overlap.document, run.kind, run.family) == ("contract", "contract", "verbatim")
    assert text[run.start : run.end] in quoted
    count = len(words(quoted))
    assert count - 8 <= overlap.longest <= count
    assert overlap.share == overlap.longest / len(words(text))
    assert 0 < overlap.of_document < 1


def test_the_whole_document_is_wholly_given_away() -> None:
    (overlap,) = overlaps(INDEX, CLAUSE)
    assert overlap.of_document == 1
    assert overlap.longest >= len(words(CLAUSE)) - 8


@pytest.mark.parametrize(
    "text",
    ["", "short", "it was the age", "The weather was fine, and nobody had anything to say about contracts or wisdom."],
)
def test_nothing_is_found_in_other_texts(text: str) -> None:
    assert overlaps(INDEX, text) == ()


def test_case_accents_and_invisible_characters_do_not_hide_it() -> None:
    hidden = "\u200b".join(CLAUSE.upper()).replace("E", "É")
    assert overlaps(INDEX, hidden)[0].longest == overlaps(INDEX, CLAUSE)[0].longest


def test_letters_of_other_scripts_do_not_hide_it() -> None:
    hidden = CLAUSE.translate(str.maketrans("aeopcxAEOPCTX", "аеорсхАЕОРСТХ"))
    assert hidden.isascii() is False
    assert overlaps(INDEX, hidden)[0].longest == overlaps(INDEX, CLAUSE)[0].longest
    russian = "Сегодня в доме тихо и никого нет кроме кота у окна"
    index = Index.build([("d", russian)])
    assert overlaps(index, russian.upper()) == overlaps(index, russian) != ()


def test_a_text_without_blanks_between_words() -> None:
    poem = "床前明月光疑是地上霜举头望明月低头思故乡"
    (overlap,) = overlaps(Index.build([("poem", poem)]), f"他说:{poem}。")
    assert overlap.longest >= len(poem) - 8


@settings(max_examples=examples())
@given(st.randoms(use_true_random=False), st.integers(2, 6), st.data())
def test_every_run_of_the_guaranteed_length_is_found_and_none_is_overstated(
    chance: random.Random, k: int, data: st.DataObject
) -> None:
    window = data.draw(st.integers(1, k))
    size = data.draw(st.integers(0, 60))
    document = chance.sample(RARE, size)
    start = data.draw(st.integers(0, size))
    taken = document[start : start + data.draw(st.integers(0, 30))]
    text = [f"x{at}" for at in range(data.draw(st.integers(0, 9)))] + taken + ["y"]
    found = overlaps(Index.build([("d", " ".join(document))], k=k, window=window), " ".join(text))
    true = longest_shared(text, document)
    measured = found[0].longest if found else 0
    assert measured <= true
    assert measured >= k or not found
    if true >= k + window - 1:
        assert measured >= true - 2 * (window - 1)
        assert measured >= k


@settings(max_examples=examples())
@given(st.lists(st.sampled_from("abc"), max_size=60), st.lists(st.sampled_from("abc"), max_size=60))
def test_repetitive_texts_are_never_overstated(document: list[str], text: list[str]) -> None:
    index = Index.build([("d", " ".join(document))], k=3, window=2)
    for overlap in overlaps(index, " ".join(text)):
        assert 3 <= overlap.longest <= longest_shared(text, document)
        assert 0 < overlap.share <= 1
        assert 0 < overlap.of_document <= 1
        assert all(run.end - run.start >= 5 for run in overlap.runs)


@settings(max_examples=examples())
@given(st.randoms(use_true_random=False), st.lists(st.integers(0, 900), max_size=30))
def test_pieces_make_no_difference(chance: random.Random, cuts: list[int]) -> None:
    quoted = [word for word in f"{OPENING} {CLAUSE} {OPENING}".split() if chance.random() > 0.03]
    text = " ".join(quoted)
    reading = Overlapping(INDEX)
    bounds = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    longest = [reading.feed(text[start:end]) for start, end in pairwise(bounds)]
    found = reading.finish()
    assert found == overlaps(INDEX, text)
    assert longest == sorted(longest)
    assert reading.words == len(words(text))


def followed(index: Index, text: str, cuts: list[int], least: int) -> tuple[str, list[tuple[int, int, str, int]]]:
    following, out, runs = Following(index, least), "", list[tuple[int, int, str, int]]()
    bounds = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    steps = [lambda piece=text[start:end]: following.feed(piece) for start, end in pairwise(bounds)]
    for step in (*steps, following.end):
        released, found = step()
        runs += [(each.start + len(out), each.end + len(out), each.document, each.words) for each in found]
        assert all(0 <= each.start < each.end <= len(released) for each in found)
        out += released
    return out, runs


@settings(max_examples=examples())
@given(st.randoms(use_true_random=False), st.lists(st.integers(0, 900), max_size=30), st.integers(2, 20))
def test_following_gives_the_text_back_and_finds_the_same_at_every_cut(
    chance: random.Random, cuts: list[int], least: int
) -> None:
    quoted = [word for word in f"{OPENING} {CLAUSE} {OPENING}".split() if chance.random() > 0.05]
    text = " ".join(quoted)
    out, runs = followed(INDEX, text, cuts, least)
    assert out == text
    assert runs == followed(INDEX, text, [], least)[1]
    assert all(words_of >= least for *_, words_of in runs)
    expected = sum(
        len(words(text[run.start : run.end])) >= least for each in overlaps(INDEX, text) for run in each.runs
    )
    assert len(runs) == expected


@settings(max_examples=examples())
@given(st.lists(st.sampled_from("ab\u0301 "), max_size=80), st.lists(st.integers(0, 80), max_size=20))
def test_following_repetitive_texts(letters: list[str], cuts: list[int]) -> None:
    index = Index.build([("d", "a b a b a b b a"), ("e", "b b a b")], k=2, window=2)
    text = "".join(letters)
    out, runs = followed(index, text, cuts, 3)
    assert (out, runs) == (text, followed(index, text, [], 3)[1])


def test_what_may_become_a_run_is_held_back_and_the_rest_is_not() -> None:
    following = Following(INDEX, 12)
    assert (
        following.feed("As agreed in our letter of the first of May of this year: ")[0] == "As agreed in our letter of "
    )
    taken = CLAUSE[: CLAUSE.index("and shall use")]
    assert following.feed(taken)[0] == "the first of May of this year: "
    assert [each.document for each in following.certain()] == ["contract"]
    released, (run,) = following.feed(" or nothing of that kind has ever been said by any of them")
    assert taken[:40] in released
    assert (run.document, len(words(released[run.start : run.end]))) == ("contract", run.words)


def test_only_documents_that_are_wanted_are_followed() -> None:
    assert [each.id for each in INDEX.documents] == ["contract", "novel"]
    assert Following(INDEX, 12, {1}).feed(f"{CLAUSE} {'x ' * 20}")[1] == []
    found = Following(INDEX, 12, {0}).feed(f"{CLAUSE} {'x ' * 20}")[1]
    assert [type(each) for each in found] == [Repeat]


def test_memory_does_not_grow_with_the_text() -> None:
    reading = Overlapping(INDEX)
    for _ in range(400):
        reading.feed(f"{OPENING} and so on; ")
    assert len(reading._reading._batches) < 12
    assert len(reading._open) < 80
    (overlap,) = reading.finish()
    assert len(overlap.runs) == 64


@settings(max_examples=examples(40))
@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=30), min_size=1, max_size=6), st.data())
def test_merging_equals_building_at_once_in_any_order(texts: list[list[str]], data: st.DataObject) -> None:
    documents = [(f"d{number}", " ".join(text)) for number, text in enumerate(texts)]
    whole = Index.build(documents, k=2, window=2).write()
    mixed = data.draw(st.permutations(documents))
    cut = data.draw(st.integers(0, len(mixed)))
    parts = [Index.build(part, k=2, window=2) for part in (mixed[:cut], mixed[cut:])]
    assert merge(*parts).write() == whole
    assert merge(Index.read(whole), *parts).write() == whole


def test_a_phrase_of_very_many_documents_is_kept_for_some() -> None:
    many = Index.build((f"d{number:03}", OPENING) for number in range(200))
    assert len(overlaps(many, OPENING)) == 16


def test_the_file_holds_the_index_but_not_the_text() -> None:
    data = INDEX.write()
    again = Index.read(data)
    assert again.write() == data
    assert overlaps(again, CLAUSE) == overlaps(INDEX, CLAUSE)
    assert b"supplier" not in data
    assert [(each.id, each.words) for each in again.documents] == [
        ("contract", len(words(CLAUSE))),
        ("novel", len(words(OPENING))),
    ]


@pytest.mark.parametrize("at", [0, 18, 40, -60, -1])
def test_a_changed_byte_is_seen(at: int) -> None:
    data = bytearray(INDEX.write())
    data[at] ^= 1
    with pytest.raises(StoreError):
        Index.read(bytes(data))


@pytest.mark.parametrize("data", [b"", b"genaiops verbatim\x00", b"something else" * 9])
def test_what_is_no_index_is_refused(data: bytes) -> None:
    with pytest.raises(StoreError, match="no index"):
        Index.read(data)


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(UsageError, match="window 9"):
        Index.build([], k=8, window=9)
    with pytest.raises(Conflict, match="'a'"):
        Index.build([("a", "one"), ("a", "two")])
    with pytest.raises(Conflict, match="'novel'"):
        merge(INDEX, Index.build([("novel", "other")]))
    with pytest.raises(UsageError, match="k 7"):
        merge(INDEX, Index.build([], k=7))


def test_documents_too_short_to_be_found_say_so() -> None:
    index = Index.build([("note", "only four words here")])
    assert index.documents[0].marks == 0
    assert overlaps(index, "only four words here") == ()


def test_the_verdict() -> None:
    found = overlaps(INDEX, CLAUSE)
    failed = judge(found, 34, warn_at=12, fail_at=25)
    assert (failed.outcome, failed.unit, failed.n, failed.evidence) == ("fail", "words", 34, ("contract",))
    assert judge(found, 34, warn_at=12, fail_at=200).outcome == "warn"
    assert judge(found, 34, warn_at=100, fail_at=200).outcome == "pass"
    assert judge((), 3, warn_at=12, fail_at=25).measure == 0
