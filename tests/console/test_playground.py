"""The Playground: two columns at a time, prompts with variables, and what was tried saved as a version."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from genaiops.console._prompts import manifest_of, values_of
from genaiops.core.errors import UsageError
from tests.console.conftest import Visitor


def logged_in(visitor: Visitor, path: str) -> Page:
    visitor.log_in()
    return visitor.open(path)


@pytest.mark.needs_browser
def test_two_columns_answer_side_by_side(visitor: Visitor) -> None:
    page = logged_in(visitor, "/playground?model=echo")
    page.get_by_role("button", name="Two columns").click()
    first, second = page.get_by_label("Column 1"), page.get_by_label("Column 2")
    expect(second.get_by_label("Model")).to_have_value("echo")
    second.get_by_label("Max tokens").fill("2")
    page.get_by_label("Message").fill("one two three four")
    page.keyboard.press("Control+Enter")
    expect(first.locator(".turn.output .said")).to_have_text("one two three four")
    expect(second.locator(".turn.output .said")).to_have_text("one two")
    for column in (first, second):
        expect(column.locator("[data-figure=trace] a")).to_be_visible()
        expect(column.locator("[data-figure=cost]")).to_contain_text("USD")
    page.get_by_role("link", name="Compare the traces").click()
    expect(page.locator("tr.differs").filter(has_text="request max_tokens")).to_have_count(1)
    expect(page.locator(".beside .turn.output del")).to_contain_text("three four")
    visitor.open("/playground?model=echo&beside=support")
    expect(page.get_by_label("Column 2").get_by_label("Model")).to_have_value("support")
    page.get_by_label("Column 2").get_by_role("button", name="Remove this column").click()
    expect(page.get_by_role("button", name="Two columns")).to_be_visible()


@pytest.mark.needs_browser
def test_a_prompt_is_tried_changed_and_saved_as_a_version(visitor: Visitor) -> None:
    page = logged_in(visitor, "/hub/prompt/support/answer")
    page.get_by_role("link", name="in the Playground").click()
    expect(page.get_by_label("System")).to_have_value(
        "You answer customers of a printer shop. Answer in two short sentences."
    )
    expect(page.get_by_label("Message")).to_have_value("{{ question }}")
    expect(page.get_by_label("Temperature")).to_have_value("0.2")
    page.get_by_label("Model").select_option("echo")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("[data-talk]")).to_contain_text("needs the variable 'question'")
    visitor.trouble = [line for line in visitor.trouble if "400" not in line]
    page.get_by_label("Variables").fill("question = Does it print in colour?")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".turn.output .said")).to_have_text("Does it print in colour?")
    page.get_by_label("System").fill("You answer {{ audience }} of a printer shop.")
    page.get_by_label("Variables").fill("question = Does it print?\naudience = customers")
    page.get_by_text("Save as a prompt version").click()
    page.get_by_label("Name").fill("support/tried")
    page.get_by_role("button", name="Save the version").click()
    page.locator("[data-saved] a").click()
    expect(page.locator("h2.name")).to_have_text("prompt/support/tried")
    with visitor.installation.hub() as hub:
        manifest = hub.artifacts.versions("prompt/support/tried")[-1].manifest
    assert [each["content"] for each in manifest["messages"]] == [
        "You answer {{ audience }} of a printer shop.",
        "{{ question }}",
    ]
    assert {each["name"] for each in manifest["variables"]} == {"question", "audience"}
    assert manifest["parameters"]["temperature"] == 0.2


@pytest.mark.needs_browser
def test_tools_and_an_answers_format_are_tried_and_saved(visitor: Visitor) -> None:
    visitor.installation.add_echo("tooled", tool="look_up", text='{"city": "Oslo"}')
    page = logged_in(visitor, "/playground?model=tooled")
    page.get_by_text("Tools, answer format").click()
    page.get_by_role("textbox", name="Tools").fill("{}")
    page.get_by_label("Message").fill("How is Oslo?")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("[data-talk]")).to_contain_text("Tools: write a list")
    tools = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]
    page.get_by_role("textbox", name="Tools").fill(json.dumps(tools))
    page.get_by_label("Further parameters").fill('{"seed": 7}')
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".turn.output .said")).to_have_text('look_up({"city": "Oslo"})')
    page.get_by_text("Save as a prompt version").click()
    page.get_by_label("Name").fill("support/tools")
    page.get_by_label("with what is asked").check()
    page.get_by_role("button", name="Save the version").click()
    expect(page.locator("[data-saved] a")).to_be_visible()
    with visitor.installation.hub() as hub:
        version = hub.artifacts.versions("prompt/support/tools")[-1]
    assert (version.manifest["tools"], version.manifest["parameters"]["seed"]) == (tools, 7)
    visitor.open(f"/playground?model=tooled&prompt={version.id}")
    expect(page.get_by_role("textbox", name="Tools")).to_have_value(json.dumps(tools, indent=1))
    expect(page.get_by_label("Further parameters")).to_have_value('{\n "seed": 7\n}')


@pytest.mark.needs_browser
def test_in_prod_a_call_is_an_applications(visitor: Visitor) -> None:
    page = logged_in(visitor, "/playground?model=echo&environment=prod")
    chosen = page.get_by_label("Application")
    # Beside applications that other tests made; one has to be chosen.
    expect(chosen.locator("option", has_text="support (Support assistant)")).to_have_count(1)
    expect(chosen.get_by_role("option", name="none", exact=True)).to_have_count(0)
    chosen.select_option(label="support (Support assistant)")
    page.get_by_label("Message").fill("one two")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".turn.output .said")).to_have_text("one two")
    page.locator("[data-figure=trace] a").click()
    expect(page.locator("main")).to_contain_text("support")
    visitor.open("/playground?model=echo")
    expect(chosen.locator("option").first).to_have_text("none")


def test_variables_as_people_type_them() -> None:
    text = "name = Ana\ncount = 3\n\nsure=true\nsaid = a = b\nitems = [1, 2]"
    assert values_of(text) == {"name": "Ana", "count": 3, "sure": True, "said": "a = b", "items": [1, 2]}
    with pytest.raises(UsageError, match="is no variable"):
        values_of("just words")


def test_what_is_used_is_declared_by_its_value() -> None:
    base = {"messages": [], "variables": {"kept": {"type": "string", "description": "as it was"}}, "tools": []}
    messages = [{"role": "user", "content": "{{kept}} {{#each items}}{{this}}{{else}}none{{/each}} {{ new }}"}]
    given: dict[str, Any] = {"messages": messages}
    manifest = manifest_of(base, given, {"items": [1], "new": "text"})
    assert manifest == {
        "messages": messages,
        "variables": [
            {"name": "kept", "type": "string", "description": "as it was"},
            {"name": "items", "type": "list"},
            {"name": "new"},
        ],
    }
