"""Every test of the port runs on every engine: `records` has the newest revision, `store_url` is an empty store."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url

from genaiops.engines.records_sql import open_records
from genaiops.ports.records import Records

ENGINES = ("sqlite", "postgres")


class Places:
    """Makes empty stores of one engine and takes them away again."""

    def __init__(self, engine: str, folder: Path, server: str | None) -> None:
        self.engine = engine
        self._folder = folder
        self._server = server
        self._schemas: list[str] = []

    def empty(self) -> str:
        """The URL of a store that nothing was ever written to."""
        name = f"records_{uuid.uuid4().hex}"
        if self._server is None:
            return f"sqlite:///{self._folder / name}.db"
        self._run(f"CREATE SCHEMA {name}")
        self._schemas.append(name)
        # A schema of its own: tests touch nothing else in the server.
        url = make_url(self._server).update_query_dict({"options": f"-csearch_path={name}"})
        return url.render_as_string(hide_password=False)

    def _run(self, statement: str) -> None:
        assert self._server is not None
        engine = create_engine(make_url(self._server).set(drivername="postgresql+psycopg"))
        with engine.begin() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def clear(self) -> None:
        if self._schemas:
            self._run("SET client_min_messages = error; DROP SCHEMA " + ", ".join(self._schemas) + " CASCADE")
        self._schemas = []


@pytest.fixture(params=ENGINES)
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Places]:
    server = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    made = Places(request.param, tmp_path, server)
    yield made
    made.clear()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("records") / "migrated.db"
    records = open_records(f"sqlite:///{path}")
    records.migrate()
    records.close()
    return path


@pytest.fixture(scope="session")
def migrated_schema(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a schema at the newest revision. Emptying it takes a fiftieth of the time of migrating another."""
    places = Places("postgres", tmp_path_factory.mktemp("records"), postgres_url)
    url = places.empty()
    records = open_records(url)
    records.migrate()
    records.close()
    yield url
    places.clear()


def emptied(url: str) -> str:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        for table in inspect(connection).get_table_names():
            if table != "alembic_version":
                connection.execute(text(f'DELETE FROM "{table}"'))
    engine.dispose()
    return url


@pytest.fixture
def store_url(places: Places) -> str:
    return places.empty()


@pytest.fixture
def new_records(places: Places, migrated_file: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[], Records]]:
    """Makes stores at the newest revision, as many as asked for."""
    opened: list[Records] = []

    def make() -> Records:
        if places.engine == "sqlite":
            url = places.empty()
            shutil.copyfile(migrated_file, url.removeprefix("sqlite:///"))
        else:
            url = places.empty() if opened else emptied(request.getfixturevalue("migrated_schema"))
        records = open_records(url)
        if places.engine != "sqlite" and opened:
            records.migrate()
        opened.append(records)
        return records

    yield make
    for records in opened:
        records.close()


@pytest.fixture
def records(new_records: Callable[[], Records]) -> Records:
    return new_records()


@pytest.fixture
def at(store_url: str) -> Iterator[Callable[..., Records]]:
    """Opens the store of `store_url` once more, at the newest revision: `at(busy_seconds=0.05)`."""
    opened: list[Records] = []

    def connect(**options: float) -> Records:
        records = open_records(store_url, **options)
        opened.append(records)
        records.migrate()
        return records

    yield connect
    for records in opened:
        records.close()
