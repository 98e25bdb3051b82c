"""Energy and CO2e of work: always a range, always with how it was found; unknown is a value."""

import math
from typing import Literal

import msgspec

from genaiops.domain._routing import Operation

EnergyMethod = Literal["measured", "modelled", "unknown"]


class Range(msgspec.Struct, frozen=True, array_like=True):
    """`low` <= `central` <= `high`. Bounds of a sum are sums of bounds: nothing says that errors are independent."""

    low: float
    central: float
    high: float

    def __add__(self, other: "Range") -> "Range":
        return Range(self.low + other.low, self.central + other.central, self.high + other.high)

    def times(self, factor: float) -> "Range":
        return Range(self.low * factor, self.central * factor, self.high * factor)


class EnergyBasis(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an Energy was found; the same for many calls.

    `measured`: a meter of energy said so. `modelled`: `model` (with its version) made it of `work` (what was counted).
    `covers` and `omits` name what is inside and what is not (`input tokens`, `idle share`). `zone` is that of the
    electricity (ISO 3166-1 alpha-3, `WOR`: the world), `kg_per_kwh` its factor, out of the set `factors`. `reason`:
    why it is unknown. `notes`: warnings of the model's authors.
    """

    method: EnergyMethod
    model: str = ""
    work: str = ""
    covers: tuple[str, ...] = ()
    omits: tuple[str, ...] = ()
    zone: str = ""
    kg_per_kwh: float | None = None
    factors: str = ""
    reason: str = ""
    notes: tuple[str, ...] = ()


class Energy(msgspec.Struct, frozen=True):
    """`kwh` of electricity, `co2e_g` grams of CO2 equivalents of generating it, `embodied_g` the work's share of
    making the hardware, `water_l` litres of water consumed by generating the electricity and by cooling (as far as the
    basis covers cooling). None: unknown."""

    basis: EnergyBasis
    kwh: Range | None = None
    co2e_g: Range | None = None
    embodied_g: Range | None = None
    water_l: Range | None = None


def unknown_energy(reason: str) -> Energy:
    return Energy(EnergyBasis(method="unknown", reason=reason))


NANO_WH = 10**12
"""A kWh in nano-Wh, which budgets count."""


class EnergyBound(msgspec.Struct, frozen=True, array_like=True):
    """kWh of an answer as a line: `token` for each token of output and `second` for each second of work on it. Work
    takes no longer than the call, nor than `first` seconds and `each` more a token (None: as long as the call)."""

    token: float
    second: float
    first: float = 0.0
    each: float | None = None

    def kwh(self, tokens: int, seconds: float) -> float:
        if self.each is not None:
            seconds = min(seconds, self.first + self.each * tokens)
        return self.token * tokens + self.second * seconds


class EnergyRate(msgspec.Struct, frozen=True, array_like=True):
    """What answers of a target use, for whoever has no set of factors at hand: the same figures as the trace's, but for
    the order in which floats are added. `central` None: the middle of the ends. It is known for `operations` only."""

    target_id: str
    low: EnergyBound
    high: EnergyBound
    operations: tuple[Operation, ...]
    central: EnergyBound | None = None

    def used(self, tokens: int, seconds: float, busy: float | None) -> int:
        """The central figure in nano-Wh of so much output in so many seconds; `busy` is what the model's own clock says
        (None: nothing), which counts where all of the time does."""
        if busy is not None and self.high.each is None:
            seconds = busy
        if self.central is not None:
            return round(NANO_WH * self.central.kwh(tokens, seconds))
        return round(NANO_WH * (self.low.kwh(tokens, seconds) + self.high.kwh(tokens, seconds)) / 2)

    def bounds(self, tokens: int, seconds: float, busy: float | None) -> tuple[int, int]:
        """(low, high) of the same, in nano-Wh."""
        if busy is not None and self.high.each is None:
            seconds = busy
        return round(NANO_WH * self.low.kwh(tokens, seconds)), round(NANO_WH * self.high.kwh(tokens, seconds))

    def most(self, tokens: int, seconds: float) -> int:
        """Nano-Wh, at the high end, that no answer of at most so many tokens and seconds is above."""
        return math.ceil(NANO_WH * self.high.kwh(tokens, seconds))
