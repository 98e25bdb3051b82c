"""A fresh installation: every page says what to run to fill it, and claims nothing that nobody measured."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from genaiops.app.home import Home
from genaiops.app.prepare import prepare
from genaiops.app.services import Services
from genaiops.app.web import build
from tests.console.conftest import PATHS
from tests.console.seed import settings_of


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient[Litestar]]:
    home = Home(tmp_path_factory.mktemp("fresh") / "home")
    prepare(settings_of(home), {})
    services = Services(settings_of(home))
    services.folding.start()
    try:
        with TestClient(build(services)) as client:
            log_in(client, home.admin_key)
            yield client
    finally:
        services.close(1.0)


def log_in(client: TestClient[Litestar], key: Path) -> None:
    token = client.get("/login").text.split('name="csrf" value="')[1].split('"')[0]
    form = {"csrf": token, "key": key.read_text().strip()}
    answer = client.post("/login", data=form, follow_redirects=False)
    assert answer.status_code == 303


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ("overview", "genaiops demo traffic"),
        ("traces", "genaiops demo traffic"),
        ("sessions", "ticket-4711"),
        ("hub", "genaiops model pull"),
        ("experiments", "genaiops experiment new"),
        ("releases", "genaiops app create"),
        ("users", "customer-42"),
        ("targets", "genaiops model add"),
        ("routes", "genaiops route"),
        ("gateway", "genaiops demo traffic"),
        ("costs", "genaiops demo traffic"),
        ("playground", "genaiops model add"),
        ("budgets", "genaiops budget"),
        ("limits", "No rate limits"),
        ("caches", "--cache exact"),
        ("guardrails", "Every key is guarded by the policy"),
        ("verdicts", "No verdict fits"),
        ("rule", "It said nothing in this time"),
        ("runs", "genaiops suite run"),
        ("suites", "genaiops suite check"),
        ("queues", "No queue yet"),
        ("policies", "the built-in default is in force everywhere"),
        ("replays", "genaiops policy replay"),
    ],
)
def test_an_empty_page_says_what_to_run(client: TestClient[Litestar], page: str, says: str) -> None:
    answer = client.get(PATHS[page])
    assert answer.status_code == 200
    assert says in answer.text


def test_without_calls_nothing_is_called_fine(client: TestClient[Litestar]) -> None:
    text = client.get("/").text
    assert "No calls in the last 24 hours" in text
    assert "Nothing is wrong" not in text


def test_every_other_page_is_there(client: TestClient[Litestar]) -> None:
    assert {path: client.get(path).status_code for path in PATHS.values()} == dict.fromkeys(PATHS.values(), 200)
