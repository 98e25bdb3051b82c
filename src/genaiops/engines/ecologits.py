"""EcoLogits as a set of energy factors (the extra `energy`): https://ecologits.ai, MPL-2.0.

Its method: a fit of measured energy per output token on H100 servers by the number of active parameters (ML.ENERGY), a
share of the server by the time of generation, the data centre's overhead, and the making of the hardware (Boavizta).
It counts output tokens only. Everything is in the package: nothing is asked of a network.
"""

import importlib.metadata
import logging
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from genaiops.core.errors import ConfigError
from genaiops.domain import Energy, EnergyBasis, EnergyBound, Range

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


_STEPS_KNOWN = ("0.11.3",)
"""Versions whose steps `_Steps` takes one by one. Others are asked as a whole, which takes 0.3 to 0.6 ms a call instead
of 0.02: too long where thousands of calls a second become traces (it sorts the graph of its steps anew each time)."""


_Figures = tuple[Range, Range, Range, Range]


class _Bound(NamedTuple):
    """One bound of a model's size, in billions of parameters, and what follows from it alone."""

    active: float
    gpus: int
    hardware_kg: float


class _Centre(NamedTuple):
    """What a data centre uses beside a kWh of its servers: kWh in all, and litres of water for cooling."""

    pue: "ValueOrRange"
    wue: "ValueOrRange"


