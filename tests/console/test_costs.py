"""Every figure of the pages is the one that the API gives; the page of costs in all its states."""

import csv
import io
import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from genaiops.console._format import NONE, count, duration, energy, metered, money, share
from genaiops.core.money import to_nano
from genaiops.domain import NANO_WH, Budget, Route, RouteTarget, Scope
from tests.app.running import Installation, request, until
from tests.console.test_access import log_in

LINK = re.compile(r'href="(/api/usage\?[^"]+)"')


class Rows(HTMLParser):
    """The rows of all tables with an attribute, by its value: the text of each cell."""

    def __init__(self, attribute: str) -> None:
        super().__init__()
        self.rows: dict[str, list[str]] = {}
        self._attribute = attribute
        self._cells: list[str] | None = None
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "tr":
            name = values.get(self._attribute)
            self._cells = None if name is None else self.rows.setdefault(name, [])
        if tag == "td" and self._cells is not None:
            self._cells.append("")
            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "td":
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside and self._cells:
            self._cells[-1] = f"{self._cells[-1]} {data.strip()}".strip()


def rows_of(page: httpx.Response, attribute: str) -> dict[str, list[str]]:
    parser = Rows(attribute)
    parser.feed(page.text)
    return parser.rows


@pytest.fixture(scope="module")
def client(installation: Installation) -> Iterator[httpx.Client]:
    """Logged in: the pages by its cookie, the API by the key."""
    headers = {"accept": "text/html"}
    with httpx.Client(base_url=installation.url, headers=headers, timeout=30, follow_redirects=False) as client:
        assert log_in(client, installation.key).status_code == 303
        client.headers["authorization"] = f"Bearer {installation.key}"
        yield client


