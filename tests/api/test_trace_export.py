"""Whole traces, page by page."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from genaiops import api
from genaiops.app.home import Home
from genaiops.app.prepare import prepare
from genaiops.app.services import Services
from genaiops.app.status import status_of
from genaiops.core.clock import now_us
from genaiops.domain import Content
from genaiops.ports.telemetry import Batch
from tests.api.conftest import Api, settings_of
from tests.api.test_traces import SECOND, call


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    home = Home(tmp_path_factory.mktemp("export") / "home")
    prepare(settings_of(home), {})
    found = Services(settings_of(home))
    found.folding.start()
    found.publisher.publish(anew=True)
    yield found
    found.close(1.0)


@pytest.fixture(scope="module")
def admin(services: Services) -> Iterator[Api]:
    app = Litestar(
        [api.create(services, status=lambda: status_of(services))],
        exception_handlers={**api.EXCEPTION_HANDLERS},
        before_send=[api.add_headers],
        openapi_config=api.openapi_config("1"),
        logging_config=None,
    )
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Api(client, (Path(services.settings.home) / "admin.key").read_text().strip())


@pytest.fixture(scope="module")
def traces(services: Services) -> list[str]:
    """Ids of 25 calls, newest first; the last but two are of another model, and failed."""
    ids: list[str] = []
    for number in range(25):
        other = number < 2
        batch = call(now_us() - (60 - number) * SECOND, model="owl" if other else "parrot", failed=other)
        services.telemetry.write(batch)
        ids.append(batch.spans[0].trace_id.hex())
    return ids[::-1]


def pages(admin: Api, **query: Any) -> list[list[dict[str, Any]]]:
    found: list[list[dict[str, Any]]] = []
    cursor: str | None = None
    while True:
        page = admin.get("/traces/export", **query, **({"cursor": cursor} if cursor else {}))
        found.append(page["data"])
        cursor = page["next"]
        if cursor is None:
            return found


def test_every_trace_comes_once_and_as_it_is_shown(admin: Api, traces: list[str]) -> None:
    found = pages(admin, limit=7)
    assert [one["trace_id"] for page in found for one in page] == traces
    assert max(map(len, found)) == 7
    shown = admin.get(f"/traces/{traces[0]}")
    assert found[0][0] == shown
    assert len(shown["spans"]) == 3
    assert [one["trace_id"] for page in pages(admin) for one in page] == traces


def test_filters_are_those_of_the_list(admin: Api, traces: list[str]) -> None:
    for query in ({"model": "owl"}, {"status": "error"}, {"q": "hello", "model": "owl"}):
        assert [one["trace_id"] for page in pages(admin, **query) for one in page] == traces[-2:], query
    assert pages(admin, q="nobody said this") == [[]]
    assert admin.refused("GET", "/traces/export?status=fine", status=400)["param"] == "status"
    assert admin.refused("GET", "/traces/export?cursor=none", status=400)["param"] == "cursor"
    assert admin.refused("GET", "/traces/export?limit=0", status=400)["param"] == "limit"


def test_a_page_of_large_traces_ends_early(services: Services, admin: Api, traces: list[str]) -> None:
    assert traces
    for number in range(30):
        batch = call(now_us() - 3600 * SECOND - number, model="whale")
        root, text = batch.spans[0], f"{number}" * 600_000
        large = Content(trace_id=root.trace_id, span_id=root.span_id, start_us=root.start_us, output=text.encode())
        services.telemetry.write(Batch(spans=batch.spans, contents=(large,)))
    found = pages(admin, model="whale", limit=200)
    assert sum(map(len, found)) == 30
    assert len({one["trace_id"] for page in found for one in page}) == 30
    assert max(len(msgspec.json.encode(page)) for page in found) < 30_000_000
    assert len(found) == 3
