# ruff: noqa: RUF001 (characters that look like others are what this is about)
"""Text as the patterns see it: one byte a character, with what looks alike made alike.

Characters are folded one by one, so that a text folds in the same way whole and in pieces: compatibility forms by NFKC
(full width, mathematical letters, ligatures), digits of every script, letters of other scripts that look like Latin
ones (Unicode TR 39, those of Cyrillic and Greek), tag characters to the ASCII they hide; invisible ones vanish.
"""

import codecs
import re
import unicodedata
from typing import Final

INVISIBLE: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e001f\U000e007f-\U000e0fff"
)
"""The contents of a class of `re`: what nobody sees (format characters, fillers, variation selectors)."""

LOOKALIKES: Final = dict(
    zip(
        "АВЕЅІЈКМНОРСТУХҮЗЬЁаеѕіјорсухѵԛԝһԁɡΑΒΕΖΗΙΚΜΝΟΡΤΥΧανορυχικɑıℓ՝",
        "ABESIJKMHOPCTYXY3bEaesijopcyxvqwhdgABEZHIKMNOPTYXavopuxikail'",
        strict=True,
    )
)
"""Letters of other scripts, and the Latin ones that they look like."""
_PLAIN: Final = dict(zip("‘’‚‛′“”„‟″«»‐‑‒–—―−⁃…•‹›", '\'\'\'\'\'"""""""--------.*<>', strict=True))
_OTHER: Final = "\x1a"
"""Stands for a character that no pattern has."""


def _folded(char: str) -> str:
    code = ord(char)
    if code < 0x80:
        return char
    if 0xE0020 <= code <= 0xE007E:
        return chr(code - 0xE0000)
    if _INVISIBLE.match(char):
        return ""
    plain = LOOKALIKES.get(char) or _PLAIN.get(char)
    if plain is not None:
        return plain
    digit = unicodedata.digit(char, None)
    if digit is not None:
        return str(digit)
    if char.isspace():
        return "\n" if char in "\u2028\u2029\x85" else " "
    simple = unicodedata.normalize("NFKC", char)
    if simple != char:
        return "".join(LOOKALIKES.get(one, one if ord(one) < 0x100 else _OTHER) for one in simple)
    return char if code < 0x100 else _OTHER


_INVISIBLE: Final = re.compile(f"[{INVISIBLE}]")


class _Table(dict[int, str]):
    """What each character becomes; grows as they are met."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _folded(chr(code))
        return folded


_TABLE: Final = _Table()
_WIDTHS: Final = "".join(
    char
    for char in map(
        chr, (*range(0xA0, 0x3400), *range(0xA490, 0xAC00), *range(0xF900, 0x10000), *range(0x1F100, 0x1F250))
    )
    if not unicodedata.is_normalized("NFKC", char) and len(_folded(char)) != 1
)
"""Characters that NFKC makes several of (of those alone: all others fold to one, or are invisible)."""
_ODD: Final = re.compile(f"[{INVISIBLE}{re.escape(_WIDTHS)}]")
"""Characters that become none, or several."""
_WESTERN: Final = bytes(ord(_folded(chr(code))) if len(_folded(chr(code))) == 1 else code for code in range(0x100))


def _each(error: UnicodeError) -> tuple[str | bytes, int]:
    assert isinstance(error, UnicodeEncodeError)
    return error.object[error.start : error.end].translate(_TABLE), error.end


codecs.register_error("genaiops.fold", _each)


def fold(text: str) -> tuple[bytes, list[int] | None]:
    """Latin-1, and for each byte the index of the character that it is of (None: the same)."""
    if text.isascii():
        return text.encode("ascii"), None
    if _ODD.search(text) is None:
        return text.encode("latin-1", "genaiops.fold").translate(_WESTERN), None
    pieces = [char.translate(_TABLE) for char in text]
    positions = [index for index, piece in enumerate(pieces) for _ in piece]
    return "".join(pieces).encode("latin-1"), positions


def visible(text: str) -> str:
    """Without what nobody sees."""
    return text if text.isascii() else _INVISIBLE.sub("", text)
