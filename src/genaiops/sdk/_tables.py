"""Rows out of files and data frames, one after the other: JSON lines, CSV, Parquet; pandas and Polars."""

import csv
import importlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

import msgspec

from genaiops.core.errors import NotFound, TooLarge, UsageError
from genaiops.core.rows import LARGEST_ROW

Format = Literal["jsonl", "csv", "parquet"]
Row = Mapping[str, Any]

_SUFFIXES: Final[Mapping[str, Format]] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
}
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?([eE][+-]?[0-9]{1,2})?")
_PLACE = re.compile(r"\(byte (\d+)\)")
_BATCH = 1_000


def format_of(file: Path, given: str | None = None) -> Format:
    """By its name, unless it is given."""
    name = given or _SUFFIXES.get(file.suffix.lower(), "")
    if name not in get_args(Format):
        raise UsageError(
            f"{file} is of no known format.", remedy="Name it .jsonl, .csv or .parquet, or give --format.", param="file"
        )
    return cast(Format, name)


def file_rows(file: Path, given: str | None = None, *, as_text: bool = False) -> Iterator[Row]:
    """The rows of a file, read as they are asked for. Errors name the line and, where it is known, the column.

    A column of a CSV file in which every value is a number, true or false, or JSON in brackets has values of that kind,
    unless `as_text`; an empty cell is null.
    """
    kind = format_of(file, given)
    try:
        if kind == "jsonl":
            yield from _json_lines(file)
        elif kind == "csv":
            yield from _csv(file, as_text=as_text)
        else:
            yield from _parquet(file)
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {file}.", remedy="Name one that is there.", param="file") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8: {error}.", remedy="Save it as UTF-8.", param="file") from error
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error}.", remedy="Check the file.", param="file") from error


def frame_rows(frame: Any) -> Iterator[Row]:
    """The rows of a data frame of pandas or Polars, or of any iterable of mappings. What is missing in pandas is null;
    its index is left out."""
    if hasattr(frame, "iter_rows"):
        yield from frame.iter_rows(named=True)
    elif hasattr(frame, "iloc"):
        for start in range(0, len(frame), _BATCH):
            part = frame.iloc[start : start + _BATCH]
            yield from part.astype(object).where(part.notna(), None).to_dict("records")
    else:
        yield from frame


# --- JSON lines ---


def _json_lines(file: Path) -> Iterator[Row]:
    with file.open("rb") as lines:
        number = 0
        while line := lines.readline(2 * LARGEST_ROW):
            number += 1
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if len(line) >= 2 * LARGEST_ROW:
                raise TooLarge(
                    f"{file}:{number}: the line is longer than {2 * LARGEST_ROW:,} bytes.",
                    remedy="Write one row a line.",
                    param="file",
                )
            if line.strip():
                yield _json_row(line, f"{file}:{number}")


def _json_row(line: bytes, where: str) -> Row:
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.ValidationError as error:
        raise UsageError(f"{where}: {error}.", remedy="Write a JSON object a line.", param="file") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        place = _PLACE.search(str(error))
        column = f", column {int(place[1]) + 1}" if place else ""
        raise UsageError(
            f"{where}{column}: it is not JSON: {error}.", remedy="Write a JSON object a line.", param="file"
        ) from error


# --- CSV ---


def _csv(file: Path, *, as_text: bool) -> Iterator[Row]:
    readers: list[Callable[[str], Any]] | None = None
    if not as_text:
        kinds: list[_Kind] = []
        for _, names, cells in _cells(file):
            kinds = kinds or [_Kind() for _ in names]
            for kind, cell in zip(kinds, cells, strict=True):
                kind.look(cell)
        readers = [kind.reader for kind in kinds]
    for number, names, cells in _cells(file):
        chosen = readers or [str] * len(names)
        try:
            values = [read(cell) if cell else None for read, cell in zip(chosen, cells, strict=True)]
        except ValueError as error:  # the file changed meanwhile
            raise UsageError(f"{file}:{number}: {error}.", remedy="Try again.", param="file") from error
        yield dict(zip(names, values, strict=True))


def _cells(file: Path) -> Iterator[tuple[int, Sequence[str], Sequence[str]]]:
    """(line, names, cells) of each row."""
    former = csv.field_size_limit(LARGEST_ROW)
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines, strict=True)
            try:
                names: list[str] = next(reader, cast("list[str]", []))
                _check_names(names, file)
                for cells in reader:
                    if not cells:
                        continue
                    if len(cells) != len(names):
                        raise UsageError(
                            f"{file}:{reader.line_num}: {len(cells)} cells, and the first line names {len(names)}.",
                            remedy="Quote cells that hold commas or quotes.",
                            param="file",
                        )
                    yield reader.line_num, names, cells
            except csv.Error as error:
                raise UsageError(
                    f"{file}:{reader.line_num}: {error}.", remedy="Mend the quotes of that line.", param="file"
                ) from error
    finally:
        csv.field_size_limit(former)


def _check_names(names: Sequence[str], file: Path) -> None:
    for place, name in enumerate(names, 1):
        if not name or name in names[: place - 1]:
            what = "has no name" if not name else f"has the name {name!r} of another"
            raise UsageError(
                f"{file}:1, column {place}: it {what}.", remedy="The first line names the columns.", param="file"
            )
    if not names:
        raise UsageError(f"{file} is empty.", remedy="The first line names the columns.", param="file")


class _Kind:
    """What all values of a column are."""

    def __init__(self) -> None:
        self._readers: list[Callable[[str], Any]] = [_number, _truth, _nested]
        self._any = False

    def look(self, cell: str) -> None:
        if not cell or not self._readers:
            return
        self._any = True
        self._readers = [read for read in self._readers if _reads(read, cell)]

    @property
    def reader(self) -> Callable[[str], Any]:
        return self._readers[0] if self._readers and self._any else str


def _reads(read: Callable[[str], Any], cell: str) -> bool:
    try:
        read(cell)
    except ValueError:
        return False
    return True


def _number(cell: str) -> int | float:
    if _NUMBER.fullmatch(cell) is None:
        raise ValueError(f"{cell[:40]!r} is no number")
    return msgspec.json.decode(cell.encode())


def _truth(cell: str) -> bool:
    if cell not in {"true", "false", "True", "False"}:
        raise ValueError(f"{cell[:40]!r} is neither true nor false")
    return cell in {"true", "True"}


def _nested(cell: str) -> Any:
    if cell[0] not in "[{":
        raise ValueError(f"{cell[:40]!r} is no JSON in brackets")
    try:
        return msgspec.json.decode(cell.encode())
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


# --- Parquet ---


def parquet() -> Any:
    """The modules (pyarrow, pyarrow.parquet); UsageError says how to get them."""
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise UsageError(
            "Parquet needs pyarrow, and it is not installed.",
            remedy="Install genaiops[parquet], or use JSON lines.",
            code="extra_missing",
        ) from error


def _parquet(file: Path) -> Iterator[Row]:
    pyarrow, reading = parquet()
    try:
        with reading.ParquetFile(file) as table:
            for batch in table.iter_batches(batch_size=_BATCH):
                yield from batch.to_pylist()
    except pyarrow.ArrowException as error:
        raise UsageError(f"{file} is no Parquet file: {error}.", remedy="Check the file.", param="file") from error
