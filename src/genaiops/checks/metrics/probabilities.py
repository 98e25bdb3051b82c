"""Metrics of the probability of the positive class: the area under the ROC curve, log loss, Brier's score."""

from collections.abc import Mapping, Sequence
from math import log, sqrt
from typing import Any, Final, Protocol

from genaiops.checks.metrics._metric import Making, OfAll, OfEach, read_options
from genaiops.checks.metrics._reading import (
    FIELD_OPTIONS,
    LABEL_OPTIONS,
    LabelReading,
    Unread,
    check_positive,
    label_form,
    probability_reader,
    truth_reader,
)
from genaiops.checks.statistics.drawing import cluster_sums, least_room
from genaiops.domain import Measure, MetricCard, Sample
from genaiops.ports.metrics import Metric

_TASKS = ("classification",)
_ALPHA: Final = 0.05
_NO_POSITIVE: Final = 'The positive class is not named: options = {positive = "..."}.'


class _Probability(LabelReading, frozen=True, kw_only=True, forbid_unknown_fields=True):
    positive: str = ""


_OPTIONS: Final = {
    "positive": "the class that the probability is of (it has to be given)",
    **FIELD_OPTIONS,
    "labels": "the classes that may be right (any)",
    "ignore_case": LABEL_OPTIONS["ignore_case"],
}


def _auc_roc(options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_Probability, options, "auc_roc")
    check_positive(chosen, "auc_roc")
    read, truth = probability_reader(chosen, "auc_roc"), truth_reader(chosen)
    positive = label_form(chosen.positive, chosen)

    def together(samples: Sequence[Sample]) -> Measure:
        if not positive:
            return Measure(error=_NO_POSITIVE)
        scores: list[float] = []
        right: list[bool] = []
        for sample in samples:
            score, label = read(sample), truth(sample)
            if isinstance(score, Unread):
                return Measure(error=_told(sample, score))
            if isinstance(label, Unread):
                return Measure(error=_told(sample, label))
            scores.append(score)
            right.append(label == positive)
        if all(right) or not any(right):
            return Measure(error=f"{'Every' if right[0] else 'No'} sample is of the class {positive!r}.")
        return roc_area(scores, right, [sample.cluster for sample in samples])

    card = MetricCard(
        name="auc_roc",
        title="Area under the ROC curve",
        version="1",
        over="corpus",
        source="Hanley and McNeil, Radiology 143, 1982: the chance that a positive case has the higher probability, "
        "ties half. Bounds: DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988, over clusters, taken "
        "on the scale of the logit.",
        reference="sklearn.metrics.roc_auc_score",
        options=_OPTIONS,
        tasks=_TASKS,
    )
    return OfAll(card, together)


class _Loss(Protocol):
    def __call__(self, p: float, *, right: bool) -> float: ...


def _of_each(card: MetricCard, options: Mapping[str, Any], loss: _Loss) -> Metric:
    """`loss`: of the probability of the positive class, and whether that is the right one."""
    chosen = read_options(_Probability, options, card.name)
    check_positive(chosen, card.name)
    read, truth = probability_reader(chosen, card.name), truth_reader(chosen)
    positive = label_form(chosen.positive, chosen)

    def one(sample: Sample) -> Measure | float:
        if not positive:
            return Measure(error=_NO_POSITIVE)
        p, label = read(sample), truth(sample)
        if isinstance(p, Unread):
            return Measure(error=p.why)
        if isinstance(label, Unread):
            return Measure(error=label.why)
        return loss(p, right=label == positive)

    return OfEach(card, one)


def _log_loss(options: Mapping[str, Any]) -> Metric:
    def loss(p: float, *, right: bool) -> float:
        least = 2.220446049250313e-16
        p = min(max(p, least), 1 - least)
        return -log(p if right else 1 - p)

    card = MetricCard(
        name="log_loss",
        title="Log loss",
        version="1",
        unit="nats",
        high=None,
        better="lower",
        source="-ln of the probability that the right class was given, which is held within 2^-52 of 0 and 1.",
        reference="sklearn.metrics.log_loss",
        options=_OPTIONS,
        tasks=_TASKS,
    )
    return _of_each(card, options, loss)


def _brier(options: Mapping[str, Any]) -> Metric:
    def loss(p: float, *, right: bool) -> float:
        return (p - right) ** 2

    card = MetricCard(
        name="brier",
        title="Brier score",
        version="1",
        better="lower",
        source="Brier, Monthly Weather Review 78, 1950, for two classes: (probability - 1)^2 of the positive class, "
        "else probability^2; the mean is the score.",
        reference="sklearn.metrics.brier_score_loss",
        options=_OPTIONS,
        tasks=_TASKS,
    )
    return _of_each(card, options, loss)


def roc_area(scores: Sequence[float], right: Sequence[bool], clusters: Sequence[str]) -> Measure:
    """With both classes there. Its variance is that of each case's share in it, added up over clusters."""
    import numpy as np
    from scipy.special import expit, logit, ndtri

    values, positive = np.asarray(scores, dtype=float), np.asarray(right, dtype=bool)
    up, down = np.sort(values[positive]), np.sort(values[~positive])
    below = (np.searchsorted(down, values[positive], "left") + np.searchsorted(down, values[positive], "right")) / 2
    above = (
        len(up) - (np.searchsorted(up, values[~positive], "left") + np.searchsorted(up, values[~positive], "right")) / 2
    )
    area = float(below.sum() / (len(up) * len(down)))
    share = np.empty(len(values))
    share[positive] = (below / len(down) - area) / len(up)
    share[~positive] = (above / len(up) - area) / len(down)
    sums = cluster_sums(share[:, None], clusters)[:, 0]
    number = len(sums)
    error = sqrt(number / (number - 1) * float((sums**2).sum())) if number > 1 else 1.0
    low = high = area
    if 0 < area < 1:
        half = float(ndtri(1 - _ALPHA)) * error / (area * (1 - area))
        low, high = float(expit(logit(area) - half)), float(expit(logit(area) + half))
    room = least_room(min(len(up), len(down), number), _ALPHA)
    return Measure(
        value=area,
        interval=(max(0.0, min(low, area - room)), min(1.0, max(high, area + room))),
        parts={"positive": float(len(up)), "negative": float(len(down))},
    )


def _told(sample: Sample, unread: Unread) -> str:
    return f"The sample {sample.id!r}: {unread.why}"


MAKING: Final[Mapping[str, Making]] = {"auc_roc": _auc_roc, "brier": _brier, "log_loss": _log_loss}
