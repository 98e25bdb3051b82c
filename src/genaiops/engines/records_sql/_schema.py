"""The tables, made of `genaiops.ports.records.COLLECTIONS`."""

import re
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Dialect, Index, MetaData, Table, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from genaiops.ports.records import COLLECTIONS, Collection

# Order by id is by bytes in both databases: SQLite's default, and PostgreSQL's collation "C" whatever the database has.
KEY = Text().with_variant(Text(collation="C"), "postgresql")


class Body(TypeDecorator[Any]):
    """An entity as JSON. PostgreSQL's own type takes time to import, which only its stores have to spend."""

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name != "postgresql":
            return dialect.type_descriptor(JSON())
        from sqlalchemy.dialects.postgresql import JSONB

        return dialect.type_descriptor(JSONB())


UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""What the text of a column can never hold."""


def column_name(field: str) -> str:
    """`scope.id` is kept in the column `scope_id`."""
    return field.replace(".", "_")


def table_of(collection: Collection, metadata: MetaData) -> Table:
    table = Table(collection.name, metadata, Column("id", KEY, primary_key=True))
    for field in (*collection.index, *collection.unique):
        name = column_name(field)
        table.append_column(Column(name, KEY, nullable=True))
        if field in collection.unique:
            Index(f"uq_{collection.name}_{name}", table.c[name], unique=True)
        else:
            # With the id, so that a page in order of id is read off the index and not sorted each time.
            Index(f"ix_{collection.name}_{name}", table.c[name], table.c.id)
    table.append_column(Column("body", Body(), nullable=False))
    table.append_column(Column("updated_us", BigInteger, nullable=False))
    return table


def _deed() -> list[Column[Any]]:
    """Who did what to which record, and when: a change says it, and the event that chains the change repeats it."""
    return [
        Column("seq", BigInteger, primary_key=True, autoincrement=False),
        Column("at_us", BigInteger, nullable=False),
        *(Column(name, Text, nullable=False) for name in ("actor_id", "action", "collection", "entity_id")),
    ]


METADATA = MetaData()
TABLES = {noun: table_of(collection, METADATA) for noun, collection in COLLECTIONS.items()}
CHANGES = Table(
    "changes",
    METADATA,
    *_deed(),
    Column("body", Text, nullable=True),
    Index("ix_changes_entity", "collection", "entity_id"),
)
EVENTS = Table(
    "audit_events",
    METADATA,
    *_deed(),
    Column("change", BigInteger, nullable=True),
    Column("commitment", Text, nullable=False),
    Column("leaf", Text, nullable=False),
    Index("ix_audit_events_entity", "collection", "entity_id"),
    Index("ix_audit_events_actor", "actor_id"),
    Index("ix_audit_events_change", "change"),
)
PAYLOADS = Table(
    "audit_payloads",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("salt", Text, nullable=False),
    Column("body", Text, nullable=True),
)
CHECKPOINTS = Table(
    "audit_checkpoints",
    METADATA,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("origin", Text, nullable=False),
    Column("note", Text, nullable=False),
)
LOG_KEYS = Table(
    "audit_keys",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("origin", Text, nullable=False),
    Column("verifier", Text, nullable=False),
    Column("since_us", BigInteger, nullable=False),
)
