"""The audit log as a page: found, filtered, explained, verified, and an edit shown where it is."""

import contextlib
import re
import sqlite3
from collections.abc import Callable

from playwright.sync_api import expect

from tests.app.running import Installation
from tests.console.conftest import Visitor


def test_an_event_is_found_and_explained(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/settings")
    page.get_by_role("link", name="Audit log").click()
    expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    page.get_by_label("Collection").select_option("routes")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_label("Filters")).to_contain_text("collection: routes")
    rows = page.locator("#events tbody tr")
    expect(rows.filter(has_text="support").first).to_be_visible()
    page.get_by_role("link", name=re.compile(r"^Event \d+$")).last.click()
    expect(page.locator("#differences")).to_contain_text("targets")
    page.get_by_role("link", name="← Audit log").click()
    expect(page.locator("#events")).to_contain_text("sign in")


def test_the_log_is_verified_and_an_edit_is_named(visitor: Visitor, installation: Installation) -> None:
    visitor.log_in()
    page = visitor.open("/settings/audit")
    page.get_by_role("button", name="Sign now").click()
    expect(page.get_by_text("The log is signed up to event")).to_be_visible()
    page.get_by_role("button", name="Verify everything").click()
    expect(page.get_by_text("The audit log holds")).to_be_visible()

    def run(statement: str) -> None:
        with contextlib.closing(sqlite3.connect(installation.home.records, timeout=10)) as connection, connection:
            assert connection.execute(statement).rowcount == 1

    run("UPDATE audit_events SET at_us = at_us + 1 WHERE seq = 2")
    try:
        page.get_by_role("button", name="Verify everything").click()
        expect(page.get_by_role("alert")).to_contain_text("does not hold: 1 finding")
        expect(page.locator(".findings")).to_contain_text("Event 2 does not fit its hash: at_us is")
    finally:
        run("UPDATE audit_events SET at_us = at_us - 1 WHERE seq = 2")
    page.get_by_role("button", name="Verify everything").click()
    expect(page.get_by_text("The audit log holds")).to_be_visible()


def test_it_fits_a_telephone_and_works_by_keyboard(visitor_with: Callable[..., Visitor]) -> None:
    visitor = visitor_with(viewport={"width": 420, "height": 800}, color_scheme="dark")
    visitor.log_in()
    page = visitor.open("/settings/audit")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_role("button", name="Verify everything").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("The audit log holds")).to_be_visible()
