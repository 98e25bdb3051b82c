"""Where cases come from: the suite itself, files beside it, and what the installation hands in (datasets, traces)."""

import csv
import io
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from genaiops.arena._shots import Near, check_taken, pool_source, with_shots
from genaiops.arena._suite_text import VARIABLE, identified
from genaiops.arena._traced import exported_row, is_exported
from genaiops.checks.written import converted, read_document
from genaiops.core.errors import NotFound, TooLarge, UsageError
from genaiops.domain import Case, CaseSource, Suite

_MOST_COLUMNS: Final = 20
MOST_CASES: Final = 1_000_000
LARGEST_FILE: Final = 1 << 30
Rows = Callable[[CaseSource], Sequence[Mapping[str, Any]]]
"""Rows of a dataset, or of traces, as objects."""

_TUPLES: Final = frozenset({"context", "slices"})
_NUMBERS: Final = frozenset({"number"})
_STRUCTURED: Final = frozenset(
    {
        "messages",
        "variables",
        "relevant",
        "expected_tools",
        "metadata",
        "context",
        "slices",
        "expected",
        "play",
        "attack",
        "shots",
    }
)


def cases_of(
    suite: Suite, *, folder: Path | None, rows: Rows | None = None, near: Near | None = None
) -> tuple[Case, ...]:
    """All cases of a suite, each with an id of its own, with their examples where the suite draws any. `folder`: where
    its files are (None: it may name none); `near`: an encoder, for examples that are similar.

    UsageError and NotFound say which source, file and line is at fault."""
    found = list(suite.case)
    for number, source in enumerate(suite.cases):
        drawn = [
            msgspec.structs.replace(case, slices=tuple(dict.fromkeys((*case.slices, *source.slices))))
            for case in _of(source, f"cases[{number}]", folder, rows)
        ]
        if source.limit is not None and len(drawn) > source.limit:
            chosen = sorted(random.Random(suite.run.seed).sample(range(len(drawn)), source.limit))
            drawn = [drawn[place] for place in chosen]
        found += drawn
        if len(found) > MOST_CASES:
            raise TooLarge(f"The suite has more than {MOST_CASES:,} cases.", remedy="Draw fewer with limit = ...")
    if not found:
        raise UsageError("The suite has no cases.", remedy="Write [[case]], or [[cases]] with a source.", param="case")
    named = identified(found)
    _check_once(named)
    if suite.shots is not None:
        named = with_shots(suite, named, list(_of(pool_source(suite.shots), "shots", folder, rows)), near)
    check_taken(suite, named)
    return named


def _check_once(cases: Sequence[Case]) -> None:
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise UsageError(
                f"Two cases are called {case.id!r}.", remedy="Give each an id of its own, or none.", param="case.id"
            )
        seen.add(case.id)


def _of(source: CaseSource, path: str, folder: Path | None, rows: Rows | None) -> Iterator[Case]:
    if source.file:
        if folder is None:
            raise UsageError(
                f"The file {source.file!r} is not here.",
                remedy="Register it as a dataset, or run the suite where its files are: genaiops suite run --local",
                param=f"{path}.file",
            )
        where = folder / source.file
        return _made(source, file_rows(where), str(where))
    if rows is None:
        raise UsageError(
            "Datasets and traces are not to be had here.",
            remedy="Run the suite on a server: genaiops suite run",
            param=path,
        )
    return _made(source, enumerate(rows(source), start=1), source.dataset or "traces")


def _made(source: CaseSource, rows: Any, where: str) -> Iterator[Case]:
    there: dict[str, None] = {}
    for place, row in rows:
        if is_exported(row):
            row = exported_row(row)
            if row is None:
                continue  # nothing of what was asked was kept
        there |= dict.fromkeys(row)
        plain = _renamed(source.fields, row)
        case, fault = converted(plain, Case, "")
        if fault is not None:
            field = f"{fault.path}: " if fault.path else ""
            raise UsageError(f"{where}, {place}: {field}{fault.message}", remedy=fault.remedy, param="cases")
        yield case
    for name, column in source.fields.items():
        if there and column and column not in there and not name.startswith(VARIABLE) and not source.traces:
            raise UsageError(
                f"{where}: no row has a column {column!r}, which fields take for {name}.",
                remedy=f"There are: {', '.join(list(there)[:_MOST_COLUMNS])}.",
                param="cases",
            )


