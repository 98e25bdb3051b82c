"""Files that other systems exported, read record by record: JSON, JSONL, CSV, zipped by gzip or not, folders of these,
and MLflow's own database."""

import csv
import gzip
import io
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from genaiops.core.errors import NotFound, UsageError
from genaiops.watch.exports import Found, langfuse, mlflow

ENDINGS = (".json", ".jsonl", ".ndjson", ".csv")
DATABASES = (".db", ".sqlite", ".sqlite3")


def read_langfuse(path: Path) -> Found:
    return langfuse(record for file in _files(path, ENDINGS) for record in _records(file))


def read_mlflow(path: Path) -> Found:
    files = _files(path, (*ENDINGS, *DATABASES))
    return mlflow(
        record for file in files for record in (_of_database(file) if file.suffix in DATABASES else _records(file))
    )


def _files(path: Path, endings: tuple[str, ...]) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise NotFound(f"There is no file or folder {path}.", remedy="Name what was exported.")
    found = [each for each in sorted(path.rglob("*")) if each.is_file() and _ending(each) in endings]
    if not found:
        raise NotFound(f"{path} holds no file that can be read.", remedy=f"Files end with {', '.join(endings)}.")
    return found


def _ending(path: Path) -> str:
    return Path(path.stem).suffix if path.suffix == ".gz" else path.suffix


def _records(path: Path) -> Iterator[Any]:
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        text = data.decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", remedy="Export it again, as UTF-8.") from error
    if _ending(path) == ".csv":
        csv.field_size_limit(sys.maxsize)
        for row in csv.DictReader(io.StringIO(text)):
            yield {name: value for name, value in row.items() if name and value not in ("", None)}
        return
    try:
        yield msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        yield from _lines(path, text)


def _lines(path: Path, text: str) -> Iterator[Any]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError) as error:
            raise UsageError(
                f"{path}:{number}: that is no JSON: {error}.", remedy="Export it again as JSON, JSONL or CSV."
            ) from error


def _of_database(path: Path) -> Iterator[Any]:
    """Traces and prompts of a tracking store on SQLite. Whoever writes to it meanwhile is not disturbed."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            yield from _prompts(connection)
            yield from _traces(connection)
    except sqlite3.Error as error:
        raise UsageError(
            f"{path} is no database of MLflow 3 on SQLite: {error}.",
            remedy="Export the traces with mlflow.search_traces(return_type='list') and Trace.to_json().",
        ) from error


def _prompts(connection: sqlite3.Connection) -> Iterator[Any]:
    for row in connection.execute("SELECT name, version, description FROM model_versions ORDER BY name, version"):
        key = (row["name"], row["version"])
        tags = dict(connection.execute("SELECT key, value FROM model_version_tags WHERE name = ? AND version = ?", key))
        if "mlflow.prompt.text" not in tags:
            continue  # a model
        aliases = connection.execute("SELECT alias FROM registered_model_aliases WHERE name = ? AND version = ?", key)
        yield {**dict(row), "tags": tags, "aliases": [each[0] for each in aliases]}


def _traces(connection: sqlite3.Connection) -> Iterator[Any]:
    for row in connection.execute("SELECT request_id FROM trace_info ORDER BY timestamp_ms, request_id"):
        key = (row["request_id"],)
        metadata = dict(connection.execute("SELECT key, value FROM trace_request_metadata WHERE request_id = ?", key))
        tags = dict(connection.execute("SELECT key, value FROM trace_tags WHERE request_id = ?", key))
        spans = connection.execute("SELECT content FROM spans WHERE trace_id = ? ORDER BY start_time_unix_nano", key)
        assessments = connection.execute("SELECT * FROM assessments WHERE trace_id = ?", key)
        info = {"trace_id": key[0], "trace_metadata": metadata, "tags": tags}
        info["assessments"] = [_assessment(dict(each)) for each in assessments]
        yield {"info": info, "data": {"spans": [msgspec.json.decode(each[0]) for each in spans]}}


def _assessment(row: dict[str, Any]) -> dict[str, Any]:
    value = None if row["value"] is None else msgspec.json.decode(row["value"])
    return {
        "assessment_id": row["assessment_id"],
        "assessment_name": row["name"],
        "source": {"source_type": row["source_type"]},
        "rationale": row["rationale"],
        "span_id": row["span_id"],
        "valid": bool(row["valid"]),
        row["assessment_type"]: {"value": value},
    }
