"""Every page in a real browser. The fixture fails a test whose page logged an error, broke the content security policy
or asked another host for anything."""

from collections.abc import Callable

import pytest
from playwright.sync_api import ViewportSize, expect

from genaiops.core.ids import new_trace_id
from tests.console.conftest import PATHS, SEEDED, Visitor, guarded
from tests.console.seed import trace_id

pytestmark = pytest.mark.needs_browser

EVERY = {
    **PATHS,
    **SEEDED,
    "trace": f"/traces/{trace_id(4).hex()}",
    "split": f"/traces?trace={trace_id(13).hex()}",
}
LONGER = """document.querySelectorAll("h1, h2, h2 small, main p, main dd")
  .forEach((each) => each.append("w".repeat(200)))"""
NARROW, WIDE = ViewportSize(width=420, height=860), ViewportSize(width=1280, height=720)
HEADINGS = {name: "Gateway" for name, path in PATHS.items() if path.startswith("/gateway")}


NAMELESS = """() => [...document.querySelectorAll(
    "input:not([type=hidden]), select, textarea, button, a, [role=img], summary")]
  .filter((each) => !(each.labels?.length || each.ariaLabel || each.textContent.trim()
    || each.querySelector("img[alt]")))
  .concat([...document.querySelectorAll("table")].filter((each) => !(each.caption || each.ariaLabel?.trim())))
  .concat([...document.querySelectorAll("thead th")].filter((each) => !each.textContent.trim()))
  .map((each) => each.outerHTML.slice(0, 120))"""
TWICE = """() => { const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
  return ids.filter((id, place) => ids.indexOf(id) !== place); }"""
LEAPS = """() => [...document.querySelectorAll("h1, h2, h3, h4")].filter((each) => each.offsetParent)
  .filter((each, place, all) => each.tagName[1] > 1 + Number(all[place - 1]?.tagName[1] ?? 0))
  .map((each) => each.outerHTML.slice(0, 120))"""
"""What assistive technology would have no name for; ids that stand twice; headings that leave a level out."""


def too_wide(visitor: Visitor) -> list[str]:
    """What reaches out of the page, where it scrolls sideways."""
    return visitor.page.evaluate(
        """() => { const wide = document.documentElement.clientWidth;
        if (document.documentElement.scrollWidth <= wide) return [];
        return [...document.body.querySelectorAll("*")].filter((one) => one.getBoundingClientRect().right > wide + 1)
            .map((one) => one.outerHTML.slice(0, 120)); }"""
    )


PARTS = 5
"""One test of all pages would come near the two minutes after which a test counts as hanging, where others work too."""


@pytest.mark.parametrize("part", range(PARTS))
def test_every_page_narrow_and_wide_with_a_name_for_everything_and_no_secret(visitor: Visitor, part: int) -> None:
    """One visit of each: it says what it is before a script runs, is drawn at 420 pixels, then made wide."""
    visitor.log_in()
    page = visitor.page
    key = visitor.installation.key
    for name, path in [*EVERY.items()][part::PARTS]:
        page.set_viewport_size(NARROW)
        answer = page.goto(visitor.url + path)
        assert answer is not None
        assert (answer.status, answer.text().count("<h1")) == (200, 1), name
        assert guarded(answer.headers), name
        assert too_wide(visitor) == [], f"{name}: scrolls sideways at 420 pixels"
        page.set_viewport_size(WIDE)
        expect(page.locator("h1")).to_be_visible()
        expect(page.locator("main")).to_be_visible()
        assert too_wide(visitor) == [], f"{name}: scrolls sideways at 1280 pixels"
        assert page.evaluate(NAMELESS) == page.evaluate(TWICE) == page.evaluate(LEAPS) == [], name
        assert page.locator("h1").count() == 1, name
        if name in HEADINGS:
            expect(page.locator("h1")).to_have_text(HEADINGS[name])
        text = page.content()
        assert key not in text, name
        assert key[-20:] not in text, name


def test_long_words_do_not_widen_a_page(visitor: Visitor) -> None:
    """Names of suites, targets, cases and queues have no spaces where people use none."""
    visitor.log_in()
    visitor.page.set_viewport_size(NARROW)
    for name in ("case", "run", "queues"):
        visitor.open(EVERY[name])
        visitor.page.evaluate(LONGER)
        assert too_wide(visitor) == [], name


def test_the_navigation_of_a_narrow_screen(visitor_with: Callable[..., Visitor]) -> None:
    visitor = visitor_with(viewport=NARROW)
    visitor.log_in()
    page = visitor.open("/")
    expect(page.get_by_role("link", name="Traces")).to_be_hidden()
    page.get_by_label("Show the navigation").check(force=True)
    page.get_by_role("link", name="Traces", exact=True).click()
    expect(page.locator("h1")).to_have_text("Traces")


