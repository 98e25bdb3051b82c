"""From a regular expression to the one whose matches are the beginnings of its matches.

A tail of a text that such an expression matches may yet grow into a match of the first; any other tail cannot
(J. Brzozowski, Derivatives of regular expressions, 1964: the prefix closure of a regular language is regular).
"""

import importlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from genaiops.core.errors import UsageError

code: Final[Any] = importlib.import_module("re._constants")
parser: Final[Any] = importlib.import_module("re._parser")  # the tree that `re` compiles; both have no types
_COUNTED: Final = 4
_CLASSES: Final[dict[Any, str]] = {
    code.CATEGORY_DIGIT: r"\d",
    code.CATEGORY_NOT_DIGIT: r"\D",
    code.CATEGORY_SPACE: r"\s",
    code.CATEGORY_NOT_SPACE: r"\S",
    code.CATEGORY_WORD: r"\w",
    code.CATEGORY_NOT_WORD: r"\W",
}
_PLACES: Final[dict[Any, str]] = {code.AT_BOUNDARY: r"\b", code.AT_NON_BOUNDARY: r"\B", code.AT_BEGINNING_STRING: r"\A"}

_known: Final = lru_cache(maxsize=2048)
"""A scanner has the expressions of all tables beside its own: what is said of one is said once, not by each scanner."""


@_known
def prefixes(regex: str) -> str:
    """Matches every beginning of a match of `regex`, the whole included, the empty one not; of what is repeated often,
    it does not count how often, so it matches more. UsageError for what the two engines do not share."""
    parsed = _parsed(regex)
    begun = _begun(list(parsed))
    return f"(?i:{begun})" if _flags(parsed.state.flags) else begun


@_known
def longest(regex: str) -> int:
    """How many characters a match has at most. UsageError where there is no bound."""
    most = _parsed(regex).getwidth()[1]
    if most >= code.MAXREPEAT or most > 1 << 20:
        raise UsageError(f"{regex!r} has matches of any length.", remedy="Bound its repetitions: {0,64} instead of *.")
    return most


def _parsed(regex: str) -> Any:
    try:
        return parser.parse(regex)
    except Exception as error:  # what the standard library's parser raises is not declared
        raise UsageError(f"{regex!r} is no regular expression: {error}.") from error


def _begun(items: list[Any]) -> str:
    """One more character at least: of the first item, or of the rest behind all of it."""
    found = ""
    for item in reversed(items):
        rest = _whole([item]) + found if found else ""
        found = _any(each for each in (_beginning(item), rest) if each)
    return found


def _beginning(item: Any) -> str:
    """Matches what of it may have been read, and something of it; its end included. Empty: it has no characters."""
    kind, value = item
    if kind is code.AT:
        return ""
    if kind is code.SUBPATTERN:
        flags, inner = value[1], value[3]
        begun = _begun(list(inner))
        return f"(?{_flags(flags)}:{begun})" if flags and begun else begun
    if kind is code.BRANCH:
        return _any(begun for branch in value[1] if (begun := _begun(list(branch))))
    if kind in (code.MAX_REPEAT, code.MIN_REPEAT):
        _, most, inner = value
        begun = _begun(list(inner))
        if not begun:
            return ""
        whole = _whole(list(inner))
        if begun == whole:
            return f"(?:{whole}){_times(1, most)}"
        return f"(?:{whole}){_times(0, most - 1)}{begun}" if most > 1 else begun
    return _whole([item])


def _times(least: Any, most: Any) -> str:
    """A state for each count is too much for an automaton that may stand anywhere in any of many expressions."""
    return f"{{{least},{most}}}" if most <= _COUNTED else f"{{{min(least, _COUNTED)},}}"


def _any(branches: Iterable[str]) -> str:
    found = list(branches)
    if len(found) < 2:
        return "".join(found)
    return f"(?:{'|'.join(found)})"


def _whole(items: list[Any]) -> str:
    return "".join(_written(kind, value) for kind, value in items)


def _written(kind: Any, value: Any) -> str:  # one line a construct
    match kind:
        case code.LITERAL:
            return rf"\x{value:02x}"
        case code.NOT_LITERAL:
            return rf"[^\x{value:02x}]"
        case code.ANY:
            return "."
        case code.IN:
            return _class(value)
        case code.AT if value in _PLACES:
            return _PLACES[value]
        case code.SUBPATTERN:
            return f"(?{_flags(value[1])}:{_whole(list(value[3]))})"
        case code.BRANCH:
            return "(?:" + "|".join(_whole(list(branch)) for branch in value[1]) + ")"
        case code.MAX_REPEAT | code.MIN_REPEAT:
            least, most, inner = value
            lazy = "?" if kind is code.MIN_REPEAT else ""
            return f"(?:{_whole(list(inner))}){_times(least, most)}{lazy}"
        case _:
            raise UsageError(
                f"{str(kind).lower()} is not for patterns.", remedy="Use what RE2 and Python's re have in common."
            )


def _class(value: list[Any]) -> str:
    out: list[str] = []
    negated = ""
    for kind, each in value:
        if kind is code.NEGATE:
            negated = "^"
        elif kind is code.LITERAL:
            out.append(rf"\x{each:02x}")
        elif kind is code.RANGE:
            out.append(rf"\x{each[0]:02x}-\x{each[1]:02x}")
        else:
            out.append(_CLASSES[each])
    return f"[{negated}{''.join(out)}]"


def _flags(added: int) -> str:
    return "i" if added & 2 else ""


@_known
def leading(regex: str) -> str:
    """The characters that every match begins with."""
    parsed = _parsed(regex)
    if _flags(parsed.state.flags):
        return ""
    found = ""
    for kind, value in parsed:
        if kind is not code.LITERAL:
            break
        found += chr(value)
    return found


@_known
def needs_digit(regex: str) -> bool:
    """Whether no match of it is without an ASCII digit. False says nothing."""
    return _has_digit(list(_parsed(regex)))


def _has_digit(items: Iterable[Any]) -> bool:
    return any(_is_digit(kind, value) for kind, value in items)


def _is_digit(kind: Any, value: Any) -> bool:
    if kind is code.LITERAL:
        return 0x30 <= value <= 0x39
    if kind is code.IN:
        return all(
            (each is code.CATEGORY and one is code.CATEGORY_DIGIT)
            or (each is code.LITERAL and 0x30 <= one <= 0x39)
            or (each is code.RANGE and one[0] >= 0x30 and one[1] <= 0x39)
            for each, one in value
        )
    if kind is code.SUBPATTERN:
        return _has_digit(value[3])
    if kind is code.BRANCH:
        return all(map(_has_digit, value[1]))
    return kind in (code.MAX_REPEAT, code.MIN_REPEAT) and value[0] > 0 and _has_digit(value[2])


def tree(regex: str) -> Any:
    """What `re` reads in an expression: its items, and `state.flags`. UsageError for what is none."""
    return _parsed(regex)


def written(item: Any) -> str:
    """One item of the tree, as an expression."""
    return _whole([item])
