"""Many sources in pieces, and the pieces that are nearest to a text: by words (BM25), and by vectors where there are
some.

BM25: Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009, equation 3.15, with k1 = 1.2 and b = 0.75,
over stems of six letters. Both rankings are joined by reciprocal rank fusion (Cormack et al., SIGIR 2009, k = 60).
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from genaiops.checks.grounding import sentences
from genaiops.checks.words import words
from genaiops.core.errors import UsageError

Vectors = Callable[[Sequence[str]], Sequence[Sequence[float]]]
"""Of texts, each of length 1."""

MOST_CORPUS: Final = 5_000_000
"""Characters that are held at once."""
_PIECE: Final = 500
"""Characters of a piece, about; it ends with a sentence."""
_NEAREST: Final = 200
"""Pieces that are looked at by their vectors, of one claim, where there are more."""
_STEM: Final = 6
_K1: Final = 1.2
_B: Final = 0.75
_FUSION: Final = 60


class Passage(msgspec.Struct, frozen=True):
    """The characters from `start` up to `end` of the source of that id."""

    source: str
    start: int
    end: int
    text: str


class Corpus:
    """Holds the pieces. UsageError for more than MOST_CORPUS characters."""

    def __init__(self, sources: Sequence[tuple[str, str]], *, vectors: Vectors | None = None) -> None:
        """`sources`: (id, text). `vectors`: also nearest by meaning; each piece is encoded once, when it is first
        looked at."""
        size = sum(len(text) for _, text in sources)
        if size > MOST_CORPUS:
            raise UsageError(
                f"The sources have {size:,} characters together.",
                remedy=f"Give at most {MOST_CORPUS:,}, such as the part that the answer is about.",
                param="corpus",
            )
        self.passages = [piece for identifier, text in sources for piece in pieces(identifier, text)]
        self._vectors = vectors
        self._known: dict[int, Sequence[float]] = {}
        self._lengths: list[int] = []
        self._postings: dict[str, list[tuple[int, int]]] = {}
        for at, passage in enumerate(self.passages):
            stems = _stems(passage.text)
            self._lengths.append(len(stems))
            for stem, count in Counter(stems).items():
                self._postings.setdefault(stem, []).append((at, count))
        self._mean = sum(self._lengths) / len(self._lengths) if self._lengths else 0.0

    def nearest(self, text: str, most: int = 5) -> list[Passage]:
        """The nearest first; none that shares neither a word nor, by vectors, anything with it."""
        by_words = self._by_words(text)
        if self._vectors is None:
            return [self.passages[at] for at in by_words[:most]]
        rank: dict[int, float] = {}
        for order in (by_words, self._by_vectors(text, by_words)):
            for place, at in enumerate(order):
                rank[at] = rank.get(at, 0.0) + 1 / (_FUSION + place + 1)
        return [self.passages[at] for at in sorted(rank, key=lambda at: (-rank[at], at))[:most]]

    def _by_words(self, text: str) -> list[int]:
        scores: dict[int, float] = {}
        total = len(self.passages)
        for stem in set(_stems(text)):
            found = self._postings.get(stem, ())
            weight = math.log(1 + (total - len(found) + 0.5) / (len(found) + 0.5))
            for at, count in found:
                long = 1 - _B + _B * self._lengths[at] / self._mean
                scores[at] = scores.get(at, 0.0) + weight * count * (_K1 + 1) / (count + _K1 * long)
        return sorted(scores, key=lambda at: (-scores[at], at))

    def _by_vectors(self, text: str, by_words: Sequence[int]) -> list[int]:
        assert self._vectors is not None
        asked = by_words[:_NEAREST] if len(self.passages) > _NEAREST else range(len(self.passages))
        missing = [at for at in asked if at not in self._known]
        own, *others = self._vectors([text, *(self.passages[at].text for at in missing)])
        self._known.update(zip(missing, others, strict=True))
        near = {at: sum(a * b for a, b in zip(own, self._known[at], strict=True)) for at in asked}
        return sorted(near, key=lambda at: (-near[at], at))


def pieces(source: str, text: str) -> Iterator[Passage]:
    """Runs of whole sentences, of about 500 characters."""
    begun: int | None = None
    last = 0
    for start, end in sentences(text):
        if begun is not None and end - begun > _PIECE:
            yield Passage(source, begun, last, text[begun:last])
            begun = None
        begun = start if begun is None else begun
        last = end
    if begun is not None:
        yield Passage(source, begun, last, text[begun:last])


def _stems(text: str) -> list[str]:
    return [each[:_STEM] for each in words(text).texts]
