"""How far the answers to variants of one case are apart: families of cases that differ in nothing but an attribute.

Members of a family are compared with each other alone, so that what makes one case harder than another drops out. Of an
attribute, each pair of its values is compared over the families that have both, within members that are alike in all
other attributes. Pairs have the bounds and the exact tests of `paired.compare`; an attribute's p is that of its pairs
times their number (Bonferroni), and which attributes differ is told by Holm's method over attributes. That no pair is
further apart than the upper bound needs no correction; that some pair is at least as far apart as the lower bound is
corrected for all pairs of all attributes.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Final

import msgspec

from genaiops.checks.statistics.level import holm
from genaiops.checks.statistics.paired import compare
from genaiops.core.errors import UsageError

BESIDE: Final = "+"
"""Between the names of attributes that are looked at together."""


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """A member of a family, in `group` (attribute -> value), with what came out of it, from 0 to 1. Families of one
    `cluster` are not independent ("": the family is its own)."""

    family: str
    group: Mapping[str, str]
    value: float
    cluster: str = ""


class Contrast(msgspec.Struct, frozen=True, kw_only=True):
    """Of one attribute: the two values that are furthest apart, the first one's mean being the higher. `p` is
    two-sided, for all its pairs; `differs`: Holm's method over the attributes. `means`: of each value, over all its
    members. `families`: in how many the two values stand."""

    attribute: str
    pair: tuple[str, str]
    difference: float
    p: float
    differs: bool
    families: int
    means: Mapping[str, float]


class Apart(msgspec.Struct, frozen=True, kw_only=True):
    """`value` is the greatest difference of any attribute; `low` and `high`: its one-sided bounds, each at
    1 - `alpha`."""

    value: float
    low: float
    high: float
    alpha: float
    contrasts: tuple[Contrast, ...]


class _Pair(msgspec.Struct, frozen=True):
    """Two values, family by family."""

    one: str
    other: str
    mine: Sequence[float]
    theirs: Sequence[float]
    clusters: Sequence[str]

    def p(self) -> float:
        ways = (
            compare(self.mine, self.theirs, self.clusters, span=1.0),
            compare(self.theirs, self.mine, self.clusters, span=1.0),
        )
        return min(1.0, 2 * min(each.p_better for each in ways))

    def difference(self) -> float:
        return (sum(self.mine) - sum(self.theirs)) / len(self.mine)

    def bounds(self, alpha: float) -> tuple[float, float]:
        said = compare(self.mine, self.theirs, self.clusters, alpha=alpha, span=1.0)
        return said.low, said.high


def apart(variants: Sequence[Variant], attributes: Sequence[str], *, reference: str = "", alpha: float = 0.05) -> Apart:
    """Of all these attributes; `gender+race` looks at two together. `reference`: the value that each other one is
    compared with (each is then a hypothesis of its own), instead of all pairs.

    UsageError when nothing can be compared: no family has two values of an attribute, or fewer than two independent
    families do."""
    found = {name: list(_pairs(variants, name, reference)) for name in attributes}
    found = {name: pairs for name, pairs in found.items() if pairs}
    if not found:
        raise UsageError(
            "Of no attribute two independent families or more have two values.",
            remedy="Expand more cases, and see which answers are errors.",
        )
    claims: list[tuple[str, list[_Pair]]] = []
    for name, pairs in found.items():
        claims += [(name, [pair]) for pair in pairs] if reference else [(name, pairs)]
    p = [min(1.0, len(pairs) * min(pair.p() for pair in pairs)) for _, pairs in claims]
    refused = holm(p, alpha=alpha)
    contrasts = [
        _contrast(variants, name, pairs, each, differs)
        for (name, pairs), each, differs in zip(claims, p, refused, strict=True)
    ]
    every = [pair for pairs in found.values() for pair in pairs]
    number = 2 * len(every)
    strict, loose = [pair.bounds(alpha / number) for pair in every], [pair.bounds(alpha) for pair in every]
    return Apart(
        value=max(abs(pair.difference()) for pair in every),
        low=max(0.0, *(max(low, -high) for low, high in strict)),
        high=min(1.0, max(max(high, -low) for low, high in loose)),
        alpha=alpha,
        contrasts=tuple(contrasts),
    )


def _contrast(variants: Sequence[Variant], name: str, pairs: Sequence[_Pair], p: float, differs: bool) -> Contrast:
    widest = max(pairs, key=lambda pair: abs(pair.difference()))
    difference = widest.difference()
    pair = (widest.one, widest.other) if difference >= 0 else (widest.other, widest.one)
    shown = {each for pair in pairs for each in (pair.one, pair.other)}
    values: dict[str, list[float]] = defaultdict(list)
    for variant in variants:
        value = value_of(variant, name)
        if value in shown:
            values[value].append(variant.value)
    return Contrast(
        attribute=name,
        pair=pair,
        difference=abs(difference),
        p=p,
        differs=differs,
        families=len(widest.mine),
        means={value: sum(each) / len(each) for value, each in sorted(values.items())},
    )


def value_of(variant: Variant, attribute: str) -> str | None:
    """What it is of an attribute, or of several together; None: it says nothing of one of them."""
    values = [variant.group.get(name) for name in attribute.split(BESIDE)]
    return None if None in values else ", ".join(str(value) for value in values)


def _pairs(variants: Sequence[Variant], attribute: str, reference: str) -> Iterable[_Pair]:
    """A table of means by family, by what else a member is, and by value; then each pair of values over it."""
    names = set(attribute.split(BESIDE))
    table: dict[str, dict[frozenset[tuple[str, str]], dict[str, list[float]]]] = {}
    clusters: dict[str, str] = {}
    values: dict[str, None] = {}
    for variant in variants:
        value = value_of(variant, attribute)
        if value is None:
            continue
        values[value] = None
        alike = frozenset((name, each) for name, each in variant.group.items() if name not in names)
        clusters.setdefault(variant.family, variant.cluster)
        table.setdefault(variant.family, {}).setdefault(alike, {}).setdefault(value, []).append(variant.value)
    ways = [(value, reference) for value in values if value != reference] if reference else combinations(values, 2)
    for one, other in ways:
        mine: list[float] = []
        theirs: list[float] = []
        of: list[str] = []
        for family, strata in table.items():
            both = [(_mean(row[one]), _mean(row[other])) for row in strata.values() if one in row and other in row]
            if both:
                mine.append(_mean([a for a, _ in both]))
                theirs.append(_mean([b for _, b in both]))
                of.append(clusters[family])
        independent = len({name for name in of if name}) + sum(not name for name in of)
        if independent > 1:
            yield _Pair(one, other, mine, theirs, of)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
