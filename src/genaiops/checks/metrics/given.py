"""Scores that were given elsewhere, and come with the case."""

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final, cast

import msgspec

from genaiops.checks.metrics._metric import Making, OfEach, read_options
from genaiops.domain import Measure, MetricCard, Sample
from genaiops.ports.metrics import Metric


class _Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    score: str = "score"


def _given(options: Mapping[str, Any]) -> Metric:
    name = read_options(_Options, options, "given").score

    def one(sample: Sample) -> Measure:
        value = _part(sample, "scores").get(name)
        if not isinstance(value, int | float) or not isfinite(value):
            return Measure(error=f"The case brings no score {name!r}.")
        why = _part(sample, "explanations").get(name, "")
        return Measure(value=float(value), reason=why if isinstance(why, str) else "")

    card = MetricCard(
        name="given",
        title="A score that the case brings",
        version="1",
        low=None,
        high=None,
        needs=("output",),
        source="The number under `scores` in the case's metadata: what it means is said by whoever gave it.",
        options={"score": "its name (score)"},
    )
    return OfEach(card, one)


def _part(sample: Sample, name: str) -> Mapping[str, Any]:
    value = sample.metadata.get(name)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


MAKING: Final[Mapping[str, Making]] = {"given": _given}
