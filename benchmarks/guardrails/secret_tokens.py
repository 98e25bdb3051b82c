"""Tokens of a form that somebody else wrote down: of its expression, only the part that is the token itself, drawn
evenly. What an expression says of the text around a token is left to `secret_places`."""

import importlib
import random
import re
import string
from typing import Any, Final

import msgspec

code: Final[Any] = importlib.import_module("re._constants")
parser: Final[Any] = importlib.import_module("re._parser")  # the tree that `re` compiles; both have no types
_ALPHABET: Final = string.ascii_letters + string.digits
_PRINTED: Final = _ALPHABET + "!#$%&*+,-./:;<=>?@[]^_{|}~"
_MORE: Final = 24
"""A run without an upper bound is at most so much longer than its least."""
_LEAST, _MOST = 16, 600
_CLASSES: Final[dict[Any, str]] = {
    code.CATEGORY_DIGIT: string.digits,
    code.CATEGORY_WORD: _ALPHABET + "_",
    code.CATEGORY_SPACE: " ",
    code.CATEGORY_NOT_SPACE: _PRINTED,
    code.CATEGORY_NOT_DIGIT: string.ascii_letters,
    code.CATEGORY_NOT_WORD: "-",
}
_FLAGS: Final = re.compile(r"\(\?[a-zA-Z]+\)")


class Form(msgspec.Struct, frozen=True):
    """An expression of `origin`."""

    origin: str
    name: str
    regex: str


class Tokens:
    """Of one form. `prefix`: the characters that all of them begin with; empty where nothing but the name that such a
    token stands under tells what it is."""

    def __init__(self, form: Form) -> None:
        """ValueError for what is no form of a token: free text, or of no more than a few characters."""
        try:
            tree = parser.parse(_plain(form.regex))
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error
        chance = random.Random(form.name)
        self._items: list[Any] = list(tree)
        for items in (_group(list(tree)), list(tree)):
            if items is not None and all(map(_usable, tried := [_drawn(items, chance) for _ in range(8)])):
                self._items, self.prefix = items, _common(tried)
                return
        raise ValueError("no form of a token")

    def draw(self, chance: random.Random) -> str:
        while True:
            token = _drawn(self._items, chance)
            if _usable(token):
                return token


def _plain(regex: str) -> str:
    """In the dialect of `re`; whether letters are capitals does not matter where only texts are made."""
    regex = _FLAGS.sub("", regex).replace("[[:alnum:]]", "[A-Za-z0-9]").replace("[:alnum:]", "A-Za-z0-9")
    return regex.replace(r"\z", "$").replace("(?s:.)", ".")


def _group(items: list[Any]) -> list[Any] | None:
    """What stands in the group of the value: the one that has that name, else the first."""
    named = [inner for number, inner in _groups(items) if number is not None]
    return named[0] if named else None


def _groups(items: list[Any]) -> list[tuple[int | None, list[Any]]]:
    found: list[tuple[int | None, list[Any]]] = []
    for kind, value in items:
        if kind is code.SUBPATTERN:
            found += [(value[0], list(value[3])), *_groups(list(value[3]))]
        elif kind is code.BRANCH:
            found += [each for branch in value[1] for each in _groups(list(branch))]
        elif kind in (code.MAX_REPEAT, code.MIN_REPEAT):
            found += _groups(list(value[2]))
    return found


def _drawn(items: list[Any], chance: random.Random) -> str:
    return "".join(_one(kind, value, chance) for kind, value in items)


def _one(kind: Any, value: Any, chance: random.Random) -> str:
    if kind is code.LITERAL:
        return chr(value)
    if kind is code.IN:
        return chance.choice(_members(value))
    if kind in (code.ANY, code.NOT_LITERAL):
        return " "  # free text: no token
    if kind is code.BRANCH:
        return _drawn(list(chance.choice(value[1])), chance)
    if kind is code.SUBPATTERN:
        return _drawn(list(value[3]), chance)
    if kind in (code.MAX_REPEAT, code.MIN_REPEAT, code.POSSESSIVE_REPEAT):
        least, most, inner = value
        times = chance.randint(least, min(most, least + _MORE))
        return "".join(_drawn(list(inner), chance) for _ in range(times))
    return ""  # places and what stands beside


def _members(value: list[Any]) -> str:
    found = ""
    negated = False
    for kind, each in value:
        if kind is code.NEGATE:
            negated = True
        elif kind is code.LITERAL:
            found += chr(each)
        elif kind is code.RANGE:
            found += "".join(map(chr, range(each[0], each[1] + 1)))
        else:
            found += _CLASSES[each]
    if negated:
        return "".join(char for char in _PRINTED if char not in found) or " "
    return found


def _usable(token: str) -> bool:
    return (
        _LEAST <= len(token) <= _MOST
        and token.isascii()
        and token.isprintable()
        and not set(token) & set(" \"'\\`<>")
        and len(set(token)) >= 6
    )


def _common(tokens: list[str]) -> str:
    first, last = min(tokens), max(tokens)
    size = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    return first[:size]
