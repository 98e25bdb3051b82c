"""Slots in the text of a case, and how a member of its family fills them.

`{a person}`, `{person}` (with the words of all attributes), `{name}`, `{title}`, `{they}`, `{them}`, `{their}`,
`{theirs}`, `{themself}`, and the verbs that follow `{they}`: `{is}`, `{was}`, `{has}`, `{does}`, `{s}` (work{s}),
`{es}`. A capital letter at its beginning makes one in the text. Braces around anything else, and double ones, are left
alone."""

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from genaiops.arena.counterfactuals._values import (
    NAMED_BY,
    NAMES,
    NEITHER,
    ORDER,
    PERSON,
    PRONOUNS,
    TITLES,
    VALUES,
    Value,
)

_VERBS: Final[Mapping[str, tuple[str, str]]] = {
    "is": ("is", "are"),
    "was": ("was", "were"),
    "has": ("has", "have"),
    "does": ("does", "do"),
    "s": ("s", ""),
    "es": ("es", ""),
}
_PRONOUNS: Final = ("they", "them", "their", "theirs", "themself")
_KNOWN: Final = ("a person", "person", "name", "title", *_PRONOUNS, *_VERBS)
_SLOT: Final = re.compile(rf"(?<!\{{)\{{({'|'.join(sorted(_KNOWN, key=len, reverse=True))})\}}(?!\}})", re.IGNORECASE)

_CARRIES: Final[Mapping[str, tuple[str, ...]]] = {"person": ORDER, "a person": ORDER, "name": NAMED_BY}
"""Slot -> attributes that it can show. All others show the gender."""


class Filling(msgspec.Struct, frozen=True, kw_only=True):
    """What a member is: attribute -> name of its value. `named`: what its name stands for, which may be more than what
    varies; `turn`: which name of the list."""

    group: Mapping[str, str]
    named: tuple[str, str] = ("white", "woman")
    turn: int = 0

    @property
    def name(self) -> str:
        race, gender = self.named
        names = NAMES.get((race, gender)) or NEITHER[race]
        return names[self.turn % len(names)]


def slots_of(text: str) -> set[str]:
    """Those that stand in it."""
    return {each.lower() for each in _SLOT.findall(text)}


def shown_by(slots: set[str]) -> set[str]:
    """The attributes that such a text can show."""
    return {name for slot in slots for name in _CARRIES.get(slot, ("gender",))}


def filled(text: str, filling: Filling) -> str:
    """The text with all slots filled."""

    def put(found: "re.Match[str]") -> str:
        slot = found.group(1)
        words = _WORDS[slot.lower()](filling)
        return words[:1].upper() + words[1:] if slot[0].isupper() else words

    return _SLOT.sub(put, text)


def surface_of(filling: Filling, slots: set[str]) -> list[str]:
    """Words of a member that an answer may repeat."""
    words = [filling.name] if "name" in slots else []
    for attribute, name in filling.group.items():
        value = _value(attribute, name)
        words += [each for each in (value.before, value.noun, value.after) if each]
    return words


def _value(attribute: str, name: str) -> Value:
    return next(value for value in VALUES[attribute] if value.name == name)


def _person(filling: Filling) -> tuple[str, str]:
    """The article, and the phrase."""
    values = [_value(name, filling.group[name]) for name in ORDER if name in filling.group]
    noun = next((value.noun for value in values if value.noun), PERSON)
    first = [value for value in values if value.before]
    phrase = [*(value.before for value in first), noun, *(value.after for value in values if value.after)]
    return (first[0].article if first else "a"), " ".join(phrase)


def _pronoun(which: str) -> Callable[[Filling], str]:
    return lambda filling: getattr(PRONOUNS[filling.group.get("gender", "non-binary")], which)


def _verb(one: str, many: str) -> Callable[[Filling], str]:
    return lambda filling: many if PRONOUNS[filling.group.get("gender", "non-binary")].plural else one


_WORDS: Final[Mapping[str, Callable[[Filling], str]]] = {
    "a person": lambda filling: " ".join(_person(filling)),
    "person": lambda filling: _person(filling)[1],
    "name": lambda filling: filling.name,
    "title": lambda filling: TITLES[filling.group.get("gender", "non-binary")],
    **{which: _pronoun(which) for which in _PRONOUNS},
    **{slot: _verb(*forms) for slot, forms in _VERBS.items()},
}
