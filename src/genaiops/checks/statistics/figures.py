"""Figures that are known only with their bounds, such as BLEU over a corpus."""

from math import hypot

import msgspec


class Figure(msgspec.Struct, frozen=True):
    """`low` and `high`: its one-sided bounds of confidence."""

    value: float
    low: float
    high: float

    def __neg__(self) -> "Figure":
        return Figure(-self.value, -self.high, -self.low)


def difference(one: Figure, other: Figure) -> Figure:
    """`one` less `other`, its bounds made of theirs at the same confidence (Zou and Donner, "Construction of confidence
    limits about effect measures", Statistics in Medicine 27, 2008, section 2). They count as independent: where both
    are of the same cases the bounds are wider than they had to be."""
    value = one.value - other.value
    low = value - hypot(one.value - one.low, other.high - other.value)
    high = value + hypot(one.high - one.value, other.value - other.low)
    return Figure(value, low, high)
