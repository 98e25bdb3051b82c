# ruff: noqa: RUF001 (texts of many scripts)
"""The table as a whole: what every row must be, and that no text is too odd for it."""

import functools
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.checks.pii import PATTERNS
from genaiops.checks.scanning import Pattern, Scanner, Stream
from genaiops.checks.scanning._prefix import longest
from genaiops.domain import Finding

IDS = [f"{number}-{each.kind}" for number, each in enumerate(PATTERNS)]
HARD = (
    *(
        "a@b.co",
        "ann@",
        "@",
        "https://",
        "x.org/",
        "www.",
        "+44 20 7946 0018",
        "(212) 555-",
        "4111",
        "1111",
        "GB33",
        "BUKB",
    ),
    *("call", "passport", "IBAN:", "my card", "id card", "12/03/1985", "born", "10.0.0.", "::1", "de:ad:be:ef:00:01"),
    *(
        "529.982.247-25",
        "cpf",
        "12345678Z",
        "dni",
        "010190-123",
        "0x",
        "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        "12 Main St",
    ),
    *("\\n", "\n", " ", ".", "-", "7", "é", "\u200b", "１２", "号码", "Straße 5", "P<", "电话"),
)
TEXTS = st.lists(st.one_of(st.sampled_from(HARD), st.text(max_size=6)), max_size=14).map("".join)


@functools.cache
def scanner() -> Scanner:
    """Made at first use: who only collects the tests does without."""
    return Scanner(PATTERNS)


@pytest.mark.parametrize("pattern", PATTERNS, ids=IDS)
def test_every_row_is_whole(pattern: Pattern) -> None:
    assert longest(pattern.regex) < 1024
    assert pattern.family == "pii"
    assert pattern.title
    assert pattern.kind == pattern.kind.lower()
    assert pattern.valid is not None or not pattern.checked
    assert len(set(pattern.context)) == len(pattern.context)


def test_what_has_no_checksum_needs_a_word() -> None:
    """Where there is neither, its form is of letters and signs, not a bare number."""
    alone = {each.kind for each in PATTERNS if not each.context and not each.checked}
    assert alone == {"email", "url", "ip_address", "mac_address", "phone", "street_address", "gb_postcode"}


def test_countries() -> None:
    countries = {each.country for each in PATTERNS if each.country}
    assert len(countries) >= 55
    assert all(each.country == each.kind[:2].upper() for each in PATTERNS if each.country)


@given(TEXTS)
def test_no_text_is_too_odd_and_pieces_make_no_difference(text: str) -> None:
    stream = Stream(scanner())
    released, found = "", list[Finding]()
    pieces = [stream.feed(text[at : at + 4]) for at in range(0, len(text), 4)]
    for piece, here in (*pieces, stream.end()):
        found += [
            Finding(each.start + len(released), each.end + len(released), each.kind, each.family, each.checked)
            for each in here
        ]
        released += piece
    assert released == text
    assert found == scanner().find(text)


def test_importing_the_table_loads_no_validator() -> None:
    code = (
        "import genaiops.checks.pii, sys; print([name for name in sys.modules if name in ('phonenumbers', 'stdnum')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
