"""Pages of guard policies and of detectors."""

import re
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import expect

from genaiops.console._guard_text import policy_text
from genaiops.domain import GuardPolicy, GuardRule, ToolRules
from genaiops.hub import read_guard
from tests.console.conftest import Visitor

STRICT = """\
description = "No bombs."

[[rules]]
id = "bombs"
detector = "words"
action = "block"
options = { words = ["bomb"] }

[[rules]]
id = "mail"
detector = "pii"
kinds = ["email"]
action = "redact"

[tools]
steps = 5
cost = "0.50"
"""


def test_a_replay_says_what_changes_and_is_kept(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/guardrails/policies/default")
    page.get_by_label("Text of the policy").fill(STRICT)
    page.get_by_role("button", name="Try on the calls").click()
    expect(page.get_by_role("heading", name="The text in the place of default")).to_be_visible()
    expect(page.locator(".status.ok")).to_have_text("done", timeout=20_000)
    place = page.url
    page.get_by_role("link", name="All replays").click()
    row = page.locator(f"[data-replay={place.rpartition('/')[2].partition('?')[0]}]")
    row.get_by_role("link").click()
    assert page.url == place
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The replay is forgotten.")).to_be_visible()
    expect(row).to_have_count(0)


def test_a_policy_is_written_checked_tried_pushed_and_taken_back(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/guardrails/policies")
    expect(page.locator("[data-policy=default]")).to_contain_text("all that names no other")
    page.get_by_label("Name of a new one").fill("bombs-away")
    page.get_by_role("button", name="Write it").click()
    text = page.get_by_label("Text of the policy")
    text.fill(STRICT.replace("block", "blokk"))
    expect(page.locator("#faults")).to_contain_text("rules[0].action")
    page.get_by_role("button", name="line 6").click()
    assert page.evaluate("() => getSelection().toString() || document.activeElement.selectionStart > 0")
    text.fill(STRICT)
    expect(page.locator("#faults")).to_contain_text("Nothing is wrong with it.")
    page.get_by_label("A text").fill("Write to ann@example.org")
    page.get_by_role("button", name="Try", exact=True).click()
    expect(page.locator("#tried .goes-on")).not_to_contain_text("ann@example.org")
    expect(page.locator("#tried")).to_contain_text("email")
    page.get_by_label("A text").fill("a bomb")
    page.get_by_label("an answer").check()
    page.get_by_role("button", name="Try", exact=True).click()
    expect(page.locator("#tried")).to_contain_text("Nothing goes on.")
    page.get_by_role("button", name="Push").click()
    expect(page.get_by_text("in force in every worker")).to_be_visible()
    expect(page.locator("#policy-rules [data-rule=bombs]")).to_contain_text("block")
    expect(page.locator("#session-limits")).to_have_text("5 steps, cost 0.50, then block")
    page.get_by_label("Text of the policy").fill(STRICT.replace('"block"', '"flag"'))
    page.get_by_role("button", name="Compare with what is in force").click()
    expect(page.locator("#draft-differences")).to_contain_text("milder")
    page.get_by_role("button", name="Push").click()
    expect(page.locator("#policy-rules [data-rule=bombs]")).to_contain_text("notice")
    expect(page.locator("#differences")).to_contain_text("Rule bombs is changed")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#policy-rules [data-rule=bombs]")).to_contain_text("block")


def test_a_candidate_is_tried_on_the_calls_of_a_day_without_scripts(
    visitor_with: Callable[..., Visitor],
) -> None:
    visitor = visitor_with(java_script_enabled=False)
    visitor.log_in()
    page = visitor.open("/guardrails/policies/default")
    page.get_by_label("Text of the policy").fill(STRICT)
    page.get_by_role("button", name="Try on the calls").click()
    expect(page.get_by_role("heading", name="in the place of default")).to_contain_text(re.compile("done"))
    expect(page.locator(".facts")).to_contain_text("Judged")


def test_a_policy_is_kept_as_it_was_written(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/guardrails/policies/written")
    for text in (f"# first thoughts\n{STRICT}", f"# second thoughts\n{STRICT.replace('block', 'flag')}"):
        page.get_by_label("Text of the policy").fill(text)
        page.get_by_role("button", name="Push").click()
        expect(page.locator("#written")).to_contain_text(text.partition("\n")[0])
        expect(page.get_by_label("Text of the policy")).to_have_value(text)
    page.get_by_text("Line by line").click()
    expect(page.locator("#text-diff ins").first).to_have_text("+# second thoughts")
    page.get_by_text("As it was written", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "written.toml"
    assert download.value.path().read_text() == text


def test_a_policy_is_chosen_where_it_guards(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/guardrails/policies/apart")
    page.get_by_label("Text of the policy").fill(STRICT)
    page.get_by_role("button", name="Push").click()
    page = visitor.open("/settings")
    page.get_by_label("Guard policy of dev").click()
    form = page.locator("form:has(input[name=id][value=dev])")
    form.get_by_label("Guard policy").select_option("apart")
    form.get_by_role("button", name="Set").click()
    expect(page.get_by_text("The environment dev is guarded by apart.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("is guarded as it was")).to_be_visible()
    page = visitor.open("/gateway/keys")
    if not page.get_by_label("Name", exact=True).is_visible():
        page.get_by_text("New key").click()
    page.get_by_label("Name", exact=True).fill("guarded-one")
    maker = page.locator("details.maker")
    maker.get_by_label("Guard policy").select_option("apart")
    page.get_by_role("button", name="Make the key").click()
    row = page.locator("[data-key]", has_text="guarded-one")
    expect(row.locator("[data-label='guarded by']")).to_have_text("apart")
    row.get_by_text("Guard", exact=True).click()
    row.get_by_label("Guard policy").select_option("as its environment")
    row.get_by_role("button", name="Set").click()
    expect(row.locator("[data-label='guarded by']")).to_have_text("as its environment")
    page = visitor.open("/gateway/new-route")
    page.get_by_label("Name that clients call").fill("guarded-route")
    page.locator("input[name^='weight:']").first.fill("1")
    page.get_by_label("Guard policy").select_option("apart")
    page.get_by_role("button", name="Make the route").click()
    page = visitor.open("/gateway/routes/guarded-route")
    expect(page.get_by_label("Guard policy")).to_have_value("apart")
    page = visitor.open("/guardrails/policies/apart")
    expect(page.locator("#uses")).to_contain_text("guarded-route")
    page = visitor.open("/gateway/routes/guarded-route")
    page.get_by_label("Guard policy").select_option("")
    page.get_by_role("button", name="Save").click()
    page = visitor.open("/guardrails/policies/apart")
    expect(page.locator("#uses")).to_have_count(0)


def test_what_nobody_measured_is_unknown(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/guardrails/detectors")
    expect(page.locator("[data-detector=tools]")).to_contain_text("unknown")
    expect(page.locator("[data-detector=pii]")).to_contain_text("recall 1.000")
    page.get_by_role("link", name="pii").click()
    expect(page.locator("#figures")).to_contain_text("presidio-evaluator")
    expect(page.locator("#kinds")).to_contain_text("iban")


_TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\r"), max_size=30)


@given(
    description=_TEXT,
    words=st.lists(_TEXT, max_size=3),
    options=st.dictionaries(_TEXT, st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | _TEXT, st.lists)),
    threshold=st.none() | st.floats(0, 1),
    tools=st.none() | st.builds(ToolRules, denied=st.tuples(_TEXT), schemas=st.dictionaries(_TEXT, st.just({"a": 1}))),
)
def test_a_policy_is_read_from_its_text_as_it_was(
    description: str, words: list[str], options: dict[str, object], threshold: float | None, tools: ToolRules | None
) -> None:
    rule = GuardRule(id="one", detector="words", options={"words": words, "more": options}, threshold=threshold)
    policy = GuardPolicy(description=description, rules=(rule,), tools=tools)
    assert read_guard(policy_text(policy)).policy == policy