class _Steps:
    """The energy, the emissions of it and the share of the hardware, by EcoLogits' own functions, for one model.

    tests/engines/test_ecologits.py holds every digit of it against `llm_impacts`.
    """

    def __init__(self, model: "Model", centre: _Centre, kg_per_kwh: float, litres_per_kwh: float) -> None:
        from ecologits.impacts import llm
        from ecologits.model_repository import ParametersMoE

        self._llm: Any = llm  # its functions are decorated without types
        self._kg_per_kwh = kg_per_kwh
        self._litres_per_kwh = litres_per_kwh
        self._pue = _ends(centre.pue)
        self._wue = _ends(centre.wue)
        self._tps = model.deployment.tps if model.deployment else None
        self._ttft = model.deployment.ttft if model.deployment else None
        size = model.architecture.parameters
        active, whole = (size.active, size.total) if isinstance(size, ParametersMoE) else (size, size)
        self._bounds = tuple(self._bound(*sizes) for sizes in zip(_ends(active), _ends(whole), strict=True))

    def _bound(self, active: float, whole: float) -> _Bound:
        llm = self._llm
        gpus = llm.gpu_required_count(
            model_required_memory=llm.model_required_memory(whole, llm.MODEL_QUANTIZATION_BITS),
            gpu_memory=llm.GPU_MEMORY,
        )
        kilograms = llm.server_gpu_embodied_gwp(
            llm.SERVER_EMBODIED_IMPACT_GWP, llm.SERVER_GPUS, llm.GPU_EMBODIED_IMPACT_GWP, gpus
        )
        return _Bound(active, gpus, kilograms)

    def __call__(self, tokens: int, seconds: float) -> _Figures:
        """kWh, g CO2e of it, g CO2e of the hardware, and litres of water."""
        low, high = (self._at(*ends, tokens, seconds) for ends in zip(self._bounds, self._pue, self._wue, strict=True))
        kwh, kilograms, hardware, water = (_between(*ends) for ends in zip(low, high, strict=True))
        return kwh, kilograms.times(1000), hardware.times(1000), water

    def lines(self) -> tuple[EnergyBound, EnergyBound]:
        low, high = (self._line(bound, pue) for bound, pue in zip(self._bounds, self._pue, strict=True))
        return low, high

    def _line(self, bound: _Bound, pue: float) -> EnergyBound:
        llm, batch = self._llm, self._llm.BATCH_SIZE
        token = llm.gpu_energy(bound.active, 1, batch, llm.GPU_ENERGY_ALPHA, llm.GPU_ENERGY_BETA, llm.GPU_ENERGY_GAMMA)
        second = llm.server_energy(1.0, llm.SERVER_POWER, llm.SERVER_GPUS, bound.gpus, batch)
        first = self._generation(bound, 0, math.inf)
        return EnergyBound(
            token=llm.request_energy(pue, llm.request_it_energy(0.0, bound.gpus, token)),
            second=llm.request_energy(pue, second),
            first=first,
            each=self._generation(bound, 1, math.inf) - first,
        )

    def _generation(self, bound: _Bound, tokens: int, seconds: float) -> float:
        """Seconds of them that the model is at work."""
        llm = self._llm
        return llm.generation_latency(
            bound.active,
            tokens,
            llm.BATCH_SIZE,
            llm.LATENCY_ALPHA,
            llm.LATENCY_BETA,
            llm.LATENCY_GAMMA,
            seconds,
            self._tps,
            self._ttft,
        )

    def _at(self, bound: _Bound, pue: float, wue: float, tokens: int, seconds: float) -> tuple[float, ...]:
        llm, batch = self._llm, self._llm.BATCH_SIZE
        gpu = llm.gpu_energy(
            bound.active, tokens, batch, llm.GPU_ENERGY_ALPHA, llm.GPU_ENERGY_BETA, llm.GPU_ENERGY_GAMMA
        )
        busy = self._generation(bound, tokens, seconds)
        server = llm.server_energy(busy, llm.SERVER_POWER, llm.SERVER_GPUS, bound.gpus, batch)
        servers = llm.request_it_energy(server, bound.gpus, gpu)
        kwh = llm.request_energy(pue, servers)
        kilograms = llm.request_usage_gwp(kwh, self._kg_per_kwh)
        hardware = llm.request_embodied_gwp(bound.hardware_kg, llm.HARDWARE_LIFESPAN, busy, batch)
        return kwh, kilograms, hardware, llm.request_usage_wcf(servers, self._litres_per_kwh, wue, pue)


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
        version = importlib.metadata.version("ecologits")
        self._steps: dict[tuple[str, str, str], _Steps] | None = {} if version in _STEPS_KNOWN else None
        self.name = f"ecologits {version}"

    def grid(self, zone: str) -> float | None:
        mix = self._mixes.find_electricity_mix(zone)
        return None if mix is None else mix.gwp

    def water(self, zone: str) -> float | None:
        mix = self._mixes.find_electricity_mix(zone)
        return None if mix is None else mix.wue

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
        basis = self._basis(known, theirs, zone)
        if self._steps is None:
            figures = self._as_a_whole(theirs, model, mixed, output_tokens, seconds)
        else:
            figures = self._steps_of(self._steps, known, theirs, mixed)(output_tokens, seconds)
        if figures is None:
            return None
        kwh, co2e, hardware, water = figures
        return Energy(basis, kwh, co2e, hardware, water) if mixed == zone else Energy(basis, kwh, None, hardware)

    def rate(self, provider: str, model: str) -> tuple[EnergyBound, EnergyBound] | None:
        theirs = PROVIDERS.get(provider)
        known = None if theirs is None else self._models.find_model(theirs, model)
        if theirs is None or known is None or self._steps is None:
            return None
        return self._steps_of(self._steps, known, theirs, "WOR").lines()

    def _steps_of(self, steps: dict[tuple[str, str, str], _Steps], model: "Model", provider: str, zone: str) -> _Steps:
        key = (provider, model.name, zone)
        found = steps.get(key)
        if found is None:
            their = self._centres[provider]
            centre = _Centre(their.datacenter_pue, their.datacenter_wue)
            found = steps[key] = _Steps(model, centre, self.grid(zone) or 0.0, self.water(zone) or 0.0)
        return found

    def _as_a_whole(self, provider: str, model: str, zone: str, tokens: int, seconds: float) -> _Figures | None:
        found = self._impacts(provider, model, tokens, seconds, zone)
        if found.energy is None or found.usage is None or found.embodied is None:
            return None
        usage, embodied, water = found.usage.gwp.value, found.embodied.gwp.value, found.usage.wcf.value
        return (
            _between(*_ends(found.energy.value)),
            _between(*_ends(usage)).times(1000),
            _between(*_ends(embodied)).times(1000),
            _between(*_ends(water)),
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


def _ends(value: "ValueOrRange") -> tuple[float, float]:
    return (value, value) if isinstance(value, int | float) else (value.min, value.max)


def _between(low: float, high: float) -> Range:
    """A range of EcoLogits; its middle is the mean of its ends, as EcoLogits shows it."""
    return Range(low, (low + high) / 2, high)
