"""Pages of registered documents."""

from pathlib import Path

from playwright.sync_api import expect

from tests.checks.test_verbatim import CLAUSE, OPENING
from tests.console.conftest import Visitor


def test_documents_are_uploaded_listed_taken_out_and_brought_back(visitor: Visitor, tmp_path: Path) -> None:
    for name, text in (("contract.txt", CLAUSE), ("novel.txt", OPENING), ("note.md", "Four words and more")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    visitor.log_in()
    page = visitor.open("/guardrails/documents")
    page.get_by_label("Name", exact=True).fill("papers")
    page.get_by_label("Files").set_input_files([tmp_path / "contract.txt", tmp_path / "bad.json"])
    page.get_by_role("button", name="Fingerprint them").click()
    expect(page.get_by_role("alert").get_by_text("bad.json is no JSON")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("papers")
    page.get_by_label("Files").set_input_files([tmp_path / f for f in ("contract.txt", "novel.txt", "note.md")])
    page.get_by_role("button", name="Fingerprint them").click()
    expect(page.locator("[data-document='contract.txt']")).to_contain_text("27")
    expect(page.locator("[data-document='note.md']")).to_contain_text("too short to be found")
    page.get_by_role("button", name="Take novel.txt out").click()
    expect(page.locator("[data-document]")).to_have_count(2)
    page.get_by_role("button", name="Bring back what was in force before").click()
    expect(page.locator("[data-document]")).to_have_count(3)
    page.get_by_role("link", name="All registered documents").click()
    expect(page.locator("[data-documents=papers]")).to_contain_text("no policy")
