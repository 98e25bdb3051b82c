"""Addresses: what means nothing is said so, by a page for people and in JSON for programs."""

from collections.abc import Iterator

import httpx
import pytest

from genaiops.domain import Scope
from genaiops.hub import NewBudget, NewRateLimit
from tests.app.running import Installation
from tests.console.conftest import PATHS
from tests.console.test_access import log_in

NOTE = 'class="notice warn"'


@pytest.fixture(scope="module")
def client(installation: Installation) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=installation.url, headers={"accept": "text/html"}, timeout=30) as client:
        assert log_in(client, installation.key).status_code == 303
        yield client


@pytest.mark.parametrize("path", ["/nowhere", "/gateway/nowhere/at/all", "/traces/0123/nothing"])
def test_an_unknown_address_is_a_page_for_a_browser_and_json_for_a_program(client: httpx.Client, path: str) -> None:
    page = client.get(path)
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert "There is nothing at" in page.text
    assert 'href="/"' in page.text
    for accept in ("*/*", "application/json"):
        answer = client.get(path, headers={"accept": accept})
        assert answer.status_code == 404
        assert "There is nothing at" in answer.json()["error"]["message"]


def test_below_the_api_every_error_is_json(client: httpx.Client) -> None:
    assert client.get("/api/nothing").json()["error"]["code"] == "not_found"


def test_errors_of_pages_are_json_for_programs(client: httpx.Client) -> None:
    answer = client.get("/traces?status=green", headers={"accept": "*/*"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json")
    assert "Use one of ok, error" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", [path for name, path in PATHS.items() if name != "traces"])
def test_a_filter_that_a_page_does_not_know_is_named(client: httpx.Client, path: str) -> None:
    sign = "&" if "?" in path else "?"
    assert NOTE not in client.get(path).text
    page = client.get(f"{path}{sign}colour=blue&environment=prod")
    assert page.status_code == 200
    assert "colour is nothing that this page knows, so it changed nothing." in page.text
    assert page.text.count(NOTE) == 1, "and the environment is known"
    assert NOTE not in client.get(f"{path}{sign}environment=prod").text, "it is said once"


def test_every_filter_that_a_page_knows_is_known(client: httpx.Client) -> None:
    for path in (
        "/traces?q=sky&since=1h&status=ok&model=echo&target=echo&cache=miss&min_ms=1",
        "/costs?by=key&since=7d&show=calls&sort=calls&order=rising&team=default",
        "/gateway/keys?team=default&actor=admin",
        "/gateway/caches?since=7d",
        "/?hours=1",
    ):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert NOTE not in answer.text, path


@pytest.mark.parametrize("path", ["/?hours=99", "/costs?order=up", "/gateway/caches?since=1y", "/traces?cache=warm"])
def test_a_value_that_means_nothing_is_refused(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 400
    assert "Use one of" in answer.text


def test_an_environment_that_is_not_there(client: httpx.Client) -> None:
    page = client.get("/gateway/keys?environment=mars&team=default").text
    assert "There is no environment &#39;mars&#39;" in page
    assert 'href="/gateway/keys?team=default">Show all environments' in page


def test_keys_are_called_by_their_names(client: httpx.Client, installation: Installation) -> None:
    with installation.hub() as hub:
        key = next(key for key in hub.keys.list() if key.name == "search-backend")
        budget = hub.budgets.create(NewBudget(scope=Scope("key", key.id), limit="9 calls"), by="admin")
        limit = hub.rate_limits.create(NewRateLimit(scope=Scope("key", key.id), concurrency=900), by="admin")
        try:
            for path in ("/gateway/budgets", "/gateway/limits"):
                page = client.get(path).text
                assert f'<span title="{key.id}">key search-backend</span>' in page
                assert page.count(key.id) == 1, "on hover alone"
            assert "of the key search-backend added" in client.get("/").text
            named, by_id = (client.get(f"/traces?key={each}").text for each in (key.name, key.id))
            assert "key: <b>search-backend</b>" in by_id
            assert named.count("data-trace") == by_id.count("data-trace") > 0
        finally:
            hub.budgets.remove(budget.id, by="admin")
            hub.rate_limits.remove(limit.id, by="admin")


def test_a_corrected_cost_says_by_whom(client: httpx.Client) -> None:
    """Of the seeded calls some have a cost that no line of the table says."""
    token = client.get("/traces").text.split('name="csrf" value="')[1].split('"')[0]
    headers = {"x-genaiops-csrf": token, "origin": str(client.base_url).rstrip("/")}
    answer = client.post("/api/prices/check", json={"since": "4h"}, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["corrected"] > 0
    assert "Corrected costs" in (prices := client.get("/gateway/prices").text)
    assert '<span title="admin">admin</span>' in prices
    trace = client.get(f"/traces/{answer.json()['calls'][0]['trace_id']}").text
    assert "by admin, " in trace
    assert "recorded was" in trace


def test_a_price_says_all_that_it_charges(client: httpx.Client) -> None:
    page = client.get("/gateway/prices").text
    for text in ("0.002 a search", "over 200k tokens of input: input", "cache read 0.5", "batch x 0.5"):
        assert text in page
    history = client.get("/gateway/prices/history?provider=echo&model=echo").text
    assert "in force" in history
    assert client.get("/gateway/prices/history?provider=echo&model=nothing").status_code == 404
