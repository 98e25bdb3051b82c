"""Opening a database by its URL, and the two kinds of transaction: a consistent view, a serialised write."""

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from genaiops.core.errors import ConfigError

_LOCK_SPACE = 0x67656E61  # "gena": the first half of the advisory lock's key; the second is the schema's name


class Database(Protocol):
    """What differs between the databases. `name` shows no password."""

    name: str
    engine: Engine

    def reading(self) -> AbstractContextManager[Connection]: ...
    def writing(self) -> AbstractContextManager[Connection]: ...
    def prepare(self) -> None:
        """Settings that stay with the database, before its first migration."""
        ...


class SqliteDatabase:
    def __init__(self, url: URL, busy_seconds: float) -> None:
        self.name = str(url.database)
        self._busy_ms = int(busy_seconds * 1000)
        self.engine = _engine(
            url, busy_seconds, {"timeout": busy_seconds, "isolation_level": None, "check_same_thread": False}
        )
        event.listen(self.engine, "connect", self._configure)
        event.listen(self.engine, "begin", _begin)

    def _configure(self, connection: Any, _record: object) -> None:
        # An answered write survives power loss: WAL alone would only survive the death of the process.
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA busy_timeout={self._busy_ms}")

    @contextmanager
    def reading(self) -> Generator[Connection]:
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Generator[Connection]:
        with self.engine.connect().execution_options(genaiops_write=True) as connection, connection.begin():
            yield connection

    def prepare(self) -> None:
        raw = self.engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA journal_mode=WAL")
        finally:
            raw.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("genaiops_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


class PostgresDatabase:
    def __init__(self, url: URL, busy_seconds: float, what: str) -> None:
        self.name = url.render_as_string(hide_password=True)
        self._busy_ms = int(busy_seconds * 1000)
        try:
            self.engine = _engine(url.set(drivername="postgresql+psycopg"), busy_seconds, {"connect_timeout": 10})
        except ImportError as error:
            raise ConfigError(
                f"{what.capitalize()} in {self.name} need the package psycopg, which is not installed.",
                remedy="Install genaiops[postgresql].",
                param=f"stores.{what}",
            ) from error

    @contextmanager
    def reading(self) -> Generator[Connection]:
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Generator[Connection]:
        # READ COMMITTED: what is read after the lock was granted includes what its former holder committed.
        options = {"isolation_level": "READ COMMITTED"}
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            connection.execute(_LOCK_TIMEOUT, {"wait": f"{self._busy_ms}ms"})
            connection.execute(_LOCK, {"space": _LOCK_SPACE})
            yield connection

    def prepare(self) -> None:
        """Nothing: PostgreSQL needs none."""


_LOCK_TIMEOUT = text("SELECT set_config('lock_timeout', :wait, true)")
_LOCK = text("SELECT pg_advisory_xact_lock(:space, hashtext(coalesce(current_schema(), '')))")


def _engine(url: URL, busy_seconds: float, arguments: dict[str, object]) -> Engine:
    return create_engine(
        url,
        connect_args={name: value for name, value in arguments.items() if name not in url.query},
        pool_timeout=busy_seconds,
        pool_pre_ping=url.get_backend_name() == "postgresql",
        json_serializer=bytes.decode,  # bodies come as JSON already
        json_deserializer=msgspec.json.decode,
    )


def open_database(url: str, busy_seconds: float, what: str = "records") -> Database:
    """ConfigError when the URL is of no database that records can be kept in. Connects to nothing yet."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError(
            f"The URL of the {what} cannot be read.",  # it may hold a password
            remedy="Write sqlite:///absolute/path or postgresql://user@host/database.",
            param=f"stores.{what}",
        ) from error
    if parsed.drivername == "sqlite" and parsed.database not in {None, "", ":memory:"}:
        return SqliteDatabase(parsed, busy_seconds)
    if parsed.drivername == "postgresql":
        return PostgresDatabase(parsed, busy_seconds, what)
    raise ConfigError(
        f"{what.capitalize()} cannot be kept in {parsed.render_as_string(hide_password=True)!r}.",
        remedy="Use sqlite:///absolute/path or postgresql://user@host/database.",
        param=f"stores.{what}",
    )
