"""Every test of the port runs on every engine: `telemetry` is an empty store, open for writing."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from genaiops.engines.telemetry_sqlite import open_telemetry
from genaiops.ports.telemetry import Telemetry
from tests.engines.telemetry.calls import NOW

ENGINES = ("sqlite",)

OpenTelemetry = Callable[..., Telemetry]
"""(writer: bool = True, now_us: int = NOW) -> the test's one store, opened once more."""


@pytest.fixture(params=ENGINES)
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenTelemetry]:
    assert request.param == "sqlite"
    opened: list[Telemetry] = []

    def open_one(*, writer: bool = True, now_us: int = NOW) -> Telemetry:
        opened.append(
            open_telemetry(tmp_path / "telemetry", writer=writer, content_floor_bytes=0, clock=lambda: now_us)
        )
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture(params=[*ENGINES, "sqlite, seen as large"])
def new_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Telemetry]:
    """A function that makes another empty store, for tests that try many examples; they close it."""
    if request.param != "sqlite":
        # What is many in a large store is many here: no filter is read as a whole, pages end before they are full.
        engine = "genaiops.engines.telemetry_sqlite"
        monkeypatch.setattr(f"{engine}._list._FEW", 1)
        monkeypatch.setattr(f"{engine}._list._WINDOWS", (1, 3))
        monkeypatch.setattr(f"{engine}._list._WINDOWS_OF_INDEX", (2, 4))
        monkeypatch.setattr(f"{engine}._search._BUDGET", 3)
        monkeypatch.setattr(f"{engine}._search._CHUNK", 2)
        monkeypatch.setattr(f"{engine}._matches._FIRST_PAGE", 2)
        monkeypatch.setattr(f"{engine}._matches._LARGEST_PAGE", 3)

    def make() -> Telemetry:
        folder = tmp_path_factory.mktemp("telemetry")
        return open_telemetry(folder, writer=True, content_floor_bytes=0, clock=lambda: NOW)

    return make


@pytest.fixture
def telemetry(open_store: OpenTelemetry) -> Telemetry:
    return open_store()
