"""What is printed: aligned, and never able to drive a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.cli import _output
from genaiops.cli._output import Column, Output, aligned, cell, clean, fitting, one_line

COLUMNS = (Column("NAME", "name"), Column("COUNT", "count", right=True))
ROWS = [{"name": "a", "count": 1}, {"name": "longer", "count": 1234}]


def test_aligned() -> None:
    assert aligned([["NAME", "N"], ["a", "1"], ["longer", "12"]], [False, True]) == [
        "NAME     N",
        "a        1",
        "longer  12",
    ]


@given(st.text())
def test_nothing_drives_the_terminal(text: str) -> None:
    assert all(character.isprintable() or character == "\n" for character in clean(text))
    assert cell(text) == "-" if text == "" else cell(text) == clean(text)


def test_an_escape_sequence_is_shown_and_not_obeyed() -> None:
    assert "\x1b" not in clean("\x1b[2Jgone")
    assert clean("grün 🌧") == "grün 🌧"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), ("", "-"), (True, "yes"), (False, "no"), (0, "0"), ([], "-"), (["a", "b"], "a, b")],
)
def test_cells(value: object, shown: str) -> None:
    assert cell(value) == shown


def test_one_line() -> None:
    assert one_line("a\n  b\tc") == "a b c"
    assert len(one_line("x" * 100, 10)) == 10


def test_rows_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    Output().rows(ROWS, COLUMNS, empty="none")
    assert capsys.readouterr().out.splitlines() == ["NAME    COUNT", "a           1", "longer   1234"]


def test_no_rows(capsys: pytest.CaptureFixture[str]) -> None:
    Output().rows([], COLUMNS, empty="Make one.")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "Make one.\n")
    Output(as_json=True).rows([], COLUMNS, empty="Make one.")
    assert capsys.readouterr().out == '{\n  "data": []\n}\n'


def test_rows_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output()
    output.interactive = True
    output.rows([{"name": "[red]x[/red]", "count": 2}], COLUMNS, empty="none")
    out = capsys.readouterr().out
    assert "[red]x[/red]" in out  # data is no markup
    assert "NAME" in out


def test_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    identifier = "key_01m7ye31wcnjqexrmfs8xd67fw"
    columns = (
        Column("ID", "id"),
        Column("FIRST", "first", rank=2),
        Column("SECOND", "second", rank=1),
        Column("TEXT", "text", elastic=True),
    )
    row = {"id": identifier, "first": "1" * 20, "second": "2" * 20, "text": "word " * 30}
    shown: dict[str, list[str]] = {}
    for width in ("200", "80", "60", "20"):
        monkeypatch.setenv("COLUMNS", width)
        output = Output()
        output.interactive = True
        output.rows([row], columns, empty="none")
        out = capsys.readouterr().out
        assert identifier in out  # it can be copied whole
        shown[width] = out.splitlines()[0].split()
    assert shown == {
        "200": ["ID", "FIRST", "SECOND", "TEXT"],
        "80": ["ID", "SECOND", "TEXT"],
        "60": ["ID", "TEXT"],
        "20": ["ID", "TEXT"],
    }


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(1, 60)), min_size=1), st.integers(1, 200))
def test_columns_that_always_stay_stay(made: list[tuple[int, bool, int]], width: int) -> None:
    widths = [
        (Column(str(number), "x", rank=rank, elastic=elastic), wide)
        for number, (rank, elastic, wide) in enumerate(made)
    ]
    shown = fitting(widths, width)
    columns = [column for column, _ in widths]
    assert [column for column in columns if column in shown] == shown
    assert all(column in shown for column in columns if column.rank == 0)
    left_out = [column.rank for column in columns if column not in shown]
    assert all(column.rank <= min(left_out, default=9) for column in shown)


def test_facts_leave_out_what_is_not_set(capsys: pytest.CaptureFixture[str]) -> None:
    Output().facts({}, (("a", 1), ("none", None), ("empty", []), ("long name", "x")))
    assert capsys.readouterr().out == "a          1\nlong name  x\n"


def test_the_module_needs_no_rich() -> None:
    assert not hasattr(_output, "Console")
