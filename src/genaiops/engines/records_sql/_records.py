"""The Records port over one database."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from genaiops.engines.records_sql._database import Database, open_database
from genaiops.engines.records_sql._failures import told_as_store_error
from genaiops.engines.records_sql._revision import at_newest
from genaiops.engines.records_sql._view import SqlUnit, SqlView
from genaiops.ports.records import Records, Unit, View


class SqlRecords:
    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def read(self) -> Generator[View]:
        with told_as_store_error(self._database.name), self._database.reading() as connection:
            yield SqlView(connection, self._database.name)

    @contextmanager
    def write(self, actor_id: str) -> Generator[Unit]:
        with told_as_store_error(self._database.name), self._database.writing() as connection:
            unit = SqlUnit(connection, self._database.name, actor_id)
            yield unit
            unit.flush()

    def migrate(self) -> Sequence[str]:
        with told_as_store_error(self._database.name):
            self._database.prepare()
            with self._database.reading() as connection:
                if at_newest(connection):
                    return ()
            # Alembic takes time to import, and most starts have nothing to migrate.
            from genaiops.engines.records_sql._migrate import upgrade

            with self._database.writing() as connection:
                return upgrade(connection, self._database.name)

    def close(self) -> None:
        self._database.engine.dispose()


def open_records(url: str, *, busy_seconds: float = 10.0) -> Records:
    """Records in `sqlite:///absolute/path` or `postgresql://user@host/database`; connects at first use.

    A writer waits at most `busy_seconds` for its turn, then StoreError(code="store_locked"). ConfigError on
    another URL.
    """
    return SqlRecords(open_database(url, busy_seconds))
