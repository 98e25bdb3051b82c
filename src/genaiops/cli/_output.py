"""Where commands print: tables on a terminal, aligned text in a pipe, JSON when it is asked for."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import click
import msgspec

Row = Mapping[str, Any]
_GAP = "  "
_LEAST = 16


class Column(msgspec.Struct, frozen=True):
    """A column of a table: its title, and a field's name or a function of the row. Numbers stand at the right.

    On a narrow terminal columns of a high `rank` are left out first (0: never), and an `elastic` one is shortened; what
    is shown of any other can be copied whole.
    """

    title: str
    value: str | Callable[[Row], object]
    right: bool = False
    rank: int = 0
    elastic: bool = False

    def cell(self, row: Row) -> str:
        value = row.get(self.value) if isinstance(self.value, str) else self.value(row)
        return cell(value)


class Output:
    """Standard output of one command. `as_json`: nothing but JSON goes there."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.interactive = not as_json and sys.stdout.isatty()

    def json(self, value: Any) -> None:
        click.echo(msgspec.json.format(msgspec.json.encode(value)).decode())

    def json_line(self, value: Any) -> None:
        click.echo(msgspec.json.encode(value).decode())

    def line(self, text: str = "") -> None:
        click.echo(clean(text))

    def note(self, text: str) -> None:
        """For the person who types, on standard error."""
        click.echo(text, err=True)

    def result(self, value: Any, text: str) -> None:
        """What a change gave: the value as JSON, or a sentence."""
        if self.as_json:
            self.json(value)
        else:
            self.line(text)

    def rows(self, rows: Sequence[Row], columns: Sequence[Column], *, empty: str) -> None:
        """A list. `empty` says what to run to fill it."""
        if self.as_json:
            self.json({"data": rows})
        elif not rows:
            self.note(empty)
        elif self.interactive:
            _rich_table(rows, columns)
        else:
            lines = [[column.title for column in columns], *([column.cell(row) for column in columns] for row in rows)]
            for text in aligned(lines, [column.right for column in columns]):
                click.echo(text)

    def facts(self, value: Row, pairs: Iterable[tuple[str, object]]) -> None:
        """One thing: the value as JSON, or a name and a value a line. What is not set is left out."""
        if self.as_json:
            self.json(value)
            return
        shown = [(name, cell(fact)) for name, fact in pairs if fact is not None and fact not in ("", [])]
        width = max((len(name) for name, _ in shown), default=0)
        for name, text in shown:
            click.echo(f"{name.ljust(width)}{_GAP}{text}")


def aligned(lines: Sequence[Sequence[str]], rights: Sequence[bool]) -> list[str]:
    """Lines of cells as text whose columns stand below each other."""
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    return [
        _GAP.join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, rights, strict=True)
        ).rstrip()
        for line in lines
    ]


def cell(value: object) -> str:
    """How a value stands in a table: `-` for none, names joined by commas."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(cell(each) for each in value) or "-"  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return clean(str(value))


def clean(text: str) -> str:
    """Without control characters: what a model or a client wrote must not drive the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def one_line(text: str, longest: int = 60) -> str:
    short = " ".join(text.split())
    return short if len(short) <= longest else f"{short[: longest - 1]}…"


def fitting(widths: Sequence[tuple[Column, int]], width: int) -> list[Column]:
    """The columns that a terminal of that width has room for; the second of a pair is how wide the column would be."""
    kept = list(widths)
    while _needed(kept) > width:
        highest = max(column.rank for column, _ in kept)
        if highest == 0:
            break
        last = max(place for place, (column, _) in enumerate(kept) if column.rank == highest)
        del kept[last]
    return [column for column, _ in kept]


def _least(column: Column, wide: int) -> int:
    return min(wide, _LEAST) if column.elastic else wide


def _needed(widths: Sequence[tuple[Column, int]]) -> int:
    return sum(_least(column, wide) for column, wide in widths) + len(_GAP) * (len(widths) - 1)


def _rich_table(rows: Sequence[Row], columns: Sequence[Column]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = {column.title: [column.cell(row) for row in rows] for column in columns}
    wide = {column.title: max(map(cell_len, [column.title, *cells[column.title]])) for column in columns}
    width = Console().width
    shown = fitting([(column, wide[column.title]) for column in columns], width)
    needed = _needed([(column, wide[column.title]) for column in shown])
    room = max(0, width - needed)
    # One cell of padding and one between columns: the gap of the aligned text.
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    for column in shown:
        least = _least(column, wide[column.title])
        justify = "right" if column.right else "left"
        size = min(wide[column.title], least + room)
        table.add_column(Text(column.title), justify=justify, overflow="ellipsis", no_wrap=True, width=size)
    for number in range(len(rows)):
        table.add_row(*(Text(cells[column.title][number]) for column in shown))
    # Rather wider than the terminal than cut: it wraps lines by itself.
    Console(width=max(width, needed)).print(table)
