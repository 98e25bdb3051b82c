"""What people do with the console: keys, budgets, limits, targets, and a call from the Playground."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.app.running import request
from tests.console.conftest import Visitor

pytestmark = pytest.mark.needs_browser

KEY = re.compile(r"gok_\S+")


def line_of(page: Page, name: str) -> Locator:
    return page.locator("tr", has=page.get_by_text(name, exact=True))


def secret_on(page: Page) -> str:
    return page.locator("#secret").inner_text()


def calls_with(visitor: Visitor, key: str) -> int:
    body = {"model": "echo", "messages": [{"role": "user", "content": "hi"}]}
    answer = request(f"{visitor.url}/v1/chat/completions", key=key, body=body)
    return answer.status


def test_the_life_of_a_key(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/gateway/keys")
    page.get_by_text("New key").click()
    page.get_by_label("Name").fill("from-the-console")
    page.get_by_label("Models").fill("echo")
    page.get_by_role("button", name="Make the key").click()
    first = secret_on(page)
    assert KEY.fullmatch(first)
    assert calls_with(visitor, first) == 200
    page.reload()
    expect(page.locator("#secret")).to_have_count(0)
    line_of(page, "from-the-console").locator("summary", has_text="Rotate").click()
    page.get_by_role("button", name="Rotate from-the-console").click()
    second = secret_on(page)
    assert second != first
    assert calls_with(visitor, second) == 200
    assert calls_with(visitor, first) == 401
    line_of(page, "from-the-console").locator("summary", has_text="Revoke").click()
    page.get_by_role("button", name="Revoke from-the-console").click()
    expect(line_of(page, "from-the-console")).to_contain_text("revoked")
    assert calls_with(visitor, second) == 401


def test_a_key_that_cannot_be_is_refused_in_words(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/gateway/keys")
    page.get_by_text("New key").click()
    page.get_by_label("Name").fill("Not A Name")
    page.get_by_role("button", name="Make the key").click()
    expect(page.locator(".notice.bad")).to_contain_text("cannot be the name of a key")


def test_what_is_wrong_is_said_beside_its_field_and_what_was_written_stays(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/arena/findings")
    page.get_by_label("What was found").fill("Old people are told to ask their children")
    page.get_by_label("Run that measured it").fill("run_nowhere")
    page.get_by_label("Run that measured it").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("There is no run")
    field = page.locator("[name=run]")
    expect(field).to_be_focused()
    expect(field).to_have_accessible_description("There is no run 'run_nowhere'. See: genaiops run list")
    expect(page.get_by_label("What was found")).to_have_value("Old people are told to ask their children")
    assert ["404" in said for said in visitor.trouble] == [True]  # the browser's word on the answer to the form
    visitor.trouble.clear()


def test_below_the_bar_the_focus_is_seen(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/arena/metrics")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # Skip to the content
    page.keyboard.press("Tab")
    seen = """() => { const place = document.activeElement.getBoundingClientRect();
      return document.activeElement.contains(document.elementFromPoint(place.x + 4, place.y + 4)); }"""
    expect(page.locator("main a").first).to_be_focused()
    assert page.evaluate(seen)


def test_a_budget_is_set_reset_and_removed(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/gateway/budgets")
    page.get_by_text("New budget").click()
    page.locator("[name=scope_kind]").select_option("environment")
    page.get_by_label("Its name or id").fill("preprod")
    page.locator(".maker [name=limit]").fill("1000 calls")
    page.get_by_role("button", name="Set the budget").click()
    line = line_of(page, "environment preprod")
    expect(line).to_contain_text("1,000 calls")
    line.locator("summary", has_text="Reset").click()
    line.get_by_role("button", name="Reset").click()
    expect(page.locator(".notice")).to_contain_text("begins anew")
    line.locator("summary", has_text="Remove").click()
    line.get_by_role("button", name="Remove").click()
    expect(line_of(page, "environment preprod")).to_have_count(0)


def test_a_rate_limit_is_set_and_removed(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/gateway/limits")
    page.get_by_text("New rate limit").click()
    page.locator("[name=scope_kind]").select_option("environment")
    page.get_by_label("Its name or id").fill("preprod")
    page.get_by_label("Requests a minute").fill("sixty")
    page.get_by_role("button", name="Set the limit").click()
    expect(page.locator(".notice.bad")).to_contain_text("whole number")
    page.get_by_text("New rate limit").click()
    page.locator("[name=scope_kind]").select_option("environment")
    page.get_by_label("Its name or id").fill("preprod")
    page.get_by_label("Requests a minute").fill("60")
    page.get_by_role("button", name="Set the limit").click()
    line = line_of(page, "environment preprod")
    expect(line).to_contain_text("60")
    line.locator("summary", has_text="Remove").click()
    line.get_by_role("button", name="Remove").click()
    expect(line_of(page, "environment preprod")).to_have_count(0)


@pytest.fixture
def west_is_on(visitor: Visitor) -> Iterator[None]:
    yield
    with visitor.installation.hub() as hub:
        hub.targets.set_enabled("west", True, by="admin")


def test_a_target_is_turned_off_and_on(visitor: Visitor, west_is_on: None) -> None:
    visitor.log_in()
    page = visitor.open("/gateway/targets")
    line_of(page, "west").get_by_role("button", name="Turn off").click()
    expect(line_of(page, "west").locator(".status")).to_have_text("off")
    line_of(page, "west").get_by_role("button", name="Turn on").click()
    expect(line_of(page, "west").get_by_role("button", name="Turn off")).to_be_visible()


def test_the_playground_streams_and_shows_what_it_cost(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/playground?model=echo")
    page.get_by_label("Message").fill("one two three four five")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".turn.output .said")).to_have_text("one two three four five")
    expect(page.locator("[data-figure=output]")).to_contain_text("tokens")
    expect(page.locator("[data-figure=cost]")).to_have_text(re.compile("unknown|USD"))
    page.locator("[data-figure=trace] a").click()
    expect(page.locator(".turn.input").last).to_contain_text("one two three four five")
    keys = visitor.open("/gateway/keys")
    expect(line_of(keys, "playground/admin").first).to_contain_text("calls")
    expect(line_of(keys, "playground/admin").first).not_to_contain_text("never")


def test_a_stream_of_the_playground_can_be_stopped(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/playground?model=echo")
    page.get_by_label("Message").fill("word " * 2000)
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".turn.output .said")).to_contain_text("word")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("The call was cancelled")).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_be_enabled()
    assert len(page.locator(".turn.output .said").inner_text()) < 9000
