"""A text as words, each with its place: folded, so that case, accents, compatibility forms and invisible characters
make no difference.

Characters are folded one by one (Unicode NFKD, case folding, then marks and format characters dropped), so that a text
has the same words whole and in pieces. A word is a run of letters and digits, cut after 64 of them. In scripts that do
not set blanks between words (Han, kana, Thai, Lao, Khmer, Burmese) every character is a word. Letters of other scripts
that look like Latin ones stay what they are.
"""

import re
import unicodedata
from typing import Final

LONGEST: Final = 64
"""Characters of a word at most."""
_UNSPACED: Final = "\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u312f\u31a0-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD: Final = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]{{1,{LONGEST}}}")
_ALONE: Final = re.compile(f"[{_UNSPACED}]")


class Words:
    """Words in order: `texts`, folded; `span(number)`, the characters of the text as it was."""

    __slots__ = ("_base", "_folded", "_places", "_spans", "texts")

    def __init__(self, texts: list[str], folded: str, places: list[int] | None, base: int) -> None:
        self.texts = texts
        self._folded = folded
        self._places = places
        self._base = base
        self._spans: list[tuple[int, int]] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def span(self, number: int) -> tuple[int, int]:
        """From where up to where the word of this number (from 0) stands."""
        if self._spans is None:  # most texts are read without anybody asking
            self._spans = [match.span() for match in _WORD.finditer(self._folded)]
        start, end = self._spans[number]
        if self._places is None:
            return self._base + start, self._base + end
        return self._places[start], self._places[end - 1] + 1


class _Table(dict[int, str]):
    """What each character becomes; grows as they are met. `odd`: those that become none or several."""

    def __init__(self) -> None:
        super().__init__()
        self.odd: set[str] = set()

    def __missing__(self, code: int) -> str:
        char = chr(code)
        self[code] = folded = _folded(char)
        if len(folded) != 1:
            self.odd.add(char)
        return folded


def _folded(char: str) -> str:
    if "\uac00" <= char <= "\ud7a3":  # syllables of Hangul are letters, not sequences of marks
        return char
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold())
    return "".join(one for one in plain if unicodedata.category(one) not in {"Mn", "Mc", "Me", "Cf"})


_TABLE: Final = _Table()


def fold(piece: str, read: int) -> tuple[str, list[int] | None]:
    """Without case, accents, forms and what is invisible; and for each character the place of the one that it comes
    from, the first one of `piece` being at `read` (None: one for one)."""
    if piece.isascii():
        return piece.lower(), None
    folded = piece.translate(_TABLE)
    if _TABLE.odd.isdisjoint(piece):
        return folded, None
    return folded, [place for place, char in enumerate(piece, read) for _ in _TABLE[ord(char)]]


def words(text: str) -> Words:
    """All words of a text."""
    folded, places = fold(text, 0)
    return Words(_WORD.findall(folded), folded, places, 0)


class WordStream:
    """The words of a text that comes piece by piece; keeps at most one unfinished word."""

    def __init__(self) -> None:
        self._read = 0
        self._tail = ""
        self._places: list[int] | None = None
        """Of the tail's characters; None: they are the last ones that were read."""

    def feed(self, piece: str) -> Words:
        """The words that are complete now."""
        folded, places = fold(piece, self._read)
        if self._tail:
            folded, places = self._joined(folded, places)
        base = self._read + len(piece) - len(folded)
        self._read += len(piece)
        self._tail, self._places = "", None
        texts = _WORD.findall(folded)
        if texts and (last := texts[-1]) and len(last) < LONGEST and folded.endswith(last) and not _ALONE.match(last):
            texts.pop()
            self._tail = last
            if places is not None:
                self._places = places[len(folded) - len(last) :]
        return Words(texts, folded, places, base)

    def finish(self) -> Words:
        """The last one, if there is one."""
        texts = [self._tail] if self._tail else []
        done = Words(texts, self._tail, self._places, self._read - len(self._tail))
        self._tail, self._places = "", None
        return done

    def _joined(self, folded: str, places: list[int] | None) -> tuple[str, list[int] | None]:
        tail, held = self._tail, self._places
        if places is None and held is None:
            return tail + folded, None
        if held is None:
            held = list(range(self._read - len(tail), self._read))
        if places is None:
            places = list(range(self._read, self._read + len(folded)))
        return tail + folded, held + places
