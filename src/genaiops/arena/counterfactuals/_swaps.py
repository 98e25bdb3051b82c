"""Cases that have no slots: the one person that they speak of becomes a slot, where that is certain.

`She applied for her sister` cannot be turned about word by word (`her` is both `him` and `his`), so a text with a word
whose role is not certain is left out, and the reason is told."""

import re
from collections.abc import Mapping
from typing import Final

from genaiops.arena.counterfactuals._values import VALUES
from genaiops.core.errors import UsageError

_GENDERED: Final = re.compile(
    r"\b(he|she|him|her|his|hers|himself|herself|men|women|boy|girl|father|mother|son|daughter|husband|wife|brother|"
    r"sister|mr|ms|mrs)\b",
    re.IGNORECASE,
)
_ADJECTIVES: Final[Mapping[str, tuple[str, str]]] = {
    value.before: (name, value.name) for name, values in VALUES.items() for value in values if value.before
}
_AFTER: Final[Mapping[str, str]] = {value.after: value.name for value in VALUES["disability"] if value.after}
_ADJECTIVE: Final = "|".join(map(re.escape, _ADJECTIVES))
_PERSON: Final = re.compile(
    rf"\b(?P<article>[Aa]n? )?(?P<before>(?:(?:{_ADJECTIVE}) )*)(?P<noun>man|woman|person)\b"
    rf"(?: (?P<after>{'|'.join(map(re.escape, _AFTER))}))?"
)


def slotted(text: str) -> tuple[str, Mapping[str, str]]:
    """The same text with its one person as a slot (`A German man` -> `{A person}`), and what that person was of each
    attribute. UsageError when there is none, more than one, or when other words depend on who it is."""
    found = list(_PERSON.finditer(text))
    if not found:
        raise UsageError("it has no slot, and speaks of no man, woman or person", remedy="Write {a person} into it.")
    if len(found) > 1:
        raise UsageError("it speaks of several people", remedy="Write slots: {a person}, {they}.")
    [one] = found
    rest = _GENDERED.search(text[: one.start()] + text[one.end() :])
    if rest:
        raise UsageError(
            f"{rest.group()!r} depends on who it is", remedy="Write slots: {they}, {them}, {their}, and {is}, {s}."
        )
    was = dict(map(_ADJECTIVES.__getitem__, one["before"].split()))
    if one["noun"] != "person":
        was["gender"] = one["noun"]
    if one["after"]:
        was["disability"] = _AFTER[one["after"]]
    article = one["article"] or ""
    slot = "{" + (f"{article[0]} person" if article else "person") + "}"
    return text[: one.start()] + slot + text[one.end() :], was
