"""Media inside a body: what of it is text after all (a text file in base64, a data URL of text), and what is not read.

Data URLs: RFC 2397. Base64 of both alphabets, with padding or without: RFC 4648.
"""

import base64
import binascii
import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote, unquote

from genaiops.guard.surfaces._grammar import is_name

_HEAD = re.compile(r"data:([^;,\s]{0,128})((?:;[^;,\s]{1,128}){0,8}?)(;base64)?,", re.IGNORECASE)
_TEXTS = re.compile(r"text/.*|.*[+/](?:json|xml|yaml|x-yaml|csv|x-ndjson|javascript|sql|x-sh|rtf)", re.IGNORECASE)
_BINARY = re.compile(r"(?:image|audio|video|font)/.*|application/(?:pdf|zip|msword|vnd\..*)", re.IGNORECASE)
_ALPHABET = re.compile(r"[A-Za-z0-9+/_=\r\n-]*")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_LEAST = 64
"""Characters of the shortest media: what is shorter is read as text."""

_SAMPLE = 1024


class Read(NamedTuple):
    """What a string of media is: the `text` to be read (None: there is none), how a new one is written in its place
    (None: as it is), and its media type where it is not text."""

    text: str | None
    write: Callable[[str], str] | None = None
    media: str = ""


def _read(text: str, write: Callable[[str], str]) -> Read:
    return Read(text, write)


def of_url(url: str) -> Read:
    """An address is text; a data URL is what it holds."""
    head = _HEAD.match(url)
    if head is None:
        return Read(url)
    media, data = head[1], url[head.end() :]
    prefix = url[: head.end()]
    if head[3]:
        found = of_base64(data, media or "text/plain")
        if found.text is None:
            return found
        write = found.write
        if write is None:
            return Read(url)
        return _read(found.text, lambda new: prefix + write(new))
    return _read(unquote(data), lambda new: prefix + quote(new))


def of_base64(data: str, media: str = "") -> Read:
    """`media`: the type that the body names, if any."""
    if not _is_base64(data):
        return Read(data)
    if _BINARY.fullmatch(media) and len(data) >= _LEAST:
        return Read(None, media=media)
    found = _decoded(data)
    if found is None:
        return Read(data) if len(data) < _LEAST or _TEXTS.fullmatch(media) else Read(None, media=media or "unknown")
    return _read(found, lambda new: base64.b64encode(new.encode()).decode())


def sealed(data: str) -> Read:
    """A state of its provider's own (a signature, encrypted reasoning), which nobody else can read: text where it does
    not look so, and where anybody can. A name may stand before it, with a dot between."""
    name, dot, rest = data.rpartition(".")
    if not _is_base64(rest) or (dot and not is_name(name)):
        return Read(data)
    if len(rest) < _LEAST:
        return Read(None) if is_name(data) else Read(data)
    found = _decoded(rest)
    if found is None:
        return Read(None)
    return _read(found, lambda new: name + dot + base64.urlsafe_b64encode(new.encode()).decode())


def _is_base64(data: str) -> bool:
    """For what is large by a few quick looks: no text of a human language passes them."""
    if len(data) <= _SAMPLE * 4:
        return _ALPHABET.fullmatch(data) is not None
    if not data.isascii() or " " in data or "@" in data or '"' in data or "." in data:
        return False
    return _ALPHABET.fullmatch(data, 0, _SAMPLE) is not None and _ALPHABET.fullmatch(data[-_SAMPLE:]) is not None


def _decoded(data: str) -> str | None:
    """The text that it is in base64; None where it is none."""
    plain = data.replace("-", "+").replace("_", "/").replace("\n", "").replace("\r", "")
    sample = plain[:_SAMPLE]
    try:
        raw = base64.b64decode(sample + "=" * (-len(sample) % 4), validate=True)
        if b"\0" in raw:
            return None
        raw = raw if len(plain) <= _SAMPLE else base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
        text = raw.decode()
    except (binascii.Error, ValueError):
        return None
    return None if _CONTROLS.search(text) else text
