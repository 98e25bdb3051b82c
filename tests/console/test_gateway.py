"""Routes, targets and prices made, changed, removed and undone in the console, as people do it."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from genaiops.core.errors import GenaiopsError
from genaiops.domain import Route, RouteTarget
from tests.console.conftest import Visitor

pytestmark = pytest.mark.needs_browser


def line_of(page: Page, name: str) -> Locator:
    return page.locator("tr", has=page.get_by_text(name, exact=True))


def card_of(page: Page, name: str) -> Locator:
    return page.locator("section.card", has=page.get_by_role("heading", name=name))


@pytest.fixture
def tidy(visitor: Visitor) -> Iterator[None]:
    """Takes away what a test that failed half way left."""
    yield
    with visitor.installation.hub() as hub:
        for service, name in ((hub.routes, "made-here"), (hub.targets, "made-here")):
            try:
                service.remove(name, by="admin")
            except GenaiopsError:
                continue


def test_the_life_of_a_route(visitor: Visitor, tidy: None) -> None:
    visitor.log_in()
    page = visitor.open("/gateway/routes")
    page.get_by_role("link", name="New route").click()
    page.get_by_label("Name that clients call").fill("made-here")
    page.get_by_label("Weight of west").fill("3")
    page.get_by_label("Place of echo among the fallbacks").fill("1")
    page.get_by_label("Place of echo among those over budget").fill("1")
    page.get_by_role("button", name="Make the route").click()
    card = card_of(page, "made-here")
    expect(card.locator("tr[data-target=west]")).to_contain_text("100 %")
    expect(card.get_by_role("img")).to_have_attribute(
        "aria-label", "Calls of made-here go to west; when they fail, in this order to echo."
    )
    card.get_by_role("link", name="Change").click()
    page.get_by_label("Weight of echo").fill("1")
    page.get_by_label("Attempts").fill("5")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".notice.bad")).to_contain_text("echo has a weight and a place among the fallbacks")
    assert page.get_by_label("Attempts").input_value() == "5", "what was typed is kept"
    assert page.get_by_label("Place of echo among those over budget").input_value() == "1"
    page.get_by_label("Place of echo among the fallbacks").fill("")
    page.get_by_role("button", name="Save").click()
    expect(card.locator("tr[data-target=west]")).to_contain_text("75 %")
    expect(card).to_contain_text("5 attempts")
    with visitor.installation.hub() as hub:
        assert hub.routes.get("made-here").over_budget == ("echo",)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".notice")).to_contain_text("as it was")
    expect(card.locator("tr[data-target=west]")).to_contain_text("100 %")
    card.locator("summary", has_text="Remove").click()
    page.get_by_role("button", name="Remove made-here").click()
    expect(card_of(page, "made-here")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(card_of(page, "made-here")).to_contain_text("3 attempts")
    visitor.trouble = [line for line in visitor.trouble if "400" not in line]


def test_what_was_changed_since_is_not_undone(visitor: Visitor, tidy: None) -> None:
    with visitor.installation.hub() as hub:
        hub.routes.create(Route(id="made-here", targets=(RouteTarget("echo"),), created_us=0), by="admin")
    visitor.log_in()
    page = visitor.open("/gateway/routes/made-here")
    page.get_by_label("Weight of echo").fill("2")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    with visitor.installation.hub() as hub:
        hub.routes.replace(Route(id="made-here", targets=(RouteTarget("echo", 7),), created_us=0), by="admin")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".notice.bad")).to_contain_text("changed again since")
    with visitor.installation.hub() as hub:
        assert hub.routes.get("made-here").targets == (RouteTarget("echo", 7),)


def test_the_life_of_a_target(visitor: Visitor, tidy: None) -> None:
    visitor.log_in()
    page = visitor.open("/gateway/new-target")
    page.get_by_label("Name", exact=True).fill("made-here")
    page.locator("[name=provider]").select_option("openai")
    page.get_by_label("Model that clients call").fill("large")
    page.get_by_role("button", name="Make the target").click()
    expect(page.locator(".notice.bad")).to_contain_text("has no base_url")
    page.get_by_label("Address").fill("https://models.example/v1")
    page.get_by_text("Limits, timeouts").click()
    page.get_by_label("First token within").fill("12.5")
    page.get_by_label("Settings").fill("colour = blue\nsize=3")
    page.get_by_role("button", name="Make the target").click()
    expect(line_of(page, "made-here")).to_contain_text("large")
    with visitor.installation.hub() as hub:
        target = hub.targets.get("made-here")
    assert target.timeouts.first_token == 12.5
    assert target.settings == {"colour": "blue", "size": "3"}
    page.get_by_role("link", name="made-here").click()
    page.get_by_label("The provider's name for it").fill("large-2027")
    page.get_by_role("button", name="Save").click()
    expect(line_of(page, "made-here")).to_contain_text("large-2027")
    with visitor.installation.hub() as hub:
        changed = hub.targets.get("made-here")
    assert changed.upstream_model == "large-2027"
    assert (changed.timeouts, changed.settings) == (target.timeouts, target.settings)
    page.get_by_role("link", name="made-here").click()
    page.get_by_text("Remove this target").click()
    page.get_by_role("button", name="Remove made-here").click()
    expect(page.locator(".notice")).to_contain_text("is gone")
    page.get_by_role("button", name="Undo").click()
    expect(line_of(page, "made-here")).to_contain_text("large-2027")
    visitor.trouble = [line for line in visitor.trouble if "400" not in line]


def test_a_target_that_a_route_names_stays(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/gateway/targets/west")
    page.get_by_text("Remove this target").click()
    page.get_by_role("button", name="Remove west").click()
    expect(page.locator(".notice.bad")).to_contain_text("named by the routes support")


def test_a_price_for_what_nobody_knew(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/gateway/prices")
    expect(page.locator("#unknown h2")).to_contain_text("something nobody knows")
    page.locator("#unknown").get_by_role("link", name="Set its price").first.click()
    assert page.locator(".maker [name=model]").input_value() == "echo"
    assert page.get_by_label("Input, a million").input_value() == "2.5", "what it costs now"
    page.get_by_label("Input, a million").fill("3.5")
    page.get_by_label("Output, a million").fill("ten")
    page.get_by_role("button", name="Set the price").click()
    expect(page.locator(".notice.bad")).to_contain_text("not a decimal number")
    page.get_by_label("Output, a million").fill("7")
    page.get_by_role("button", name="Set the price").click()
    line = page.locator("tr.used", has=page.get_by_text("echo", exact=True)).first
    expect(line).to_contain_text("3.5")
    page.get_by_role("button", name="Undo").click()
    expect(line).to_contain_text("2.5")
    expect(line).not_to_contain_text("3.5")
    visitor.trouble = [each for each in visitor.trouble if "400" not in each]


def test_a_limit_of_a_budget_is_changed_and_undone(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/gateway/budgets")
    line = line_of(page, "environment prod")
    line.locator("summary", has_text="Change").click()
    line.get_by_label("New limit").fill("2M tokens")
    line.get_by_role("button", name="Change the limit").click()
    expect(line).to_contain_text("2M tokens")
    page.get_by_role("button", name="Undo").click()
    expect(line).to_contain_text("1M tokens")


def test_charts_and_their_tables(visitor: Visitor) -> None:
    visitor.log_in()
    for path, charts in (("/gateway", 1), ("/gateway/budgets", 1), ("/gateway/targets/west", 2), ("/costs", 1)):
        page = visitor.open(path)
        visitor.drawn()
        assert page.locator("[data-chart] canvas").count() == charts, path
        assert page.locator(".chart tbody td").count() > 1, path


def test_a_viewer_sees_and_changes_nothing(visitor: Visitor) -> None:
    with visitor.installation.hub() as hub:
        from genaiops.hub import NewKey

        viewer = next(actor for actor in hub.actors.list() if actor.name == "vera")
        _, text = hub.keys.create(NewKey(name="vera-2", actor_id=viewer.id, scopes=("api",)), by="admin")
    page = visitor.paste(text, "/gateway/routes/support")
    expect(page.get_by_label("Weight of west")).to_have_value("3")
    for path in ("/gateway/routes", "/gateway/routes/support", "/gateway/targets", "/gateway/targets/west"):
        visitor.open(path)
        expect(page.locator("main form[method=post]")).to_have_count(1 if path.endswith(("support", "west")) else 0)
        expect(page.locator("main form[method=post] button")).to_have_count(0)
    answer = page.goto(f"{visitor.url}/gateway/new-route")
    assert answer is not None
    assert answer.status == 403
    visitor.trouble = [line for line in visitor.trouble if "403" not in line]


def test_a_budget_in_energy(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/gateway/budgets")
    page.locator("summary", has_text="New budget").click()
    page.locator("select[name=scope_kind]").select_option("environment")
    page.get_by_label("Its name or id").fill("dev")
    page.get_by_label("Limit", exact=True).fill("5 kWh")
    page.get_by_role("button", name="Set the budget").click()
    expect(page.locator(".notice")).to_contain_text("The budget of 5 kWh is in force.")
    line = line_of(page, "environment dev")
    expect(line.locator("td[data-label=used]")).to_contain_text(re.compile(r"Wh settled\s*\d+ unknown"))
    expect(line.locator("td[data-label=left]")).to_contain_text("kWh")
    expect(page.get_by_text("Of a provider's model only output tokens count")).to_be_visible()
    visitor.drawn()
    line.locator("summary", has_text="Change").click()
    line.get_by_label("New limit").fill("750 Wh")
    line.get_by_role("button", name="Change the limit").click()
    expect(line.locator("td.lead")).to_contain_text("750 Wh")
    line.locator("summary", has_text="Remove").click()
    line.get_by_role("button", name="Remove").click()
    expect(line_of(page, "environment dev")).to_have_count(0)
