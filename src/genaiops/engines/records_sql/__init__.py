"""Records in an SQL database: SQLite (WAL) or PostgreSQL, by SQLAlchemy Core; the tables are made by Alembic.

Each noun has one table: `id`, a column for each field that can be searched for, and the entity as JSON in `body`.
`changes` is the sequence of all writes; it has no gaps because writers take turns (SQLite: BEGIN IMMEDIATE;
PostgreSQL: a transaction-scoped advisory lock of the schema).
"""

from genaiops.engines.records_sql._database import open_database
from genaiops.engines.records_sql._dump import dump, load
from genaiops.engines.records_sql._failures import told_as_store_error
from genaiops.engines.records_sql._records import open_records

__all__ = ["dump", "load", "open_database", "open_records", "told_as_store_error"]
