"""Metrics of what an answer took: time, tokens, money, energy; and how it ended. What is not known is an error."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import msgspec

from genaiops.checks.metrics._metric import Making, OfEach, read_options
from genaiops.domain import Measure, MetricCard, Sample
from genaiops.ports.metrics import Metric


class _None(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class _Tokens(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    of: Literal["all", "input", "output"] = "all"


class _Ends(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    allowed: tuple[str, ...] = ("stop",)


def _amount(name: str, title: str, unit: str, source: str, read: Callable[[Sample], float | None]) -> Making:
    def making(options: Mapping[str, Any]) -> Metric:
        read_options(_None, options, name)

        def one(sample: Sample) -> Measure | float:
            value = read(sample)
            return Measure(error=f"The sample has no {name}: it is not known.") if value is None else value

        return OfEach(_card(name, title, unit, source, {}), one)

    return making


def _tokens(options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_Tokens, options, "tokens")

    def one(sample: Sample) -> Measure | float:
        taken = {"input": [sample.input_tokens], "output": [sample.output_tokens]}.get(
            chosen.of, [sample.input_tokens, sample.output_tokens]
        )
        known = [each for each in taken if each is not None]
        if len(known) < len(taken):
            return Measure(error="The sample has no count of tokens.")
        return float(sum(known))

    source = "Tokens as the provider counts them, or as estimated by the gateway."
    return OfEach(_card("tokens", "Tokens", "tokens", source, {"of": "all, input or output (all)"}), one)


def _finish_reason(options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_Ends, options, "finish_reason")

    def one(sample: Sample) -> Measure | float:
        if not sample.finish_reason:
            return Measure(error="The sample has no finish reason.")
        return Measure(value=float(sample.finish_reason in chosen.allowed), reason=sample.finish_reason)

    card = MetricCard(
        name="finish_reason",
        title="Ended as it should",
        version="1",
        threshold=1.0,
        needs=("usage",),
        source="1 when the answer's finish_reason is one of those allowed.",
        options={"allowed": 'which (["stop"]); others are length, tool_calls and content_filter'},
    )
    return OfEach(card, one)


def _card(name: str, title: str, unit: str, source: str, options: dict[str, str]) -> MetricCard:
    return MetricCard(
        name=name,
        title=title,
        version="1",
        unit=unit,
        high=None,
        better="lower",
        needs=("usage",),
        source=source,
        options=options,
    )


def _cost(sample: Sample) -> float | None:
    return None if sample.cost_nano is None else sample.cost_nano / 1e9


def _energy(sample: Sample) -> float | None:
    return None if sample.energy_nwh is None else sample.energy_nwh / 1e9


MAKING: Final[Mapping[str, Making]] = {
    "cost": _amount("cost", "Money", "currency", "What the gateway's prices make of the call.", _cost),
    "energy": _amount("energy", "Energy", "Wh", "What the gateway's factors make of the call.", _energy),
    "finish_reason": _finish_reason,
    "latency": _amount(
        "latency", "Time", "s", "From sending the request until the whole answer was there.", lambda each: each.seconds
    ),
    "tokens": _tokens,
}
