"""Caches in the console: what they did, every setting with its way back, and the traces behind the figures."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
import vl_convert
from playwright.sync_api import Locator, Page, expect

from genaiops.console._cache_charts import Span, alike, over_time
from genaiops.console._charts import coloured
from genaiops.core.errors import GenaiopsError
from genaiops.domain import CachePolicy, Route, RouteTarget
from genaiops.hub import NewKey
from genaiops.ports.telemetry import CacheSums
from tests.app.running import Installation, request, until
from tests.console.conftest import Visitor
from tests.console.test_charts import HOUR_US, SINCE, row, values_of

QUESTION = {"model": "remembers", "messages": [{"role": "user", "content": "Which sea is this?"}]}


@pytest.fixture(scope="module")
def remembers(installation: Installation) -> Iterator[str]:
    """A route with a cache that was asked the same three times."""
    with installation.hub() as hub:
        hub.routes.create(
            Route(id="remembers", targets=(RouteTarget("echo"),), cache=CachePolicy(mode="exact"), created_us=0),
            by="admin",
        )
    headers = {"authorization": f"Bearer {installation.key}"}
    with httpx.Client(base_url=installation.url, headers=headers, timeout=30) as client:
        until(lambda: client.post("/v1/chat/completions", json=QUESTION).status_code == 200, "the route")
        until(lambda: _said(installation) == "hit", "a hit")

        def folded() -> bool:
            caches = client.get("/api/caches").json()["data"]
            return any(each["route"] == "remembers" and each["figures"]["hits"] for each in caches)

        until(folded, "the hits as traces")
        # A worker tells what it keeps a few times a second, and a page does not wait for that.
        until(lambda: re.search(r"cache_entries\{[^}]*\} [1-9]", client.get("/metrics").text), "what is kept")
    yield "remembers"
    with installation.hub() as hub:
        try:
            hub.routes.remove("remembers", by="admin")
        except GenaiopsError:
            return


def _said(installation: Installation) -> str:
    answer = request(f"{installation.url}/v1/chat/completions", key=installation.key, body=QUESTION)
    return answer.headers["x-genaiops-cache"].split(";")[0]


def line_of(page: Page, route: str) -> Locator:
    return page.locator(f"tr[data-route={route}]")


def policy(visitor: Visitor) -> CachePolicy:
    with visitor.installation.hub() as hub:
        return hub.routes.get("remembers").cache


@pytest.mark.needs_browser
def test_hits_lead_to_their_traces(visitor: Visitor, remembers: str) -> None:
    visitor.log_in()
    page = visitor.open("/gateway/caches")
    visitor.drawn()
    assert page.locator("[data-chart] canvas").count() == 2
    expect(page.locator(".tile", has_text="Kept in memory")).to_contain_text(re.compile(r"[1-9]\d* answers?"))
    line_of(page, remembers).locator("[data-label=hits] a").click()
    expect(page.locator(".chips")).to_contain_text("cache: hit")
    page.locator("#traces tbody a").first.click()
    expect(page.locator("#panel .facts")).to_contain_text("hit")
    page.locator("#panel").get_by_role("link", name="its answer's trace").click()
    expect(page.locator(".facts", has_text="miss")).to_be_visible()


@pytest.mark.needs_browser
def test_off_and_on_and_back(visitor: Visitor, remembers: str) -> None:
    visitor.log_in()
    page = visitor.open("/gateway/caches")
    line_of(page, remembers).get_by_role("button", name="Turn off").click()
    expect(page.locator(".notice")).to_contain_text("is off")
    assert policy(visitor).mode == "off"
    page.get_by_role("button", name="Undo").click()
    expect(line_of(page, remembers)).to_contain_text("exact")
    assert policy(visitor).mode == "exact"


@pytest.mark.needs_browser
def test_settings_by_the_keyboard_alone(visitor: Visitor, remembers: str) -> None:
    visitor.log_in()
    page = visitor.open(f"/gateway/caches/{remembers}")
    page.get_by_label("Kept for").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("soon")
    page.keyboard.press("Enter")
    expect(page.locator(".notice.bad")).to_contain_text("The ttl is 'soon'")
    visitor.live()
    page.get_by_label("Kept for").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("60")
    page.keyboard.press("Tab")
    page.keyboard.type("key")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".notice")).to_contain_text("is changed")
    assert (policy(visitor).ttl, policy(visitor).scope) == (60, "key")
    visitor.live()
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".notice")).to_contain_text("as it was")
    assert policy(visitor) == CachePolicy(mode="exact")
    visitor.trouble = [line for line in visitor.trouble if "400" not in line]


@pytest.mark.needs_browser
def test_what_was_kept_is_forgotten_after_a_question(visitor: Visitor, remembers: str) -> None:
    _said(visitor.installation)
    assert _said(visitor.installation) == "hit"
    visitor.log_in()
    page = visitor.open("/gateway/caches")
    line_of(page, remembers).locator("summary", has_text="Clear").press("Enter")
    expect(line_of(page, remembers)).to_contain_text("cannot be undone")
    page.get_by_role("button", name="Clear remembers").press("Enter")
    expect(page.locator(".notice")).to_contain_text("is forgotten")
    assert _said(visitor.installation) == "miss"


@pytest.mark.needs_browser
def test_a_viewer_changes_no_cache(visitor: Visitor, remembers: str) -> None:
    with visitor.installation.hub() as hub:
        viewer = next(actor for actor in hub.actors.list() if actor.name == "vera")
        _, text = hub.keys.create(NewKey(name="vera-3", actor_id=viewer.id, scopes=("api",)), by="admin")
    page = visitor.paste(text, "/gateway/caches")
    expect(line_of(page, remembers)).to_contain_text("exact")
    expect(page.locator("main button, main summary", has_text="Clear")).to_have_count(0)
    visitor.open(f"/gateway/caches/{remembers}")
    expect(page.get_by_role("button", name="Save")).to_have_count(0)


def cached(hits: int, misses: int, hour: int) -> Any:
    return msgspec.structs.replace(row(hour), cache=CacheSums(hits, misses))


def test_the_time_before_is_drawn_over_the_present_one() -> None:
    span = Span(SINCE, SINCE + 3 * HOUR_US, HOUR_US)
    rates, looked_up = over_time(span, [cached(3, 1, 0), cached(0, 0, 1)], [cached(1, 3, -3), cached(1, 0, -1)])
    assert values_of(rates, "now") == [75.0, None, None]
    assert values_of(rates, "the time before") == [25.0, None, 100.0]
    assert values_of(looked_up, "hits") == [3, 0, 0]


@pytest.mark.parametrize("cosines", [[0.85], [0.9, 0.905, 1.0], [0.29, 0.999999]])
def test_every_cosine_is_drawn_once(cosines: list[float]) -> None:
    chart = alike(cosines, 0.85)
    assert sum(int(cells[1]) for cells in chart.rows) == len(cosines)
    least = float(chart.rows[0][0])
    assert least <= min(cosines) < least + 0.01
    assert vl_convert.vegalite_to_svg({**coloured(chart.spec), "width": 400}).startswith("<svg")
