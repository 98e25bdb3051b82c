"""Style and scripts: colours in one file, nothing inline that the content security policy would refuse, caching."""

import gzip
import re
from importlib.resources import files

import httpx
import pytest

from genaiops.console._assets import asset
from genaiops.console._charts import LIGHT
from genaiops.console._visit import templates
from genaiops.core.errors import NotFound
from tests.app.running import Installation

COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b(?=[;\s,)])|\b(?:rgb|hsl)a?\(")
INLINE = re.compile(r"\son[a-z]+\s*=|\sstyle\s*=|<style|javascript:|<script(?![^>]*\ssrc=)", re.IGNORECASE)
ADDRESS = re.compile(r"""(?:src|href|action)\s*=\s*["'](?:https?:)?//""")


def own(folder: str, suffix: str) -> dict[str, str]:
    entries = files("genaiops.console").joinpath(folder).iterdir()
    return {entry.name: entry.read_text("utf-8") for entry in entries if entry.name.endswith(suffix)}


def test_colours_stand_in_one_file() -> None:
    styles = own("static", ".css")
    assert COLOUR.search(styles.pop("tokens.css"))
    assert not {name: COLOUR.findall(text) for name, text in styles.items() if COLOUR.search(text)}


def test_both_ways_to_dark_are_the_same() -> None:
    text = own("static", ".css")["tokens.css"]
    by_system, by_choice = re.findall(r"\{\s*(color-scheme: dark;.*?)\}", text, re.DOTALL)
    assert by_system.split() == by_choice.split()


def test_colours_of_charts_are_tokens_of_the_style() -> None:
    text = own("static", ".css")["tokens.css"]
    for name, colour in LIGHT.items():
        assert f"--{name.removeprefix('token:')}: {colour};" in text


def test_templates_have_nothing_inline_and_no_other_address() -> None:
    for name, text in own("templates", ".html").items():
        templates().get_template(name)
        assert not INLINE.findall(text), name
        assert not ADDRESS.findall(text), name


def test_every_form_that_changes_something_has_a_token() -> None:
    for name, text in own("templates", ".html").items():
        for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", text, re.DOTALL):
            assert 'name="csrf"' in form, name


@pytest.mark.parametrize("name", ["nothing.js", "../_visit.py", "..", ""])
def test_no_other_file_is_served(name: str) -> None:
    with pytest.raises(NotFound):
        asset(name)


def test_files_are_compressed_and_asked_for_once(installation: Installation) -> None:
    address = f"{installation.url}/static/console.css"
    first = httpx.get(f"{address}?release", headers={"accept-encoding": "gzip"})
    assert first.headers["content-encoding"] == "gzip"
    assert "immutable" in first.headers["cache-control"]
    assert first.text == own("static", ".css")["console.css"]
    assert gzip.decompress(asset("console.css").zipped).decode() == first.text
    again = httpx.get(address, headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    assert not again.content
