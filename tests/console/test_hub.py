"""The Hub and releases: finding, comparing, moving, deploying and the way back."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from genaiops.engines.blobs_folder import open_blobs
from genaiops.hub import NewKey, Origin
from tests.console.conftest import Visitor

pytestmark = pytest.mark.needs_browser


@pytest.fixture
def as_it_was(visitor: Visitor) -> Iterator[None]:
    with visitor.installation.hub() as hub:
        before = {each.name: each.version_id for each in hub.artifacts.aliases("prompt/support/answer")}
    yield
    with visitor.installation.hub() as hub:
        for name, version_id in before.items():
            hub.artifacts.move("prompt/support/answer", name, version_id, by="admin")


def logged_in(visitor: Visitor, path: str) -> Page:
    visitor.log_in()
    return visitor.open(path)


def test_found_by_words_and_by_kind(visitor: Visitor) -> None:
    with visitor.installation.hub() as hub:
        message = {"role": "user", "content": "Hi"}
        hub.artifacts.register("prompt", "found/question", {"messages": [message]}, by="admin")
    page = logged_in(visitor, "/hub")
    expect(page.get_by_text("Blueprints, ready-made applications, are not built yet.")).to_be_visible()
    expect(page.get_by_role("link", name="ARENA", exact=True)).to_be_visible()
    names = page.locator("tbody td.lead a")

    def found(*wanted: str) -> None:
        """These, of the three that are known to be there; other files may have made more."""
        for name in ("support/answer", "support/questions", "found/question"):
            expect(names.filter(has_text=re.compile(f"^{name}$"))).to_have_count(int(name in wanted))

    found("support/answer", "support/questions", "found/question")
    page.get_by_role("navigation", name="Kind").get_by_role("link", name="prompt").click()
    found("support/answer", "found/question")
    page.get_by_label("Search the Hub").fill("prod ANSWER")
    page.get_by_role("button", name="Search").click()
    found("support/answer")
    page.get_by_label("Search the Hub").fill("nobody-made-this")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name="Nothing fits")).to_be_visible()


def test_versions_word_by_word_with_what_uses_them(visitor: Visitor) -> None:
    page = logged_in(visitor, "/hub/prompt/support/answer")
    expect(page.locator(".diff del")).to_have_text([", and be kind"])
    page.locator(".versions [name=with]").last.check()
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".diff ins").first).to_contain_text("two")
    expect(page.locator(".diff tr")).to_have_count(1)
    page.get_by_role("link", name="Show all fields").click()
    expect(page.locator(".diff")).to_contain_text("temperature")
    uses = page.locator("section", has=page.get_by_role("heading", name="Used by"))
    expect(uses.locator("tbody tr")).to_have_count(2)
    expect(uses.locator("tbody tr", has_text="dev")).to_have_count(1)


def test_the_rows_of_a_dataset_and_what_differs(visitor: Visitor) -> None:
    with visitor.installation.hub() as hub:
        datasets = hub.datasets(open_blobs(visitor.installation.home.blobs))
        for texts in (["one", "two"], ["one", "<b>three</b>"]):
            datasets.add("support/rows", [{"q": each} for each in texts], Origin(), by="admin")
        datasets.add(
            "support/kept", [{"q": "secret"}], Origin(kind="traces", detail={"environments": ["prod"]}), by="admin"
        )
    page = logged_in(visitor, "/hub/dataset/support/rows")
    rows = page.locator("section", has=page.get_by_role("heading", name=re.compile("^Rows")))
    expect(rows).to_contain_text("1 added, 1 removed")
    expect(rows.locator("ins")).to_have_text(['{"q":"<b>three</b>"}'])
    expect(rows.locator("del")).to_have_text(['{"q":"two"}'])
    visitor.open("/hub/dataset/support/kept")
    expect(rows).to_contain_text("secret")


def test_lineage_leads_on(visitor: Visitor) -> None:
    page = logged_in(visitor, "/hub/prompt/support/answer")
    page.locator("tr[data-alias=prod] a").click()
    expect(page.locator("svg.lineage .here")).to_contain_text("prompt/support/answer@")
    expect(page.locator("svg.lineage path.way")).to_have_count(2)
    visitor.live()
    page.locator("svg.lineage a").first.press("Enter")
    expect(page.get_by_role("heading", name="Deployments")).to_be_visible()


def test_an_alias_moves_and_comes_back(visitor: Visitor, as_it_was: None) -> None:
    with visitor.installation.hub() as hub:  # one that nobody has to consent to
        in_force = hub.artifacts.resolve("prompt/support/answer@prod")
        hub.artifacts.move("prompt/support/answer", "beta", in_force.id, by="admin")
    page = logged_in(visitor, "/hub/prompt/support/answer")
    names = page.locator("tr[data-alias=beta] code")
    before = names.inner_text()
    page.get_by_label("Alias", exact=True).fill("beta")
    page.get_by_role("button", name="Move the alias").click()
    expect(names).not_to_have_text(before)
    page.get_by_role("button", name="Undo").click()
    expect(names).to_have_text(before)
    page.get_by_text("History", exact=False).first.click()
    expect(page.locator("details[open] tbody tr").first).to_contain_text(before)
    page.get_by_label("Alias", exact=True).fill("Not An Alias")
    page.get_by_role("button", name="Move the alias").click()
    expect(page.locator(".notice.bad")).to_contain_text("cannot be the name of a alias")


def test_a_viewer_moves_nothing(visitor: Visitor) -> None:
    with visitor.installation.hub() as hub:
        vera = next(each for each in hub.actors.list() if each.name == "vera")
        _, text = hub.keys.create(NewKey(name="vera-hub", actor_id=vera.id, scopes=("api",)), by="admin")
    page = visitor.paste(text, "/hub/prompt/support/answer")
    expect(page.get_by_role("heading", name="Lineage")).to_be_visible()
    expect(page.get_by_role("button", name="Move the alias")).to_have_count(0)
    visitor.open("/releases/support")
    expect(page.get_by_role("button", name="Deploy")).to_have_count(0)


def test_a_release_is_made_deployed_shared_and_rolled_back(visitor: Visitor) -> None:
    page = logged_in(visitor, "/releases")
    page.get_by_text("New application").click()
    page.get_by_label("Name").fill("console-made")
    page.get_by_role("button", name="Make the application").click()
    expect(page.locator(".notice")).to_contain_text("The application console-made is made")
    for temperature in ("0.1", "0.9"):
        visitor.live()
        if page.locator("details.maker:not([open])").count():
            page.get_by_text("New release").click()
        page.get_by_label("Model").select_option("echo")
        page.get_by_label("Temperature").fill(temperature)
        page.get_by_role("button", name="Make the release").click()
        expect(page.locator(".notice")).to_contain_text("It serves nowhere")
    expect(page.locator(".diff ins")).to_have_text(["9"])
    visitor.live()
    releases = page.locator("select[name=release]").locator("option")
    new, old = (str(each.get_attribute("value")) for each in releases.all())
    page.locator("select[name=release]").select_option(old)
    page.get_by_role("button", name="Deploy").click()
    line = page.locator("tr[data-environment=dev]")
    expect(line).to_contain_text(old[7:15])
    page.locator("select[name=release]").select_option(new)
    page.get_by_label("Percent of its traffic").fill("25")
    page.get_by_role("button", name="Deploy").click()
    expect(line).to_contain_text("25 %")
    line.get_by_role("button", name="Roll back").click()
    expect(line).to_contain_text("100 %")
    expect(line).to_contain_text(old[7:15])
    page.get_by_role("button", name="Undo").click()
    expect(line).to_contain_text("25 %")
    page.get_by_text("History of dev").click()
    expect(page.locator("details[open] tbody tr")).to_have_count(4)
    page.locator("main select[name=environment_id]").select_option("prod")
    page.get_by_role("button", name="Deploy").click()
    expect(page.locator(".notice.bad")).to_contain_text("has not acknowledged")
    page.get_by_label("Statement").fill("Answers are written by a model, and the page says so.")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_text("yes, 20")).to_be_visible()


def test_two_versions_of_a_prompt_on_a_dataset(visitor: Visitor) -> None:
    with visitor.installation.hub() as hub:
        datasets = hub.datasets(open_blobs(visitor.installation.home.blobs))
        datasets.add("support/asked", [{"input": "Hi", "expected": "Hi"}], Origin(), by="admin")
    page = logged_in(visitor, "/hub/prompt/support/answer")
    form = page.locator("#side-by-side form")
    form.get_by_label("Dataset").select_option(label="support/asked")
    form.get_by_label("Model").select_option("echo")
    form.get_by_label("At most rows").fill("2")
    form.get_by_role("button", name="Ask both").click()
    expect(page.locator(".notice")).to_contain_text("Both versions are asked")
    expect(page.get_by_role("link", name="support/answer@").first).to_be_visible()
    expect(page.locator("#case-list thead")).to_contain_text("after")


def test_the_report_of_a_release(visitor: Visitor) -> None:
    page = logged_in(visitor, "/releases")
    page.locator("h2.name a").first.click()
    page.get_by_role("link", name=re.compile("Report of")).click()
    expect(page.get_by_role("heading", name="Sign-off")).to_be_visible()
    with page.expect_download() as begun:
        page.get_by_role("link", name="all of it in one file").click()
    assert begun.value.suggested_filename.endswith(".tar.gz")
