"""What every page has: keys, tables that sort, times that explain themselves; long and rich messages of traces."""

import base64
import csv
import json
import re
import struct
import zlib
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.app.running import until
from tests.console.conftest import Visitor

pytestmark = pytest.mark.needs_browser


def test_keys_are_listed_and_lead_to_pages(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/settings")
    keys = page.get_by_role("dialog", name="Keys")
    page.keyboard.press("?")
    expect(keys.get_by_text("to the search of the page")).to_be_visible()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    page.keyboard.press("h")
    rows = [text.split() for text in page.locator("#help dt").all_text_contents()]
    listed = {keys[1] for keys in rows if keys[0] == "g"}
    assert listed == {str(link.get_attribute("data-jump")) for link in page.locator("[data-jump]").all()}
    expect(page.locator("h1")).to_have_text("Settings")
    page.keyboard.press("g")
    page.keyboard.press("h")
    expect(page.locator("h1")).to_have_text("Hub")
    visitor.live()
    page.keyboard.press("/")
    expect(page.get_by_label("Search the Hub")).to_be_focused()
    page.keyboard.type("g?")
    expect(page.get_by_label("Search the Hub")).to_have_value("g?")
    expect(keys).to_be_hidden()


def figures(table: Locator) -> list[float]:
    """Of the third column; what is not known has none."""
    texts = table.locator("tbody td:nth-child(3)").all_inner_texts()
    return [float(text) for text in texts if text.replace(".", "").isdigit()]


def test_tables_sort_by_figures_and_narrow(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/gateway/prices")
    table = page.locator("[data-sort]", has_text="claude").first
    head = table.get_by_role("button", name="Input")
    head.click()
    expect(table.locator("[aria-sort]")).to_have_attribute("aria-sort", "descending")
    shown = figures(table)
    assert shown == sorted(shown, reverse=True)
    assert len(set(shown)) > 3
    head.click()
    shown = figures(table)
    assert shown == sorted(shown)
    page.get_by_label("Narrow these rows").last.fill("claude opus")
    names = table.locator("tbody tr:visible td:nth-child(2)").all_inner_texts()
    assert names
    assert all("claude" in name and "opus" in name for name in names)


def test_a_time_says_what_it_is_here_and_how_long_ago(visitor_with: Callable[..., Visitor]) -> None:
    visitor = visitor_with(timezone_id="Asia/Tokyo", locale="en-GB")
    visitor.log_in()
    time = visitor.open("/traces").locator("#traces time").last
    assert " UTC" in str(time.get_attribute("title"))
    time.hover()
    expect(time).to_have_attribute("title", re.compile(r"UTC\n.*(GMT\+9|JST).*\n\d+ (hour|minute)s? ago"))


def picture() -> str:
    """A red square."""
    raw = b"".join(b"\0" + b"\xff\0\0" * 16 for _ in range(16))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 16, 16, 8, 2, 0, 0, 0)
    whole = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(whole).decode()


def test_long_messages_fold_and_pictures_are_shown(visitor: Visitor) -> None:
    parts = [
        {"type": "text", "text": "\n".join(f"line {number} of the folded one" for number in range(80))},
        {"type": "image_url", "image_url": {"url": picture()}},
    ]
    answer = visitor.installation.ask("echo", parts)  # type: ignore[arg-type]
    assert answer.status == 200, answer.body
    visitor.log_in()
    trace = answer.headers["traceparent"].split("-")[1]
    until(lambda: visitor.context.request.get(f"{visitor.url}/traces/{trace}/json").ok, "its trace")
    page = visitor.open(f"/traces/{trace}")
    said = page.locator(".turn .said").first
    folded = said.bounding_box()
    page.get_by_role("button", name="Show all").first.click()
    whole = said.bounding_box()
    assert folded is not None
    assert whole is not None
    assert whole["height"] > folded["height"] + 100
    shown = page.get_by_alt_text("Picture 1 of the request")
    expect(shown).to_have_js_property("naturalWidth", 16)


def test_the_strip_of_calls_leads_to_a_time(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/traces?environment=prod")
    strip = page.locator("figure.volume")
    expect(strip).to_contain_text("calls")
    strip.locator("a:has(.ok)").nth(3).click()
    expect(page.locator(".chips")).to_contain_text("until")
    assert "environment=prod" in page.url
    expect(page.locator("#traces tbody tr").first).to_be_visible()
    visitor.open("/traces?user=customer-42")
    expect(page.locator("figure.volume")).to_have_count(0)


def test_the_list_can_be_taken_along(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/traces?status=error&environment=prod")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    path = waiting.value.path()
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert {row["status"] for row in rows} == {"error"}
    assert {row["environment_id"] for row in rows} == {"prod"}
    assert len(rows) > 5
    answer = visitor.context.request.get(f"{visitor.url}/traces.jsonl?status=error&environment=prod")
    documents = [json.loads(line) for line in answer.text().splitlines()]
    assert [each["trace_id"] for each in documents] == [row["trace_id"] for row in rows]
    exported = visitor.open("/settings/audit?action=export").locator("#events")
    expect(exported).to_contain_text("traces")


def test_words_of_a_search_are_marked(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/traces?q=haiku")
    marked = "() => [...CSS.highlights.get('searched')].map((each) => each.toString().toLowerCase())"
    assert set(page.evaluate(marked)) == {"haiku"}


def test_each_thing_has_a_title_of_its_own(visitor: Visitor) -> None:
    visitor.log_in()
    for path, title in (("/hub/prompt/support/answer", "support/answer · Hub"), ("/gateway/keys", "Keys · Gateway")):
        expect(visitor.open(path)).to_have_title(f"{title} · genaiops")


def test_the_palette_finds_things_by_name(visitor: Visitor) -> None:
    visitor.log_in()
    page = visitor.open("/settings")
    page.keyboard.press("Control+k")
    page.keyboard.type("support/answ")
    option = page.get_by_role("option", name="Prompt support/answer")
    expect(option).to_be_visible()
    option.click()
    expect(page).to_have_title("support/answer · Hub · genaiops")
    answer = visitor.context.request.get(f"{visitor.url}/places?q=search-backend")
    assert [each["text"] for each in answer.json()] == ["Key search-backend"]
    assert visitor.context.request.get(f"{visitor.url}/places").json() == []
