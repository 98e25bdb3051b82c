"""Texts of any script in a PDF: each character from a font that has it, or its code point in brackets.

Lines are set from left to right, a glyph a character. Scripts that are written otherwise (Arabic, Hebrew, those of
India and South East Asia) would come out as wrong letters, so their characters are told by code point, as are those
which no font here has (Chinese, Japanese, Korean, most emoji).
"""

import unicodedata
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from itertools import groupby
from typing import Any, Final

from genaiops.arena.reports._reported import printable
from genaiops.core.errors import UsageError

REGULAR: Final = "NotoSans_Regular"
BOLD: Final = "NotoSans_Bold"
_FURTHER: Final = ("FiraGO_Regular", "CascadiaMono_Regular")
_MOST_LINES: Final = 40
_SHAPED: Final = (
    (0x0590, 0x109F),
    (0x1700, 0x1C7F),
    (0x1CD0, 0x1CFF),
    (0xA800, 0xAB2F),
    (0xABC0, 0xABFF),
    (0xFB1D, 0xFDFF),
    (0xFE70, 0xFEFE),
    (0x10800, 0x11FFF),
    (0x1E800, 0x1EFFF),
)
"""Blocks of scripts whose letters change with their neighbours, or run from right to left."""


def check_pdf() -> None:
    """UsageError when what writes PDFs is not installed."""
    if find_spec("reportlab") is None or find_spec("pymupdf_fonts") is None:
        raise UsageError(
            "Reports as PDF are written by packages that are not installed.",
            remedy="Install genaiops[pdf], or write the report as HTML and print it.",
            param="pdf",
        )


@cache
def font(name: str) -> Any:
    """The font, registered under its name."""
    metrics: Any = import_module("reportlab.pdfbase.pdfmetrics")
    files: Any = import_module("reportlab.pdfbase.ttfonts")
    source: Any = import_module(f"pymupdf_fonts.{name}")
    made = files.TTFont(name, BytesIO(source.fontbuffer))
    metrics.registerFont(made)
    return made


def has(name: str, letter: str) -> bool:
    return bool(font(name).face.charToGlyph.get(ord(letter)))


@cache
def font_of(letter: str, first: str) -> str:
    """The name of the first font that has the character; "" when it is told by its code point."""
    code = ord(letter)
    if any(low <= code <= high for low, high in _SHAPED):
        return ""
    return next((name for name in (first, *_FURTHER) if has(name, letter)), "")


def runs(text: str, first: str = REGULAR) -> Sequence[tuple[str, str]]:
    """(font, text) in order. Nothing is left out: what no font has is there as [U+4E2D]."""
    pairs: list[tuple[str, str]] = []
    for letter in unicodedata.normalize("NFC", printable(text)):
        name = font_of(letter, first)
        if letter in "\u200b\u200c\u200d\ufe0f":  # join, part and vary what stands beside them, and show nothing
            continue
        pairs.append((name or first, letter if name else f"[U+{ord(letter):04X}]"))
    return [(name, "".join(each for _, each in group)) for name, group in groupby(pairs, key=lambda pair: pair[0])]


def markup(text: str, first: str = REGULAR, *, most: int = 600) -> str:
    """For a paragraph of ReportLab: its own marks are escaped, lines are kept."""
    cut = text if len(text) <= most else text[:most] + " ..."
    lines = cut.replace("\t", "    ").splitlines() or [""]
    further = ["..."] if len(lines) > _MOST_LINES else []
    return "<br/>".join(_line(line, first) for line in (*lines[:_MOST_LINES], *further))


def _line(line: str, first: str) -> str:
    return "".join(
        escape(text, quote=False) if name == first else f'<font name="{name}">{escape(text, quote=False)}</font>'
        for name, text in runs(line, first)
    )
