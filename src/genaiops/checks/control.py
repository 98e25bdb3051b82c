"""What is meant for a model and not for the eyes of people: characters that nobody sees, text that shows in another
order, letters of another script in a word, and content in an encoding.

A `Scanner` reads text with these folded away; here they are findings in their own right. `invisible` and `mixed` judge
a run of characters by itself, so that pieces of a stream may be given one by one; `encoded` makes patterns for a
`Scanner` out of another one, which reads what is decoded.
"""

import base64
import binascii
import html
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote

from genaiops.checks.scanning import Pattern, Scanner, Wanted
from genaiops.domain import Finding

FAMILY: Final = "control"

_FLAG: Final = "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"
ZERO_WIDTH: Final = "\u200b-\u200d\u2060-\u2064\ufeff\u180e\u00ad\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"
_ALWAYS: Final = "\u200b\u2060-\u2064\u180e\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"
"""Those that stand alone in no script's ordinary text. A joiner, a soft hyphen or a byte order mark may."""
UNSEEN: Final = f"[\U000e0000-\U000e007f]+|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{{2,}}|[{_ALWAYS}\u200c]{{8,}}"
"""An expression for runs of unseen characters that may say something: see `hidden`."""
_UNSEEN: Final = re.compile(
    f"(?P<flag>{_FLAG})"
    "|(?P<tag_characters>[\U000e0000-\U000e007f]+)"
    "|(?P<variation_selectors>[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2,})"
    "|(?P<bidi_override>[\u202d\u202e])"
    "|(?P<bidi_control>[\u202a-\u202c\u2066-\u206f])"
    f"|(?P<zero_width>[{ZERO_WIDTH}]{{2,}}|[{_ALWAYS}]|(?<=[A-Za-z])[\u200c\u200d\ufeff](?=[A-Za-z]))"
    "|(?P<annotation>[\ufff9-\ufffb\U0001d173-\U0001d17a]+)"
)
KINDS: Final = ("tag_characters", "variation_selectors", "bidi_override", "bidi_control", "zero_width", "annotation")

CYRILLIC: Final = "\u0400-\u052f"
LIKE_LATIN: Final = (
    "\u03bf\u03bd\u03c1\u03b1\u03b9\u03ba\u03c5\u03c7\u0391-\u0392\u0395-\u0397\u0399-\u039a\u039c-\u039d\u039f\u03a1"
    "\u03a4-\u03a5\u03a7"
)
WORD: Final = re.compile(f"[A-Za-z{CYRILLIC}{LIKE_LATIN}]{{2,}}")
_TWO_SCRIPTS: Final = re.compile(
    f"[A-Za-z][{CYRILLIC}{LIKE_LATIN}]*[{CYRILLIC}]|[{CYRILLIC}][A-Za-z]|[A-Za-z][{LIKE_LATIN}]+[A-Za-z]"
)


def invisible(text: str) -> list[Finding]:
    """Characters that nobody sees, or that change the order of what is seen; from left to right. What belongs to
    ordinary text (joiners of emoji and of scripts, flags, one selector of a variant) is not found. Linear in the
    text."""
    if text.isascii():
        return []
    return [
        Finding(match.start(), match.end(), match.lastgroup, FAMILY)
        for match in _UNSEEN.finditer(text)
        if match.lastgroup is not None and match.lastgroup != "flag"
    ]


def hidden(run: str) -> str:
    """What a run of unseen characters says: tag characters stand for ASCII (Unicode 16, section 23.9), selectors of
    variants for bytes of UTF-8, two zero-width characters for bits. Empty: nothing that can be read."""
    tags = "".join(chr(ord(char) - 0xE0000) for char in run if 0xE0020 <= ord(char) <= 0xE007E)
    if tags:
        return tags
    selected = [_byte_of(ord(char)) for char in run]
    data = bytes(each for each in selected if each is not None) or _bits(run)
    text = data.decode("utf-8", "replace")
    return text if text.isprintable() and "\ufffd" not in text else ""


def _byte_of(code: int) -> int | None:
    if 0xFE00 <= code <= 0xFE0F:
        return code - 0xFE00
    return code - 0xE0100 + 16 if 0xE0100 <= code <= 0xE01EF else None


def _bits(run: str) -> bytes:
    bits = "".join("0" if char == "\u200b" else "1" for char in run if char in "\u200b\u200c")
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits) - 7, 8))


def mixed(text: str) -> list[Finding]:
    """Words of letters of two scripts that look alike (kind `homoglyphs`): Latin with Cyrillic, or with Greek inside.
    Linear in the text."""
    if text.isascii():
        return []
    return [
        Finding(match.start(), match.end(), "homoglyphs", FAMILY)
        for match in WORD.finditer(text)
        if not match[0].isascii() and _TWO_SCRIPTS.search(match[0]) is not None
    ]


