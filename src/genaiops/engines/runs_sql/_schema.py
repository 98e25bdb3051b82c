"""The tables. Documents are JSON; columns beside them are what is searched for."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    inspect,
    select,
    text,
)

from genaiops.core.errors import StoreError

REVISION = 3
_FILLED = 2
"""Since then all is kept beside the documents that `fill` would take out of them."""

METADATA = MetaData()


def _named(name: str, column: str) -> Index:
    """Finds the few rows that name pictures without a look at the others."""
    there = text("pictures IS NOT NULL")
    return Index(name, column, sqlite_where=there, postgresql_where=there)


REVISIONS = Table("eval_revision", METADATA, Column("revision", Integer, primary_key=True))

RUNS = Table(
    "eval_runs",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("tenant_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("eval_runs_created", "created_us", "id"),
    Index("eval_runs_subject", "subject", "created_us"),
)

FACTS = Table(
    "eval_facts",
    METADATA,
    Column("run_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Index("eval_facts_value", "name", "value"),
)
"""The environment of runs, to find them by commit or branch."""

CASES = Table(
    "eval_cases",
    METADATA,
    Column("run_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("case_id", Text, nullable=False),
    Column("asked", Text, nullable=False),
    Column("slices", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("trace", LargeBinary),
    Column("pictures", LargeBinary),
    Index("eval_cases_id", "run_id", "case_id", unique=True),
    Index("eval_cases_trace", "trace"),
    _named("eval_cases_pictures", "run_id"),
)
"""`slices`: each between line feeds. `trace`: what it was made of, while it holds words of that (null: nothing).
`pictures`, here and below: those that belong into the document, and where (null: it has none beside it)."""

ANSWERS = Table(
    "eval_answers",
    METADATA,
    Column("run_id", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("target", Text, primary_key=True),
    Column("repeat", Integer, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("said", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("pictures", LargeBinary),
    _named("eval_answers_pictures", "run_id"),
)

JUDGED = Table(
    "eval_judged",
    METADATA,
    Column("run_id", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("target", Text, primary_key=True),
    Column("repeat", Integer, primary_key=True, autoincrement=False),
    Column("check_name", Text, primary_key=True),
    Column("against", Text, primary_key=True),
    Column("slice", Text, primary_key=True),
    Column("outcome", Text, nullable=False),
    Column("measure", Float),
    Column("good", Float),
    Column("body", LargeBinary, nullable=False),
    Index("eval_judged_check", "run_id", "check_name", "target"),
)
"""`good`: 1 passed, 0 failed, null for the rest."""

REMEMBERED = Table(
    "eval_remembered",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("case_id", Text),
    Column("pictures", LargeBinary),
    Index("eval_remembered_case", "case_id"),
    _named("eval_remembered_pictures", "key"),
)

ASKED = Table(
    "eval_asked",
    METADATA,
    Column("run_id", Text, primary_key=True),
    Column("target", Text, primary_key=True),
    Column("node", Text, nullable=False),
    Index("eval_asked_node", "node"),
)
"""What the targets of runs are (`model/smollm2`), to find the runs that asked one."""

KEPT = Table(
    "eval_kept",
    METADATA,
    Column("run_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)
"""What was made of a run and would be made alike again. It goes when the run gets more answers or verdicts."""


def bring_up(connection: Connection, store: str, fill: Callable[[Connection], None]) -> None:
    """Make the tables, and bring older ones up: `fill` gives their rows what was not kept before. StoreError when a
    newer program wrote there."""
    older = _lacking(connection)
    for table, column in older:
        kind = column.type.compile(connection.dialect)
        connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}"))
    METADATA.create_all(connection)
    for table in {table.name: table for table, _ in older}.values():
        for index in table.indexes:
            index.create(connection, checkfirst=True)
    found = connection.execute(select(REVISIONS.c.revision)).scalar()
    if found is None:
        connection.execute(REVISIONS.insert().values(revision=REVISION))
    elif found < REVISION:
        if found < _FILLED:
            fill(connection)
        connection.execute(REVISIONS.update().values(revision=REVISION))
    elif found > REVISION:
        raise StoreError(
            f"The runs in {store} are of revision {found}; this program knows {REVISION}.",
            remedy="Use the version of genaiops that wrote them, or a newer one.",
            code="store_newer",
        )


def _lacking(connection: Connection) -> list[tuple[Table, Column[Any]]]:
    """Columns that tables of an older revision have not."""
    found = inspect(connection)
    there = set(found.get_table_names())
    lacking: list[tuple[Table, Column[Any]]] = []
    for table in (CASES, ANSWERS, REMEMBERED):
        if table.name in there:
            known = {column["name"] for column in found.get_columns(table.name)}
            lacking += [(table, column) for column in table.c if column.name not in known]
    return lacking
