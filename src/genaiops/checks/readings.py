"""A text as somebody reads it who understands its encodings: what stands in base64, hexadecimal, percent signs,
escapes, entities or characters that nobody sees is read as what it says.

An encoding is neither an attack nor a proof of innocence: what counts is what it says, among the words around it.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from genaiops.checks.control import RUN, UNSEEN, decodings, hidden
from genaiops.checks.windows import WINDOW_BYTES, Window, windows

_DEPTH: Final = 3
_PIECE: Final = 8192  # a multiple of what every encoding reads at once
_SHORT: Final = 64
_ANY: Final = re.compile(f"(?P<unseen>{UNSEEN})|(?P<run>{RUN})")


class _Stretch(Struct, frozen=True):
    """From `shown` on (a place in the reading) stands what begins at `start` of the original; `end` is where the run
    ends that was decoded, None where the original stands as it is."""

    shown: int
    start: int
    end: int | None


class Reading(Struct, frozen=True):
    """`text` is what is read; `original` finds its places again."""

    text: str
    stretches: tuple[_Stretch, ...]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Characters of the original from which those of the reading come; a run that was decoded comes whole."""
        first = self._stretch(start)
        last = self._stretch(max(start, end - 1))
        begin = first.start if first.end is not None else first.start + start - first.shown
        return begin, last.end if last.end is not None else last.start + end - last.shown

    def _stretch(self, place: int) -> _Stretch:
        at = bisect_right(self.stretches, place, key=lambda one: one.shown) - 1
        return self.stretches[max(at, 0)]


def reading(text: str) -> Reading:
    """Of a text without encodings: the text. Linear in it; encodings within encodings are read three deep."""
    shown: list[str] = []
    stretches = [_Stretch(0, 0, None)]
    length = done = 0
    for match in _ANY.finditer(text):
        said = _said(match, _DEPTH)
        if said is None:
            continue
        before = text[done : match.start()]
        stretches.append(_Stretch(length + len(before), match.start(), match.end()))
        shown += (before, said)
        length += len(before) + len(said)
        done = match.end()
        stretches.append(_Stretch(length, done, None))
    return Reading("".join((*shown, text[done:])), tuple(stretches))


def windows_read(text: str, size: int = WINDOW_BYTES) -> list[Window]:
    """The windows of the reading of a text; `start` and `end` are places in the text itself."""
    read = reading(text)
    if len(read.stretches) == 1:
        return windows(text, size)
    return [Window(*read.original(one.start, one.end), one.text) for one in windows(read.text, size)]


def _said(match: re.Match[str], depth: int) -> str | None:
    """What a match says that is an encoding; None: nothing that can be read."""
    if match["unseen"] is not None:
        return hidden(match[0]) or None
    pieces = list(_decoded(match[0]))
    if None in pieces:
        return None
    said = "".join(piece for piece in pieces if piece is not None)
    if depth <= 1:
        return said
    return _ANY.sub(lambda inner: inner[0] if (text := _said(inner, depth - 1)) is None else text, said)


def _decoded(run: str) -> Iterator[str | None]:
    """Letters that stand together by chance are a text now and then, seldom one of ASCII."""
    for begin in range(0, len(run), _PIECE):
        texts = decodings(run[begin : begin + _PIECE])
        yield next((text for text in texts if text.isascii() or len(run) >= _SHORT), None)
