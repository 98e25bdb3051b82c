"""`control` for a text that comes piece by piece: the same findings wherever it is cut."""

import re
from typing import Final, NamedTuple

from genaiops.checks import control
from genaiops.domain import Finding

_MOST: Final = 64
"""Characters of a run that are waited for; a flag, the longest that is none of ours, has eight."""
_LETTERS: Final = "A-Za-z"
_LIKE: Final = control.CYRILLIC + control.LIKE_LATIN
_OPEN_RUN: Final = re.compile(
    f"(?:\U0001f3f4?[\U000e0000-\U000e007f]+|\U0001f3f4|[\ufe00-\ufe0f\U000e0100-\U000e01ef]+|"
    f"[{control.ZERO_WIDTH}]+|[\ufff9-\ufffb\U0001d173-\U0001d17a]+)\\Z"
)
_GOES_ON: Final = {
    "tag_characters": re.compile("[\U000e0000-\U000e007f]+"),
    "variation_selectors": re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]+"),
    "zero_width": re.compile(f"[{control.ZERO_WIDTH}]+"),
    "annotation": re.compile("[\ufff9-\ufffb\U0001d173-\U0001d17a]+"),
}
_OPEN_WORD: Final = re.compile(f"[{_LETTERS}{_LIKE}]+\\Z")
_LATIN_LAST: Final = re.compile(f"[{_LETTERS}][^{_LETTERS}]?")


class Unseen(NamedTuple):
    """`text` is released. `found`: in it, by its characters; `more`: what goes on from a finding that was told of
    before, which is none of its own."""

    text: str
    found: list[Finding]
    more: list[Finding]


class InvisibleStream:
    """`feed` pieces, then `end`: `control.invisible`, piece by piece. A run of unseen characters at the end of a piece
    waits for what comes behind it, at most 64 of them."""

    __slots__ = ("_before", "_held", "_kind")

    def __init__(self) -> None:
        self._before = ""
        self._held = ""
        self._kind = ""
        """Of the run that was told of and may go on."""

    def feed(self, text: str) -> Unseen:
        if not self._held and not self._kind and text.isascii():
            self._before = text[-1:] or self._before
            return Unseen(text, [], [])
        return self._step(self._held + text, last=False)

    def end(self) -> Unseen:
        return self._step(self._held, last=True)

    def _step(self, text: str, *, last: bool) -> Unseen:
        self._held = ""
        if not text:
            return Unseen("", [], [])
        more: list[Finding] = []
        start = 0
        if self._kind:
            match = _GOES_ON[self._kind].match(text)
            if match is not None:
                more, start = [Finding(0, match.end(), self._kind, control.FAMILY)], match.end()
            if start == len(text):
                return Unseen(text, [], more)
            self._kind = ""
        end = len(text)
        open_run = None if last else _OPEN_RUN.search(text, max(start, end - _MOST - 1))
        if open_run is not None and end - open_run.start() <= _MOST:
            end = open_run.start()
        # a run that is longer than what is waited for is a finding already, and goes on in the next piece
        before = text[start - 1] if start else self._before
        shift = start - len(before)
        found = [
            Finding(each.start + shift, each.end + shift, each.kind, each.family)
            for each in control.invisible(before + text[start:end])
            if each.start + shift >= start
        ]
        if open_run is not None and end == len(text) and found and found[-1].end == end:
            self._kind = found[-1].kind
        self._held = text[end:]
        self._before = text[end - 1 : end] or self._before
        return Unseen(text[:end], found, more)


class MixedStream:
    """`control.mixed`, piece by piece: nothing waits, for nothing of it is cut out. Keeps two characters."""

    __slots__ = ("_open", "_told")

    def __init__(self) -> None:
        self._open = ""
        """As much of the word at the end as decides what it becomes."""
        self._told = False
        """That word was counted."""

    def feed(self, text: str) -> int:
        """How many words of two scripts were met in it that had not been told of before."""
        if not text:
            return 0
        joined = self._open + text
        if joined.isascii():
            self._open, self._told = (text[-1] if text[-1].isalpha() else ""), self._told and text.isalpha()
            return 0
        goes_on = self._told and control.WORD.match(joined) is not None
        count = sum(not (goes_on and each.start == 0) for each in control.mixed(joined))
        tail = _OPEN_WORD.search(joined)
        if tail is None:
            self._open, self._told = "", False
            return count
        word = tail[0]
        self._told = (goes_on and tail.start() == 0) or bool(control.mixed(word))
        if self._told:
            self._open = word[-1]
        else:
            latin = max((match.start() for match in _LATIN_LAST.finditer(word)), default=len(word) - 1)
            self._open = word[latin : latin + 2]
        return count
