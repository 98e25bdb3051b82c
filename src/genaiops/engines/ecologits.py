"""EcoLogits as a set of energy factors (the extra `energy`): https://ecologits.ai, MPL-2.0.

Its method: a fit of measured energy per output token on H100 servers by the number of active parameters (ML.ENERGY), a
share of the server by the time of generation, the data centre's overhead, and the making of the hardware (Boavizta).
It counts output tokens only. Everything is in the package: nothing is asked of a network.
"""

import importlib.metadata
import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from genaiops.core.errors import ConfigError
from genaiops.domain import Energy, EnergyBasis, Range

if TYPE_CHECKING:
    from ecologits.model_repository import Model
    from ecologits.utils.range_value import ValueOrRange

PROVIDERS: Mapping[str, str] = MappingProxyType(
    {
        "openai": "openai",
        "azure": "openai",
        "azure_openai": "openai",
        "anthropic": "anthropic",
        "google": "google_genai",
        "gemini": "google_genai",
        "vertex": "google_genai",
        "mistral": "mistralai",
        "cohere": "cohere",
        "huggingface": "huggingface_hub",
    }
)
"""Our name of a provider -> that of EcoLogits. What is not here is unknown: the same weights on other machines are
another matter."""

_COVERS = ("output tokens", "GPU", "server", "cooling and power supply")
_OMITS = ("input tokens", "cached tokens", "network", "training")


def is_installed() -> bool:
    """Without importing it."""
    try:
        importlib.metadata.version("ecologits")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


class EcoLogits:
    """The EnergyFactors port. ConfigError when the extra is not installed. Importing it takes 0.1 to 0.4 s."""

    def __init__(self) -> None:
        logger_class = logging.getLoggerClass()
        try:
            from ecologits.electricity_mix_repository import electricity_mixes
            from ecologits.model_repository import models
            from ecologits.tracers import utils
        except ImportError as error:
            raise ConfigError(
                f"Energy factors need EcoLogits, which cannot be imported: {error}.",
                remedy="Install genaiops[energy].",
                code="extra_missing",
            ) from error
        finally:
            logging.setLoggerClass(logger_class)  # importing it replaces that of the whole process
        logging.getLogger("ecologits").setLevel(logging.CRITICAL)  # its warnings stand in `notes`
        self._models, self._mixes = models, electricity_mixes
        self._impacts, self._centres = utils.llm_impacts, utils.PROVIDER_CONFIG_MAP
        self._bases: dict[tuple[str, str, str], EnergyBasis] = {}
        self.name = f"ecologits {importlib.metadata.version('ecologits')}"

    def grid(self, zone: str) -> float | None:
        mix = self._mixes.find_electricity_mix(zone)
        return None if mix is None else mix.gwp

    def of_model(
        self, provider: str, model: str, *, output_tokens: int, seconds: float, zone: str | None
    ) -> Energy | None:
        theirs = PROVIDERS.get(provider)
        known = None if theirs is None else self._models.find_model(theirs, model)
        if theirs is None or known is None:
            return None
        zone = zone or self._centres[theirs].datacenter_location or "WOR"
        # Without a factor the energy is known all the same, and the CO2e is not.
        mixed = zone if self.grid(zone) is not None else "WOR"
        found = self._impacts(theirs, model, output_tokens, seconds, mixed)
        if found.energy is None or found.usage is None or found.embodied is None:
            return None
        return Energy(
            self._basis(known, theirs, zone),
            _range(found.energy.value),
            _range(found.usage.gwp.value).times(1000) if mixed == zone else None,
            _range(found.embodied.gwp.value).times(1000),
        )

    def _basis(self, model: "Model", provider: str, zone: str) -> EnergyBasis:
        key = (provider, model.name, zone)
        basis = self._bases.get(key)
        if basis is None:
            basis = self._bases[key] = EnergyBasis(
                method="modelled",
                model=self.name,
                work="output tokens and the duration of the call",
                covers=_COVERS,
                omits=_OMITS,
                zone=zone,
                kg_per_kwh=self.grid(zone),
                factors=self.name,
                notes=tuple(warning.code for warning in model.warnings),
            )
        return basis


def _range(value: "ValueOrRange") -> Range:
    """A range of EcoLogits; its middle is the mean of its ends, as EcoLogits shows it."""
    if isinstance(value, int | float):
        return Range(value, value, value)
    return Range(value.min, value.mean, value.max)
