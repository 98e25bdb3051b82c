"""Style and scripts: colours in one file, nothing inline that the content security policy would refuse, caching."""

import gzip
import re
from importlib.resources import files

import httpx
import pytest

from genaiops.console._assets import asset
from genaiops.console._charts import LIGHT
from genaiops.console._templates import templates
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


def luminance(colour: str) -> float:
    """Relative, of WCAG 2.2."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


PAIRS = re.compile(r"--([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_can_be_read_on_every_ground(theme: int) -> None:
    """4.5 to 1, level AA of WCAG 2.2 (1.4.3); marks in charts 3 to 1 (1.4.11)."""
    colours = {name: pair[theme] for name, *pair in PAIRS.findall(own("static", ".css")["tokens.css"])}
    for ground in ("ground", "surface", "raised", "accent-wash", "good-wash", "warn-wash", "danger-wash"):
        for text in ("text", "soft", "accent"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for ground in ("ground", "surface"):
        for text in ("warn", "danger", "good"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for filled in ("accent", "danger"):
        assert contrast(colours["on-accent"], colours[filled]) >= 4.5, filled
    for number in range(1, 8):
        assert contrast(colours[f"series-{number}"], colours["surface"]) >= 3, number


def test_colours_of_charts_are_tokens_of_the_style() -> None:
    text = own("static", ".css")["tokens.css"]
    for name, colour in LIGHT.items():
        assert f"--{name.removeprefix('token:')}: light-dark({colour}, " in text


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
