"""Many patterns at once, by RE2 (linear in the text; its calls leave the interpreter to others)."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from genaiops.checks.scanning._context import Context, Contexts
from genaiops.checks.scanning._engine import Anywhere, Finder, Leading, Occurring, engine
from genaiops.checks.scanning._fold import fold
from genaiops.checks.scanning._head import head
from genaiops.checks.scanning._open import Open
from genaiops.checks.scanning._pattern import Pattern
from genaiops.checks.scanning._prefix import leading, longest, needs_digit
from genaiops.core.errors import UsageError
from genaiops.domain import Finding

_LONG: Final = 256
_BLOCK: Final = 2048
"""Bytes that are asked at once which patterns occur in them."""
_WIDE: Final = 1024
"""Bytes of a head that does not fit behind a block."""
_FEW: Final = 4
"""So many patterns are looked for one by one sooner than asked for together."""
_ESCAPES: Final = frozenset({b"\\n", b"\\r", b"\\t"})
"""Line breaks and tabs as they are written in JSON and in code: their letter is part of no word."""


Wanted = frozenset[int] | None
Places = dict[int, list[tuple[int, int]]]
"""Number of a pattern -> from where to where its matches may begin."""


class Raw(NamedTuple):
    """A match of an expression, by its form alone. Bytes of the folded text; of `pattern`s, the number in the table."""

    start: int
    end: int
    pattern: int
    value: tuple[int, int]


class Scanner:
    """Immutable once made; may be used from any thread. What it finds at a place depends on `context` characters before
    it (the last of a window of words, and two more: an escape may end there) and on one behind it, and on nothing
    else."""

    def __init__(self, patterns: Iterable[Pattern], *, tried: bool = False) -> None:
        """UsageError for a pattern that is not right, with its kind. `tried`: all of them are known to be right, so
        that each is compiled when it is first met."""
        self.patterns: tuple[Pattern, ...] = tuple(patterns)
        lengths = [_length(pattern) for pattern in self.patterns]
        self._lengths = lengths
        self._finders: dict[int, Finder] = {}
        if not tried:
            for number in range(len(lengths)):
                self._finder(number)
        self._overlap = [length + 1 for length in lengths]
        self.longest = max(lengths, default=0)
        self.context = max((each.reach for each in self.patterns if each.context or each.unless), default=0) + 2
        numbers = range(len(lengths))
        free = [number for number in numbers if not self.patterns[number].context]
        bound = [number for number in numbers if self.patterns[number].context]
        self._free, self._bound = self._set(free), self._set(bound)
        bare = [head(regex) for number in bound if not needs_digit(regex := self.patterns[number].regex)]
        self._any_bound = Anywhere(["[0-9]", *bare] if bound else ())
        """Without a match of this, nothing that needs a word of context can be in a text."""
        self._open_free = Open({number: self.patterns[number].regex for number in free})
        self._open_bound = Open({number: self.patterns[number].regex for number in bound})
        self._contexts = Contexts([(each.context, each.reach) for each in self.patterns])
        self._terms = [
            (_class(each.left, each.kind), _class(each.right, each.kind), self._contexts[number], each.valid)
            for number, each in enumerate(self.patterns)
        ]
        self._unless = {
            number: Context(each.unless, each.reach) for number, each in enumerate(self.patterns) if each.unless
        }

    def find(self, text: str, wanted: Wanted = None) -> list[Finding]:
        """What is in it, from left to right; findings of one family do not overlap. `wanted`: numbers of the patterns
        that count (None: all)."""
        data, positions = fold(text)
        told = self.told(data, text) if self._any_bound(data) else set[int]()
        raw = self.raw(data, 0, self.places(data, 0, told), wanted)
        return self.judge(text, data, positions, raw, wanted) if raw else []

    def _finder(self, number: int) -> Finder:
        found = self._finders.get(number)
        if found is None:
            found = self._finders[number] = _compiled(self.patterns[number], self._lengths[number])
        return found

    def told(self, data: bytes, text: str) -> set[int]:
        """Of the patterns with words of context, those that may hold in the text: one of the words is in it."""
        return self._contexts.may_hold_in(data, text)

    def places(self, data: bytes, start: int, told: set[int] | None = None) -> Places:
        """Which patterns may have a match that begins at `start` or behind it, and where; what stands before is seen.
        `told`: of what needs a word, only these are looked for."""
        found = self._free.places(data, start)
        if told is None or len(told) > _FEW:
            bound = self._bound.places(data, start)
            found |= {number: spans for number, spans in bound.items() if told is None or number in told}
        else:
            whole = [(start, len(data) + 1)]
            found |= dict.fromkeys(told, whole)
        return found

    def raw(self, data: bytes, start: int, places: Places, wanted: Wanted = None) -> list[Raw]:
        """Matches in a folded text that begin at one of these places. `wanted`: only those of these patterns."""
        found: list[Raw] = []
        for number, spans in places.items():
            if wanted is not None and number not in wanted:
                continue
            finder, group = self._finder(number), self.patterns[number].group
            position = start
            for begin, stop in spans:
                position = max(position, begin)
                limit = min(len(data), stop + self._overlap[number])
                for match in finder.find(data, position, limit):
                    first, position = match[0]
                    if first >= stop:
                        break
                    if first < position:
                        found.append(Raw(first, position, number, match[group]))
        found.sort()
        return found

    def open_from(self, data: bytes, start: int, places: Places, told: set[int] | None = None) -> int:
        """Where the earliest match may begin that more text could make, or make longer; the end when there is none.
        `places`: those from `start` on. `told`: of what needs a word, only these are waited for."""
        first = self._open_free.begin(data, start, places)
        if told is None or len(told) > _FEW:
            first = min(first, self._open_bound.begin(data, start, places))
        elif told:
            first = min(first, self._open_bound.begin_of(data, start, told))
        return max(start, first, len(data) - self.longest)

    def judge(
        self, text: str, data: bytes, positions: Sequence[int] | None, raw: Iterable[Raw], wanted: Wanted = None
    ) -> list[Finding]:
        """Which of the matches hold, and which of those of one family that overlap."""
        families: dict[str, list[Raw]] = {}
        for each in raw:
            if wanted is None or each.pattern in wanted:
                families.setdefault(self.patterns[each.pattern].family, []).append(each)
        held: list[Raw] = []
        for matches in families.values():
            for cluster in _clusters(matches):
                if len(cluster) > 1:
                    held += self._apart(text, data, positions, cluster)
                elif self._holds(text, data, positions, cluster[0]):
                    held.append(cluster[0])
        held.sort()
        return [self._finding(each, positions) for each in held]

    def _apart(self, text: str, data: bytes, positions: Sequence[int] | None, cluster: list[Raw]) -> list[Raw]:
        """Of matches of one family, those that hold and do not overlap: of two, the one that is surer, then longer,
        then first in the table. What is behind another that holds is not judged at all."""
        patterns = self.patterns
        cluster.sort(key=lambda raw: (not patterns[raw.pattern].checked, raw.start - raw.end, raw.pattern, raw))
        kept: list[Raw] = []
        for raw in cluster:
            if kept and any(raw.start < other.end and other.start < raw.end for other in kept):
                continue
            if self._holds(text, data, positions, raw):
                kept.append(raw)
        return kept

    def _holds(self, text: str, data: bytes, positions: Sequence[int] | None, raw: Raw) -> bool:
        start, end, number, (begin, stop) = raw
        left, right, context, valid = self._terms[number]
        if left is not None and start and data[start - 1] in left and not _escaped(data, start):
            return False
        if right is not None and end < len(data) and data[end] in right:
            return False
        if context is not None:
            place = start if positions is None else positions[start]
            if not context.stands_before(data, start, text, place):
                return False
        if valid is not None and not valid(data[begin:stop].decode("latin-1")):
            return False
        other = self._unless.get(number)
        return other is None or not other.stands_before(
            data, start, text, start if positions is None else positions[start]
        )

    def _set(self, numbers: Sequence[int]) -> "_Set":
        return _Set([(number, self.patterns[number].regex) for number in numbers])

    def _finding(self, raw: Raw, positions: Sequence[int] | None) -> Finding:
        pattern = self.patterns[raw.pattern]
        start, end = raw.value
        if positions is not None:
            start, end = positions[start], positions[end - 1] + 1
        return Finding(start, end, pattern.kind, pattern.family, pattern.checked)


class _Set:
    """Which of its patterns may begin in a text: in a long one asked block by block, so that they are looked for only
    there."""

    def __init__(self, regexes: list[tuple[int, str]]) -> None:
        heads = [(number, head(regex)) for number, regex in regexes]
        sizes = {number: longest(each) for number, each in heads}
        wide = [(number, each) for number, each in heads if sizes[number] > _WIDE]
        self._numbers = [number for number, _ in heads]
        self._occurring = Occurring([each for _, each in heads])
        self._wide = dict(wide)
        self._occurring_wide = Occurring(list(self._wide.values())) if wide else None
        self._reach = max((size for number, size in sizes.items() if number not in self._wide), default=0) + 1

    def places(self, data: bytes, start: int) -> Places:
        """Patterns, and the stretches in which their matches may begin."""
        if len(data) - start > 2 * _BLOCK:
            return self._in_blocks(data, start)
        found = self._occurring(data if start < 2 else data[start - 1 :])
        if not found:
            return {}
        numbers, whole = self._numbers, [(start, len(data) + 1)]
        return {numbers[index]: whole for index in found}

    def _in_blocks(self, data: bytes, start: int) -> Places:
        found: Places = {}
        for begin in range(start, len(data), _BLOCK):
            piece = data[max(0, begin - 1) : begin + _BLOCK + self._reach]
            for index in self._occurring(piece):
                spans = found.setdefault(self._numbers[index], [])
                if spans and spans[-1][1] == begin:
                    spans[-1] = (spans[-1][0], begin + _BLOCK)
                else:
                    spans.append((begin, begin + _BLOCK))
        if self._occurring_wide is not None:
            numbers = list(self._wide)
            for index in self._occurring_wide(data if start < 2 else data[start - 1 :]):
                found[numbers[index]] = [(start, len(data) + 1)]
        return found


def _clusters(matches: Iterable[Raw]) -> Iterator[list[Raw]]:
    """Of matches in order, those together that a chain of overlaps connects."""
    cluster: list[Raw] = []
    end = -1
    for each in matches:
        if cluster and each.start >= end:
            yield cluster
            cluster = []
        cluster.append(each)
        end = max(end, each.end)
    if cluster:
        yield cluster


def _length(pattern: Pattern) -> int:
    try:
        return longest(pattern.regex)
    except UsageError as error:
        raise UsageError(f"The pattern {pattern.kind}: {error}") from error


@lru_cache(maxsize=1024)
def _compiled(pattern: Pattern, length: int) -> Finder:
    """One for all scanners that have the pattern."""
    captures = pattern.group > 0
    try:
        literal = leading(pattern.regex) if length >= _LONG else ""
        compiled = (
            Leading(pattern.regex, literal, captures=captures) if literal else Finder(pattern.regex, captures=captures)
        )
    except UsageError as error:
        raise UsageError(f"The pattern {pattern.kind}: {error}") from error
    if pattern.group > compiled.groups:
        raise UsageError(f"The pattern {pattern.kind} has no group {pattern.group}.")
    return compiled


def _escaped(data: bytes, start: int) -> bool:
    """An escape ends there, or the match begins with one."""
    return data[max(0, start - 2) : start] in _ESCAPES or data[start : start + 1] == b"\\"


def _class(content: str, kind: str) -> frozenset[int] | None:
    if not content:
        return None
    try:
        return _members(content)
    except UsageError as error:
        raise UsageError(f"The pattern {kind}, the characters beside it: {error}") from error


@lru_cache(maxsize=256)
def _members(content: str) -> frozenset[int]:
    compiled = engine(f"[{content}]")
    return frozenset(code for code in range(256) if compiled.fullmatch(bytes([code])))
