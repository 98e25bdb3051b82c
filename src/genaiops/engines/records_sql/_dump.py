"""All rows of a store as lines of JSON, and back: the same from SQLite and PostgreSQL, so that one becomes the other.

The first line names the revision; then one line a row: `[table, {column: value}]`. Bodies stay as they are.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection, MetaData, Table, inspect, select

from genaiops.core.errors import Conflict, StoreError
from genaiops.engines.records_sql._database import Database, open_database
from genaiops.engines.records_sql._failures import told_as_store_error

_REVISIONS = "alembic_version"
_BATCH = 1000
_encode = msgspec.json.Encoder().encode


class _Head(msgspec.Struct, frozen=True):
    revision: str


def dump(url: str, *, without: Collection[str] = ()) -> Iterator[bytes]:
    """The lines, each with its end, as of one moment; others may go on writing. `without`: tables of other stores in
    the same database."""
    database = open_database(url, 10.0)
    try:
        with told_as_store_error(database.name), database.reading() as connection:
            yield from _lines(connection, database.name, {_REVISIONS, *without})
    finally:
        database.engine.dispose()


def _lines(connection: Connection, store: str, without: Collection[str]) -> Iterator[bytes]:
    tables = MetaData()
    tables.reflect(connection)
    if _REVISIONS not in tables.tables:
        raise StoreError(f"{store} holds no records.", remedy="Start genaiops once with it.", code="store_not_migrated")
    revision = connection.execute(select(tables.tables[_REVISIONS].c.version_num)).scalar_one()
    yield _encode(_Head(revision)) + b"\n"
    for name in sorted(tables.tables):
        if name in without:
            continue
        table = tables.tables[name]
        key = list(table.primary_key.columns)
        for row in connection.execute(select(table).order_by(*key)).mappings():
            yield _encode((name, dict(row))) + b"\n"


def load(url: str, lines: Iterable[bytes]) -> dict[str, int]:
    """Fill an empty store: made at the revision of the lines, filled, brought to this program's revision. How many rows
    each table got. Conflict when something is there already; nothing is left of it when anything fails."""
    from genaiops.engines.records_sql._migrate import upgrade

    database = open_database(url, 10.0)
    try:
        with told_as_store_error(database.name):
            database.prepare()
            with database.writing() as connection:
                found = inspect(connection).get_table_names()
                if found:
                    raise Conflict(
                        f"{database.name} is not empty: it has the tables {', '.join(sorted(found)[:5])}.",
                        remedy="Name an empty database, or another data directory.",
                        code="store_not_empty",
                    )
                counts = _fill(database, connection, iter(lines))
                upgrade(connection, database.name)
                return counts
    finally:
        database.engine.dispose()


def _fill(database: Database, connection: Connection, lines: Iterator[bytes]) -> dict[str, int]:
    from genaiops.engines.records_sql._migrate import upgrade

    head = msgspec.json.decode(next(lines), type=_Head)
    upgrade(connection, database.name, head.revision)
    tables = MetaData()
    tables.reflect(connection)
    counts: dict[str, int] = {}
    batch: list[dict[str, Any]] = []
    last = ""
    for line in lines:
        name, row = msgspec.json.decode(line, type=tuple[str, dict[str, Any]])
        if name != last or len(batch) >= _BATCH:
            _insert(connection, tables, last, batch)
        last = name
        batch.append(row)
        counts[name] = counts.get(name, 0) + 1
    _insert(connection, tables, last, batch)
    return counts


def _insert(connection: Connection, tables: MetaData, name: str, batch: list[dict[str, Any]]) -> None:
    """Rows as they are. Columns of JSON get their values, whatever wrote them."""
    if batch:
        table: Table = tables.tables[name]
        connection.execute(table.insert(), [_stored(row) for row in batch])
        batch.clear()


def _stored(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _encode(value) if isinstance(value, dict | list) else value for name, value in row.items()}
