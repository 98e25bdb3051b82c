"""Words of which one must stand before a match."""

import re
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final

from genaiops.checks.scanning._engine import Occurring, engine
from genaiops.checks.scanning._fold import visible

_LETTER: Final = r"A-Za-z\d\xaa\xb5\xba\xc0-\xd6\xd8-\xf6\xf8-\xff"
_ESCAPED: Final = re.compile(r"\\[nrt]")
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u31ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]"
)
"""Scripts that put no space between words, or none between a word and its endings (Korean)."""


class Context:
    """Phrases in any case, each as whole words; those of a script without spaces, anywhere. Immutable."""

    __slots__ = ("_form", "_wide", "reach")

    def __init__(self, phrases: Iterable[str], reach: int) -> None:
        self.reach = reach
        narrow, self._wide = _by_width(phrases)
        said = "|".join(map(_any_case, narrow))
        self._form = engine(rf"(?i)(?:[^{_LETTER}]|\\[nrt])(?:{said})(?:[^{_LETTER}]|\z)") if narrow else None

    def stands_before(self, data: bytes, start: int, text: str, place: int) -> bool:
        """Before the byte `start` of the folded text, which is the character `place` of the text."""
        begin = start - self.reach - 2
        window = data[begin:start] if begin >= 0 else b"\n" + data[:start]
        if self._form is not None and self._form.search(window) is not None:
            return True
        return bool(self._wide) and not text.isascii() and self._stands_in_letters(text, place)

    def _stands_in_letters(self, text: str, place: int) -> bool:
        before = _ESCAPED.sub("  ", visible(text[max(0, place - 4 * self.reach) : place]))
        edge = before[-self.reach - 1 : -self.reach] if len(before) > self.reach else ""
        window = before[-self.reach :].casefold()
        return any(_as_whole_words(phrase, window, edge) for phrase in self._wide)


class Contexts:
    """Those of many patterns, by their numbers: which of them may hold anywhere in a text, found in one pass."""

    def __init__(self, each: Sequence[tuple[Sequence[str], int]]) -> None:
        """Phrases and reach; patterns without phrases have no context."""
        self._each = [Context(phrases, reach) if phrases else None for phrases, reach in each]
        self._numbers: dict[str, list[int]] = {}
        for number, (phrases, _) in enumerate(each):
            for phrase in chain.from_iterable(_by_width(phrases)):
                self._numbers.setdefault(phrase, []).append(number)
        self._narrow, self._wide = _by_width(self._numbers)
        self._occurring = Occurring(
            [rf"(?i)(?:\A|[^{_LETTER}]|[nrt]){_any_case(each)}(?:[^{_LETTER}]|\z)" for each in self._narrow]
        )

    def __getitem__(self, number: int) -> Context | None:
        return self._each[number]

    def may_hold_in(self, data: bytes, text: str) -> set[int]:
        """Numbers of the patterns of which a phrase may be in the text."""
        found = {number for index in self._occurring(data) for number in self._numbers[self._narrow[index]]}
        if self._wide and not text.isascii():
            small = visible(text).casefold()
            for phrase in self._wide:
                if phrase in small:
                    found.update(self._numbers[phrase])
        return found


def _by_width(phrases: Iterable[str]) -> tuple[list[str], list[str]]:
    """In small letters: those that folding leaves as they are, and others."""
    narrow: list[str] = []
    wide: list[str] = []
    for phrase in dict.fromkeys(map(str.casefold, phrases)):
        (narrow if phrase.isascii() or all(ord(char) < 0x100 for char in phrase) else wide).append(phrase)
    return narrow, wide


def _any_case(phrase: str) -> str:
    """RE2 knows no capitals of Latin-1 beyond ASCII."""
    return "".join(re.escape(char) if char.isascii() else f"[{char}{_capital(char)}]" for char in phrase)


def _capital(char: str) -> str:
    capital = char.upper()
    return capital if len(capital) == 1 and ord(capital) < 0x100 else ""


def _as_whole_words(phrase: str, window: str, edge: str) -> bool:
    if _UNSPACED.search(phrase):
        return phrase in window
    at = window.find(phrase)
    while at >= 0:
        end = at + len(phrase)
        previous = window[at - 1] if at else edge
        if not (previous.isalnum() and phrase[0].isalnum()) and not (
            window[end : end + 1].isalnum() and phrase[-1].isalnum()
        ):
            return True
        at = window.find(phrase, at + 1)
    return False
