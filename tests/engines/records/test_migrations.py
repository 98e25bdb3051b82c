"""The newest revision makes exactly the tables that the program uses."""

from collections.abc import Callable

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from genaiops.core.errors import StoreError
from genaiops.engines.records_sql import migrations, open_records
from genaiops.engines.records_sql._revision import newest
from genaiops.engines.records_sql._schema import METADATA, column_name
from genaiops.ports.records import COLLECTIONS, Records


def engine_of(records: Records) -> Engine:
    return records._database.engine  # type: ignore[attr-defined]


def test_the_newest_revision_has_the_tables_of_the_program(records: Records) -> None:
    with engine_of(records).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_the_newest_revision_has_every_collection(records: Records) -> None:
    with engine_of(records).connect() as connection:
        tables = inspect(connection)
        assert set(tables.get_table_names()) == {
            *(collection.name for collection in COLLECTIONS.values()),
            "changes",
            "audit_events",
            "audit_payloads",
            "audit_checkpoints",
            "audit_keys",
            "alembic_version",
        }
        for collection in COLLECTIONS.values():
            columns = {column["name"] for column in tables.get_columns(collection.name)}
            searched = {column_name(field) for field in (*collection.index, *collection.unique)}
            assert columns == {"id", "body", "updated_us", *searched}
            indexes = {(*index["column_names"], bool(index["unique"])) for index in tables.get_indexes(collection.name)}
            assert indexes == {
                *((column_name(field), "id", False) for field in collection.index),
                *((column_name(field), True) for field in collection.unique),
            }


def test_revisions_are_one_line_of_descent() -> None:
    scripts = ScriptDirectory(migrations.__path__[0])
    assert len(scripts.get_heads()) == 1
    assert [script.revision for script in scripts.walk_revisions()][-1] == "r0001"
    assert scripts.get_heads() == [newest()]  # a start that finds it does without Alembic


def test_migrating_says_what_it_did_and_does_it_once(store_url: str) -> None:
    records = open_records(store_url)
    applied = records.migrate()
    assert list(applied) == sorted(applied)
    assert applied[0] == "r0001"
    assert records.migrate() == ()
    records.close()


def test_a_newer_store_is_refused_and_left_alone(at: Callable[..., Records]) -> None:
    records = at()
    with engine_of(records).connect().execution_options(genaiops_write=True) as connection, connection.begin():
        connection.execute(text("UPDATE alembic_version SET version_num = 'r9999'"))
    with pytest.raises(StoreError, match=r"r9999.*newer") as caught:
        records.migrate()
    assert caught.value.code == "store_newer"
    with engine_of(records).connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "r9999"


def test_a_store_that_was_never_migrated_says_so(store_url: str) -> None:
    records = open_records(store_url)
    with pytest.raises(StoreError) as caught, records.read() as view:
        view.version()
    assert caught.value.code == "store_not_migrated"
    with pytest.raises(StoreError, match="lacks the tables"), records.write("ann"):
        pass
    records.close()
