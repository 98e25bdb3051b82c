"""Sessions, end users, saved views, scores, and two traces side by side."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.app.running import until
from tests.console.conftest import Visitor
from tests.console.seed import trace_id

pytestmark = pytest.mark.needs_browser


def logged_in(visitor: Visitor, path: str) -> Page:
    visitor.log_in()
    return visitor.open(path)


def test_from_the_sessions_to_what_was_said_and_its_trace(visitor: Visitor) -> None:
    page = logged_in(visitor, "/sessions?sort=traces")
    line = page.locator("tr", has=page.get_by_role("link", name="ticket/4701", exact=True))
    expect(line.locator("[data-label=calls]")).to_have_text("4")
    line.get_by_role("link", name="ticket/4701").click()
    expect(page.locator(".call")).to_have_count(4)
    visitor.live()
    times = [str(each.get_attribute("datetime")) for each in page.locator(".call time").all()]
    assert times == sorted(times), "in the order in which it was said"
    expect(page.locator(".call").first.locator(".turn.output")).to_be_visible()
    page.locator(".call a").first.click()
    page.get_by_role("link", name="ticket/4701").click()
    expect(page.locator("h1")).to_have_text("Session")


def test_users_sort_and_filter_and_are_text(visitor: Visitor) -> None:
    page = logged_in(visitor, "/users")
    expect(page.get_by_role("link", name="<b>mallory</b>")).to_be_visible()
    page.get_by_role("link", name="Tokens").click()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Tokens")
    visitor.live()
    most = page.locator("td[data-label=tokens]").all_inner_texts()
    assert [int(text.replace(",", "")) for text in most] == sorted(
        (int(text.replace(",", "")) for text in most), reverse=True
    )
    page.get_by_label("Only of this session").fill("ticket/4701")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="customer-7").click()
    expect(page.get_by_text("only a label")).to_be_visible()
    expect(page.locator(".traces tbody tr").first).to_be_visible()
    page.get_by_role("link", name="All traces of this user").click()
    expect(page.locator(".chips")).to_contain_text("customer-7")


def test_nobody_there_is_a_page_that_says_so(visitor: Visitor) -> None:
    page = logged_in(visitor, "/session?id=nobody")
    expect(page.get_by_text("There is no session 'nobody'.")).to_be_visible()
    visitor.open("/users?sort=shoes")
    expect(page.get_by_text("Use one of last, first")).to_be_visible()
    visitor.trouble = [line for line in visitor.trouble if "404" not in line and "400" not in line]


def test_a_view_is_saved_shared_renamed_and_deleted(visitor_with: Callable[..., Visitor]) -> None:
    mine, other = visitor_with(), visitor_with()
    page = logged_in(mine, "/traces?status=error&environment=prod")
    page.get_by_text("Save this view").click()
    page.get_by_label("Name").fill("What fails")
    page.get_by_role("button", name="Save the view").click()
    side = page.get_by_role("navigation", name="Main")
    expect(side.get_by_role("link", name="What fails")).to_have_attribute("aria-current", "true")
    with mine.installation.hub() as hub:
        actor = next(each for each in hub.actors.list() if each.name == "vera")
        assert [each.name for each in hub.views.seen_by(actor.id)] == []
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_text("is for everybody")).to_be_visible()
    with mine.installation.hub() as hub:
        assert [each.name for each in hub.views.seen_by(actor.id)] == ["What fails"]
    page.locator("summary", has_text="Rename").click()
    page.get_by_label("Name").fill("Failures")
    page.get_by_role("button", name="Rename the view").click()
    expect(page.get_by_text("The view is called Failures now.")).to_be_visible()
    mine.open("/settings")
    side.get_by_role("link", name="Failures").click()
    page.wait_for_url("**/traces?environment=prod&status=error")
    assert set(page.locator("#traces td.state").all_inner_texts()) == {"error"}
    page.get_by_role("button", name="Delete").click()
    expect(side.get_by_role("link", name="Failures")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(side.get_by_role("link", name="Failures")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    assert not other.trouble


def test_a_thumb_in_the_panel_is_found_by_its_filter(visitor: Visitor) -> None:
    number = 30
    page = logged_in(visitor, f"/traces?trace={trace_id(number).hex()}")
    panel = page.get_by_role("complementary", name="Trace")
    panel.get_by_label("Comment", exact=True).first.fill("It is wrong about the sky.")
    panel.get_by_label("Thumb down").click()
    expect(panel.locator(".scores")).to_contain_text("It is wrong about the sky.")
    page.get_by_label("Score").select_option("feedback=down")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(f"#traces tr[data-trace='{trace_id(number).hex()}']")).to_be_visible()
    page = visitor.open(f"/traces/{trace_id(number).hex()}")
    page.get_by_label("Thumb up").click()
    expect(page.locator(".scores li")).to_have_count(2)
    expect(page.locator(".scores .former")).to_contain_text("down")
    visitor.open("/traces?score=feedback%3Ddown")
    expect(page.locator(f"#traces tr[data-trace='{trace_id(number).hex()}']")).to_have_count(0)


def test_two_traces_side_by_side_by_mouse_and_by_keyboard(visitor: Visitor) -> None:
    first, second = trace_id(4).hex(), trace_id(13).hex()
    page = logged_in(visitor, f"/traces/{first}")
    page.get_by_role("link", name="Compare with another").click()
    expect(page.locator("#comparing")).to_contain_text(first[:8])
    page.locator("#traces tbody tr td.text").nth(2).click()
    page.wait_for_url(re.compile(rf"/compare\?a={first}&b="))
    visitor.open(f"/compare?a={first}&b={second}")
    differing = page.locator("tr.differs")
    expect(differing.filter(has_text="input tokens")).to_have_count(1)
    expect(page.locator("tr", has=page.get_by_role("rowheader", name="status"))).not_to_have_class("differs")
    visitor.open(f"/compare?a={trace_id(0).hex()}&b={trace_id(1).hex()}")
    expect(page.locator(".beside .turn.input del").first).to_contain_text("colour")
    expect(page.locator(".beside .turn.output ins").first).to_be_visible()
    visitor.open("/traces?until=30m")
    for key in ("j", "j", "c"):
        page.keyboard.press(key)
    expect(page.locator("#comparing")).to_be_visible()
    visitor.live()
    for key in ("j", "j", "j", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("h1")).to_have_text("Compare")


def test_a_user_is_erased_when_the_id_is_typed(visitor: Visitor) -> None:
    page = logged_in(visitor, "/users")
    page.get_by_role("link", name="<b>mallory</b>").click()
    page.get_by_role("link", name="Erase this user").click()
    expect(page.locator("h1")).to_have_text("Erase a user")
    expect(page.get_by_text("who it was, what was said", exact=False)).to_be_visible()
    page.get_by_label("Why, without the name").fill("request 5")
    page.get_by_label("Type the user's id").fill("mallory")
    page.get_by_role("button", name="Erase this user").click()
    expect(page.get_by_text("nothing was erased")).to_be_visible()
    page.get_by_label("Why, without the name").fill("request 5")
    page.get_by_label("Type the user's id").fill("<b>mallory</b>")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Erasures")
    line = page.locator("tr", has_text="request 5")

    def done() -> bool:
        page.reload()
        return "done" in line.locator("[data-label=state]").inner_text()

    until(done, "the erasure to end")
    visitor.open("/users")
    expect(page.get_by_role("link", name="<b>mallory</b>")).to_have_count(0)
