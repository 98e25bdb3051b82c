"""The energy of work on a machine of one's own, from the time its processor was busy; and sums of energies.

Nothing here measures energy: the power of a busy thread is a model, so the result is `modelled` even where the time
was measured.
"""

from collections.abc import Sequence

import msgspec

from genaiops.domain import Energy, EnergyBasis, Range

JOULES_PER_KWH = 3_600_000


class PowerModel(msgspec.Struct, frozen=True):
    """Watts of one busy hardware thread. `boundary`: what is inside that power; `omits`: what is not."""

    name: str
    watts: Range
    boundary: str
    omits: tuple[str, ...]


THREAD_1 = PowerModel(
    "busy-thread-1",
    Range(2.12, 3.84, 15.0),
    "processor",
    ("memory", "idle share", "cooling and power supply"),
)
"""Low and central are of servers: Cloud Carbon Footprint's coefficients of a vCPU (methodology, "Energy Coefficients":
AWS 0.74 to 3.5, Azure 0.78 to 3.76, Google 0.71 to 4.26 W from idle to full load), at half load on AWS (2.12) and the
mean of the three at full load (3.84). High is our own assumption for one boosting core of a desktop computer with its
share of the package (15 W)."""


def of_watts(watts: float) -> PowerModel:
    """The power of a busy thread that the operator found out and configured."""
    return PowerModel("configured watts", Range(watts, watts, watts), "as the operator measured it", ())


class Grid(msgspec.Struct, frozen=True):
    """The electricity of a zone: `kg_per_kwh` kg CO2e and `litres_per_kwh` of water consumed by generating it, by the
    set `factors`; None: not known."""

    zone: str
    kg_per_kwh: float | None
    factors: str
    litres_per_kwh: float | None = None


def of_busy_time(seconds: float, threads: int, power: PowerModel, grid: Grid, *, work: str) -> Energy:
    """`seconds` in which so many threads were busy; `work` says how that time was found.

    kWh = seconds * threads * watts / 3,600,000; g CO2e = kWh * kg_per_kwh * 1000; litres = kWh * litres_per_kwh. What
    the machine was made of (embodied) is not known here.
    """
    kwh = power.watts.times(max(0.0, seconds) * threads / JOULES_PER_KWH)
    return Energy(
        EnergyBasis(
            method="modelled",
            model=power.name,
            work=work,
            covers=("input tokens", "output tokens", power.boundary),
            omits=(*power.omits, "making the hardware"),
            zone=grid.zone,
            kg_per_kwh=grid.kg_per_kwh,
            factors=grid.factors,
        ),
        kwh,
        None if grid.kg_per_kwh is None else kwh.times(grid.kg_per_kwh * 1000),
        water_l=None if grid.litres_per_kwh is None else kwh.times(grid.litres_per_kwh),
    )


def of_thread_second(threads: int, power: PowerModel) -> Range:
    """kWh of a second in which so many threads are busy."""
    return power.watts.times(threads / JOULES_PER_KWH)


class EnergyTotal(msgspec.Struct, frozen=True):
    """A sum over `attempts`, of which `known` have a figure. Ranges are None when nothing is known, and else the sum of
    what is: a lower bound of the whole as long as `known` is below `attempts`."""

    attempts: int
    known: int
    kwh: Range | None
    co2e_g: Range | None
    embodied_g: Range | None
    water_l: Range | None
    bases: tuple[EnergyBasis, ...]


def total(energies: Sequence[Energy | None]) -> EnergyTotal:
    """Bounds are added to bounds: errors of one method have one direction, so they do not cancel out."""
    known = [energy for energy in energies if energy is not None]
    return EnergyTotal(
        attempts=len(energies),
        known=sum(energy.kwh is not None for energy in known),
        kwh=_sum([energy.kwh for energy in known]),
        co2e_g=_sum([energy.co2e_g for energy in known]),
        embodied_g=_sum([energy.embodied_g for energy in known]),
        water_l=_sum([energy.water_l for energy in known]),
        bases=tuple(dict.fromkeys(energy.basis for energy in known)),
    )


def _sum(ranges: Sequence[Range | None]) -> Range | None:
    found: Range | None = None
    for one in ranges:
        if one is not None:
            found = one if found is None else found + one
    return found