_DEPTH: Final = 3
_ESCAPE: Final = re.compile(r"\\u\{?([0-9A-Fa-f]{4,6})\}?|\\x([0-9A-Fa-f]{2})|\\U([0-9A-Fa-f]{8})")
_MOST: Final = 8192


def encoded(scanner: Scanner, depth: int = _DEPTH) -> tuple[Pattern, ...]:
    """Patterns (kind `encoded`) for runs of base64, hexadecimal, percent signs, escapes and entities in which the
    scanner finds something once they are decoded, up to `depth` times. What is longer than a thousand characters is
    judged a thousand at a time. `inside` tells what it was."""

    def holds(value: str) -> bool:
        return bool(inside(value, scanner, depth))

    return tuple(
        Pattern(
            kind="encoded",
            family=FAMILY,
            regex=regex,
            left=left,
            title=title,
            source=source,
            valid=holds,
        )
        for regex, left, title, source in _ENCODINGS
    )


_ENCODINGS: Final = (
    (r"\b[A-Za-z0-9+/_-]{16,1000}={0,2}", "", "Base64 or hexadecimal with something in it", "RFC 4648"),
    (
        r"(?:[\w.~+-]{0,24}%[0-9A-Fa-f]{2}){3,30}[\w.~+-]{0,64}",
        r"\w%",
        "Percent-encoded text with something in it",
        "RFC 3986, section 2.1",
    ),
    (
        (
            r"(?:[\w .:=-]{0,8}\\(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|U[0-9A-Fa-f]{8}|u\{[0-9A-Fa-f]{1,6}\})){3,100}"
            r"[\w .:=-]{0,64}"
        ),
        "",
        "Escaped characters with something in them",
        "RFC 8259, section 7",
    ),
    (
        r"(?:[\w .:=-]{0,8}&#(?:x[0-9A-Fa-f]{1,6}|[0-9]{1,7});){3,100}[\w .:=-]{0,64}",
        "",
        "Character references with something in them",
        "html.spec.whatwg.org/multipage/syntax.html#character-references",
    ),
)


def inside(value: str, scanner: Scanner, depth: int = _DEPTH, wanted: Wanted = None) -> list[str]:
    """Kinds of what the scanner finds in an encoded run once it is decoded; a run within is decoded in turn. `wanted`:
    numbers of the scanner's patterns that count (None: all)."""
    kinds: list[str] = []
    if depth <= 0:
        return kinds
    for text in decodings(value):
        kinds += [each.kind for each in scanner.find(text, wanted)]
        for run in _RUN.findall(text):
            kinds += inside(run, scanner, depth - 1, wanted)
    return list(dict.fromkeys(kinds))


RUN: Final = (
    r"[A-Za-z0-9+/_-]{16,}={0,6}|(?:[\w.~+-]{0,24}%[0-9A-Fa-f]{2}){3,}[\w.~+-]{0,64}"
    r"|(?:\\[uxU]\{?[0-9A-Fa-f]{2,8}\}?){3,}|(?:&#\w{1,7};){3,}"
)
"""An expression for what may be a text in an encoding."""
_RUN: Final = re.compile(RUN)


def decodings(value: str) -> list[str]:
    """Texts that a run may be read as; what would be no text is left out."""
    value = value[:_MOST]
    found: list[str] = []
    for decode in _DECODERS:
        text = decode(value)
        if text and text != value and _is_text(text):
            found.append(text)
    return found


def _is_text(text: str) -> bool:
    plain = sum(char.isprintable() or char in "\r\n\t" for char in text)
    return "\ufffd" not in text and plain >= 0.95 * len(text)


def _base64(value: str) -> str:
    bare = value.rstrip("=").replace("-", "+").replace("_", "/")
    bare = bare[: len(bare) // 4 * 4 + (len(bare) % 4 if len(bare) % 4 != 1 else 0)]
    try:
        data = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error:
        return ""
    return data.decode("utf-8", "replace").rstrip("\ufffd")


def _base32(value: str) -> str:
    bare = value.rstrip("=")
    if len(bare) % 8 in (1, 3, 6) or not bare.isupper():
        return ""
    try:
        return base64.b32decode(bare + "=" * (-len(bare) % 8)).decode("utf-8", "replace")
    except binascii.Error:
        return ""


def _hexadecimal(value: str) -> str:
    try:
        return bytes.fromhex(value[: len(value) // 2 * 2]).decode("utf-8", "replace")
    except ValueError:
        return ""


def _escaped(value: str) -> str:
    def char(match: re.Match[str]) -> str:
        code = int(match[1] or match[2] or match[3], 16)
        return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"

    return _ESCAPE.sub(char, value) if "\\" in value else ""


def _percent(value: str) -> str:
    return unquote(value) if "%" in value else ""


def _entities(value: str) -> str:
    return html.unescape(value) if "&" in value else ""


_DECODERS: Final[tuple[Callable[[str], str], ...]] = (
    _base64,
    _base32,
    _hexadecimal,
    _percent,
    _escaped,
    _entities,
)
