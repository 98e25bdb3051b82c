"""What leads out of a text: addresses, images and links of Markdown, tags of HTML that fetch something.

An image that a reader's program fetches by itself carries whatever stands in its address to somebody else's machine
(J. Rehberger, "Data exfiltration from AI chat by image rendering", 2023). `address_of` tells where a finding leads,
`allowed` whether that is on a list, `carried` how much a text's own words or other data travel with it.
"""

import base64
import binascii
import html
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote_plus, urlsplit

import msgspec

from genaiops.checks.scanning import Pattern
from genaiops.checks.secrets import entropy

FAMILY: Final = "markup"
_SPACE: Final = r"[ \t\n]{0,4}"
_ADDRESS: Final = r"[^\s<>()\"'\x60]{1,1000}(?:[^\s<>()\"'\x60]{1,1000})?"
_QUOTED: Final = r"(?:\"[^\"\n>]{1,1000}\"|'[^'\n>]{1,1000}'|[^\s\"'<>\x60]{1,1000})"
_ATTRIBUTES: Final = r"[^<>]{0,300}?[\s/\"']"
_COMMONMARK: Final = "spec.commonmark.org/0.31.2"
_HTML: Final = "html.spec.whatwg.org"


def _row(kind: str, title: str, regex: str, source: str, *, left: str = "", group: int = 0) -> Pattern:
    return Pattern(kind=kind, family=FAMILY, regex=regex, left=left, group=group, title=title, source=source)


PATTERNS: Final[tuple[Pattern, ...]] = (
    _row(
        "markdown_image",
        "Image of Markdown",
        rf"!\[[^\]\n]{{0,300}}\]\({_SPACE}<?{_ADDRESS}[^)\n]{{0,200}}\)|!\[[^\]\n]{{0,300}}\]\[[^\]\n]{{0,100}}\]",
        f"{_COMMONMARK}, section 6.4",
    ),
    _row(
        "markdown_link",
        "Link of Markdown",
        rf"\[[^\[\]\n]{{0,300}}\]\({_SPACE}<?{_ADDRESS}[^)\n]{{0,200}}\)"
        rf"|\[[^\[\]\n]{{1,100}}\]:[ \t]{{0,8}}<?(?i:https?:|//|data:|javascript:|mailto:){_ADDRESS}>?",
        f"{_COMMONMARK}, sections 6.3 and 4.7",
        left="!",
    ),
    _row(
        "html_fetch",
        "Tag that fetches",
        r"(?i)<(?:img|image|iframe|frame|embed|object|script|link|form|video|audio|source|track|input|base|body|svg|use|"
        rf"table|td|meta){_ATTRIBUTES}(?:src|srcset|href|xlink:href|action|formaction|data|background|poster|content)"
        rf"\s{{0,4}}=\s{{0,4}}{_QUOTED}[^<>]{{0,300}}>?"
        r"|url\(\s{0,4}[\"']?(?:https?:|//|data:)[^)\n]{1,1000}\)|@import\s{1,4}[\"'][^\"'\n]{1,500}[\"']",
        f"{_HTML}/multipage/semantics.html",
    ),
    _row(
        "html_script",
        "Tag or attribute that runs a script",
        r"(?i)<script(?:\s[^>]{0,300})?>|<(?:img|svg|body|iframe|input|details|video|audio|a|div)"
        rf"{_ATTRIBUTES}on[a-z]{{3,20}}\s{{0,4}}=\s{{0,4}}{_QUOTED}",
        f"{_HTML}/multipage/webappapis.html",
    ),
    _row(
        "script_url",
        "Address that runs or holds content",
        r"(?i)(?:javascript|vbscript):[^\s\"'<>]{1,500}|data:(?:text/(?:html|javascript)|image/svg\+xml|application/"
        r"(?:xhtml\+xml|javascript|x-javascript))[;,][^\s\"'<>)]{1,1000}",
        "RFC 2397; owasp.org/www-community/attacks/xss",
        left=r"\w",
    ),
    _row(
        "url",
        "Address",
        r"(?i:https?|ftp|wss?)://(?:[^\s<>\"'\x60\\^{}|]{1,1000})",
        "RFC 3986",
        left=r"\w",
    ),
)


class Address(msgspec.Struct, frozen=True):
    """`host` without its port, in small letters and, where it is not ASCII, as it stands on the wire (punycode); empty
    where the address stays on the same machine. `scheme`: empty where the page's own is meant (`//host/...`)."""

    text: str
    scheme: str
    host: str


_FOUND: Final = re.compile(
    r"""(?i)(?:(?:https?|ftp|wss?):)?//[^\s<>"'`\\)]+|(?:javascript|vbscript|data|mailto):[^\s<>"'`]+"""
)


def address_of(found: str) -> Address | None:
    """Where the text of a finding leads: the first address that is in it. None where it leads nowhere else."""
    match = _FOUND.search(found)
    if match is None:
        return None
    text = match[0].rstrip(".,;:!?")
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:  # a port or an address in brackets that is none
        return Address(text, text.partition(":")[0].lower(), "")
    try:
        host = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        pass
    return Address(text, parts.scheme.lower(), host)


