"""What differs between two manifests: fields added, removed and changed; texts line by line and word by word."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, cast

import msgspec

from genaiops.core.digest import digest_value

Action = Literal["added", "removed", "changed"]
Mark = Literal["same", "added", "removed"]

_CONTEXT: Final = 2
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
_MOST_LINES: Final = 2_000
_MOST_WORDS: Final = 2_000
_NAMES = ("name", "id", "path")
_FIRST = ("messages", "variables", "tools", "response_format", "parameters", "model")
"""Fields of prompts in the order in which people look at them."""


class Piece(msgspec.Struct, frozen=True):
    """Words of a line, and whether both versions have them."""

    mark: Mark
    text: str


class Line(msgspec.Struct, frozen=True):
    """A line of a text. `before` and `after` are its numbers from 1 (None: not there)."""

    mark: Mark
    before: int | None
    after: int | None
    pieces: tuple[Piece, ...]


class Difference(msgspec.Struct, frozen=True):
    """One field that differs, at a path such as `messages.0.content`. `lines` only of texts of several words or lines:
    what changed, and two lines around it."""

    path: str
    action: Action
    before: Any = None
    after: Any = None
    lines: tuple[Line, ...] = ()


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Of prompts messages first, then variables, tools, answer format, parameters; else in the order of the fields'
    names. Items of lists are told apart by their names where they have one."""
    return tuple(sorted(_objects(before, after, ""), key=_place))


def _place(difference: Difference) -> int:
    part = difference.path.partition(".")[0]
    return _FIRST.index(part) if part in _FIRST else len(_FIRST)


def compare_texts(before: str, after: str) -> tuple[Line, ...]:
    """The lines that differ, with two lines around them."""
    old, new = before.splitlines(), after.splitlines()
    if len(old) > _MOST_LINES or len(new) > _MOST_LINES:
        return ()
    lines: list[Line] = []
    for group in difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(_CONTEXT):
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                lines += (
                    Line("same", i + 1, j + 1, (Piece("same", old[i]),))
                    for i, j in zip(range(i1, i2), range(j1, j2), strict=True)
                )
            else:
                lines += _replaced(old, new, (i1, i2), (j1, j2))
    return tuple(lines)


def _objects(before: Mapping[str, Any], after: Mapping[str, Any], at: str) -> Iterator[Difference]:
    for name in sorted({*before, *after}):
        path = f"{at}{name}"
        if name not in after:
            yield Difference(path, "removed", before=before[name])
        elif name not in before:
            yield Difference(path, "added", after=after[name])
        else:
            yield from _values(before[name], after[name], path)


def _values(before: Any, after: Any, path: str) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _objects(cast("dict[str, Any]", before), cast("dict[str, Any]", after), f"{path}.")
    elif isinstance(before, list) and isinstance(after, list):
        yield from _lists(cast("list[Any]", before), cast("list[Any]", after), path)
    elif digest_value(before) != digest_value(after):
        lines = compare_texts(before, after) if isinstance(before, str) and isinstance(after, str) else ()
        yield Difference(path, "changed", before, after, lines)


def _lists(before: Sequence[Any], after: Sequence[Any], path: str) -> Iterator[Difference]:
    names = _names(before), _names(after)
    if names[0] is not None and names[1] is not None and (before or after):
        yield from _objects(
            dict(zip(names[0], before, strict=True)), dict(zip(names[1], after, strict=True)), f"{path}."
        )
        if [name for name in names[0] if name in names[1]] != [name for name in names[1] if name in names[0]]:
            yield Difference(path, "changed", names[0], names[1])
        return
    old, new = list(map(digest_value, before)), list(map(digest_value, after))
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        both = min(i2 - i1, j2 - j1)
        for step in range(both):
            yield from _values(before[i1 + step], after[j1 + step], f"{path}.{j1 + step}")
        yield from (Difference(f"{path}.{i}", "removed", before=before[i]) for i in range(i1 + both, i2))
        yield from (Difference(f"{path}.{j}", "added", after=after[j]) for j in range(j1 + both, j2))


def _names(items: Sequence[Any]) -> list[str] | None:
    """What tells the items apart: their own name, or that of their function. None: nothing does."""
    found: list[str] = []
    for item in items:
        if not isinstance(item, dict) or "role" in item:
            return None
        fields = cast("dict[str, Any]", item)
        inner = fields.get("function")
        name = next((fields[key] for key in _NAMES if isinstance(fields.get(key), str)), None)
        name = cast("dict[str, Any]", inner).get("name") if name is None and isinstance(inner, dict) else name
        if not isinstance(name, str) or name in found:
            return None
        found.append(name)
    return found


def _replaced(old: Sequence[str], new: Sequence[str], gone: tuple[int, int], come: tuple[int, int]) -> Iterator[Line]:
    both = min(gone[1] - gone[0], come[1] - come[0])
    pairs = [_words(old[gone[0] + step], new[come[0] + step]) for step in range(both)]
    for i in range(*gone):
        step = i - gone[0]
        yield Line("removed", i + 1, None, pairs[step][0] if step < both else (Piece("removed", old[i]),))
    for j in range(*come):
        step = j - come[0]
        yield Line("added", None, j + 1, pairs[step][1] if step < both else (Piece("added", new[j]),))


def _words(old: str, new: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """The same line in both versions, by words."""
    a, b = _WORDS.findall(old), _WORDS.findall(new)
    if len(a) > _MOST_WORDS or len(b) > _MOST_WORDS:
        return (Piece("removed", old),), (Piece("added", new),)
    before: list[Piece] = []
    after: list[Piece] = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if i2 > i1:
            before.append(Piece("same" if tag == "equal" else "removed", "".join(a[i1:i2])))
        if j2 > j1:
            after.append(Piece("same" if tag == "equal" else "added", "".join(b[j1:j2])))
    return tuple(before), tuple(after)
