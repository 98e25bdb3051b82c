"""Word by word: nothing is lost, whatever the texts."""

from hypothesis import given
from hypothesis import strategies as st

from genaiops.console._differences import pieces, rows


@given(st.text(max_size=200), st.text(max_size=200))
def test_the_pieces_are_both_texts(before: str, after: str) -> None:
    found = pieces(before, after)
    assert "".join(each.text for each in found if each.side != "new") == before
    assert "".join(each.text for each in found if each.side != "gone") == after


def test_words_not_letters() -> None:
    found = pieces("Answer in one sentence.", "Answer in two sentences.")
    assert [(each.side, each.text) for each in found] == [
        ("same", "Answer in "),
        ("gone", "one"),
        ("new", "two"),
        ("same", " "),
        ("gone", "sentence"),
        ("new", "sentences"),
        ("same", "."),
    ]


def test_long_texts_by_lines_and_then_as_wholes() -> None:
    many = "".join(f"line {number} of many\n" for number in range(1500))
    found = pieces(many, many.replace("line 7 of", "line seven of"))
    assert [each.text for each in found if each.side == "new"] == ["line seven of many\n"]
    huge = "word\n" * 5000
    assert [each.side for each in pieces(huge, huge + "more")] == ["gone", "new"]


def test_documents_field_by_field() -> None:
    before = {"messages": [{"role": "system", "content": "Be kind."}], "temperature": 0.2}
    after = {"messages": [{"role": "system", "content": "Be brief."}], "model": "small"}
    found = {each.name: (each.before, each.after) for each in rows(before, after) if each.differs}
    assert found == {
        "messages.0.content": ("Be kind.", "Be brief."),
        "temperature": ("0.2", ""),
        "model": ("", "small"),
    }
