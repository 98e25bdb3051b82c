"""Several checks as one: the share of their weight that passed."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from genaiops.checks.metrics._metric import Making, OfEach, read_options
from genaiops.core.errors import UsageError
from genaiops.domain import Measure, MetricCard, Sample
from genaiops.ports.metrics import Metric


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    metric: str
    options: dict[str, Any] = {}
    expected: str | tuple[str, ...] | None = None
    threshold: float | None = None
    negate: bool = False
    weight: Annotated[float, Meta(ge=0)] = 1.0


class _Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    parts: tuple[_Part, ...] = ()


def _together(options: Mapping[str, Any]) -> Metric:
    from genaiops.checks.metrics import metric

    chosen = read_options(_Options, options, "together")
    made = [(part, metric(part.metric, part.options)) for part in chosen.parts]
    for part, each in made:
        if each.card.over == "corpus" or (part.threshold is None and each.card.threshold is None):
            raise UsageError(
                f"The metric {part.metric!r} says of no single answer whether it passes.",
                remedy="Give the part a threshold, or choose another metric.",
                param="options",
            )
    weight = sum(part.weight for part in chosen.parts)

    def one(sample: Sample) -> Measure:
        reached, parts, lost = 0.0, dict[str, float](), list[str]()
        if not weight:
            return Measure(error="There are no parts with a weight: options = {parts = [{metric = ...}]}.")
        for number, (part, each) in enumerate(made, start=1):
            said = each.measure([_with(sample, part)])[0]
            if said.value is None:
                return Measure(error=f"{part.metric}: {said.error}")
            passed = _passes(part, each.card, said.value)
            reached += part.weight * passed
            parts[f"{number} {part.metric}"] = said.value
            lost += [] if passed else [("not " if part.negate else "") + part.metric]
        reason = f"Did not pass: {', '.join(lost)}." if lost else ""
        return Measure(value=reached / weight, reason=reason, parts=parts)

    needs = ("output",)
    card = MetricCard(
        name="together",
        title="Share of several checks that passed",
        version="1",
        threshold=1.0,
        needs=needs,
        source="The sum of the weights of the parts that pass, over the sum of all weights.",
        options={"parts": "each with metric, options, expected, threshold, negate and weight, as checks of a suite"},
    )
    return OfEach(card, one)


def _with(sample: Sample, part: _Part) -> Sample:
    if part.expected is None:
        return sample
    expected = (part.expected,) if isinstance(part.expected, str) else part.expected
    return msgspec.structs.replace(sample, expected=expected)


def _passes(part: _Part, card: MetricCard, value: float) -> bool:
    threshold = card.threshold if part.threshold is None else part.threshold
    assert threshold is not None
    reached = value <= threshold if card.better == "lower" else value >= threshold
    return reached != part.negate


MAKING: Final[Mapping[str, Making]] = {"together": _together}
