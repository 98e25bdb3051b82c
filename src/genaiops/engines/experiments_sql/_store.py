"""The port ExperimentStore on SQLAlchemy Core."""

from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    delete,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from genaiops.core.errors import StoreError
from genaiops.domain.experiments import ExperimentTally, ExperimentUnit, Look
from genaiops.engines.records_sql import open_database, told_as_store_error
from genaiops.ports.experiments import ExperimentStore, ExperimentWork

_T = TypeVar("_T")
_WORD: Final = "experiments"
_MANY: Final = 500
_REVISION: Final = 1
_ENCODER: Final = msgspec.msgpack.Encoder()

METADATA = MetaData()
_REVISIONS = Table("experiment_revision", METADATA, Column("revision", Integer, primary_key=True))
_TALLIES = Table(
    "experiment_tallies",
    METADATA,
    Column("experiment_id", Text, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)
_UNITS = Table(
    "experiment_units",
    METADATA,
    Column("experiment_id", Text, primary_key=True),
    Column("unit", Text, primary_key=True),
    Column("open", Integer, nullable=False),
    Column("first_us", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("experiment_units_due", "experiment_id", "open", "first_us"),
)
_LOOKS = Table(
    "experiment_looks",
    METADATA,
    Column("experiment_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)


def open_experiments(url: str, *, busy_seconds: float = 10.0) -> ExperimentStore:
    """ConfigError for a URL of no such store. The tables are made when they are not there."""
    store = SqlExperiments(url, busy_seconds)
    try:
        store.prepare()
    except BaseException:
        store.close()
        raise
    return store


class SqlExperiments(ExperimentStore):
    def __init__(self, url: str, busy_seconds: float) -> None:
        self._database = open_database(url, busy_seconds, _WORD)
        is_sqlite = self._database.engine.dialect.name == "sqlite"
        self._insert: Any = sqlite.insert if is_sqlite else postgresql.insert

    def prepare(self) -> None:
        name = self._database.name
        with told_as_store_error(name, _WORD):
            self._database.prepare()
        with self._writing() as connection:
            METADATA.create_all(connection)
            found = connection.execute(select(_REVISIONS.c.revision)).scalar()
            if found is None:
                connection.execute(_REVISIONS.insert().values(revision=_REVISION))
            elif found > _REVISION:
                raise StoreError(
                    f"The experiments in {name} are of revision {found}; this program knows {_REVISION}.",
                    remedy="Use the version of genaiops that wrote them, or a newer one.",
                    code="store_newer",
                )

    def close(self) -> None:
        self._database.engine.dispose()

    @contextmanager
    def work(self, experiment_id: str) -> Generator[ExperimentWork]:
        with self._writing() as connection:
            yield _Work(connection, experiment_id, self._insert)

    def tally(self, experiment_id: str) -> ExperimentTally:
        with self._reading() as connection:
            return _tally(connection, experiment_id)

    def looks(self, experiment_id: str) -> Sequence[Look]:
        query = select(_LOOKS.c.body).where(_LOOKS.c.experiment_id == experiment_id).order_by(_LOOKS.c.number)
        with self._reading() as connection:
            return [_decoded(body, Look) for body in connection.execute(query).scalars()]

    def forget_units(self, experiment_id: str) -> None:
        with self._writing() as connection:
            connection.execute(delete(_UNITS).where(_UNITS.c.experiment_id == experiment_id))

    def forget(self, experiment_id: str) -> None:
        with self._writing() as connection:
            for table in (_UNITS, _LOOKS, _TALLIES):
                connection.execute(delete(table).where(table.c.experiment_id == experiment_id))

    @contextmanager
    def _reading(self) -> Generator[Connection]:
        with told_as_store_error(self._database.name, _WORD), self._database.reading() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Generator[Connection]:
        with told_as_store_error(self._database.name, _WORD), self._database.writing() as connection:
            yield connection


class _Work(ExperimentWork):
    def __init__(self, connection: Connection, experiment_id: str, insert: Any) -> None:
        self._connection = connection
        self._id = experiment_id
        self._insert = insert

    def tally(self) -> ExperimentTally:
        return _tally(self._connection, self._id)

    def keep(self, tally: ExperimentTally) -> None:
        self._put(_TALLIES, [{"body": _ENCODER.encode(tally)}])

    def units(self, names: Collection[str]) -> Mapping[str, ExperimentUnit]:
        found: dict[str, ExperimentUnit] = {}
        wanted = sorted(names)
        for at in range(0, len(wanted), _MANY):
            query = select(_UNITS.c.unit, _UNITS.c.body).where(
                _UNITS.c.experiment_id == self._id, _UNITS.c.unit.in_(wanted[at : at + _MANY])
            )
            found |= {row.unit: _decoded(row.body, ExperimentUnit) for row in self._connection.execute(query)}
        return found

    def put(self, units: Sequence[ExperimentUnit]) -> None:
        self._put(
            _UNITS,
            [
                {"unit": one.unit, "open": int(one.open), "first_us": one.first_us, "body": _ENCODER.encode(one)}
                for one in units
            ],
        )

    def due(self, before_us: int, *, limit: int) -> Sequence[ExperimentUnit]:
        where = (_UNITS.c.experiment_id == self._id, _UNITS.c.open == 1, _UNITS.c.first_us < before_us)
        query = select(_UNITS.c.body).where(*where).order_by(_UNITS.c.first_us, _UNITS.c.unit).limit(limit)
        return [_decoded(body, ExperimentUnit) for body in self._connection.execute(query).scalars()]

    def drop(self, names: Collection[str]) -> int:
        gone, wanted = 0, sorted(names)
        for at in range(0, len(wanted), _MANY):
            these = _UNITS.c.unit.in_(wanted[at : at + _MANY])
            gone += self._connection.execute(delete(_UNITS).where(_UNITS.c.experiment_id == self._id, these)).rowcount
        return gone

    def add(self, look: Look) -> None:
        last = select(func.coalesce(func.max(_LOOKS.c.number), 0)).where(_LOOKS.c.experiment_id == self._id)
        number = int(self._connection.execute(last).scalar_one()) + 1
        self._put(_LOOKS, [{"number": number, "body": _ENCODER.encode(look)}])

    def _put(self, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        """What has the same key is replaced."""
        keys = [column.name for column in table.primary_key]
        rest = [column.name for column in table.c if column.name not in keys]
        for at in range(0, len(rows), _MANY):
            some = [{"experiment_id": self._id, **row} for row in rows[at : at + _MANY]]
            statement = self._insert(table)
            changed = {name: statement.excluded[name] for name in rest}
            self._connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), some)


def _tally(connection: Connection, experiment_id: str) -> ExperimentTally:
    body = connection.execute(select(_TALLIES.c.body).where(_TALLIES.c.experiment_id == experiment_id)).scalar()
    return ExperimentTally() if body is None else _decoded(body, ExperimentTally)


def _decoded(body: bytes, kind: type[_T]) -> _T:
    return msgspec.msgpack.decode(body, type=kind)
