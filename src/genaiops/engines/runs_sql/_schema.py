"""The tables. Documents are JSON; columns beside them are what is searched for."""

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
    select,
)

from genaiops.core.errors import StoreError

REVISION = 1

METADATA = MetaData()

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
    Index("eval_cases_id", "run_id", "case_id", unique=True),
)
"""`slices`: each between line feeds."""

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
)


def bring_up(connection: Connection, store: str) -> None:
    """Make the tables. StoreError when a newer program wrote there."""
    METADATA.create_all(connection)
    found = connection.execute(select(REVISIONS.c.revision)).scalar()
    if found is None:
        connection.execute(REVISIONS.insert().values(revision=REVISION))
    elif found > REVISION:
        raise StoreError(
            f"The runs in {store} are of revision {found}; this program knows {REVISION}.",
            remedy="Use the version of genaiops that wrote them, or a newer one.",
            code="store_newer",
        )
