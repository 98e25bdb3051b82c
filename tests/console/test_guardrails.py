"""Guardrails in the console: figures, what rules in shadow would have done, marks by mouse and by keyboard."""

import re
from collections.abc import Callable

import vl_convert
from playwright.sync_api import expect

from genaiops.console._cache_charts import Span
from genaiops.console._charts import coloured
from genaiops.console._guard_charts import done, would_have
from genaiops.watch import GuardPoint
from tests.app.running import request
from tests.console.conftest import Visitor
from tests.console.seed import trace_id

HOUR = 3_600_000_000


def test_the_overview_counts_and_leads_to_rules(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/guardrails?since=7d")
    visitor.drawn()
    expect(page.locator("[data-chart]")).to_have_count(2)
    mail = page.locator("#rules [data-rule='default/mail']")
    expect(mail).to_contain_text("unknown")  # nobody marked one
    looked = int(mail.locator("[data-label='looked at']").inner_text().replace(",", ""))
    noticed = int(mail.locator("[data-label='only noticed']").inner_text().replace(",", ""))
    assert 0 < noticed < looked
    expect(page.locator("#rules")).not_to_contain_text("injection")  # it is in shadow
    shadowed = page.locator("#shadow [data-rule='strict/injection']")
    expect(shadowed).to_be_visible()
    assert int(shadowed.locator("[data-label='would be blocked']").inner_text()) > 0
    shadowed.get_by_role("link", name="injection").click()
    expect(page.get_by_text("The rule is in shadow")).to_be_visible()
    expect(page.locator("[data-verdict]").first).to_contain_text("would block")


def test_a_verdict_is_marked_by_keyboard_and_taken_back(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/guardrails/rules/default/leaks?since=7d")
    page.keyboard.press("j")
    page.keyboard.press("j")
    first, second = page.locator("[data-verdict]").nth(0), page.locator("[data-verdict]").nth(1)
    expect(second).to_be_focused()
    page.keyboard.press("f")
    expect(page.get_by_text("leaks was a false alarm.")).to_be_visible()
    expect(second).to_be_focused()
    expect(second.get_by_role("button", name="false alarm")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".facts")).to_contain_text(re.compile(r"100 % \(.*n=1\)"))
    page.keyboard.press("k")
    page.keyboard.press("r")
    expect(page.get_by_text("leaks was right.")).to_be_visible()
    expect(first).to_be_focused()
    expect(page.locator(".facts")).to_contain_text(re.compile(r"50 % \(.*n=2\)"))
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".facts")).to_contain_text("n=1")
    second.get_by_role("button", name="false alarm").click()  # once more takes it back
    expect(page.get_by_text("is taken back")).to_be_visible()
    expect(page.locator(".facts")).to_contain_text("unknown")


def test_a_mark_has_a_note_that_goes_with_its_test_case(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/guardrails/rules/default/mail?since=7d")
    page.keyboard.press("j")
    page.keyboard.press("n")
    expect(page.locator("[data-verdict] textarea").first).to_be_focused()
    page.keyboard.type("An address of our own.")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("mail was a false alarm. The call is a test case of guard-cases now.")).to_be_visible()
    row = page.locator("[data-verdict]").first
    expect(row.locator(".note-text")).to_have_text("An address of our own.")
    found = request(f"{visitor.url}/api/datasets/rows?ref=guard-cases@current", key=visitor.installation.key)
    assert "An address of our own." in [each["row"]["note"] for each in found.body["data"]], found.body
    row.get_by_role("button", name="mail: right").click()
    expect(row.locator(".note-text")).to_have_text("An address of our own.")
    page.get_by_role("button", name="Undo").click()
    expect(row.get_by_role("button", name="mail: false alarm")).to_have_attribute("aria-pressed", "true")
    expect(row.locator(".note-text")).to_have_text("An address of our own.")
    row.get_by_role("button", name="mail: false alarm").click()
    expect(row.locator(".note-text")).to_have_count(0)


def test_the_trace_tells_what_guards_said(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open(f"/traces/{trace_id(42).hex()}")
    spans = page.locator(".verdicts-of-span")
    expect(spans).to_contain_text("noticed by mail of default: email")
    expect(spans).to_contain_text("redacted by secrets")
    spans.get_by_role("button", name="mail: right").click()
    expect(page.get_by_text("mail was right. The call is a test case of guard-cases now.")).to_be_visible()
    expect(page.locator(".scores")).to_contain_text("guard:mail")
    page.get_by_role("button", name="Undo").click()
    expect(spans.get_by_role("button", name="mail: right")).to_have_attribute("aria-pressed", "false")


def test_verdicts_are_filtered_by_the_address(visitor_with: Callable[..., Visitor]) -> None:
    visitor = visitor_with(java_script_enabled=False)
    visitor.log_in()
    page = visitor.open("/guardrails/verdicts?action=block&shadow=no")
    expect(page.locator("[data-verdict]").first).to_contain_text("blocked")
    assert {each.strip() for each in page.locator("[data-verdict] .status").all_inner_texts()} == {"blocked"}
    page.get_by_role("link", name="In shadow", exact=True).click()
    expect(page.locator("[data-verdict]").first).to_contain_text("would block")
    page.get_by_label("Remove the filter action").click()
    expect(page.locator(".chips")).not_to_contain_text("action")
    page = visitor.open("/guardrails/verdicts")
    page.get_by_role("link", name="Older").click()
    page.get_by_role("link", name="Newest").click()
    expect(page.locator("[data-verdict]")).to_have_count(25)


def test_charts_leave_out_what_never_followed() -> None:
    span = Span(0, 3 * HOUR, HOUR)
    points = [GuardPoint(start_us=HOUR, actions={"block": 2, "flag": 1}, shadow={"hold": 4}, errors=0)]
    both, shadow, empty = done(span, points), would_have(span, points), done(span, [])
    assert both.head[1:] == ["blocked, verdicts", "only noticed, verdicts"]
    assert shadow.title == "What rules in shadow would have done: held, an hour"
    assert [row[1:] for row in both.rows if row[1] != "0"] == [["2", "1"]]
    for chart in (both, shadow, empty):
        assert vl_convert.vegalite_to_svg(coloured(chart.spec)).startswith("<svg")
