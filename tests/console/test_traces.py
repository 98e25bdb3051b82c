"""The list of traces: filters, search, pages, the panel, keys, the live tail."""

import json

import pytest
from playwright.sync_api import expect

from genaiops.engines.c2pa_manifest import is_installed
from tests.app.running import request, until
from tests.conftest import Require
from tests.console.conftest import Visitor
from tests.console.seed import CALLS, age_us, trace_id

pytestmark = pytest.mark.needs_browser

ROWS = "#traces tbody tr"


def test_pages_reach_every_trace_once(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/traces?until=30m&environment=dev")
    seen: list[str] = []
    while True:
        seen += [str(row.get_attribute("data-trace")) for row in page.locator(ROWS).all()]
        older = page.get_by_role("link", name="Older")
        if not older.count():
            break
        with page.expect_navigation():
            older.click()
    assert len(seen) == len(set(seen))
    wanted = [number for number in range(0, CALLS, 3) if age_us(number) > 30 * 60_000_000]
    assert len(seen) > 2 * 50, "three pages"
    assert {trace_id(number).hex() for number in wanted[1:]} <= set(seen)


def test_filters_are_chips_that_can_be_removed(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/traces?status=error&model=echo")
    assert set(page.locator(f"{ROWS} td.state").all_inner_texts()) == {"error"}
    page.get_by_label("Remove the filter status").click()
    expect(page.locator(".chips")).not_to_contain_text("status")
    expect(page.locator(".chips")).to_contain_text("echo")


def test_full_text_search(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/traces")
    page.get_by_label("Full-text search").fill('haiku "server breathes"')
    page.get_by_role("button", name="Search").click()
    expect(page.locator(f"{ROWS} td.text").first).to_contain_text("haiku")
    page.get_by_label("Full-text search").fill("nobody-ever-said-this")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name="No trace fits")).to_be_visible()


def test_the_panel_opens_beside_the_list_and_has_an_address(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/traces")
    row = page.locator(ROWS).nth(3)
    row.locator("td.text").click()
    panel = page.get_by_role("complementary", name="Trace")
    expect(panel.get_by_role("heading", name="Spans")).to_be_visible()
    assert f"trace={row.get_attribute('data-trace')}" in page.url
    page.reload()
    expect(panel.get_by_role("heading", name="Spans")).to_be_visible()
    page.go_back()
    expect(panel).to_be_hidden()


def test_the_keyboard_is_enough(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/traces?until=30m")
    ids = [str(row.get_attribute("data-trace")) for row in page.locator(ROWS).all()]
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(ROWS).nth(1)).to_have_attribute("aria-selected", "true")
    expect(page.locator(ROWS).nth(1).locator("a")).to_be_focused()
    page.keyboard.press("Enter")
    panel = page.get_by_role("complementary", name="Trace")
    expect(panel.get_by_role("heading", name="Spans")).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(panel.locator("article")).to_have_attribute("data-id", ids[2])
    page.keyboard.press("k")
    expect(panel.locator("article")).to_have_attribute("data-id", ids[1])
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    page.keyboard.press("/")
    expect(page.get_by_label("Full-text search")).to_be_focused()


def test_the_command_palette(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/settings")
    page.keyboard.press("Control+k")
    page.keyboard.type("budg")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Budgets")).to_be_visible()
    visitor.live()
    page.keyboard.press("Control+k")
    page.keyboard.type(trace_id(4).hex())
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("Trace")
    visitor.live()
    page.keyboard.press("Control+k")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_a_trace_says_which_attempt_paid(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open(f"/traces/{trace_id(4).hex()}")
    expect(page.locator(".spans li")).to_have_count(3)
    expect(page.get_by_text("Paid: attempt 2 at echo")).to_be_visible()
    bars = [box for bar in page.locator(".spans svg rect:nth-child(2)").all() if (box := bar.bounding_box())]
    assert bars[0]["width"] > bars[2]["width"] > bars[1]["width"]
    assert bars[1]["x"] + bars[1]["width"] <= bars[2]["x"]
    page.locator(".spans summary").nth(1).click()
    expect(page.locator(".spans")).to_contain_text("The provider is overloaded.")
    page.get_by_text("As curl").click()
    expect(page.get_by_text("curl http://127.0.0.1:")).to_contain_text("/v1/chat/completions")
    answer = visitor.context.request.get(f"{visitor.url}/traces/{trace_id(4).hex()}/json")
    assert json.loads(answer.body())["trace_id"] == trace_id(4).hex()


def test_the_live_tail_shows_a_call_as_it_happens(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/traces?model=echo")
    page.get_by_role("button", name="Live").click()
    page.locator("#live[data-following]").wait_for()
    assert visitor.installation.ask("echo", "hello from the tail").status == 200
    expect(page.locator(ROWS, has_text="hello from the tail")).to_have_class("fresh")


def test_a_trace_and_the_settings_say_that_images_are_marked(visitor: Visitor, require: Require) -> None:
    require(is_installed(), "c2pa-python", "make dev")
    visitor.log_in()
    page = visitor.open("/settings")
    expect(page.locator("#images")).to_contain_text("marked with a signed manifest")
    expect(page.locator("#images")).to_contain_text("genaiops")
    installation = visitor.installation
    key = installation.home.admin_key.read_text().strip()
    answer = request(f"{installation.url}/v1/images/generations", key=key, body={"model": "echo", "prompt": "a fox"})
    assert answer.status == 200, answer.body
    there = f"/traces/{answer.headers['traceparent'].split('-')[1]}"
    until(lambda: visitor.context.request.get(f"{visitor.url}{there}/json").ok, "the trace")
    page = visitor.open(there)
    expect(page.get_by_text("1 of 1 marked")).to_be_visible()
