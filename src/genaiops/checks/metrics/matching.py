"""Metrics of texts that are right or wrong: equal, containing, of a form."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from genaiops.checks.metrics._metric import Making, OfEach, read_options
from genaiops.domain import MetricCard, Sample
from genaiops.ports.metrics import Metric

_TASKS = ("answering", "classification", "extraction")


class _Equals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    strip: bool = True
    ignore_case: bool = False


def _equals(options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_Equals, options, "equals")

    def form(text: str) -> str:
        text = text.strip() if chosen.strip else text
        return text.casefold() if chosen.ignore_case else text

    def one(sample: Sample) -> float:
        said = form(sample.output)
        return float(any(said == form(each) for each in sample.expected))

    card = MetricCard(
        name="equals",
        title="Equals a reference",
        version="1",
        threshold=1.0,
        source="1 when the answer is one of the references, character by character.",
        options={"strip": "leave out white space at both ends (true)", "ignore_case": "fold case (false)"},
        tasks=_TASKS,
    )
    return OfEach(card, one)


MAKING: Final[Mapping[str, Making]] = {"equals": _equals}
