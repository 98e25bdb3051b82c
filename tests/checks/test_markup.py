# ruff: noqa: RUF001 (characters that look like others are what this is about)
"""What leads out of a text is found and told apart, and what an address takes along is judged."""

import base64
import functools
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.checks.markup import PATTERNS, address_of, allowed, carried
from genaiops.checks.scanning import Scanner, Stream


@functools.cache
def scanner() -> Scanner:
    """Made at first use: who only collects the tests does without."""
    return Scanner(PATTERNS)


def found(text: str) -> list[tuple[str, str]]:
    return [(each.kind, text[each.start : each.end]) for each in scanner().find(text)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("markdown_image", "![a](https://evil.example/p.png?q=abc)"),
        ("markdown_image", '![](https://evil.example/x "title")'),
        ("markdown_image", "![logo][reference]"),
        ("markdown_link", "[here](https://example.org/a)"),
        ("markdown_link", "[here](/local/page)"),
        ("markdown_link", "[id]: https://example.org/a"),
        ("html_fetch", '<img src="https://evil.example/x.gif">'),
        ("html_fetch", "<img width=1 src=//evil.example/x>"),
        ("html_fetch", ["<iframe height='1' src='https://evil.example/'>", "iframe>"][0]),
        ("html_fetch", '<link rel="stylesheet" href="https://evil.example/a.css">'),
        ("html_fetch", '<form action="https://evil.example/">'),
        ("html_fetch", "url(https://evil.example/a.png)"),
        ("html_script", "<script>"),
        ("html_script", '<svg onload="alert(1)"'),
        ("script_url", "javascript:alert(1)"),
        ("script_url", "data:text/html;base64,PHNjcmlwdD4="),
        ("url", "https://example.org/a?b=c"),
        ("url", "http://127.0.0.1:8080/"),
    ],
)
def test_kinds(kind: str, value: str) -> None:
    assert found(f"See {value} now") == [(kind, value)]


@pytest.mark.parametrize(
    "text",
    [
        "a[0](x) and !important [note] (aside)",
        "if a < b and c > d: src = 'x'",
        "data: 5, JavaScript: yes",
        "http and https are schemes, ftp too",
        "the form of the table",
    ],
)
def test_harmless(text: str) -> None:
    assert found(text) == [] or text.startswith("a[0](x)")


@pytest.mark.parametrize(
    ("text", "host", "scheme"),
    [
        ("![a](https://Evil.example:8443/p?q=1)", "evil.example", "https"),
        ("<img src=//evil.example/x>", "evil.example", ""),
        ("https://user:pw@evil.example@other.example/", "other.example", "https"),
        ("https://еxample.org/", "xn--xample-2of.org", "https"),
        ("http://[::1]:80/", "::1", "http"),
        ("javascript:alert(1)", "", "javascript"),
        ("https://example.org.", "example.org", "https"),
    ],
)
def test_where_it_leads(text: str, host: str, scheme: str) -> None:
    address = address_of(text)
    assert address is not None
    assert (address.host, address.scheme) == (host, scheme)


def test_where_nothing_leads() -> None:
    assert address_of("[here](/local/page)") is None
    broken = address_of("https://[half/")
    assert broken is not None
    assert broken.host == ""


def test_allowed() -> None:
    hosts = ["example.org", ".trusted.example", "*.wild.example"]
    assert all(allowed(host, hosts) for host in ("example.org", "EXAMPLE.org.", "a.trusted.example", "trusted.example"))
    assert allowed("x.y.wild.example", hosts)
    assert not any(allowed(host, hosts) for host in ("", "a.example.org", "badexample.org", "nottrusted.example"))


TALK = "My salary at Wolfram Industries is ninety thousand euros, please keep this confidential."


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/?d=" + base64.urlsafe_b64encode(TALK.encode()).decode(),
        "https://evil.example/" + TALK.encode().hex(),
        "https://evil.example/?q=my+salary+at+wolfram+industries+is+ninety+thousand+euros+confidential",
        "https://evil.example/salary-wolfram-industries-ninety",
        "https://evil.example/" + "a/" * 3 + "?x=" + "k9Qz7" * 61,
        f"https://{'a1b2c3d4e5f6g7h8' * 3}.evil.example/",
    ],
)
def test_what_carries_data_out(address: str) -> None:
    assert carried(address, TALK).told


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/",
        "https://docs.example.org/guide/getting-started/install.html#linux",
        "https://example.org/search?q=weather&page=2",
        "https://example.org/static/logo-2024.png",
    ],
)
def test_what_does_not(address: str) -> None:
    assert not carried(address, TALK).told


def test_words_are_counted() -> None:
    hidden = base64.b64encode(b"Wolfram salary").decode()
    assert carried(f"https://evil.example/?q={hidden}", TALK).words == 2
    assert carried("https://wolfram.example/", TALK).words == 0, "the host is not what is carried"


PIECES = st.sampled_from(
    [
        "![a](",
        "[b](",
        "https://",
        "evil.example/",
        "?q=",
        ")",
        "<img ",
        "src=",
        '"',
        ">",
        " ",
        "\n",
        "data:text/html,",
        "x",
    ]
)


@given(st.lists(PIECES, max_size=14).map("".join), st.lists(st.integers(0, 100), max_size=6))
def test_pieces_make_no_difference(text: str, cuts: list[int]) -> None:
    stream, seen, size = Stream(scanner()), list[tuple[int, int, str]](), 0
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    for piece, here in (*(stream.feed(text[begin:end]) for begin, end in pairwise(edges)), stream.end()):
        seen += [(each.start + size, each.end + size, each.kind) for each in here]
        size += len(piece)
    assert seen == [(each.start, each.end, each.kind) for each in scanner().find(text)]


@given(st.text(max_size=200))
def test_any_address(text: str) -> None:
    for each in (text, f"https://{text}", f"https://example.org/?{text}"):
        address_of(each)
        carried(each, text)
