"""Energy as JSON-ready documents: ranges, and how they were found."""

from collections.abc import Sequence
from typing import Any

from genaiops.checks.energy import total
from genaiops.domain import Energy, Range, Span

Document = dict[str, Any]


def energy_document(energy: Energy | None) -> Document | None:
    """Of one attempt. None: it was not worked out, as for calls before there was energy accounting."""
    if energy is None:
        return None
    basis = energy.basis
    return {
        "method": basis.method,
        "reason": basis.reason or None,
        **_figures(energy.kwh, energy.co2e_g, energy.embodied_g, energy.water_l),
        "model": basis.model or None,
        "work": basis.work or None,
        "covers": list(basis.covers),
        "omits": list(basis.omits),
        "zone": basis.zone or None,
        "kg_co2e_per_kwh": basis.kg_per_kwh,
        "factors": basis.factors or None,
        "notes": list(basis.notes),
    }


def trace_energy_document(attempts: Sequence[Span]) -> Document:
    """Of a whole trace: the sum of what is known. How its parts were found stands in
    the other fields."""
    found = total([span.energy for span in attempts])
    return {
        "attempts": found.attempts,
        "known": found.known,
        **_figures(found.kwh, found.co2e_g, found.embodied_g, found.water_l),
        "models": sorted({f"{basis.model}: {basis.work}" for basis in found.bases if basis.model}),
        "methods": sorted({basis.method for basis in found.bases}),
        "omits": sorted({omitted for basis in found.bases for omitted in basis.omits}),
        "factors": sorted({basis.factors for basis in found.bases if basis.factors}),
        "zones": sorted({basis.zone for basis in found.bases if basis.zone}),
    }


def _figures(kwh: Range | None, co2e_g: Range | None, embodied_g: Range | None, water_l: Range | None) -> Document:
    return {
        "kwh": _range(kwh),
        "co2e_g": _range(co2e_g),
        "embodied_g": _range(embodied_g),
        "water_l": _range(water_l),
    }


def _range(found: Range | None) -> Document | None:
    return None if found is None else {"low": found.low, "central": found.central, "high": found.high}
