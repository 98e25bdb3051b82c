"""A Hub over a real store, with a clock that stands until a test moves it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from genaiops.domain import Actor, Target
from genaiops.engines.records_sql import open_records
from genaiops.hub import Hub, bootstrap
from genaiops.ports.records import Records

START_US = 1_800_000_000_000_000


class Clock:
    def __init__(self) -> None:
        self.now_us = START_US

    def __call__(self) -> int:
        return self.now_us

    def move(self, seconds: float) -> None:
        self.now_us += int(seconds * 1_000_000)


@pytest.fixture(scope="session")
def prepared_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store after a first start without embedded models."""
    path = tmp_path_factory.mktemp("hub") / "records.db"
    records = open_records(f"sqlite:///{path}")
    records.migrate()
    bootstrap(records, now_us=START_US)
    records.close()
    return path


@pytest.fixture
def new_records(prepared_file: Path, tmp_path: Path) -> Iterator[Callable[[], Records]]:
    opened: list[Records] = []

    def make() -> Records:
        path = tmp_path / f"records-{len(opened)}.db"
        shutil.copyfile(prepared_file, path)
        opened.append(open_records(f"sqlite:///{path}"))
        return opened[-1]

    yield make
    for records in opened:
        records.close()


@pytest.fixture
def records(new_records: Callable[[], Records]) -> Records:
    return new_records()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hub(records: Records, clock: Clock) -> Hub:
    return Hub(records, clock=clock, providers=("openai", "llamacpp", "echo"))


@pytest.fixture
def ann(hub: Hub) -> Actor:
    return hub.actors.create("ann", "person", roles=("developer",), team_id="default", by="admin")


@pytest.fixture
def echo(hub: Hub) -> Target:
    return hub.targets.create(
        Target(id="echo", provider="echo", model="parrot", upstream_model="parrot", created_us=0), by="admin"
    )
