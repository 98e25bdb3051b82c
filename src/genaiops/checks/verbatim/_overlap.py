"""What of registered documents comes back in a text."""

import heapq
from collections.abc import Iterable
from typing import Final

import msgspec

from genaiops.checks.verbatim._index import Index
from genaiops.checks.verbatim._reading import Reading, Run
from genaiops.domain import Finding, Verdict

FAMILY: Final = "verbatim"
_MOST_RUNS: Final = 64
_SWEEP: Final = 1024


class Overlap(msgspec.Struct, frozen=True):
    """Of one document: `share`, the part of the text's words that repeat it; `of_document`, the part of its
    fingerprints that came back (an estimate of how much of it was given away: A. Broder's containment, 1997);
    `longest`, words of the longest run; `runs`, the 64 longest of them, in the order of the text: `kind` is the
    document's id."""

    document: str
    share: float
    of_document: float
    longest: int
    runs: tuple[Finding, ...]


class _Seen:
    """Of one document."""

    def __init__(self) -> None:
        self.covered = 0
        self.covered_to = -1
        self.marks: set[int] = set()
        self.longest = 0
        self.runs: list[tuple[int, int, int]] = []
        """A heap of (words, -start, -end): the least is the shortest, and of equals the last."""


class Overlapping:
    """Reads a text piece by piece; what comes out does not depend on how it was cut. Memory is bounded by the size of a
    piece and of the documents that are found, not by the text."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._reading = Reading(index)
        self._open: dict[tuple[int, int], Run] = {}
        """By document and how far the run is shifted against it."""
        self._sweep_at = _SWEEP
        self._seen: dict[int, _Seen] = {}

    @property
    def words(self) -> int:
        """Of the text, so far."""
        return self._reading.words

    @property
    def longest(self) -> int:
        """Words of the longest run so far; 0: none."""
        return max((each.longest for each in self._seen.values()), default=0)

    def feed(self, piece: str) -> int:
        """Returns `longest`."""
        self._meet(self._reading.feed(piece))
        return self.longest if self._seen else 0

    def finish(self) -> tuple[Overlap, ...]:
        """The documents that came back, that with the longest run first."""
        self._meet(self._reading.finish())
        for (number, _), run in self._open.items():
            self._close(number, run)
        self._open.clear()
        found = [self._overlap(number, seen) for number, seen in self._seen.items()]
        return tuple(sorted(found, key=lambda each: (-each.longest, -each.share, each.document)))

    def _meet(self, met: Iterable[tuple[int, int, int]]) -> None:
        for number, word, last in met:
            self._met(number, word, last)
        if self._reading.words >= self._sweep_at:
            self._sweep()

    def _met(self, number: int, word: int, last: int) -> None:
        """The k words of the text that end with the one of number `last` stand in a document, from its word `word`."""
        k = self._index.k
        first = last - k + 1
        seen = self._seen.get(number)
        if seen is None:
            seen = self._seen[number] = _Seen()
        seen.marks.add(word)
        seen.covered += last - max(first - 1, seen.covered_to)
        seen.covered_to = last
        key = (number, first - word)
        run = self._open.get(key)
        if run is not None and last - run.last > k:
            self._close(number, run)
            run = None
        end = self._reading.span(last)[1]
        if run is None:
            run = self._open[key] = Run(first, last, self._reading.span(first)[0], end)
        run.last, run.end = last, end
        seen.longest = max(seen.longest, last - run.first + 1)

    def _close(self, number: int, run: Run) -> None:
        runs = self._seen[number].runs
        entry = (run.last - run.first + 1, -run.start, -run.end)
        if len(runs) < _MOST_RUNS:
            heapq.heappush(runs, entry)
        else:
            heapq.heappushpop(runs, entry)

    def _sweep(self) -> None:
        """Closes the runs that cannot go on."""
        over = [key for key, run in self._open.items() if self._reading.words - run.last > self._index.k]
        for key in over:
            self._close(key[0], self._open.pop(key))
        self._sweep_at = self._reading.words + _SWEEP

    def _overlap(self, number: int, seen: _Seen) -> Overlap:
        document = self._index.documents[number]
        places = sorted((-start, -end) for _, start, end in seen.runs)
        return Overlap(
            document.id,
            seen.covered / self._reading.words,
            len(seen.marks) / document.marks,
            seen.longest,
            tuple(Finding(start, end, document.id, FAMILY) for start, end in places),
        )


def overlaps(index: Index, text: str) -> tuple[Overlap, ...]:
    """Of a whole text, that with the longest run first."""
    reading = Overlapping(index)
    reading.feed(text)
    return reading.finish()


def judge(found: tuple[Overlap, ...], words: int, *, warn_at: int, fail_at: int) -> Verdict:
    """By the longest run, in words: from `warn_at` on a warning, from `fail_at` on a failure. `words`: of the text."""
    longest = found[0].longest if found else 0
    outcome = "fail" if longest >= fail_at else "warn" if longest >= warn_at else "pass"
    named = tuple(each.document for each in found if each.longest >= min(warn_at, fail_at))
    reason = f"{longest} words in a row are those of {found[0].document}." if named else ""
    return Verdict(outcome=outcome, reason=reason, measure=float(longest), unit="words", n=words, evidence=named)
