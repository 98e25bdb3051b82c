"""Files of documents as their text: plain text, Markdown, HTML, JSON, CSV, Word (docx), PDF.

What a file is, its name says. Nothing of it is run or fetched, and what unpacks to more than is allowed is refused.
"""

import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from html.parser import HTMLParser
from pathlib import PurePath
from typing import Any, Final, cast
from xml.parsers import expat

import msgspec

from genaiops.checks.pdf import pages_of
from genaiops.core.errors import UsageError

LARGEST: Final = 25 << 20
"""Bytes of a file, and characters of its text."""
_UNSEEN: Final = frozenset({"script", "style", "template", "noscript"})
_PARAGRAPHS: Final = frozenset({"w:p", "w:tab", "w:br"})
_MEMBERS: Final = ("word/document.xml", "word/footnotes.xml", "word/endnotes.xml")


def text_of(name: str, data: bytes, tell: Callable[[str], None] | None = None) -> str:
    """UsageError for what cannot be read, or has no text. `tell` gets a sentence about what is only read in part."""
    suffix = PurePath(name).suffix.lower()
    read = partial(_pdf, tell=tell) if suffix == ".pdf" else _READERS.get(suffix)
    if read is None:
        raise UsageError(
            f"{name} is of a kind that is not read" + (f" ({suffix})." if suffix else ": it has no ending."),
            remedy="Make it .txt, .md, .html, .json, .jsonl, .csv, .docx or .pdf first.",
            param="files",
        )
    if len(data) > LARGEST:
        raise _refused(name, f"has more than {LARGEST >> 20} MB", "Divide it.")
    text = read(name, data)
    if len(text) > LARGEST:
        raise _refused(name, f"has more than {LARGEST >> 20} million characters", "Divide it.")
    if not text.strip():
        raise _refused(name, "has no text", "Leave it out.")
    return text


def _plain(name: str, data: bytes) -> str:
    try:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return data.decode("utf-16")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(name, f"is no UTF-8 (byte {error.start})", "Save it as UTF-8.") from error


def _html(name: str, data: bytes) -> str:
    page = _Page(convert_charrefs=True)
    page.feed(_plain(name, data))
    page.close()
    return "".join(page.pieces)


class _Page(HTMLParser):
    """What stands between the tags; not scripts and styles."""

    def __init__(self, *, convert_charrefs: bool) -> None:
        super().__init__(convert_charrefs=convert_charrefs)
        self.pieces: list[str] = []
        self._within = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 (the parser's)
        if tag in _UNSEEN and not self._within:
            self._within = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._within:
            self._within = ""

    def handle_data(self, data: str) -> None:
        if not self._within:
            self.pieces.append(data)


def _json(name: str, data: bytes) -> str:
    try:
        return "\n".join(_texts(msgspec.json.decode(data)))
    except (msgspec.DecodeError, RecursionError) as error:
        raise _refused(name, f"is no JSON: {error}", "Mend it.") from error


def _jsonl(name: str, data: bytes) -> str:
    found: list[str] = []
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip():
            try:
                found.extend(_texts(msgspec.json.decode(line)))
            except (msgspec.DecodeError, RecursionError) as error:
                raise _refused(name, f"line {number} is no JSON: {error}", "Mend it.") from error
    return "\n".join(found)


def _texts(value: Any) -> Iterator[str]:
    """Of every field that is a text, in their order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from _texts(each)
    elif isinstance(value, dict):
        for each in cast("dict[str, Any]", value).values():
            yield from _texts(each)


def _docx(name: str, data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [each for each in archive.infolist() if each.filename in _MEMBERS]
            if sum(each.file_size for each in members) > 4 * LARGEST:
                raise _refused(name, "unpacks to too much", "Divide it.")
            return "\n".join(_word(archive.read(each)) for each in members)
    except (zipfile.BadZipFile, expat.ExpatError, OSError, RuntimeError, NotImplementedError) as error:
        raise _refused(name, f"is no Word document: {error}", "Save it as .docx or .txt.") from error


def _word(data: bytes) -> str:
    pieces: list[str] = []
    within = False

    def begin(tag: str, _: dict[str, str]) -> None:
        nonlocal within
        within = tag == "w:t"
        if tag in _PARAGRAPHS:
            pieces.append("\n")

    def end(_: str) -> None:
        nonlocal within
        within = False

    def said(text: str) -> None:
        if within:
            pieces.append(text)

    def refuse(*_: object) -> None:
        raise expat.ExpatError("it declares entities")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler, parser.EntityDeclHandler = said, refuse
    parser.Parse(data, True)
    return "".join(pieces)


def _pdf(name: str, data: bytes, tell: Callable[[str], None] | None) -> str:
    pages = pages_of(name, data)
    empty = [number for number, page in enumerate(pages, 1) if not any(map(str.isalnum, page))]
    if len(empty) == len(pages):
        raise _refused(name, "has no text: its pages are images", "Recognise its text (OCR) first, or leave it out.")
    if empty and tell is not None:
        which = ", ".join(map(str, empty[:8])) + (" ..." if len(empty) > 8 else "")
        tell(f"{name}: no text on {len(empty)} of {len(pages)} pages ({which}); what images show is not found.")
    return "\n".join(pages)


def _refused(name: str, what: str, remedy: str) -> UsageError:
    return UsageError(f"{name} {what}.", remedy=remedy, param="files")


_READERS: Final[Mapping[str, Callable[[str, bytes], str]]] = {
    **dict.fromkeys((".txt", ".text", ".md", ".markdown", ".rst", ".csv", ".tsv", ".tex", ".log"), _plain),
    **dict.fromkeys((".html", ".htm", ".xhtml"), _html),
    **dict.fromkeys((".jsonl", ".ndjson"), _jsonl),
    ".json": _json,
    ".docx": _docx,
}
