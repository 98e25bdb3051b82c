"""A text against an index, piece by piece: which runs of k words stand in which documents."""

from collections import deque
from collections.abc import Iterator

from genaiops.checks.verbatim._hashing import Rolling
from genaiops.checks.verbatim._index import Index
from genaiops.checks.words import Words, WordStream


class Reading:
    """Memory is bounded by the size of a piece."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self._stream = WordStream()
        self._rolling = Rolling(index.k)
        self._batches: deque[tuple[int, Words]] = deque()
        """With the number of the first word of each; those that hold the last k words."""

    @property
    def words(self) -> int:
        """Of the text, so far."""
        return self._rolling.read

    def feed(self, piece: str) -> Iterator[tuple[int, int, int]]:
        """(number of a document, word in it, word of the text that the run ends with), in the order of the text. To be
        read to its end."""
        return self._read(self._stream.feed(piece))

    def finish(self) -> Iterator[tuple[int, int, int]]:
        return self._read(self._stream.finish())

    def span(self, word: int) -> tuple[int, int]:
        """Where one of the last k words stands."""
        base, batch = next(each for each in reversed(self._batches) if each[0] <= word)
        return batch.span(word - base)

    def _read(self, batch: Words) -> Iterator[tuple[int, int, int]]:
        if not batch.texts:
            return
        base = self._rolling.read
        first = max(base, self.index.k - 1)
        self._batches.append((base, batch))
        for at, hashed in self.index.candidates(self._rolling.feed(batch.texts)):
            for number, word in self.index.at(hashed):
                yield number, word, first + at
        reach = self._rolling.read - self.index.k
        while len(self._batches) > 1 and self._batches[1][0] <= reach:
            self._batches.popleft()


class Run:
    """Words `first` to `last` of the text, and where they stand in it."""

    __slots__ = ("end", "first", "last", "start")

    def __init__(self, first: int, last: int, start: int, end: int) -> None:
        self.first, self.last, self.start, self.end = first, last, start, end

    @property
    def words(self) -> int:
        return self.last - self.first + 1
