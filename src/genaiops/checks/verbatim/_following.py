"""A text that is given back piece by piece with the runs of words that repeat a document; what may yet become part of
one is held back."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from genaiops.checks.verbatim._index import Index
from genaiops.checks.verbatim._reading import Reading, Run


class Repeat(NamedTuple):
    """A run of `words` words of a document, and where it stands in the text that it came with."""

    start: int
    end: int
    document: str
    words: int


class Following:
    """Where the text is cut makes no difference to what is found. Held back are the last k - 1 words, and what repeats
    a document as long as it goes on."""

    def __init__(self, index: Index, least: int, wanted: AbstractSet[int] | None = None) -> None:
        """Runs of fewer than `least` words are none; `wanted`: only these documents, by their numbers (None: all)."""
        self._reading = Reading(index)
        self._least = least
        self._wanted = wanted
        self._open: dict[tuple[int, int], Run] = {}
        """By document and how far the run is shifted against it."""
        self._closed: list[tuple[Run, int]] = []
        self._pieces: list[str] = []
        self._from = 0
        """Where in the text the first of the pieces begins."""
        self._to = 0

    def feed(self, piece: str) -> tuple[str, list[Repeat]]:
        """What may go out now, and the runs in it."""
        self._pieces.append(piece)
        self._to += len(piece)
        self._meet(self._reading.feed(piece))
        k, read = self._reading.index.k, self._reading.words
        over = [key for key, run in self._open.items() if read - run.last > k]
        for key in over:
            self._close(key, self._open.pop(key))
        if read < k:
            return "", []
        return self._release(self._reading.span(read - k + 1)[0])

    def end(self) -> tuple[str, list[Repeat]]:
        """The rest."""
        self._meet(self._reading.finish())
        for key, run in self._open.items():
            self._close(key, run)
        self._open.clear()
        return self._release(self._to)

    def certain(self) -> list[Repeat]:
        """Runs that are long enough already, and not released yet. Their places say nothing."""
        runs = [(run, number) for (number, _), run in self._open.items() if run.words >= self._least]
        return [self._repeat(run, number) for run, number in (*self._closed, *runs)]

    def _meet(self, met: Iterable[tuple[int, int, int]]) -> None:
        k = self._reading.index.k
        for number, word, last in met:
            if self._wanted is not None and number not in self._wanted:
                continue
            first = last - k + 1
            key = (number, first - word)
            run = self._open.get(key)
            if run is not None and last - run.last > k:
                self._close(key, run)
                run = None
            end = self._reading.span(last)[1]
            if run is None:
                self._open[key] = Run(first, last, self._reading.span(first)[0], end)
            else:
                run.last, run.end = last, end

    def _close(self, key: tuple[int, int], run: Run) -> None:
        if run.words >= self._least:
            self._closed.append((run, key[0]))

    def _release(self, place: int) -> tuple[str, list[Repeat]]:
        place = min((place, *(run.start for run in self._open.values())))
        for run, _ in sorted(self._closed, key=lambda each: -each[0].end):
            if run.start < place < run.end:  # the next one may reach further back
                place = run.start
        if place <= self._from:
            return "", []
        text = "".join(self._pieces)
        size = place - self._from
        self._pieces = [text[size:]]
        done = sorted(self._repeat(run, number) for run, number in self._closed if run.end <= place)
        self._closed = [each for each in self._closed if each[0].end > place]
        self._from = place
        return text[:size], done

    def _repeat(self, run: Run, number: int) -> Repeat:
        document = self._reading.index.documents[number].id
        return Repeat(run.start - self._from, run.end - self._from, document, run.words)