def allowed(host: str, hosts: Iterable[str]) -> bool:
    """Whether it is one of them, or below one that begins with a dot or an asterisk (`.example.org`, `*.example.org`).
    Nothing is not."""
    host = host.lower().rstrip(".")
    for each in hosts:
        name = each.lower().removeprefix("*")
        if host and (host == name.lstrip(".") or (name.startswith(".") and host.endswith(name))):
            return True
    return False


_ANY: Final = re.compile(
    r"""(?i)(?:(?:https?|ftp|wss?):/*|(?<![\w:/])//+)[^\s<>"'`)]+|(?:javascript|vbscript|data|mailto):[^\s"'`]+"""
)
_RUNS: Final = re.compile(r"(?i)[\s/\"']on[a-z]{3,20}\s*=|srcdoc\s*=")
_NESTED: Final = re.compile(r"!?\[[^\]]*\[")


def addresses(found: str) -> list[Address]:
    """All addresses in the text of a finding, as a browser reads them: character references are resolved, backslashes
    are slashes, and slashes behind a scheme may be missing."""
    text = html.unescape(found).replace("\\", "/")
    made = (address_of(_SCHEME.sub(r"\1://", match[0])) for match in _ANY.finditer(text))
    return [each for each in made if each is not None]


_SCHEME: Final = re.compile(r"(?i)\A(https?|ftp|wss?):/*")


def leads_out(found: str, kind: str, hosts: Iterable[str]) -> bool:
    """Whether a finding leads to a host that is not on the list (see `allowed`). A script always does, and so does what
    has brackets within brackets, which readers take apart in different ways."""
    if kind in ("html_script", "script_url") or (kind == "html_fetch" and _RUNS.search(found)):
        return True
    if kind.startswith("markdown_") and _NESTED.match(found):
        return True
    listed = tuple(hosts)
    return any(not allowed(each.host, listed) for each in addresses(found))


_LABELLED: Final = re.compile(r"!?\[([^\[\]<>]*[^\[\]<>\s][^\[\]<>]*)\]\(")


def label(found: str) -> tuple[int, int] | None:
    """Where the text that people read stands in an image or a link of Markdown. None where there is none, or none that
    may stand alone: it is an address itself, or has brackets in it."""
    match = _LABELLED.match(found)
    return None if match is None or addresses(match[1]) else match.span(1)


class Carried(msgspec.Struct, frozen=True):
    """What an address takes along. `characters` in its path's odd segments and its query; `bits`: entropy a character
    of the longest of them; `words`: how many words of the conversation are in it, plain or in base64 or hexadecimal;
    `told`: whether that is more than an address needs."""

    characters: int
    bits: float
    words: int
    told: bool


_LONG: Final = 40
_VERY_LONG: Final = 300
_RANDOM_BITS: Final = 3.7
_LEAST_WORDS: Final = 4
_WORD: Final = re.compile(r"[^\W\d_]{4,}")
_ENCODED: Final = (re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}"), re.compile(r"[A-Za-z0-9_-]{16,}={0,2}"))
_HEXADECIMAL: Final = re.compile(r"[0-9A-Fa-f]{80,}")
"""Longer than a digest is."""


def carried(address: str, conversation: str | frozenset[str] = "") -> Carried:
    """Whether an address carries data out. `conversation`: what must not leave; its words of four letters and more are
    looked for in the address, as they are and decoded; who asks often gives `known_words` of it."""
    path, _, query = address.partition("?")
    pieces = [piece for piece in re.split(r"[/&=?#;]", f"{query}&{_odd(path)}") if piece]
    longest = max(pieces, key=len, default="")
    size, bits = sum(map(len, pieces)), entropy(longest)
    words = _words_in(address, conversation) if conversation else 0
    random = (len(longest) >= _LONG and bits >= _RANDOM_BITS) or _HEXADECIMAL.search(longest) is not None
    spoken = len(_WORD.findall(unquote_plus(query))) >= 2 * _LEAST_WORDS
    return Carried(size, bits, words, random or spoken or size >= _VERY_LONG or words >= _LEAST_WORDS)


def _odd(path: str) -> str:
    """Segments that are longer than names of files are."""
    segments = path.partition("://")[2].split("/")
    host, rest = segments[0], segments[1:]
    labels = [label for label in host.split(".") if len(label) >= _LONG - 10]
    return "&".join([*labels, *(segment for segment in rest if len(segment) >= _LONG)])


def known_words(conversation: str) -> frozenset[str]:
    """Its words of four letters and more."""
    return frozenset(word.lower() for word in _WORD.findall(conversation))


def _words_in(address: str, conversation: str | frozenset[str]) -> int:
    known = known_words(conversation) if isinstance(conversation, str) else conversation
    plain = unquote_plus(address)
    runs = {run for form in _ENCODED for run in form.findall(plain)}
    texts = [plain, *(text for run in sorted(runs) for text in _decodings(run))]
    query = " ".join(texts).partition("://")[2].partition("/")[2]
    return len(known & {word.lower() for word in _WORD.findall(query)})


def _decodings(run: str) -> Iterable[str]:
    for decode in (_from_base64, binascii.unhexlify):
        try:
            yield decode(run).decode()
        except (binascii.Error, ValueError):
            continue


def _from_base64(run: str) -> bytes:
    bare = run.rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
