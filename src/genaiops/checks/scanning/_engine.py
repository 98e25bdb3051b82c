"""RE2 on bytes, one a character (its Python package has no types)."""

import importlib
from collections.abc import Iterator
from typing import Any, Final, Protocol

from genaiops.core.errors import UsageError

_re2: Final[Any] = importlib.import_module("re2")
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
    def finditer(self, text: bytes, pos: int | None = None, endpos: int | None = None) -> Any: ...


def engine(regex: str, *, captures: bool = False) -> Engine:
    """UsageError for what is no expression."""
    try:
        return _re2.compile(regex.encode("latin-1"), _options(captures=captures))
    except (_re2.error, UnicodeEncodeError) as error:
        raise UsageError(f"{regex!r} is no expression of RE2: {_told(error)}.") from error


class Leading:
    """An expression whose matches all begin with the same characters: these are found first, and it is held against
    what stands there. To search backwards for a beginning, as RE2 does, costs the square of a long bound."""

    def __init__(self, compiled: Any, literal: str) -> None:
        self.groups: int = compiled.groups
        self._compiled = compiled
        self._literal = literal.encode("latin-1")
        self.fullmatch = compiled.fullmatch

    def search(self, text: bytes, pos: int | None = None, endpos: int | None = None) -> Match | None:
        return next(self.finditer(text, pos, endpos), None)

    def finditer(self, text: bytes, pos: int | None = None, endpos: int | None = None) -> Iterator[Match]:
        end = len(text) if endpos is None else endpos
        at = text.find(self._literal, pos or 0, end)
        while at >= 0:
            match = self._compiled.match(text, at, end)
            if match is not None:
                yield match
            at = text.find(self._literal, at + 1 if match is None else match.end(), end)


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
