"""The energy of a call, worked out when its trace is made."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import get_args

import msgspec

from genaiops.checks.energy import Grid, PowerModel, of_busy_time, of_thread_second
from genaiops.domain import MEDIA, MODEL_CALLS, Energy, EnergyBound, EnergyRate, Operation, Span, Target, unknown_energy
from genaiops.ports.energy import EnergyFactors

_RATED: tuple[Operation, ...] = ("chat", "text_completion")
"""What providers' models are known to use something for."""
_OWN = frozenset({"echo", "llamacpp", "minilm"})
"""Providers that no set of factors has: none has to be loaded for them."""
_NO_USAGE = unknown_energy("The attempt brought no usage.")
_BY_TIMINGS = "busy time of one thread for the prompt and the answer, by llama.cpp's own clock"
_BY_DURATION = "duration of the attempt on one thread, waiting included"


class Machine(msgspec.Struct, frozen=True):
    """The models that run on this machine: target id -> threads that are busy while it answers; the power of such a
    thread; the zone of its electricity. `kg_per_kwh`: that electricity's factor where the operator knows it."""

    threads: Mapping[str, int]
    power: PowerModel
    zone: str
    kg_per_kwh: float | None = None


class Metering:
    """`energy_of` an attempt: of our own machine by the time that it was busy, of a provider by factors.

    `load` makes the factors when they are first needed (None: there are none on this machine). `zone` is that of
    providers' data centres; None: where the factors say they stand.
    """

    def __init__(self, machine: Machine, load: Callable[[], EnergyFactors | None], *, zone: str | None = None) -> None:
        self._machine = machine
        self._load = load
        self._zone = zone

    @functools.cached_property
    def _factors(self) -> EnergyFactors | None:
        return self._load()

    @functools.cached_property
    def _grid(self) -> Grid:
        machine, factors = self._machine, self._factors
        if machine.kg_per_kwh is not None:
            return Grid(machine.zone, machine.kg_per_kwh, "configuration")  # whose water nobody configured
        if factors is None:
            return Grid(machine.zone, None, "")
        return Grid(machine.zone, factors.grid(machine.zone), factors.name, factors.water(machine.zone))

    def metered(self, spans: Sequence[Span], busy_us: Mapping[bytes, int]) -> list[Span]:
        """The spans of one call with the energy of its attempts; `busy_us`: span id -> how long the model's own clock
        says that it worked, of those that said so."""
        return [
            msgspec.structs.replace(span, energy=self.energy_of(span, busy_us.get(span.span_id)))
            if span.kind in MODEL_CALLS
            else span
            for span in spans
        ]

    def energy_of(self, span: Span, busy_us: int | None = None) -> Energy:
        threads = self._machine.threads.get(span.target_id or "")
        if span.usage is None:
            return _NO_USAGE
        if threads is not None:
            return self._of_machine(span, threads, busy_us)
        if self._factors is None:
            return unknown_energy("No energy factors are installed (the extra `energy`).")
        return self._of_provider(span, self._factors)

    def rates(self, targets: Iterable[Target]) -> tuple[EnergyRate, ...]:
        """What is known, before any call, of what the answers of these targets use. It is by the target's name of its
        model, where `energy_of` also takes the answer's."""
        return tuple(rate for target in targets if (rate := self._rate(target)) is not None)

    def _rate(self, target: Target) -> EnergyRate | None:
        threads = self._machine.threads.get(target.id)
        if threads is not None:
            second = of_thread_second(threads, self._machine.power)
            low, central, high = (EnergyBound(0.0, kwh) for kwh in (second.low, second.central, second.high))
            return EnergyRate(target.id, low, high, get_args(Operation), central)
        if not set(_RATED).intersection(target.operations) or target.provider in _OWN or self._factors is None:
            return None
        ends = self._factors.rate(target.provider, target.upstream_model)
        return None if ends is None else EnergyRate(target.id, *ends, _RATED)

    def _of_machine(self, span: Span, threads: int, busy_us: int | None) -> Energy:
        time_us, work = (span.duration_us, _BY_DURATION) if busy_us is None else (busy_us, _BY_TIMINGS)
        return of_busy_time(time_us / 1_000_000, threads, self._machine.power, self._grid, work=work)

    def _of_provider(self, span: Span, factors: EnergyFactors) -> Energy:
        provider, usage = span.provider or "", span.usage
        assert usage is not None
        if span.operation in MEDIA:
            return unknown_energy(f"{factors.name} knows no models of {span.operation}.")
        if span.kind != "llm":
            return unknown_energy(f"{factors.name} knows no {span.kind} models.")
        for model in dict.fromkeys((upstream_model(span), span.response_model)):
            found = model and factors.of_model(
                provider,
                model,
                output_tokens=usage.output_tokens,
                seconds=span.duration_us / 1_000_000,
                zone=self._zone,
            )
            if found:
                return found
        return unknown_energy(f"{factors.name} does not know {provider}/{upstream_model(span)}.")


def upstream_model(span: Span) -> str:
    """The provider's name for the model: an attempt is named `OPERATION MODEL` (OpenTelemetry GenAI 1.41)."""
    operation, blank, model = span.name.partition(" ")
    return model if blank and operation == span.operation else span.response_model or span.request_model or ""
