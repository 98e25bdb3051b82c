"""RE2 on bytes, one a character (its Python package has no types)."""

import importlib
from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol

from genaiops.core.errors import UsageError

_re2: Final[Any] = importlib.import_module("re2")
_ANYWHERE: Final = _re2._Anchor.UNANCHORED
_HERE: Final = _re2._Anchor.ANCHOR_START
_MEMORY: Final = 64 << 20
"""Bytes that RE2 may use for one automaton; what it needs is far less."""


class Match(Protocol):
    def start(self) -> int: ...
    def end(self) -> int: ...
    def span(self, group: int = 0) -> tuple[int, int]: ...


class Engine(Protocol):
    groups: int

    def search(self, text: bytes, pos: int | None = None, endpos: int | None = None) -> Match | None: ...
    def fullmatch(self, text: bytes, pos: int | None = None, endpos: int | None = None) -> Match | None: ...


def engine(regex: str, *, captures: bool = False) -> Engine:
    """UsageError for what is no expression."""
    try:
        return _re2.compile(regex.encode("latin-1"), _options(captures=captures))
    except (_re2.error, UnicodeEncodeError) as error:
        raise UsageError(f"{regex!r} is no expression of RE2: {_told(error)}.") from error


Spans = Sequence[tuple[int, int]]
"""Of a match: from where to where all of it is, then each of its groups."""


class Finder:
    """All matches of an expression, by RE2 itself: its Python wrapper makes an object of each, which takes nearly as
    long as finding it."""

    def __init__(self, regex: str, *, captures: bool = False) -> None:
        """UsageError for what is no expression."""
        compiled: Any = engine(regex, captures=captures)
        self.groups: int = compiled.groups
        self._match = compiled._regexp.Match

    def find(self, text: bytes, begin: int, end: int) -> Iterator[Spans]:
        """From left to right, none of them empty."""
        match = self._match
        while begin < end:
            spans = match(_ANYWHERE, text, begin, end)
            first, stop = spans[0]
            if first < 0:
                return
            begin = max(stop, first + 1)
            if first < stop:
                yield spans


class Leading(Finder):
    """An expression whose matches all begin with the same characters: these are found first, and it is held against
    what stands there. To search backwards for a beginning, as RE2 does, costs the square of a long bound."""

    def __init__(self, regex: str, literal: str, *, captures: bool = False) -> None:
        super().__init__(regex, captures=captures)
        self._literal = literal.encode("latin-1")

    def find(self, text: bytes, begin: int, end: int) -> Iterator[Spans]:
        at = text.find(self._literal, begin, end)
        while at >= 0:
            spans = self._match(_HERE, text, at, end)
            if spans[0][0] >= 0:
                yield spans
            at = text.find(self._literal, max(at + 1, spans[0][1]), end)


class Tail:
    """The longest end of a text that one of many expressions matches."""

    def __init__(self, regexes: Sequence[str]) -> None:
        compiled: Any = engine(f"(?:{'|'.join(regexes)})\\z")
        self._match = compiled._regexp.Match

    def begin(self, text: bytes, start: int) -> int:
        """Where it begins, from `start` on; the end of the text where there is none."""
        end = len(text)
        found: int = self._match(_ANYWHERE, text, start, end)[0][0]
        return found if found >= 0 else end


class Anywhere:
    """Whether one of many expressions matches somewhere."""

    def __init__(self, regexes: Sequence[str]) -> None:
        """Without any: no."""
        compiled: Any = engine("|".join(f"(?:{each})" for each in regexes))
        self._match = compiled._regexp.Match if regexes else None

    def __call__(self, text: bytes) -> bool:
        return self._match is not None and self._match(_ANYWHERE, text, 0, len(text))[0][0] >= 0


class Occurring:
    """Which of many expressions occur in a text, in one pass."""

    def __init__(self, regexes: list[str]) -> None:
        self._set = _re2.Set.SearchSet(_options(captures=False))
        for regex in regexes:
            self._set.Add(regex.encode("latin-1"))
        self._set.Compile()

    def __call__(self, data: bytes) -> list[int]:
        """Their numbers."""
        return self._set.Match(data) or []


def _options(*, captures: bool) -> Any:
    options = _re2.Options()
    options.encoding = _re2.Options.Encoding.LATIN1
    options.never_capture = not captures
    options.max_mem = _MEMORY
    options.log_errors = False
    return options


def _told(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode("latin-1") if isinstance(said, bytes) else str(said)
