"""Two texts side by side, word by word: what both have, what only one has."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import groupby
from typing import Any, Literal, cast

import msgspec

from genaiops.hub import Difference

_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_PARTS = {"response_format": "Answer format"}
_MOST_WORDS = 4_000
"""Of both texts together; longer ones are compared line by line, and beyond as many lines as wholes."""

Side = Literal["same", "gone", "new"]


class Piece(msgspec.Struct, frozen=True):
    side: Side
    text: str


class Row(msgspec.Struct, frozen=True):
    """One field of two things; texts as they are shown, empty where one lacks it."""

    name: str
    before: str
    after: str

    @property
    def differs(self) -> bool:
        return self.before != self.after

    @property
    def pieces(self) -> Sequence[Piece]:
        return pieces(self.before, self.after)


def pieces(before: str, after: str) -> list[Piece]:
    """In order: joined without those that are new they are `before`, without those that are gone `after`."""
    if before == after:
        return [Piece("same", before)] if before else []
    for split in (_WORDS, _LINES):
        old, new = split.findall(before), split.findall(after)
        if len(old) + len(new) <= _MOST_WORDS:
            return list(_joined(old, new))
    return [Piece("gone", before), Piece("new", after)]


def _joined(old: Sequence[str], new: Sequence[str]) -> Iterator[Piece]:
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            yield Piece("same", "".join(old[a:b]))
            continue
        if b > a:
            yield Piece("gone", "".join(old[a:b]))
        if d > c:
            yield Piece("new", "".join(new[c:d]))


def rows(before: object, after: object) -> list[Row]:
    """Two documents field by field: `messages.0.content`. Fields of the first come first."""
    old, new = dict(_flat(before, "")), dict(_flat(after, ""))
    return [Row(name, old.get(name, ""), new.get(name, "")) for name in dict.fromkeys((*old, *new))]


def changed(differences: Iterable[Difference]) -> list[tuple[str, list[Row]]]:
    """What differs between two versions, by part: messages, tools, parameters ... Items of lists stand beside what they
    were before, wherever they are now."""
    return [
        (_PARTS.get(part, part.capitalize()), [Row(each.path, _text(each.before), _text(each.after)) for each in found])
        for part, found in groupby(differences, lambda each: each.path.partition(".")[0])
    ]


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    message = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    if isinstance(message.get("content"), str) and set(message) == {"role", "content"}:
        return f"{message['role']}: {message['content']}"
    return msgspec.json.encode(value).decode()


def _flat(value: object, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, inner in cast("Mapping[str, Any]", value).items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple) and value:
        for place, inner in enumerate(cast("Sequence[Any]", value)):
            yield from _flat(inner, f"{name}.{place}" if name else str(place))
    else:
        yield name or "value", value if isinstance(value, str) else msgspec.json.encode(value).decode()
