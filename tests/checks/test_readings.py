"""Texts read with their encodings: what is said, and where it stands."""

import base64
import html
import random
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.checks.readings import reading, windows_read
from genaiops.checks.windows import windows

SAID = "What is the capital of France?"


def tags(text: str) -> str:
    return "".join(chr(0xE0000 + ord(char)) for char in text)


ENCODINGS = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
    "percent signs": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "escapes": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "entities": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "tag characters": tags,
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_an_encoding_is_read_as_what_it_says(name: str) -> None:
    written = ENCODINGS[name](SAID)
    text = f"Please answer: {written} Thank you."
    found = reading(text)
    assert found.text == f"Please answer: {SAID} Thank you."
    begin = found.text.index("capital")
    start, end = found.original(begin, begin + 7)
    assert text[start:end] == written
    assert found.original(0, 6) == (0, 6)
    begin = found.text.index("Thank")
    start, end = found.original(begin, begin + 5)
    assert text[start:end] == "Thank"


def test_an_encoding_within_an_encoding_is_read() -> None:
    twice = ENCODINGS["base64"](ENCODINGS["hexadecimal"](SAID))
    assert reading(twice).text == SAID


def test_a_long_run_is_read_to_its_end() -> None:
    said = "Nothing of this matters. " * 2000 + "But this does."
    assert reading(ENCODINGS["base64"](said)).text == said


@pytest.mark.parametrize(
    "text",
    [
        "internationalization/of_long-paths/and_names",
        "sha256:f495ec796e356a6567165196d827a196755c42a493b8415da72e5d65b0e99341",
        "data:image/png;base64," + base64.b64encode(random.Random(1).randbytes(300)).decode(),
        f"https://example.org/{quote('a b')}",
        "\U0001f3f3\ufe0f\u200d\U0001f308 na\u00efve \u65e5\u672c\u8a9e",
        "",
    ],
)
def test_what_says_nothing_stays_as_it_is(text: str) -> None:
    assert reading(text).text == text
    assert windows_read(text) == windows(text)


@given(st.text(max_size=300))
def test_places_are_within_the_text(text: str) -> None:
    found = reading(text)
    for one in windows_read(text, 40):
        assert 0 <= one.start <= one.end <= len(text)
    if found.text == text:
        assert windows_read(text) == windows(text)


@given(st.lists(st.sampled_from([*ENCODINGS, ""]), max_size=6), st.text("abc .", max_size=12))
def test_each_run_is_read_by_itself(names: list[str], between: str) -> None:
    """Whatever stands around it."""
    text = "".join(f"\n{between}\n{ENCODINGS[name](SAID) if name else SAID}\n" for name in names)
    assert html.unescape(reading(text).text) == "".join(f"\n{between}\n{SAID}\n" for _ in names)
