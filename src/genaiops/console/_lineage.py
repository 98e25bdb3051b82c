"""Lineage as a picture: what a thing was made from at its left, what was made from it at its right."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from genaiops.domain import Edge
from genaiops.hub import Direction, Walk
from genaiops.hub import Lineage as Walking

BOX = 196
_GAP = 48
_ROW = 40
_HIGH = 28
_DEEPEST = 2
_WIDEST = 8
"""Boxes in one column; what does not fit is counted."""
_LONGEST = 27


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """`text` fits the box, `ref` is the whole name; `here`: what the picture is of."""

    x: int
    y: int
    ref: str
    text: str
    here: bool

    @property
    def link(self) -> str | None:
        """The page of it, None where there is none."""
        kind, _, name = self.ref.partition("/")
        if kind == "trace":
            return f"/traces/{name}"
        if kind in ("release", "deployment"):
            return f"/releases/{name.partition('@')[0]}"
        return None if kind in ("file", "package", "url", "commit", "export") else f"/hub/{self.ref.partition('@')[0]}"


class Line(msgspec.Struct, frozen=True):
    path: str
    relation: str
    source: str
    target: str


class Lineage(msgspec.Struct, frozen=True):
    """`more`: things that are not drawn. No lines: nothing is known."""

    width: int
    height: int
    boxes: Sequence[Box]
    lines: Sequence[Line]
    more: int


def lineage(walking: Walking, ref: str) -> Lineage:
    """Two steps to either side."""
    columns: dict[str, int] = {ref: 0}
    edges: dict[str, Edge] = {}
    more = 0
    directions: tuple[tuple[Direction, int], ...] = (("up", -1), ("down", 1))
    for direction, side in directions:
        walk = walking.walk(ref, direction, depth=_DEEPEST)
        left_out = _nameless(walk, ref) if side > 0 else set[str]()
        for depth in range(1, _DEEPEST + 1):
            found = [each.ref for each in walk.nodes if each.depth == depth and each.ref not in left_out]
            found = [each for each in found if each not in columns]
            columns.update((each, side * depth) for each in found[:_WIDEST])
            more += len(found[_WIDEST:])
        edges.update((each.id, each) for each in walk.edges if each.source in columns and each.target in columns)
    return _drawn(ref, columns, list(edges.values()), more)


def _nameless(walk: Walk, ref: str) -> set[str]:
    """Bare names that a version leads to and that nothing was made from: they say nothing new."""
    used = {each.source for each in walk.edges}
    return {each.ref for each in walk.nodes if "@" not in each.ref and each.ref != ref and each.ref not in used}


def _drawn(ref: str, columns: Mapping[str, int], edges: Sequence[Edge], more: int) -> Lineage:
    used = sorted(set(columns.values()))
    rows = {column: [name for name, at in columns.items() if at == column] for column in used}
    height = max(len(names) for names in rows.values()) * _ROW
    boxes: dict[str, Box] = {}
    for place, column in enumerate(used):
        top = (height - len(rows[column]) * _ROW) // 2
        for row, name in enumerate(rows[column]):
            boxes[name] = Box(
                x=place * (BOX + _GAP) + 1, y=top + row * _ROW + 6, ref=name, text=_short(name), here=name == ref
            )
    lines = [
        Line(_path(boxes[edge.source], boxes[edge.target]), edge.relation.replace("_", " "), edge.source, edge.target)
        for edge in edges
    ]
    return Lineage(len(used) * (BOX + _GAP) - _GAP + 2, height + 4, list(boxes.values()), lines, more)


def _path(source: Box, target: Box) -> str:
    x, y, end, across = source.x + BOX, source.y + _HIGH // 2, target.x - 5, target.y + _HIGH // 2
    middle = (x + end) // 2
    return f"M{x} {y} C{middle} {y} {middle} {across} {end} {across}"


def _short(ref: str) -> str:
    """`prompt/support/answer@sha256:1f0a...` as `prompt/support/answer@1f0a33`."""
    name, at, point = ref.partition("@")
    point = point.removeprefix("sha256:")[:6] if point.startswith("sha256:") else point
    room = _LONGEST - len(point) - len(at)
    return f"{name if len(name) <= room else '…' + name[-(room - 1) :]}{at}{point}"


def parts(found: Lineage) -> Mapping[str, Any]:
    """For the template, which draws it."""
    return {"lineage": found, "box_width": BOX, "high": _HIGH}