def _renamed(fields: Mapping[str, str], row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the fields of a case. Columns that no field takes are kept as metadata. An `input` of messages, as
    traces have it, is that; traces of one session are one cluster."""
    plain: dict[str, Any] = {}
    used: set[str] = set()
    if _are_messages(row.get("input")) and "input" not in fields and "messages" not in row:
        fields = {"messages": "input", "input": "", **fields}
    if "trace_id" in row and "cluster" not in fields and "cluster" not in row:
        session = row.get("session_id") or _within(row.get("metadata"), "session_id")
        if session:
            plain["cluster"] = str(session)
    for name in Case.__struct_fields__:
        column = fields.get(name, name)
        if column in row:
            used.add(column)
            value = _shaped(name, row[column])
            if value is not None:
                plain[name] = value
    if isinstance(plain.get("input"), list) and "messages" not in plain:
        plain["messages"] = plain.pop("input")  # as rows that were made of traces have it
    for name, column in fields.items():
        if name.startswith(VARIABLE) and column in row:
            used.add(column)
            variables = plain.setdefault("variables", {})
            if isinstance(variables, dict):
                variables[name.removeprefix(VARIABLE)] = row[column]
    rest = {column: value for column, value in row.items() if column not in used and value not in (None, "")}
    if rest and isinstance(plain.setdefault("metadata", {}), dict):
        plain["metadata"] = {**rest, **plain["metadata"]}
    return plain


def _are_messages(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, dict) and "role" in each for each in cast("list[Any]", value)
    )


def _within(value: Any, name: str) -> Any:
    return cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None


def _shaped(name: str, value: Any) -> Any:
    """What a column of text may mean: CSV knows no lists and no numbers."""
    if isinstance(value, str):
        if name in _STRUCTURED and value[:1] in "[{":
            try:
                return json.loads(value)
            except ValueError:
                pass
        if name in _NUMBERS:
            try:
                return float(value)
            except ValueError:
                return value or None
        if name in _TUPLES:
            return [each for each in (part.strip() for part in value.split(",")) if each]
        return value if value or name in ("input", "output", "expected") else None
    if isinstance(value, bool | int | float) and name in ("id", "input", "output", "expected", "label", "cluster"):
        return json.dumps(value)
    return value


def file_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise TooLarge(f"{path} is larger than 1 GiB.", remedy="Register it as a dataset, and draw from that.")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}.", remedy="Name it as seen from the suite's folder.") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 (byte {error.start}).", remedy="Save it as UTF-8.") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", remedy="Check its permissions.") from None
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f"{path} is none of {', '.join(_READERS)}.", remedy="Save the cases as one of these.")
    return reader(path, text)


def cases_of_text(text: str, fields: Mapping[str, str] | None = None) -> Sequence[dict[str, Any]]:
    """The cases that a pasted text means, as fields of a suite's document: JSON lines, a JSON list, or CSV with a head.
    `fields`: field of a case -> column. UsageError names the line, or a column that there is not."""
    source, begins = CaseSource(fields=dict(fields or {})), text.lstrip()[:1]
    name = {"{": "cases.jsonl", "[": "cases.json"}.get(begins, "cases.csv")
    path = Path(name)
    rows = list(_READERS[path.suffix](path, text.lstrip("\ufeff")))
    if not rows:
        raise UsageError("There is no case.", remedy='Write a line for each: {"input": "...", "expected": "..."}')
    for field, column in source.fields.items():
        if not any(column in row for _, row in rows):
            there = ", ".join(list(rows[0][1])[:_MOST_COLUMNS])
            raise UsageError(f"No case has a column {column!r}.", remedy=f"There are: {there}.", param=field)
    return [msgspec.to_builtins(case) for case in _made(source, rows, name)]


def _jsonl(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise UsageError(f"{path}, line {number}: this is no JSON ({error}).", remedy="Mend it.") from None
            yield f"line {number}", _object(row, path, f"line {number}")


def _csv(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    csv.field_size_limit(LARGEST_FILE)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if None in row or None in row.values():
                raise UsageError(
                    f"{path}, line {reader.line_num}: not as many columns as the head has.",
                    remedy="Put fields with commas between quotes.",
                )
            yield f"line {reader.line_num}", row
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num}: {error}.", remedy="Mend that line.") from None


def _document(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    document = read_document(text, "json" if path.suffix.lower() == ".json" else "yaml", what="file", most=LARGEST_FILE)
    if document.fault is not None:
        raise UsageError(f"{path}, {document.fault}", remedy=document.fault.remedy)
    value = document.value
    if not isinstance(value, list):
        raise UsageError(f"{path} is no list.", remedy="Write a list of cases.")
    for number, row in enumerate(cast("list[Any]", value)):
        yield f"item {number + 1}", _object(row, path, f"item {number + 1}")


def _object(row: Any, path: Path, place: str) -> Mapping[str, Any]:
    if not isinstance(row, dict):
        raise UsageError(f"{path}, {place}: this is no object.", remedy='Write it as {"input": "...", ...}.')
    return cast("dict[str, Any]", row)


_READERS: Final[Mapping[str, Callable[[Path, str], Iterator[tuple[str, Mapping[str, Any]]]]]] = {
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".csv": _csv,
    ".json": _document,
    ".yaml": _document,
    ".yml": _document,
}
