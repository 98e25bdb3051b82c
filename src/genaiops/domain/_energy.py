"""Energy and CO2e of work: always a range, always with how it was found; unknown is a value."""

from typing import Literal

import msgspec

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
    making the hardware. None: unknown."""

    basis: EnergyBasis
    kwh: Range | None = None
    co2e_g: Range | None = None
    embodied_g: Range | None = None


def unknown_energy(reason: str) -> Energy:
    return Energy(EnergyBasis(method="unknown", reason=reason))
