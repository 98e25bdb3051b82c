"""The first few characters of an expression, as one of its own: where it does not match, the whole does not begin.

Asking for many expressions at once, RE2 keeps a state for every count of every run and for every set of expressions
that were met: with long runs its memory is full after a hundred texts. Heads that are mostly letters have few states.
"""

from functools import lru_cache
from typing import Any, Final

from genaiops.checks.scanning._prefix import code, tree, written

_ENOUGH: Final = 10
_LITERALS: Final = 3
"""Fewer in the head, and it is no head of one but of every text."""
_LONG: Final = 24
"""Without letters of its own, so many characters are head enough: runs that long are rare."""


@lru_cache(maxsize=1024)
def head(regex: str) -> str:
    """Matches wherever a match of `regex` begins; `regex` itself where its beginning could be anything."""
    parsed = tree(regex)
    text, _, literals, _ = _head(list(parsed), _ENOUGH)
    if literals < _LITERALS:
        text, width, _, _ = _head(list(parsed), _LONG)
        if width < _LONG:
            return regex
    return f"(?i:{text})" if parsed.state.flags & 2 else text


def _head(items: list[Any], room: int) -> tuple[str, int, int, bool]:
    """Expression, its least width, its literal characters at least, and whether it is cut."""
    text, width, literals = "", 0, 0
    for item in items:
        piece, size, letters, cut = _of(item, room - width)
        text, width, literals = text + piece, width + size, literals + letters
        if cut or width >= room:
            return text, width, literals, True
    return text, width, literals, False


def _of(item: Any, room: int) -> tuple[str, int, int, bool]:
    kind, value = item
    if kind is code.LITERAL:
        return written(item), 1, 1, False
    if kind is code.AT:
        return written(item), 0, 0, False
    if kind is code.SUBPATTERN:
        text, width, literals, cut = _head(list(value[3]), room)
        return f"(?{'i' if value[1] & 2 else ''}:{text})", width, literals, cut
    if kind is code.BRANCH:
        branches = [_head(list(branch), room) for branch in value[1]]
        text = "(?:" + "|".join(each[0] for each in branches) + ")"
        return text, min(each[1] for each in branches), min(each[2] for each in branches), any(b[3] for b in branches)
    if kind in (code.MAX_REPEAT, code.MIN_REPEAT):
        least, most, inner = value
        if most <= 2 and least == most - 1:
            text, width, literals, cut = _head(list(inner), room)
            return (
                (f"(?:{text}){{{least},{most}}}", width * least, literals * least, False)
                if not cut
                else ("", 0, 0, True)
            )
        one, width, literals, cut = _head(list(inner), room)
        if cut or not width:
            return (one if least and cut else "", width * bool(least), literals * bool(least), True)
        times = min(least, -(-room // width))
        text = f"(?:{one}){{{times}}}" if times else ""
        return text, width * times, literals * times, times < most
    return written(item), 1, 0, False
