"""Links lead somewhere, every page is in the navigation, and the built site asks nothing of the network."""

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.house.tree import ROOT, named, relative

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


class Loader(yaml.SafeLoader):
    """mkdocs' file names Python objects with `!!python/name:`; their names are of no interest here."""


def ignore(_loader: Loader, suffix: str, _node: yaml.Node) -> str:
    return suffix


Loader.add_multi_constructor("tag:yaml.org,2002:python/", ignore)


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip()) for heading in headings}


def broken_links(page: Path) -> Iterator[str]:
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            yield f"{relative(page)}: {target} leads nowhere"
        elif anchor and file.suffix == ".md" and anchor not in anchors(file):
            yield f"{relative(page)}: {target}: {relative(file)} has no such heading"


def test_links() -> None:
    broken = [link for page in named(".md") for link in broken_links(page)]
    assert not broken, "\n".join(broken)


def test_a_broken_link_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.house.tree.ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("# One two\n[a](gone.md) [b](page.md#one-two) [c](#three) [d](https://example.com)\n")
    assert len(list(broken_links(page))) == 2


def pages_of(entry: Any) -> Iterator[str]:
    match entry:
        case str():
            yield entry
        case dict():
            for value in entry.values():
                yield from pages_of(value)
        case _:
            for value in entry:
                yield from pages_of(value)


def test_every_page_is_in_the_navigation() -> None:
    settings = yaml.load((ROOT / "mkdocs.yml").read_text(), Loader=Loader)
    pages = {relative(page).removeprefix("docs/") for page in named(".md", under="docs/")}
    assert pages == set(pages_of(settings["nav"]))


class Resources(HTMLParser):
    """Collects what a browser would load by itself; a link that a reader may click is not that."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in {"script", "img", "iframe", "source", "video", "audio"}:
            self.loaded.append(values.get("src", ""))
        if tag == "link" and values.get("rel") not in {"canonical", "next", "prev", "edit"}:
            self.loaded.append(values.get("href", ""))


def test_the_site_builds_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = sorted(tmp_path.rglob("*.html"))
    assert (tmp_path / "index.html") in pages
    for page in pages:
        parser = Resources()
        parser.feed(page.read_text(encoding="utf-8"))
        foreign = [url for url in parser.loaded if re.match(r"(?:https?:)?//", url)]
        assert not foreign, f"{page.relative_to(tmp_path)} loads {foreign}"
