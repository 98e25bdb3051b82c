"""Figures as tables for people and as a document for programs."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.gateway.machine import describe
from genaiops.checks.proportion import wilson


class Rate(msgspec.Struct, frozen=True):
    """`low` and `high`: Wilson's interval of 95 % (E. B. Wilson, 1927). None: nothing was counted."""

    hits: int
    of: int
    share: float | None
    low: float | None
    high: float | None

    def __str__(self) -> str:
        if self.share is None:
            return "-"
        return f"{self.share:.3f} ({self.low:.3f} to {self.high:.3f}; {self.hits}/{self.of})"


Cell = str | int | float | Rate | None


class Table(msgspec.Struct, frozen=True):
    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """`notes`: how it was measured, and what it cannot say."""

    name: str
    tables: list[Table]
    notes: list[str]
    machine: dict[str, str] = msgspec.field(default_factory=describe)


def rate(hits: int, of: int) -> Rate:
    if of == 0:
        return Rate(hits, of, None, None, None)
    return Rate(hits, of, hits / of, *wilson(hits, of))


def as_text(report: Report) -> str:
    out = [f"{name}: {value}" for name, value in report.machine.items()]
    for table in report.tables:
        rows = [table.head, *(tuple(map(_cell, row)) for row in table.rows)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(table.head))]
        out += ["", table.title]
        out += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*out, "", *report.notes])


def write(report: Report, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


def _cell(value: Cell) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
