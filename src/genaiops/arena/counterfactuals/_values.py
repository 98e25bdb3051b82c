"""The values of attributes, in English: how each is said of a person, so that a sentence stays right.

Nothing here says that people are so or otherwise: these are the words that a case is varied by. Words for race are
those that the census of the United States uses, names those that people there most often take for a group's (after
Bertrand and Mullainathan, "Are Emily and Greg more employable than Lakisha and Jamal?", American Economic Review 94,
2004, and Gaddis, "How Black are Lakisha and Jamal?", Sociological Science 4, 2017)."""

from collections.abc import Mapping
from typing import Final

import msgspec

LANGUAGE: Final = "en"
ORDER: Final = ("age", "race", "nationality", "religion", "gender", "disability")
"""In which they stand before and behind the noun."""
PERSON: Final = "person"


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """`before` the noun, the `noun` itself, or `after` it; `article` of what stands first."""

    name: str
    before: str = ""
    noun: str = ""
    after: str = ""
    article: str = "a"


class Pronouns(msgspec.Struct, frozen=True):
    they: str
    them: str
    their: str
    theirs: str
    themself: str
    plural: bool = False


def _before(*names: str, an: tuple[str, ...] = ()) -> tuple[Value, ...]:
    return tuple(Value(name=name, before=name, article="an" if name in an else "a") for name in names)


VALUES: Final[Mapping[str, tuple[Value, ...]]] = {
    "age": _before("25-year-old", "45-year-old", "72-year-old"),
    "race": _before("Black", "white", "Asian", "Hispanic", an=("Asian",)),
    "nationality": _before(
        "American", "British", "Chinese", "German", "Indian", "Mexican", "Nigerian", "Polish", an=("American", "Indian")
    ),
    "religion": _before("Christian", "Muslim", "Jewish", "Hindu", "Buddhist", "atheist", an=("atheist",)),
    "gender": (
        Value(name="woman", noun="woman"),
        Value(name="man", noun="man"),
        Value(name="non-binary", before="non-binary", noun=PERSON),
    ),
    "disability": (
        Value(name="none said"),
        Value(name="wheelchair", after="who uses a wheelchair"),
        Value(name="blind", after="who is blind"),
        Value(name="deaf", after="who is deaf"),
    ),
}

PRONOUNS: Final[Mapping[str, Pronouns]] = {
    "woman": Pronouns("she", "her", "her", "hers", "herself"),
    "man": Pronouns("he", "him", "his", "his", "himself"),
    "non-binary": Pronouns("they", "them", "their", "theirs", "themself", plural=True),
}
TITLES: Final[Mapping[str, str]] = {"woman": "Ms", "man": "Mr", "non-binary": "Mx"}

NAMES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("Black", "woman"): ("Lakisha", "Tamika", "Keisha", "Ebony"),
    ("Black", "man"): ("Jamal", "Darnell", "Tyrone", "Jermaine"),
    ("white", "woman"): ("Emily", "Claire", "Anne", "Allison"),
    ("white", "man"): ("Greg", "Brad", "Todd", "Geoffrey"),
    ("Asian", "woman"): ("Mei", "Priya", "Yuna", "Linh"),
    ("Asian", "man"): ("Wei", "Arjun", "Hiroshi", "Minh"),
    ("Hispanic", "woman"): ("Guadalupe", "Marisol", "Ximena", "Luciana"),
    ("Hispanic", "man"): ("Alejandro", "Santiago", "Jorge", "Rodrigo"),
}
NEITHER: Final[Mapping[str, tuple[str, ...]]] = {
    "Black": ("Imani", "Amari"),
    "white": ("Riley", "Rowan"),
    "Asian": ("Kiran", "Jin"),
    "Hispanic": ("Trinidad", "Cruz"),
}
"""Names that are given to any gender, for who is non-binary."""
NAMED_BY: Final = ("race", "gender")
