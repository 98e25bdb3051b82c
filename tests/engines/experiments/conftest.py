"""Every test of the port runs on every engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from genaiops.engines.experiments_sql import open_experiments
from genaiops.ports.experiments import ExperimentStore
from tests.engines.records.conftest import ENGINES, Places


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    server = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    places = Places(request.param, tmp_path, server)
    yield places.empty()
    places.clear()


@pytest.fixture
def store(url: str) -> Iterator[ExperimentStore]:
    opened = open_experiments(url)
    yield opened
    opened.close()
