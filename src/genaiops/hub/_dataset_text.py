"""How datasets are referred to, and what their rows look like."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from genaiops.core.errors import NotFound, UsageError
from genaiops.core.suggesting import suggestion
from genaiops.domain import Alias, Artifact, Version
from genaiops.hub._validation import every, existing
from genaiops.ports.records import View

_DIGEST = re.compile(r"sha256:([0-9a-f]{8,64})")
_TYPES: Mapping[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
_MOST_COLUMNS = 1_000


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A field of the rows: the JSON types that it has, and in how many rows it is missing."""

    name: str
    types: tuple[str, ...]
    missing: int = 0


class Schema:
    """What columns there are, learned row by row."""

    def __init__(self) -> None:
        self._rows = 0
        self._types: dict[str, set[str]] = {}
        self._seen: dict[str, int] = {}

    def add(self, row: Mapping[str, Any]) -> None:
        self._rows += 1
        for name, value in row.items():
            self._types.setdefault(name, set()).add(_TYPES[type(value)])
            self._seen[name] = self._seen.get(name, 0) + 1
        if len(self._types) > _MOST_COLUMNS:
            raise UsageError(
                f"The rows have more than {_MOST_COLUMNS:,} different fields.",
                remedy="Put what varies below one field, as an object.",
                code="too_many_columns",
            )

    def columns(self) -> Sequence[Column]:
        return [
            Column(name=name, types=tuple(sorted(self._types[name])), missing=self._rows - self._seen[name])
            for name in sorted(self._types)
        ]


def version_of(view: View, reference: str) -> Version:
    """The version that `NAME`, `NAME@alias`, `NAME@sha256:...` (8 digits or more) means now; `NAME` is the latest one.
    NotFound says what there is."""
    name, sign, rest = reference.removeprefix("dataset/").partition("@")
    artifact_id = f"dataset/{name}"
    if view.get(Artifact, artifact_id) is None:
        names = (each.name for each in every(view, Artifact, {"kind": "dataset"}))
        raise NotFound(f"There is no dataset {name!r}.", remedy=suggestion(name, names), param="ref")
    if not sign:
        return _latest(every(view, Version, {"artifact_id": artifact_id}))
    short = _DIGEST.fullmatch(rest)
    if short is None:
        alias = view.get(Alias, f"{artifact_id}@{rest}")
        if alias is None:
            aliases = (each.name for each in every(view, Alias, {"artifact_id": artifact_id}))
            raise NotFound(
                f"The dataset {name!r} has no alias {rest!r}.", remedy=suggestion(rest, aliases), param="ref"
            )
        return existing(view, Version, alias.version_id, word="version")
    found = [each for each in every(view, Version, {"artifact_id": artifact_id}) if each.digest.startswith(rest)]
    if len(found) != 1:
        what = "no version" if not found else f"{len(found)} versions"
        raise NotFound(
            f"The dataset {name!r} has {what} {rest!r}.",
            remedy="Give more digits; `genaiops dataset show` lists the versions.",
            param="ref",
        )
    return found[0]


def _latest(versions: Iterable[Version]) -> Version:
    return max(versions, key=lambda each: (each.created_us, each.id))