def listed(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    answer = client.get(path, headers={"accept": "application/json"})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


@pytest.mark.parametrize("by", ["key", "team", "application", "model", "target", "environment"])
def test_costs_are_those_of_the_api(client: httpx.Client, by: str) -> None:
    page = client.get(f"/costs?by={by}&since=7d")
    link = LINK.search(page.text)
    assert link is not None
    figures = listed(client, unescape(link[1]))
    dimension = next(iter(figures[0]["group"]))
    rows = rows_of(page, "data-group")
    assert len(figures) == len(rows)
    whole = sum(to_nano(row["cost"]) for row in figures)
    for row in figures:
        cells = rows[row["group"][dimension]]
        nano = to_nano(row["cost"])
        assert cells[1:7] == [
            count(row["calls"]),
            count(row["errors"]),
            count(row["input_tokens"]),
            count(row["output_tokens"]),
            money(nano),
            share(nano / whole if whole else None),
        ]
        assert cells[8] == count(row["cost_unknown"])
        kwh, attempts = row["energy"]["kwh"], row["energy"]["attempts"]
        known = energy(round(kwh["central"] * NANO_WH)) if kwh is not None else "unknown" if attempts else NONE
        missing = attempts - row["energy"]["known"]
        assert cells[9] == (f"{known} {count(missing)} unknown" if kwh is not None and missing else known)
    assert f'<p class="figure">{money(whole)}</p>' in page.text


@pytest.mark.parametrize("by", ["key", "team", "model"])
def test_unusual_spend_is_that_of_the_api(client: httpx.Client, by: str) -> None:
    """Two days of calls are no history: nothing is called usual."""
    found = listed(client, f"/api/usage/anomalies?by={by}")
    assert {row["state"] for row in found} == {"unknown"}
    page = client.get(f"/costs?by={by}")
    assert 'aria-label="Unusual spend"' in page.text
    assert f"0 hours and days as usual, {len(found)} unknown" in page.text
    assert 'aria-label="Unusual spend"' not in client.get("/costs?by=target").text


def test_the_csv_is_exact(client: httpx.Client) -> None:
    page = client.get("/costs?by=model&since=7d&team=default")
    link = LINK.search(page.text)
    assert link is not None
    asked = dict(parse_qsl(urlsplit(unescape(link[1])).query))
    assert asked["team_id"] == "default"
    answer = client.get(f"/costs.csv?by=model&since={asked['since']}&until={asked['until']}&team=default")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    lines = {line["model"]: line for line in csv.DictReader(io.StringIO(answer.text))}
    for row in listed(client, unescape(link[1])):
        line = lines[row["group"]["request_model"]]
        assert (line["known_cost"], line["calls"]) == (row["cost"], str(row["calls"]))
        assert line["calls_at_unknown_price"] == str(row["cost_unknown"])
        found = row["energy"]
        assert line["attempts_of_known_energy"] == str(found["known"])
        for name in ("kwh", "co2e_g", "water_l"):
            bounds = {bound: line[f"{name}_{bound}"] for bound in ("low", "central", "high")}
            expected = found[name] or dict.fromkeys(bounds, "")
            assert bounds == {bound: str(value) for bound, value in expected.items()}


def test_a_name_that_a_spreadsheet_would_run(client: httpx.Client, installation: Installation) -> None:
    body = {"model": "=1+1", "messages": [{"role": "user", "content": "hi"}]}
    request(f"{installation.url}/v1/chat/completions", key=installation.key, body=body)
    until(lambda: "'=1+1" in client.get("/costs.csv?by=model&since=24h").text, "the refused call")


def test_the_time_before(client: httpx.Client) -> None:
    """The seed has 46 hours of calls, so the last 24 hours have a time before them."""
    page = client.get("/costs?by=team&since=24h")
    link = LINK.search(page.text)
    assert link is not None
    asked = dict(parse_qsl(urlsplit(unescape(link[1])).query))
    assert asked["since"].endswith(":00:00.000000Z")
    (team,) = (cells for name, cells in rows_of(page, "data-group").items() if name == "default")
    assert re.fullmatch(r"[+±-]\d+ %", team[7]), team
    assert "before: 0 USD" not in page.text


def test_sorting(client: httpx.Client) -> None:
    def order(query: str) -> list[str]:
        return list(rows_of(client.get(f"/costs?by=key&since=7d&{query}"), "data-group"))

    names = order("sort=name")
    assert order("sort=name&order=falling") == names[::-1]
    assert sorted(order("sort=calls")) == sorted(names)
    page = client.get("/costs?by=key&since=7d&sort=calls")
    assert 'aria-sort="descending"' in page.text
    calls = [int(cells[1]) for cells in rows_of(page, "data-group").values()]
    assert calls == sorted(calls, reverse=True)


@pytest.mark.parametrize("query", ["by=colour", "sort=luck", "show=weight", "since=7d&until=2001-01-01", "since=soon"])
def test_an_address_that_means_nothing_is_refused_in_words(client: httpx.Client, query: str) -> None:
    answer = client.get(f"/costs?{query}")
    assert answer.status_code == 400
    assert "That cannot be read" in answer.text


def test_filters_are_chips(client: httpx.Client) -> None:
    page = client.get("/costs?by=model&team=default&environment=prod")
    assert page.text.count("Remove the filter") == 2
    assert 'href="/costs?by=model&amp;environment=prod" aria-label="Remove the filter team"' in page.text
    assert "No calls in this time" in client.get("/costs?team=nobody").text


def test_budgets_are_those_of_the_api(client: httpx.Client) -> None:
    budgets = {each["id"]: each for each in listed(client, "/api/budgets")}
    rows = rows_of(client.get("/gateway/budgets"), "data-budget")
    assert rows.keys() == budgets.keys()
    for name, cells in rows.items():
        budget = budgets[name]

        def shown(amount: str, meter: Any = budget["meter"]) -> str:
            nano = to_nano(amount) if meter in ("money", "energy") else int(amount)
            return metered(nano, Budget(id="", scope=Scope("team", ""), meter=meter, limit=1, created_us=0))

        assert shown(budget["limit"]) in cells[0]
        assert shown(budget["settled"]) in cells[2]
        assert shown(budget["remaining"]) == cells[3]
        if budget["forecast_method"] is None:  # of a budget that another test has just made
            continue
        assert {"linear": "evenly on", "hour_of_week": "by hour of the week"}[budget["forecast_method"]] in cells[4]
        # A forecast moves with the clock between the two requests, so its range is looked for and not its digits.
        low, high = float(budget["forecast_low"]), float(budget["forecast_high"])
        assert low <= float(budget["forecast"]) <= high


@pytest.fixture(scope="module")
def busy(installation: Installation, client: httpx.Client) -> Iterator[str]:
    """A route over two real targets with calls of the last minute."""
    for name in ("east", "north"):
        installation.add_echo(name, text=f"from the {name}")
    with installation.hub() as hub:
        hub.routes.create(
            Route(
                id="pair", targets=(RouteTarget("east", 3), RouteTarget("north", 1)), fallbacks=("echo",), created_us=0
            ),
            by="admin",
        )
        budgets = [budget for budget in hub.budgets.list() if budget.scope.kind == "team"]
        assert budgets
    until(lambda: "pair" in {each["id"] for each in listed(client, "/api/models")} or None, "the route")
    body = {"model": "pair", "messages": [{"role": "user", "content": "hi"}]}
    until(lambda: _called(installation, body) or None, "a worker to take it up")
    for _ in range(20):
        assert _called(installation, body)
    until(lambda: sum(each["calls"] for each in shares(client, "pair")) >= 21, "the traces")
    yield "pair"
    with installation.hub() as hub:
        hub.routes.remove("pair", by="admin")
        for name in ("east", "north"):
            hub.targets.remove(name, by="admin")


def _called(installation: Installation, body: Any) -> bool:
    return request(f"{installation.url}/v1/chat/completions", key=installation.key, body=body).status == 200


def shares(client: httpx.Client, route: str) -> list[dict[str, Any]]:
    return [each for each in listed(client, "/api/routes/shares") if each["route_id"] == route]


def test_shares_of_a_route_are_those_of_the_api(client: httpx.Client, busy: str) -> None:
    def at_rest() -> tuple[str, list[dict[str, Any]]] | None:
        before = shares(client, busy)
        page = client.get("/gateway/routes").text
        return (page, before) if shares(client, busy) == before else None

    page, found = until(at_rest, "calls that are all counted")
    card = page[page.index(f'id="route-{busy}"') :]
    parser = Rows("data-target")
    parser.feed(card[: card.index("</section>")])
    assert list(parser.rows) == [each["target_id"] for each in found]
    assert sum(each["live"] for each in found) == pytest.approx(1.0)
    for each in found:
        cells = parser.rows[each["target_id"]]
        assert cells[2:] == [
            NONE if each["weight"] is None else str(each["weight"]),
            share(each["configured"]),
            share(each["live"]),
            count(each["calls"]),
            count(each["errors"]),
        ]


def test_targets_are_those_of_the_api(client: httpx.Client, busy: str) -> None:
    """What is under way and how long it took moves by itself, so the page is held against an answer of the API that was
    the same before and after it."""

    def at_rest() -> tuple[str, list[dict[str, Any]]] | None:
        before = listed(client, "/api/targets/health")
        page = client.get("/gateway/targets").text
        return (page, before) if listed(client, "/api/targets/health") == before else None

    page, found = until(at_rest, "figures that stay")
    for health in found:
        row = page[page.index(f'/gateway/targets/{health["target_id"]}"') :]
        row = row[: row.index("</tr>")]
        for label, text in (
            ("under way", str(health["in_flight"])),
            ("calls", count(health["calls"])),
            ("failed attempts", count(health["failed_attempts"])),
            ("p50", duration(health["p50_ms"])),
            ("p95", duration(health["p95_ms"])),
        ):
            assert re.search(f'data-label="{label}">{re.escape(text)}<', row), (label, text, row)


def test_unknown_prices_are_those_of_the_api(client: httpx.Client) -> None:
    unknown = listed(client, "/api/prices/unknown")
    page = client.get("/gateway/prices").text
    assert f"{count(sum(each['calls'] for each in unknown))} calls cost something nobody knows" in page
