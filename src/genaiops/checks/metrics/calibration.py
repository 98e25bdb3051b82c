"""Metrics of how far a probability can be believed."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec

from genaiops.checks.metrics._metric import Making, OfAll, read_options
from genaiops.checks.metrics._reading import (
    LABEL_OPTIONS,
    LabelReading,
    Unread,
    check_positive,
    label_form,
    label_reader,
    probability_reader,
    truth_reader,
)
from genaiops.domain import Measure, MetricCard, Sample
from genaiops.ports.metrics import Metric

_TASKS = ("classification",)
_LABELS: Final = {**LABEL_OPTIONS, "field": "where the class stands in an answer that is a JSON object (the answer)"}


class _Ece(LabelReading, frozen=True, kw_only=True, forbid_unknown_fields=True):
    positive: str = ""
    bins: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 15
    confidence: str = ""


def _ece(options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_Ece, options, "ece")
    check_positive(chosen, "ece")
    label_of, truth = label_reader(chosen, "ece"), truth_reader(chosen)
    where = chosen if chosen.positive else msgspec.structs.replace(chosen, field=chosen.confidence, pattern="")
    probability = probability_reader(where, "ece")
    positive = label_form(chosen.positive, chosen)

    def one(sample: Sample) -> tuple[float, bool] | Unread:
        """How sure it is of its class, and whether that is right."""
        p, right = probability(sample), truth(sample)
        if isinstance(p, Unread):
            return p
        if isinstance(right, Unread):
            return right
        if positive:
            return max(p, 1 - p), (p >= 0.5) == (right == positive)
        said = label_of(sample)
        return said if isinstance(said, Unread) else (p, said == right)

    def together(samples: Sequence[Sample]) -> Measure:
        pairs: list[tuple[float, bool]] = []
        for sample in samples:
            said = one(sample)
            if isinstance(said, Unread):
                return Measure(error=f"The sample {sample.id!r}: {said.why}")
            pairs.append(said)
        return Measure(value=expected_error(pairs, chosen.bins), parts={"bins": float(chosen.bins)})

    card = MetricCard(
        name="ece",
        title="Expected calibration error",
        version="1",
        over="corpus",
        better="lower",
        source="Guo et al., 'On calibration of modern neural networks', 2017, arXiv 1706.04599, equation 3: over bins "
        "of equal width ((m-1)/M, m/M], the mean of |share right - mean confidence|, weighted by the cases in them. It "
        "falls short of the truth with wide bins and exceeds it with few cases in each.",
        options={
            "positive": "the class that the probability is of: the answer is it from 0.5 on, and as sure as the "
            "probability of what it is (none: the probability is how sure the answer is of the class it names)",
            "confidence": "where that stands in an answer that is a JSON object (none)",
            "bins": "how many (15)",
            **_LABELS,
        },
        tasks=_TASKS,
    )
    return OfAll(card, together)


def expected_error(pairs: Sequence[tuple[float, bool]], bins: int) -> float:
    """Of (confidence, right). The first bin holds 0, too."""
    import numpy as np

    sure = np.array([each[0] for each in pairs])
    right = np.array([each[1] for each in pairs], dtype=float)
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, sure, side="left") - 1, 0, bins - 1)
    gap = np.bincount(place, right, bins) - np.bincount(place, sure, bins)
    return float(np.abs(gap).sum() / len(pairs))


MAKING: Final[Mapping[str, Making]] = {"ece": _ece}
