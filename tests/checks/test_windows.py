import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.checks.windows import windows


@given(st.text(), st.integers(8, 60))
def test_pieces_are_the_text_in_order_and_none_is_too_long(text: str, size: int) -> None:
    found = windows(text, size)
    assert "".join(piece.text for piece in found) == text
    assert [piece.start for piece in found] == [0, *(piece.end for piece in found[:-1])]
    assert all(piece.text == text[piece.start : piece.end] for piece in found)
    assert all(len(piece.text.encode()) <= size or len(piece.text) == 1 for piece in found)


def test_pieces_end_where_sentences_and_lines_do() -> None:
    text = "One sentence here. Another one there!\nA line\nand one more. End."
    assert [piece.text for piece in windows(text, 40)] == [
        "One sentence here. Another one there!\n",
        "A line\nand one more. End.",
    ]


@pytest.mark.parametrize("text", ["", "   \n"])
def test_a_text_without_visible_characters_is_one_piece(text: str) -> None:
    assert len(windows(text)) == 1


def test_a_lone_surrogate_does_not_stop_it() -> None:
    assert "".join(piece.text for piece in windows("\ud800" * 50, 20)) == "\ud800" * 50
