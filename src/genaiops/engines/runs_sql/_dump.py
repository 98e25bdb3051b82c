"""All rows of runs, and of what experiments have counted, for a backup; and back: the same from SQLite and PostgreSQL.

The cache by content is left out, for whatever is not remembered is asked again, and so is what was made of runs.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, MetaData, Table, inspect, select
from sqlalchemy.engine import make_url

from genaiops.core.errors import StoreError
from genaiops.engines.records_sql import open_database, told_as_store_error
from genaiops.engines.runs_sql._erasing import trace_of, without_words
from genaiops.engines.runs_sql._pictures import Pictures
from genaiops.engines.runs_sql._schema import ANSWERS, CASES, FACTS, JUDGED, KEPT, METADATA, REMEMBERED, RUNS
from genaiops.ports.blobs import Blobs

_PAGE: Final = 500
_SAID: Final = frozenset({ANSWERS.name, CASES.name, JUDGED.name})
RUN_TABLES: Final = frozenset(METADATA.tables)


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row. `bare`: the same without anything that was said (None: there is nothing of that in it). `trace`: which one
    its case was made of (empty: of none that is known)."""

    table: str
    values: dict[str, Any]
    bare: dict[str, Any] | None = None
    trace: bytes = b""


def dump_runs(url: str, *others: MetaData, blobs: Blobs | None = None) -> Iterator[RunRow]:
    """As of one moment, each table's rows by their key; those of `others` after those of the runs. Makes nothing: a
    store that is not there has no rows. Pictures are within the documents, so that they are sealed and erased with
    them."""
    parsed = make_url(url)
    if parsed.drivername == "sqlite" and not Path(str(parsed.database)).exists():
        return
    database = open_database(url, 10.0, "runs")
    pictures = Pictures(blobs)
    try:
        with told_as_store_error(database.name, "runs"), database.reading() as connection:
            there = set(inspect(connection).get_table_names())
            traces: dict[tuple[str, str], bytes] = {}
            for table in _tables(others):
                if table.name in there:
                    yield from _rows(connection, table, traces, pictures)
    finally:
        database.engine.dispose()


def _tables(others: Iterable[MetaData]) -> Iterator[Table]:
    """Cases before what speaks of them."""
    first = (RUNS, FACTS, CASES, ANSWERS, JUDGED)
    yield from first
    for metadata in (METADATA, *others):
        yield from (table for table in metadata.sorted_tables if table not in (*first, REMEMBERED, KEPT))


def _rows(
    connection: Connection, table: Table, traces: dict[tuple[str, str], bytes], pictures: Pictures
) -> Iterator[RunRow]:
    columns = _columns_there(connection, table)
    query = select(*columns).order_by(*table.primary_key)
    found = connection.execute(query.execution_options(yield_per=_PAGE))
    for row in found.mappings():
        values = dict(row)
        if "pictures" in table.c:
            values["body"] = pictures.whole(values["body"], values.pop("pictures", None))
        if table.name not in _SAID:
            yield RunRow(table=str(table.name), values=values)
            continue
        key = values["run_id"], values["case_id"]
        if table is CASES and (trace := trace_of(values["body"])):
            traces[key] = trace
        bare = {**values, **without_words(table, values["body"])}
        bare.pop("pictures", None)
        yield RunRow(table=str(table.name), values=values, bare=bare, trace=traces.get(key, b""))


def _columns_there(connection: Connection, table: Table) -> list[Any]:
    """A backup is made of what older programs wrote, too, before anything was brought up."""
    known = {column["name"] for column in inspect(connection).get_columns(table.name)}
    return [column for column in table.c if column.name in known]


def load_runs(
    url: str, rows: Iterable[tuple[str, Mapping[str, Any]]], *others: MetaData, blobs: Blobs | None = None
) -> int:
    """Into a store that is not there, or has no runs yet, in one transaction; the tables are made. How many rows."""
    known = {name: table for metadata in (METADATA, *others) for name, table in metadata.tables.items()}
    database = open_database(url, 10.0, "runs")
    pictures = Pictures(blobs)
    count = 0
    try:
        with told_as_store_error(database.name, "runs"):
            database.prepare()
            with database.writing() as connection:
                for metadata in (METADATA, *others):
                    metadata.create_all(connection)
                batch: list[Mapping[str, Any]] = []
                last = ""
                for name, values in rows:
                    if name not in known:
                        raise StoreError(
                            f"The backup has rows of {name}, which this program does not know.",
                            remedy="Use the version of genaiops that made it, or a newer one.",
                            code="store_newer",
                        )
                    if name != last or len(batch) >= _PAGE:
                        _insert(connection, known, last, batch)
                    last = name
                    values = _with_trace(values) if known[name] is CASES else values
                    batch.append(_without_pictures(values, pictures) if "pictures" in known[name].c else values)
                    count += 1
                _insert(connection, known, last, batch)
    finally:
        database.engine.dispose()
    return count


def _with_trace(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Backups of older programs do not say it beside the document."""
    return {**values, "trace": trace_of(values["body"]) or None}


def _without_pictures(values: Mapping[str, Any], pictures: Pictures) -> Mapping[str, Any]:
    body, beside = pictures.taken(values["body"])
    return {**values, "body": body, "pictures": beside}


def _insert(connection: Connection, known: Mapping[str, Table], name: str, batch: list[Mapping[str, Any]]) -> None:
    if batch:
        connection.execute(known[name].insert(), batch)
        batch.clear()
