"""Many patterns at once, by RE2 (linear in the text; its calls leave the interpreter to others)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from genaiops.checks.scanning._engine import Engine, Occurring, engine
from genaiops.checks.scanning._fold import fold, visible
from genaiops.checks.scanning._pattern import Pattern
from genaiops.checks.scanning._prefix import longest, prefixes
from genaiops.core.errors import UsageError
from genaiops.domain import Finding

_BLOCK: Final = 2048
"""Bytes that are asked at once which patterns occur in them."""
_NEVER: Final = r"[^\x00-\xff]"


class Raw(NamedTuple):
    """A match of an expression, by its form alone. Bytes of the folded text; of `pattern`s, the number in the table."""

    start: int
    end: int
    pattern: int
    value: tuple[int, int]


class Scanner:
    """Immutable once made; may be used from any thread. What it finds at a place depends on `context` characters before
    it and on one behind it, and on nothing else."""

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        """UsageError for a pattern that is not right, with its kind."""
        self.patterns: tuple[Pattern, ...] = tuple(patterns)
        compiled = [_compiled(pattern) for pattern in self.patterns]
        self._engines = [engine for engine, _ in compiled]
        lengths = [length for _, length in compiled]
        self._overlap = [length + 1 for length in lengths]
        self.longest = max(lengths, default=0)
        self.context = max((each.reach for each in self.patterns if each.context), default=0) + 1
        short = [number for number, length in enumerate(lengths) if length < _BLOCK]
        self._sets = [
            _Set([(number, self.patterns[number].regex) for number in numbers], blocks=blocks)
            for numbers, blocks in ((short, True), (sorted(set(range(len(lengths))) - set(short)), False))
            if numbers
        ]
        begun = "|".join(prefixes(each.regex) for each in self.patterns) or _NEVER
        self._begun = engine(f"(?:{begun})\\z")
        self._lefts = [_class(each.left, each.kind) for each in self.patterns]
        self._rights = [_class(each.right, each.kind) for each in self.patterns]
        self._words = [tuple(word.casefold() for word in each.context) for each in self.patterns]

    def find(self, text: str) -> list[Finding]:
        """What is in it, from left to right; findings do not overlap."""
        data, positions = fold(text)
        return self.judge(text, data, positions, self.raw(data, 0))

    def raw(self, data: bytes, start: int) -> list[Raw]:
        """Matches in a folded text that begin at `start` or behind it; what stands before is seen."""
        found: list[Raw] = []
        for each in self._sets:
            for number, spans in each.hits(data, start, self._overlap):
                engine, group = self._engines[number], self.patterns[number].group
                position = start
                for begin, stop in spans:
                    position = max(position, begin)
                    limit = min(len(data), stop + self._overlap[number])
                    for match in engine.finditer(data, position, limit):
                        if match.start() >= stop:
                            break
                        position = match.end()
                        if match.end() == match.start():
                            continue
                        found.append(Raw(match.start(), match.end(), number, match.span(group)))
        found.sort()
        return found

    def open_from(self, data: bytes, start: int) -> int:
        """Where the earliest match begins that more text could make, or make longer; the end when there is none."""
        match = self._begun.search(data, start)
        return len(data) if match is None else match.start()

    def judge(self, text: str, data: bytes, positions: Sequence[int] | None, raw: Iterable[Raw]) -> list[Finding]:
        """Which of the matches hold, and which of those that overlap."""
        held = [each for each in raw if self._holds(text, data, positions, each)]
        if len(held) > 1:
            held = _apart(held, self.patterns)
        return [self._finding(each, positions) for each in held]

    def _holds(self, text: str, data: bytes, positions: Sequence[int] | None, raw: Raw) -> bool:
        number = raw.pattern
        pattern = self.patterns[number]
        left, right = self._lefts[number], self._rights[number]
        if left is not None and raw.start and data[raw.start - 1] in left:
            return False
        if right is not None and raw.end < len(data) and data[raw.end] in right:
            return False
        if pattern.context and not self._told(text, raw.start if positions is None else positions[raw.start], number):
            return False
        return pattern.valid is None or pattern.valid(data[slice(*raw.value)].decode("latin-1"))

    def _told(self, text: str, start: int, number: int) -> bool:
        reach = self.patterns[number].reach
        before = visible(text[max(0, start - 4 * reach) : start])
        edge = before[-reach - 1 : -reach] if len(before) > reach else ""
        window = before[-reach:].casefold()
        for word in self._words[number]:
            at = window.find(word)
            while at >= 0:
                previous = window[at - 1] if at else edge
                following = window[at + len(word) : at + len(word) + 1]
                if not (_letter(previous) and _letter(word[0])) and not (_letter(following) and _letter(word[-1])):
                    return True
                at = window.find(word, at + 1)
        return False

    def _finding(self, raw: Raw, positions: Sequence[int] | None) -> Finding:
        pattern = self.patterns[raw.pattern]
        start, end = raw.value
        if positions is not None:
            start, end = positions[start], positions[end - 1] + 1
        return Finding(start, end, pattern.kind, pattern.family, pattern.checked)


class _Set:
    """Which of its patterns occur, asked block by block: only those are then looked for, and only there."""

    def __init__(self, regexes: list[tuple[int, str]], *, blocks: bool) -> None:
        self._numbers = [number for number, _ in regexes]
        self._blocks = blocks
        self._occurring = Occurring([regex for _, regex in regexes])

    def hits(self, data: bytes, start: int, overlap: Sequence[int]) -> Iterator[tuple[int, list[tuple[int, int]]]]:
        """Numbers of patterns, and the blocks in which their matches may begin."""
        if not self._blocks or len(data) - start <= 2 * _BLOCK:
            whole = [(start, len(data) + 1)]
            piece = data if start < 2 else data[start - 1 :]
            for index in self._occurring(piece):
                yield self._numbers[index], whole
            return
        most = max(overlap[number] for number in self._numbers)
        found: dict[int, list[tuple[int, int]]] = {}
        for begin in range(start, len(data), _BLOCK):
            piece = data[max(0, begin - 1) : begin + _BLOCK + most]
            for index in self._occurring(piece):
                spans = found.setdefault(self._numbers[index], [])
                if spans and spans[-1][1] == begin:
                    spans[-1] = (spans[-1][0], begin + _BLOCK)
                else:
                    spans.append((begin, begin + _BLOCK))
        yield from found.items()


def _apart(held: list[Raw], patterns: Sequence[Pattern]) -> list[Raw]:
    """Of matches that overlap, the one that is surer, then longer, then first in the table."""
    chosen: list[Raw] = []
    cluster: list[Raw] = []
    end = -1
    for each in (*held, None):
        if each is not None and each.start < end:
            cluster.append(each)
            end = max(end, each.end)
            continue
        if len(cluster) > 1:
            cluster.sort(key=lambda raw: (not patterns[raw.pattern].checked, raw.start - raw.end, raw.pattern, raw))
            kept: list[Raw] = []
            for raw in cluster:
                if all(raw.end <= other.start or raw.start >= other.end for other in kept):
                    kept.append(raw)
            cluster = sorted(kept)
        chosen += cluster
        if each is not None:
            cluster, end = [each], each.end
    return chosen


def _compiled(pattern: Pattern) -> tuple[Engine, int]:
    try:
        length = longest(pattern.regex)
        compiled = engine(pattern.regex, captures=pattern.group > 0)
    except UsageError as error:
        raise UsageError(f"The pattern {pattern.kind}: {error}") from error
    if pattern.group > compiled.groups:
        raise UsageError(f"The pattern {pattern.kind} has no group {pattern.group}.")
    return compiled, length


def _class(content: str, kind: str) -> frozenset[int] | None:
    if not content:
        return None
    try:
        compiled = engine(f"[{content}]")
    except UsageError as error:
        raise UsageError(f"The pattern {kind}, the characters beside it: {error}") from error
    return frozenset(code for code in range(256) if compiled.fullmatch(bytes([code])))


def _letter(char: str) -> bool:
    return char.isalnum()
