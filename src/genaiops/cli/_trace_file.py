"""Traces, and other rows, as files: JSONL and Parquet."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from genaiops.core.errors import UsageError

Document = dict[str, Any]

_AT_ONCE = 1000
"""Rows of a group in a Parquet file."""

_TEXT = (
    *("trace_id", "span_id", "parent_id", "name", "kind", "started_at", "status", "error_type", "error_message"),
    *("operation", "provider", "request_model", "response_model", "target", "key_id", "team_id", "environment_id"),
    *("application", "user_id", "session_id", "cost", "currency", "input", "output", "attributes"),
)
_NUMBERS = ("input_tokens", "output_tokens", "cache_read", "cache_write", "reasoning")

Type = Literal["text", "whole", "number", "truth"]
_TYPES: Mapping[str, Type] = {
    **dict.fromkeys(_TEXT, "text"),
    **dict.fromkeys(_NUMBERS, "whole"),
    "duration_ms": "number",
    "first_token_ms": "number",
    "owns_usage": "truth",
}


def once(traces: Iterable[Document]) -> Iterator[Document]:
    """A trace that stands on several pages, once."""
    seen: set[str] = set()
    for trace in traces:
        if trace["trace_id"] not in seen:
            seen.add(trace["trace_id"])
            yield trace


def write_traces(traces: Iterable[Document], form: Literal["jsonl", "parquet"], output: Path | None) -> int:
    """How many were written. A file is there as a whole or not at all."""
    if form == "parquet":
        if output is None:
            raise UsageError("Parquet is no text.", remedy="Name a file with --output.", param="output")
        return _replacing(output, lambda path: _parquet(traces, path))
    if output is None:
        return _lines(traces, sys.stdout)
    return _replacing(output, lambda path: _jsonl(traces, path))


def _replacing(output: Path, write: Callable[[Path], int]) -> int:
    fresh = output.with_name(output.name + ".part")
    try:
        count = write(fresh)
        fresh.replace(output)
    except OSError as error:
        raise UsageError(
            f"{output} cannot be written: {error.strerror}.", remedy="Choose another place.", param="output"
        ) from error
    finally:
        fresh.unlink(missing_ok=True)
    return count


def _jsonl(traces: Iterable[Document], path: Path) -> int:
    with path.open("w", encoding="utf-8") as file:
        return _lines(traces, file)


def _lines(traces: Iterable[Document], file: Any) -> int:
    count = 0
    for trace in traces:
        file.write(json.dumps(trace, ensure_ascii=False, separators=(",", ":")) + "\n")
        count += 1
    return count


def _parquet(traces: Iterable[Document], path: Path) -> int:
    """How many traces; a row is a span."""
    counts: list[int] = []
    rows = (_row(trace, span) for trace in _counted(traces, counts) for span in trace["spans"])
    _parquet_rows(rows, path, _TYPES)
    return sum(counts)


def write_rows(
    rows: Iterable[Document], form: Literal["jsonl", "parquet"], output: Path, types: Mapping[str, Type]
) -> int:
    """Any rows as a file, one a line or one a row; how many. In Parquet what is no text where one belongs is JSON."""
    if form == "jsonl":
        return _replacing(output, lambda path: _jsonl(rows, path))
    plain = ({name: _text(row[name]) if kind == "text" else row[name] for name, kind in types.items()} for row in rows)
    return _replacing(output, lambda path: _parquet_rows(plain, path, types))


def _counted(traces: Iterable[Document], counts: list[int]) -> Iterator[Document]:
    for trace in traces:
        counts.append(1)
        yield trace


def _parquet_rows(rows: Iterable[Document], path: Path, types: Mapping[str, Type]) -> int:
    try:
        pyarrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ModuleNotFoundError as error:
        raise UsageError(
            "Parquet needs pyarrow, which is not installed.",
            remedy="Install genaiops[parquet], or write JSONL.",
            param="format",
        ) from error
    kinds = {
        "text": pyarrow.string(),
        "whole": pyarrow.int64(),
        "number": pyarrow.float64(),
        "truth": pyarrow.bool_(),
    }
    schema = pyarrow.schema([(name, kinds[kind]) for name, kind in types.items()])
    count = 0
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        rows = iter(rows)
        while group := list(islice(rows, _AT_ONCE)):
            count += len(group)
            writer.write_table(pyarrow.Table.from_pylist(group, schema=schema))
    return count


def _row(trace: Document, span: Document) -> Document:
    """A cost is text, as everywhere: decimal fractions are exact. None: nobody knows."""
    usage: Document = span["usage"] or {}
    cost: Document = span["cost"] or {}
    error: Document = span["error"] or {}
    user: Document = trace["user"] or {}
    attributes: Document = span["attributes"]
    whole = span["parent_id"] is None or span["kind"] == "gateway"
    return {
        **{name: span[name] for name in ("span_id", "parent_id", "name", "kind", "started_at", "status", "target")},
        **{name: trace[name] for name in ("trace_id", "key_id", "team_id", "environment_id", "application")},
        **{name: usage.get(name) for name in _NUMBERS},
        **{name: span[name] for name in ("duration_ms", "first_token_ms", "owns_usage")},
        "error_type": error.get("type"),
        "error_message": error.get("message"),
        "operation": attributes.get("gen_ai.operation.name"),
        "provider": attributes.get("gen_ai.provider.name"),
        "request_model": attributes.get("gen_ai.request.model"),
        "response_model": attributes.get("gen_ai.response.model"),
        "user_id": user.get("id"),
        "session_id": trace["session_id"],
        "cost": cost.get("amount"),
        "currency": cost.get("currency"),
        "input": _text(span.get("input", trace["input"] if whole else None)),
        "output": _text(span.get("output", trace["output"] if whole else None)),
        "attributes": json.dumps(attributes, ensure_ascii=False),
    }


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
