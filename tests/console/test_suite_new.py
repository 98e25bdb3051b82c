"""A suite written by a form: nothing is lost on a fault, the keyboard is enough, and it is kept and run."""

import re

import pytest
from playwright.sync_api import expect

from tests.console.conftest import Visitor

pytestmark = pytest.mark.needs_browser

CSV = "question,answer,output\nCapital of France?,Paris,It is Paris.\nCapital of Spain?,Madrid,Madrid\n"


def test_by_the_keyboard_from_the_list_to_a_run(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/arena/suites")
    page.get_by_role("link", name="New suite").press("Enter")
    page.get_by_role("link", name="answering", exact=True).press("Enter")
    expect(page.locator('[name="check:icontains_any"]')).to_be_checked()
    expect(page.locator('[name="check:token_f1"]')).to_be_checked()
    page.locator("[name=name]").press_sequentially("by-keyboard")
    page.locator("[name=name]").press("Enter")
    text = page.locator("textarea[name=text]")
    expect(text).to_have_value(re.compile('recorded = true.*metric = "token_f1"', re.DOTALL))
    page.get_by_role("button", name="Keep it in the Hub").press("Enter")
    expect(page.get_by_role("heading", name="by-keyboard")).to_be_visible()
    page.get_by_role("button", name="Run it now").press("Enter")
    expect(page.locator("main")).to_contain_text("3 of 3")
    expect(page.locator("main")).to_contain_text("The condition holds.")
    page = visitor.open("/arena/suites")
    expect(page.get_by_role("link", name="Run or sweep by-keyboard")).to_be_visible()
    assert visitor.trouble == []


def test_a_fault_loses_nothing_and_is_where_the_keyboard_goes_on(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/arena/suites/new?task=answering")
    page.locator("[name=source][value=text]").check()
    page.locator("[name=rows]").fill(CSV)
    page.locator("[name=input_from]").fill("question")
    page.locator("[name=expected_from]").fill("right")
    page.locator("[name='bound:token_f1']").fill("0.5")
    page.locator("[name=name]").fill("pasted")
    page.get_by_role("button", name="Show the suite").click()
    said = page.get_by_role("alert")
    expect(said).to_have_count(2)
    expect(said.first).to_contain_text("There are: question, answer, output.")
    expect(page.locator("[name=expected_from]")).to_be_focused()
    expect(page.locator("[name=rows]")).to_have_value(CSV)
    expect(page.locator("[name=name]")).to_have_value("pasted")
    page.locator("[name=expected_from]").fill("answer")
    page.locator("[name='wants:token_f1']").select_option("floor")
    page.get_by_role("button", name="Show the suite").click()
    text = page.locator("textarea[name=text]")
    expect(text).to_have_value(re.compile('expected = "Madrid".*floor = 0.5', re.DOTALL))
    text.fill(text.input_value().replace("floor", "flor"))
    page.get_by_role("button", name="Keep it in the Hub").click()
    expect(page.locator("#fault-text")).to_contain_text(
        re.compile(r"line \d+: check\[1\]\.flor:.*Did you mean 'floor'")
    )
    expect(text).to_be_focused()
    text.fill(text.input_value().replace("flor", "floor"))
    page.get_by_role("button", name="Keep it in the Hub").click()
    expect(page.locator("#suite")).to_contain_text("2 written into it")
    visitor.trouble[:] = [each for each in visitor.trouble if "400 (Bad Request)" not in each]
    assert visitor.trouble == []


def test_a_sweep_is_begun_by_a_form(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/arena/suites/new?task=answering")
    page.locator("[name=name]").fill("swept")
    page.locator("[name=candidate]").select_option("model:echo")
    page.get_by_role("button", name="Show the suite").click()
    page.get_by_role("button", name="Keep it in the Hub").click()
    page.locator("[name=shots]").fill("0,x")
    page.locator("[name=leave_out]").check()
    page.get_by_role("button", name="Begin the sweep").click()
    expect(page.locator("[name=shots]")).to_be_focused()
    expect(page.locator("[name=shots]")).to_have_value("0,x")
    expect(page.locator("[name=leave_out]")).to_be_checked()
    page.locator("[name=shots]").fill("0,1")
    page.get_by_role("button", name="Begin the sweep").click()
    expect(page.locator("#fault-examples")).to_contain_text("nothing that examples could be drawn from")
    visitor.trouble[:] = [each for each in visitor.trouble if "400 (Bad Request)" not in each]
    assert visitor.trouble == []
