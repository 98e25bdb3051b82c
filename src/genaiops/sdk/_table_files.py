"""Rows into files: JSON lines, CSV, Parquet; whole or not at all."""

import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

import msgspec

from genaiops.core.errors import UsageError
from genaiops.sdk._tables import Format, parquet

_BATCH = 1_000
Columns = Sequence[Mapping[str, Any]]
_PLAIN = {"boolean": "bool_", "integer": "int64", "number": "float64", "string": "string"}


def written(rows: Iterable[Mapping[str, Any]], file: Path, kind: Format, columns: Columns) -> int:
    """How many rows were written. `columns` is the schema of a version. Objects and lists stand in a CSV file as JSON.
    The file is there when it is complete."""
    import tempfile

    try:
        fd, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error}.", remedy="Name another file.", param="output") from error
    temporary = Path(name)
    try:
        with os.fdopen(fd, "wb") as out:
            count = _WRITERS[kind](rows, out, columns)
        temporary.chmod(0o644)
        temporary.replace(file)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error}.", remedy="Free some space.", param="output") from error
    finally:
        temporary.unlink(missing_ok=True)
    return count


def _json_lines(rows: Iterable[Mapping[str, Any]], out: IO[bytes], _columns: Columns) -> int:
    count = 0
    for row in rows:
        count += 1
        out.write(msgspec.json.encode(row) + b"\n")
    return count


def _csv(rows: Iterable[Mapping[str, Any]], out: IO[bytes], columns: Columns) -> int:
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    names = [column["name"] for column in columns]
    writer.writerow(names)
    count = 0
    for row in rows:
        count += 1
        writer.writerow([_cell(row.get(name)) for name in names])
    text.detach()
    return count


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _parquet(rows: Iterable[Mapping[str, Any]], out: IO[bytes], columns: Columns) -> int:
    pyarrow, writing = parquet()
    count = 0
    writer: Any = None
    try:
        for batch in _batches(rows):
            if writer is None:
                writer = writing.ParquetWriter(out, _schema(pyarrow, batch, columns), compression="zstd")
            writer.write_table(pyarrow.Table.from_pylist(batch, schema=writer.schema))
            count += len(batch)
    except (pyarrow.ArrowException, TypeError) as error:
        raise UsageError(
            f"The rows are no Parquet table: {error}.", remedy="Write JSON lines: there a field may be anything."
        ) from error
    finally:
        if writer is not None:
            writer.close()
    return count


def _schema(pyarrow: Any, batch: Sequence[Mapping[str, Any]], columns: Columns) -> Any:
    """What all rows of a column are, where that is one plain type; else what the first rows are."""
    fields: list[Any] = []
    for column in columns:
        name, types = column["name"], set(column["types"]) - {"null"}
        if types == {"integer", "number"}:
            types = {"number"}
        plain = _PLAIN.get(next(iter(types), "")) if len(types) == 1 else None
        kind = getattr(pyarrow, plain)() if plain else pyarrow.array([row.get(name) for row in batch]).type
        fields.append(pyarrow.field(name, kind))
    return pyarrow.schema(fields)


def _batches(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    pending = iter(rows)
    while batch := list(islice(pending, _BATCH)):
        yield batch


_WRITERS = {"jsonl": _json_lines, "csv": _csv, "parquet": _parquet}
