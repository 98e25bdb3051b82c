"""The tables, made of `genaiops.ports.records.COLLECTIONS`."""

from sqlalchemy import JSON, BigInteger, Column, Index, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from genaiops.ports.records import COLLECTIONS, Collection

# Order by id is by bytes in both databases: SQLite's default, and PostgreSQL's collation "C" whatever the database has.
KEY = Text().with_variant(Text(collation="C"), "postgresql")
BODY = JSON().with_variant(JSONB(), "postgresql")


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
    table.append_column(Column("body", BODY, nullable=False))
    table.append_column(Column("updated_us", BigInteger, nullable=False))
    return table


METADATA = MetaData()
TABLES = {noun: table_of(collection, METADATA) for noun, collection in COLLECTIONS.items()}
CHANGES = Table(
    "changes",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("collection", Text, nullable=False),
    Column("entity_id", Text, nullable=False),
    Column("body", Text, nullable=True),
    Index("ix_changes_entity", "collection", "entity_id"),
)
