"""The energy of a call, worked out when its trace is made."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from genaiops.checks.energy import Grid, PowerModel, of_busy_time
from genaiops.domain import MEDIA, Energy, Span, unknown_energy
from genaiops.ports.energy import EnergyFactors

MODEL_CALLS = ("llm", "embedding", "rerank")
"""Kinds of span that are attempts at a model."""

_NO_USAGE = unknown_energy("The attempt brought no usage.")
_TIMINGS = b'"timings"'
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
            return Grid(machine.zone, machine.kg_per_kwh, "configuration")
        if factors is None:
            return Grid(machine.zone, None, "")
        return Grid(machine.zone, factors.grid(machine.zone), factors.name)

    def metered(self, spans: Sequence[Span], output: bytes) -> list[Span]:
        """The spans of one call with the energy of its attempts; `output` is the answer's body."""
        return [
            msgspec.structs.replace(span, energy=self.energy_of(span, output)) if span.kind in MODEL_CALLS else span
            for span in spans
        ]

    def energy_of(self, span: Span, output: bytes) -> Energy:
        threads = self._machine.threads.get(span.target_id or "")
        if span.usage is None:
            return _NO_USAGE
        if threads is not None:
            return self._of_machine(span, threads, output if span.owns_usage else b"")
        if self._factors is None:
            return unknown_energy("No energy factors are installed (the extra `energy`).")
        return self._of_provider(span, self._factors)

    def _of_machine(self, span: Span, threads: int, output: bytes) -> Energy:
        seconds = busy_seconds(output)
        work = _BY_TIMINGS
        if seconds is None:
            seconds, work = span.duration_us / 1_000_000, _BY_DURATION
        return of_busy_time(seconds, threads, self._machine.power, self._grid, work=work)

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


class _Timings(msgspec.Struct, frozen=True):
    prompt_ms: float
    predicted_ms: float


class _Answer(msgspec.Struct, frozen=True):
    timings: _Timings


def busy_seconds(output: bytes) -> float | None:
    """What llama.cpp's answer, or the last event of its stream, says of how long it worked; None: it says nothing."""
    if _TIMINGS not in output:
        return None
    text = output if output[:1] == b"{" else next(_events_with_timings(output), b"")
    try:
        timings = msgspec.json.decode(text, type=_Answer).timings
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    seconds = (timings.prompt_ms + timings.predicted_ms) / 1000
    return seconds if 0 <= seconds < 1e6 else None


def _events_with_timings(stream: bytes) -> Iterator[bytes]:
    for line in reversed(stream.splitlines()):
        if line.startswith(b"data:") and _TIMINGS in line:
            yield line[5:].strip()