@pytest.mark.slow
def test_every_page_without_scripts(visitor_with: Callable[..., Visitor]) -> None:
    visitor = visitor_with(java_script_enabled=False)
    visitor.log_in()
    for path in EVERY.values():
        expect(visitor.open(path).locator("h1")).to_be_visible()


def test_a_page_is_whole_as_it_comes(visitor_with: Callable[..., Visitor]) -> None:
    """That all are so is a slow test; here are a few."""
    visitor = visitor_with(java_script_enabled=False)
    visitor.log_in()
    for path in ("/gateway/budgets", "/playground", "/arena"):
        expect(visitor.open(path).locator("h1")).to_be_visible()
    page = visitor.open("/")
    page.locator("summary", has_text="Table").first.click()
    expect(page.locator(".chart td").first).to_be_visible()
    visitor.open("/traces").locator("#traces tbody a").first.click()
    expect(page.get_by_role("heading", name="Conversation")).to_be_visible()


def test_charts_are_drawn_and_the_library_comes_from_here(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/")
    visitor.drawn()
    assert page.locator("[data-chart] canvas").count() == 4
    first = page.locator("[data-chart] canvas").first.bounding_box()
    assert first is not None
    assert first["width"] > 200


def test_dark_by_the_system_and_by_choice(visitor_with: Callable[..., Visitor]) -> None:
    def ground() -> str:
        return visitor.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")

    visitor = visitor_with(color_scheme="dark")
    visitor.log_in()
    visitor.open("/settings")
    dark = ground()
    visitor.page.get_by_label("Light or dark").click()
    light = ground()
    assert dark != light
    visitor.page.reload()
    assert ground() == light


def test_overview_says_what_changed_and_links_to_the_traces(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/")
    expect(page.locator("section", has=page.get_by_role("heading", name="Recent changes"))).to_contain_text("added")
    expect(page.locator(".tile", has_text="Known cost")).to_contain_text("unknown price")
    page.locator("section", has=page.get_by_role("heading", name="Models")).get_by_role("link", name="support").click()
    expect(page.locator(".chips")).to_contain_text("support")
    visitor.live()
    assert (
        page.locator("#traces tbody td.model").all_inner_texts()
        == ["support"] * page.locator("#traces tbody tr").count()
    )


def test_the_environment_switch_filters_and_stays(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/")
    everything = page.locator(".tile .figure").first.inner_text()
    page.get_by_label("Environment").select_option("prod")
    page.wait_for_url("**environment=prod*")
    assert int(page.locator(".tile .figure").first.inner_text()) < int(everything)
    page.get_by_role("link", name="Traces", exact=True).click()
    expect(page.locator(".chips")).to_contain_text("prod")


def test_content_of_calls_is_text_and_never_markup(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open(f"/traces/{trace_id(5).hex()}")
    expect(page.locator(".turn.input")).to_contain_text("<script>alert(1)</script>")


def test_unknown_places_are_pages_that_say_so(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.page
    answer = page.goto(f"{visitor.url}/traces/{'0' * 32}")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_text("There is no trace")).to_be_visible()
    visitor.open(f"/traces/{new_trace_id().hex()}")
    expect(page.get_by_text("This call was made a moment ago")).to_be_visible()
    answer = page.goto(f"{visitor.url}/traces?status=green")
    assert answer is not None
    assert answer.status == 400
    expect(page.get_by_text("Use one of ok, error")).to_be_visible()
    visitor.trouble = [line for line in visitor.trouble if "404" not in line and "400" not in line]


FOCUSED = """() => { const each = document.activeElement; const look = getComputedStyle(each);
  const place = each.getBoundingClientRect();
  return { name: each.outerHTML.slice(0, 120), body: each === document.body, seen: place.width > 0 && place.height > 0,
    marked: look.outlineStyle !== "none" && parseFloat(look.outlineWidth) > 0 }; }"""


def test_the_keyboard_reaches_all_and_shows_where_it_is(visitor: Visitor) -> None:
    visitor.log_in()
    for path in ("/gateway/budgets", "/gateway/caches", "/system", "/gateway/prices/history?provider=echo&model=echo"):
        page = visitor.open(path)
        reached: list[str] = []
        for _ in range(200):
            page.keyboard.press("Tab")
            at = page.evaluate(FOCUSED)
            if at["body"]:
                break
            assert at["seen"], (path, at)
            assert at["marked"], (path, at)
            reached.append(at["name"])
        wanted = page.locator("main :is(a, button, summary, input:not([type=hidden]), select):visible").count()
        assert len(reached) >= wanted, path
