"""Words of which one must stand before a match."""

import re
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final

from genaiops.checks.scanning._fold import visible

_WORD: Final = re.compile(r"[^\W_]+")
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u31ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]"
)
"""Scripts that put no space between words, or none between a word and its endings (Korean)."""


_ESCAPED: Final = re.compile(r"\\[nrt]")


def words_of(text: str) -> set[str]:
    """Of a text in small letters (casefold)."""
    return set(_WORD.findall(text))


class Context:
    """Phrases in any case, each as whole words; those of a script without spaces, anywhere. Immutable."""

    __slots__ = ("_by_last", "_lasts", "_unspaced")

    def __init__(self, phrases: Iterable[str]) -> None:
        self._by_last: dict[str, list[str]] = {}
        self._unspaced: list[str] = []
        for phrase in dict.fromkeys(map(str.casefold, phrases)):
            if _UNSPACED.search(phrase):
                self._unspaced.append(phrase)
            else:
                self._by_last.setdefault(_WORD.findall(phrase)[-1], []).append(phrase)
        self._lasts = frozenset(self._by_last)

    def may_stand_in(self, text: str, words: set[str]) -> list[str]:
        """The phrases of the text, as whole words or not. Where the last word of one is not, the phrase is not."""
        found = [phrase for last in self._lasts & words for phrase in self._by_last[last] if phrase in text]
        return found + [phrase for phrase in self._unspaced if phrase in text]

    def stands_in(self, window: str, words: set[str], edge: str) -> bool:
        """`edge`: the character before the window."""
        for last in self._lasts & words:
            if any(_as_whole_words(phrase, window, edge) for phrase in self._by_last[last]):
                return True
        return any(phrase in window for phrase in self._unspaced)


class Contexts:
    """Those of many patterns, by their numbers: which of them may hold anywhere in a text, found in one pass."""

    def __init__(self, phrases: Sequence[Sequence[str]]) -> None:
        self._each = [Context(some) if some else None for some in phrases]
        self._all = Context(chain.from_iterable(phrases))
        self._numbers: dict[str, list[int]] = {}
        for number, some in enumerate(phrases):
            for phrase in {phrase.casefold() for phrase in some}:
                self._numbers.setdefault(phrase, []).append(number)

    def __getitem__(self, number: int) -> Context | None:
        return self._each[number]

    def may_hold_in(self, text: str) -> set[int]:
        """Numbers of the patterns of which a phrase is in the text."""
        small = plain(text).casefold()
        return {number for phrase in self._all.may_stand_in(small, words_of(small)) for number in self._numbers[phrase]}


def plain(text: str) -> str:
    """Without what nobody sees, and with escaped line breaks as spaces (each as long as it was)."""
    text = visible(text)
    return _ESCAPED.sub("  ", text) if "\\" in text else text


def _as_whole_words(phrase: str, window: str, edge: str) -> bool:
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
