"""A store that cannot be used says why and what to do, and never shows a password."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import event, text

from genaiops.core.errors import ConfigError, StoreError
from genaiops.domain import Team
from genaiops.engines.records_sql import open_records
from genaiops.ports.records import Records
from tests.engines.records.test_migrations import engine_of


@pytest.mark.parametrize(
    "url",
    [
        "",
        "records.db",
        "sqlite://",
        "sqlite:///:memory:",
        "mysql://u:hunter2@h/d",
        "postgresql+asyncpg://u:hunter2@h/d",
    ],
)
def test_a_url_that_cannot_be(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_records(url)
    assert "sqlite:///absolute/path" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def code_of(records: Records) -> str:
    try:
        with pytest.raises(StoreError) as caught, records.write("ann") as unit:
            unit.add(Team(id="a", created_us=1))
        assert caught.value.remedy
        assert "hunter2" not in str(caught.value)
        return caught.value.code
    finally:
        records.close()


def test_no_such_folder(tmp_path: Path) -> None:
    assert code_of(open_records(f"sqlite:///{tmp_path}/none/records.db")) == "store_unreachable"


def test_no_such_server() -> None:
    # Port 1 of the loopback: nothing listens there.
    url = "postgresql://someone:hunter2@127.0.0.1:1/records"
    pytest.importorskip("psycopg")
    assert code_of(open_records(url)) == "store_unreachable"


def test_no_such_database(postgres_url: str) -> None:
    url = postgres_url.rpartition("/")[0] + "/genaiops_there_is_none"
    assert code_of(open_records(url)) == "store_unreachable"


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    path.write_bytes(b"not a database at all " * 100)
    assert code_of(open_records(f"sqlite:///{path}")) == "store_corrupt"


def test_a_damaged_file(tmp_path: Path, migrated_file: Path) -> None:
    path = tmp_path / "records.db"
    data = bytearray(migrated_file.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    assert code_of(open_records(f"sqlite:///{path}")) == "store_corrupt"


def test_a_file_that_may_only_be_read(migrated_file: Path) -> None:
    assert code_of(open_records(f"sqlite:///file:{migrated_file}?mode=ro&uri=true")) == "store_read_only"


def test_a_full_disk_keeps_nothing_of_the_write(tmp_path: Path, migrated_file: Path) -> None:
    path = tmp_path / "records.db"
    path.write_bytes(migrated_file.read_bytes())
    pages = path.stat().st_size // 4096
    records = open_records(f"sqlite:///{path}")
    # SQLite answers SQLITE_FULL at this bound as it does when the disk is full.
    event.listen(engine_of(records), "connect", lambda raw, _: raw.execute(f"PRAGMA max_page_count={pages + 4}"))
    with pytest.raises(StoreError, match="disk is full") as caught, records.write("ann") as unit:
        unit.add_all([Team(id=f"t{number}", title="x" * 1000, created_us=1) for number in range(100)])
    assert caught.value.code == "disk_full"
    with records.read() as view:
        assert view.version() == 0
        assert view.count(Team) == 0
    records.close()


def test_an_entity_of_another_program_is_named(at: Callable[..., Records]) -> None:
    records = at()
    with records.write("ann") as unit:
        unit.add(Team(id="odd", created_us=1))
    with engine_of(records).connect().execution_options(genaiops_write=True) as connection, connection.begin():
        connection.execute(text("""UPDATE teams SET body = '{"id": "odd", "created_us": 1, "colour": "red"}'"""))
    with pytest.raises(StoreError, match=r"team 'odd'.*colour") as caught, records.read() as view:
        view.find(Team)
    assert caught.value.code == "store_corrupt"


def test_blocks_that_stay_open_use_up_the_connections(at: Callable[..., Records]) -> None:
    records = at(busy_seconds=0.05)
    with ExitStack() as held:
        for _ in range(15):
            held.enter_context(records.read()).version()
        with pytest.raises(StoreError, match="connections are taken") as caught:
            held.enter_context(records.read())
    assert caught.value.code == "store_locked"
