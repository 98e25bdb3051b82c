"""Every test of the port runs on every engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from genaiops.engines.blobs_folder import open_blobs
from genaiops.engines.runs_sql import open_runs
from genaiops.ports.blobs import Blobs
from genaiops.ports.runs import Runs
from tests.engines.records.conftest import ENGINES, Places


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    server = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    places = Places(request.param, tmp_path, server)
    yield places.empty()
    places.clear()


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return open_blobs(tmp_path / "blobs")


@pytest.fixture
def runs(url: str, blobs: Blobs) -> Iterator[Runs]:
    opened = open_runs(url, blobs)
    yield opened
    opened.close()
