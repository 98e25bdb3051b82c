"""A log of a few changes, on every engine of the records. Each test sees it untouched: its edits are rolled back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from genaiops.domain import Actor, ApiKey, Team
from genaiops.engines.records_sql import open_records
from genaiops.engines.records_sql._audit import SqlAuditView
from genaiops.engines.secrets_file import open_secrets
from genaiops.govern import Auditor, Report, verify
from genaiops.ports.records import Records
from tests.engines.records.conftest import ENGINES, Places


class Log:
    """Records with their auditor, and somebody who edits the store behind their back."""

    def __init__(self, records: Records, folder: Path) -> None:
        self.records = records
        self.auditor = Auditor(records, open_secrets(folder))

    @property
    def engine(self) -> Engine:
        return self.records._database.engine  # type: ignore[attr-defined]

    def edited(self, *statements: str) -> Report:
        """What `verify` says after those statements; they do not stay."""
        with self.engine.connect().execution_options(genaiops_write=True) as connection, connection.begin() as edit:
            for statement in statements:
                assert connection.execute(text(statement)).rowcount, statement
            report = verify(SqlAuditView(connection))
            edit.rollback()
        return report

    def edit(self, *statements: str) -> None:
        with self.engine.connect().execution_options(genaiops_write=True) as connection, connection.begin():
            for statement in statements:
                assert connection.execute(text(statement)).rowcount, statement

    def verified(self) -> Report:
        with self.records.read() as view:
            return verify(view.audit)


def filled(records: Records, folder: Path) -> Log:
    """Ten events: five changes, the signing key's own, all six signed, two changes, a note, and one change more."""
    made = Log(records, folder)
    with records.write("ann") as unit:
        unit.add(Actor(id="ann", name="Ann", kind="person", roles=("admin",), created_us=1))
        unit.add_all([Team(id=name, title=f"Team {name}", created_us=2) for name in ("a", "b", "c", "d")])
    made.auditor.checkpoint()
    with records.write("bob") as unit:
        unit.replace(Team(id="a", title="Renamed", created_us=2))
        unit.remove(Team, "d")
        unit.note("sign_in", "sessions", "bob", {"address": "10.0.0.7"})
        unit.add(ApiKey(id="key_1", name="k", hint="gok_", digest="ab" * 32, actor_id="ann", created_us=3))
    return made


@pytest.fixture(scope="module", params=ENGINES)
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """Not to be written to by a test: it is shared."""
    server = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    folder = tmp_path_factory.mktemp("log")
    places = Places(request.param, folder, server)
    records = open_records(places.empty())
    records.migrate()
    yield filled(records, folder)
    records.close()
    places.clear()


@pytest.fixture
def own_log(tmp_path: Path) -> Iterator[Log]:
    """One of this test alone, in SQLite."""
    records = open_records(f"sqlite:///{tmp_path / 'records.db'}")
    records.migrate()
    yield filled(records, tmp_path)
    records.close()
