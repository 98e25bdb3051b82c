"""Where, at the end of a text, a match may have begun that more text could make.

The tails of a text that may yet become a match of some pattern are too many for one automaton (it would hold the middle
of every pattern, and meet a new state with each word): those that may yet become the *head* of one are few. Where a
head is complete, it is found as such, and its pattern alone is asked how far it reaches.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from genaiops.checks.scanning._engine import Tail
from genaiops.checks.scanning._head import head
from genaiops.checks.scanning._prefix import prefixes

_LARGE: Final = 2_500
"""Characters of an expression that takes long to compile, so that it is done before a call needs it."""
_LETTERS: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz")
_ANYTHING: Final = frozenset(range(256))


class Open:
    """Of many patterns, by their numbers. May be used from any thread."""

    def __init__(self, regexes: dict[int, str]) -> None:
        self._regexes = regexes
        self._each: dict[int, Tail] = {}
        self._firsts: dict[int, re.Pattern[bytes]] = {}
        usual: list[str] = []
        worded: list[str] = []
        others: list[str] = []
        first = frozenset[int]()
        self._cut: set[int] = set()
        for number, regex in regexes.items():
            short = head(regex)
            begun = prefixes(short)
            if short != regex:
                self._cut.add(number)
                usual.append(begun)
            elif _LETTERS.isdisjoint(codes := firsts(begun)):
                others.append(begun)
                first |= codes
            else:
                worded.append(begun)
            if len(regex) > _LARGE:
                self._of(number)
        self._always = [Tail(each) for each in (usual, worded) if each]
        self._seldom = Tail(others) if others else None
        self._gate = _any_of(first)

    def begin(self, data: bytes, start: int, begun: Iterable[int]) -> int:
        """The earliest place from `start` on; the end where there is none. `begun`: numbers of at least those patterns
        whose heads are there from `start` on."""
        first = len(data)
        for tail in self._always:
            first = min(first, tail.begin(data, start))
        if self._seldom is not None and self._gate.search(data, start) is not None:
            first = min(first, self._seldom.begin(data, start))
        for number in begun:
            if number in self._cut:
                first = min(first, self._of(number).begin(data, start))
        return first

    def begin_of(self, data: bytes, start: int, numbers: Iterable[int]) -> int:
        """The same, of these patterns alone."""
        first = len(data)
        for number in numbers:
            gate = self._firsts.get(number)
            if gate is None:
                gate = self._firsts[number] = _any_of(firsts(prefixes(self._regexes[number])))
            if gate.search(data, start) is not None:
                first = min(first, self._of(number).begin(data, start))
        return first

    def _of(self, number: int) -> Tail:
        found = self._each.get(number)
        if found is None:
            found = self._each[number] = _tail(self._regexes[number])
        return found


@lru_cache(maxsize=256)
def _tail(regex: str) -> Tail:
    """Of one expression, for all scanners that have it."""
    return Tail([prefixes(regex)])


@lru_cache(maxsize=1024)
def firsts(begun: str) -> frozenset[int]:
    """Bytes with which a match may begin, by the expression of its beginnings."""
    if r"\B" in begun:
        return _ANYTHING  # it depends on what stands before
    tail = Tail([begun])
    return frozenset(code for code in range(256) if not tail.begin(bytes([code]), 0))


def _any_of(codes: frozenset[int]) -> re.Pattern[bytes]:
    return re.compile(b"[" + b"".join(re.escape(bytes([code])) for code in sorted(codes)) + b"]" if codes else rb"(?!)")
