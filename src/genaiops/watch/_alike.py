"""Texts with addresses, numbers and keys exchanged for others of the same form, so that they still look alike to a
detector and tell nothing of whom they were about. Names of people and places stay as they were recorded."""

import re
import secrets
import string
from collections.abc import Callable
from typing import Any, cast

LONGEST = 20_000
"""Characters of a text that are looked at; what is behind is left out."""

_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
_TOKEN = re.compile(r"[A-Za-z0-9_+/=-]{16,512}")
_NUMBER = re.compile(r"\d(?:[ ./()-]{0,2}\d){4,40}")
_CLASSES = (string.digits, string.ascii_lowercase, string.ascii_uppercase)
_LONGEST_PREFIX = 12
_MASK = "•••"


class Alike:
    """For the texts of one call: the same value becomes the same other one in all of them."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._made: set[str] = set()

    def text(self, text: str) -> str:
        text = _ADDRESS.sub(self._exchanged(_address), text[:LONGEST])
        text = _TOKEN.sub(self._exchanged(_token), text)
        return _NUMBER.sub(self._exchanged(_number), text)

    def tree(self, value: Any) -> Any:
        """All texts inside of what JSON can hold, but for roles; keys stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            members = cast("dict[str, Any]", value)
            return {key: each if key == "role" else self.tree(each) for key, each in members.items()}
        if isinstance(value, list):
            return [self.tree(each) for each in cast("list[Any]", value)]
        return value

    def _exchanged(self, other: Callable[[str], str]) -> Callable[[re.Match[str]], str]:
        def swap(match: re.Match[str]) -> str:
            found = match[0]
            if found in self._made:  # an earlier pattern's work
                return found
            if found not in self._known:
                self._known[found] = other(found)
                self._made.add(self._known[found])
            return self._known[found]

        return swap


def masked(text: str) -> str:
    """The text with the same values taken out instead: for lines that people look over."""
    text = _ADDRESS.sub(_MASK, text[:LONGEST])
    text = _TOKEN.sub(lambda match: _MASK if _is_key(match[0]) else match[0], text)
    return _NUMBER.sub(_MASK, text)


def _address(text: str) -> str:
    name, _, host = text.partition("@")
    first, _, top = host.rpartition(".")
    return f"{_other(name)}@{_other(first)}.{top}"


def _token(text: str) -> str:
    """A word without digits is a word. What tells whose key it is stays: `sk-proj-`, `AKIA`."""
    if not _is_key(text):
        return text
    begin = max(text.rfind(sign, 0, _LONGEST_PREFIX) for sign in "-_") + 1 or 4
    return text[:begin] + _other(text[begin:])


def _is_key(text: str) -> bool:
    return any(map(str.isdigit, text)) and any(map(str.isalpha, text))


def _number(text: str) -> str:
    """Where its checksum (Luhn's) holds, that of the other one does."""
    other = _other(text)
    if _luhn(text) and len([each for each in text if each.isdigit()]) > 11:
        for last in string.digits:
            if _luhn(other[:-1] + last):
                return other[:-1] + last
    return other


def _luhn(text: str) -> bool:
    digits = [int(each) for each in reversed(text) if each in string.digits]
    return sum(each if place % 2 == 0 else each * 2 - 9 * (each > 4) for place, each in enumerate(digits)) % 10 == 0


def _other(text: str) -> str:
    return "".join(_letter(each) for each in text)


def _letter(letter: str) -> str:
    members = next((each for each in _CLASSES if letter in each), "")
    return secrets.choice(members) if members else letter
