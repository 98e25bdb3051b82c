"""Energy factors: what is known of the electricity of grids and of the energy of providers' models."""

from typing import Protocol

from genaiops.domain import Energy, EnergyBound


class EnergyFactors(Protocol):
    """A set of factors with a version. It works without a network."""

    @property
    def name(self) -> str:
        """Name and version of the set."""
        ...

    def grid(self, zone: str) -> float | None:
        """kg CO2e per kWh of electricity used in a zone (ISO 3166-1 alpha-3, `WOR`: the world); None: not in the
        set."""
        ...

    def water(self, zone: str) -> float | None:
        """Litres of water consumed by generating a kWh in a zone, without the cooling of whatever uses it; None: not in
        the set."""
        ...

    def rate(self, provider: str, model: str) -> tuple[EnergyBound, EnergyBound] | None:
        """The low and the high end of the kWh that `of_model` says, as lines; None: it does not know the model, or
        what it says are no lines."""
        ...

    def of_model(
        self, provider: str, model: str, *, output_tokens: int, seconds: float, zone: str | None
    ) -> Energy | None:
        """The energy of one answer that took so long from request to end; None: the set does not know the model.

        `zone` None: where the set says that the provider's data centres stand.
        """
        ...
