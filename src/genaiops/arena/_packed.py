"""A run as columns: what comparisons need of ten thousand cases, in one small document that is read at once, in place
of every row of the run."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from genaiops.arena._tables import Column, Tables, column_of
from genaiops.core.errors import StoreError
from genaiops.domain import Outcome

_LETTERS: Final[Mapping[Outcome, str]] = {"pass": "p", "fail": "f", "warn": "w", "inconclusive": "i", "error": "e"}
_PASSED: Final[Mapping[str, float]] = {"p": 1.0, "f": 0.0}


class _Marks(msgspec.Struct, frozen=True, array_like=True):
    """Of one check for one target: which cases (places) measured what, and a letter an outcome."""

    target: str
    check: str
    metrics: tuple[str, ...]
    cases: list[int]
    measures: list[float | None]
    outcomes: str


class _Packed(msgspec.Struct, frozen=True, array_like=True):
    """`asks`, `clusters` and `slices` (places in `names`) stand in the order of `ids`."""

    ids: list[str]
    asks: list[bytes]
    clusters: list[str]
    slices: list[list[int]]
    names: list[str]
    asked: int
    marks: list[_Marks]


class Packed:
    """Columns of a run, as `Tables` has them, without what was said."""

    def __init__(self, packed: _Packed) -> None:
        self._packed = packed
        self._marks = {(each.target, each.check): each for each in packed.marks}
        self._clusters = dict(zip(packed.ids, packed.clusters, strict=True)) if any(packed.clusters) else {}

    @property
    def slices(self) -> Sequence[str]:
        """Names, sorted."""
        return self._packed.names

    def asks(self, within: str | None = None) -> Mapping[str, bytes]:
        said = zip(self._packed.ids, self._packed.asks, strict=True)
        if within is None:
            return dict(said)
        place = self._packed.names.index(within) if within in self._packed.names else -1
        return {name: asks for (name, asks), own in zip(said, self._packed.slices, strict=True) if place in own}

    def metrics(self, target: str, check: str) -> set[str]:
        marks = self._marks.get((target, check))
        return set() if marks is None else set(marks.metrics)

    def clusters(self, ids: Sequence[str]) -> list[str]:
        return [self._clusters.get(each, "") for each in ids]

    def column(self, target: str, check: str, ids: Sequence[str], *, passes: bool, at: int | None = None) -> Column:
        found: dict[str, list[float]] = defaultdict(list)
        marks = self._marks.get((target, check))
        if marks is not None:
            names = self._packed.ids
            for place, measure, letter in zip(marks.cases, marks.measures, marks.outcomes, strict=True):
                value = _PASSED.get(letter) if passes else measure
                if value is not None and letter != "e":
                    found[names[place]].append(value)
        return column_of(found, ids, self._packed.asked, at)


def pack(tables: Tables) -> bytes:
    """The columns of a run, as `unpack` reads them."""
    places = {name: place for place, name in enumerate(tables.cases)}
    names = sorted({name for case in tables.cases.values() for name in case.slices})
    numbers = {name: place for place, name in enumerate(names)}
    marks: list[_Marks] = []
    for (target, check), judged in tables.judged().items():
        known = [each for each in judged if each.case in places]
        marks.append(
            _Marks(
                target=target,
                check=check,
                metrics=tuple(sorted({each.metric for each in known})),
                cases=[places[each.case] for each in known],
                measures=[each.verdict.measure for each in known],
                outcomes="".join(_LETTERS[each.verdict.outcome] for each in known),
            )
        )
    return msgspec.msgpack.encode(
        _Packed(
            ids=list(tables.cases),
            asks=list(tables.asks().values()),
            clusters=[case.cluster for case in tables.cases.values()],
            slices=[[numbers[name] for name in case.slices] for case in tables.cases.values()],
            names=names,
            asked=tables.asked,
            marks=marks,
        )
    )


def unpack(data: bytes) -> Packed:
    """StoreError for what `pack` did not write."""
    try:
        return Packed(msgspec.msgpack.decode(data, type=_Packed))
    except msgspec.DecodeError as error:
        raise StoreError("The columns of a run cannot be read.", remedy="Delete the run, and run it again.") from error
