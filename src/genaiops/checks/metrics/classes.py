"""Metrics of answers that are classes: right or wrong, precision, recall, F1, Matthews' coefficient.

What is not defined (the precision of a class that was never said) is an error and not 0. Bounds are those of a
bootstrap over clusters, each at 95 %.
"""

from collections.abc import Callable, Mapping, Sequence
from math import isnan
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec

from genaiops.checks.metrics._metric import Making, OfAll, OfEach, read_options
from genaiops.checks.metrics._reading import (
    LABEL_OPTIONS,
    LabelReading,
    Unread,
    check_positive,
    label_form,
    label_reader,
    truth_reader,
)
from genaiops.checks.statistics.drawing import cluster_sums, least_room, resampled
from genaiops.core.errors import UsageError
from genaiops.domain import Measure, MetricCard, Sample
from genaiops.ports.metrics import Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TASKS = ("classification",)
_ALPHA: Final = 0.05
Average = Literal["binary", "macro", "micro", "weighted"]

_AVERAGES: Final[dict[str, str]] = {
    "average": "binary (of the positive class), macro (mean of classes), micro (of all together), weighted (mean by "
    "how often each class is right) (macro; binary where positive is given)",
    "positive": "the class that binary is about (none)",
    "zero_division": "what a class counts whose figure is not defined, from 0 to 1 (an error)",
}


class _OneOf(LabelReading, frozen=True, kw_only=True, forbid_unknown_fields=True):
    average: Average | None = None
    positive: str = ""
    zero_division: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None


class Classes(msgspec.Struct, frozen=True):
    """Counts by class and cluster: of class k the columns 3k to 3k + 2 of a row of `sums` are how often it was said
    and right, how often it was said, and how often it was right to say."""

    names: Sequence[str]
    sums: "NDArray[Any]"


def _accuracy(options: Mapping[str, Any]) -> Metric:
    reading = read_options(LabelReading, options, "accuracy")
    read = label_reader(reading, "accuracy")

    def one(sample: Sample) -> Measure | float:
        said = read(sample)
        if isinstance(said, Unread):
            return Measure(value=0.0, reason=said.why) if reading.unreadable == "wrong" else Measure(error=said.why)
        return float(any(said == label_form(each, reading) for each in sample.expected))

    card = MetricCard(
        name="accuracy",
        title="The right class",
        version="1",
        threshold=1.0,
        source="1 when the class that the answer is read as is one of the references; the mean is the accuracy.",
        reference="sklearn.metrics.accuracy_score",
        options=LABEL_OPTIONS,
        tasks=_TASKS,
    )
    return OfEach(card, one)


def _averaged(kind: Literal["precision", "recall", "f1"], title: str, formula: str) -> Making:
    def making(options: Mapping[str, Any]) -> Metric:
        chosen = read_options(_OneOf, options, kind)
        average: Average = chosen.average or ("binary" if chosen.positive else "macro")
        check_positive(chosen, kind)
        if average == "binary" and not chosen.positive:
            raise UsageError(
                f"The metric {kind!r} needs to know the positive class.",
                remedy='Write options = {positive = "..."}, or another average.',
                param="options.positive",
            )
        positive = label_form(chosen.positive, chosen)

        def together(samples: Sequence[Sample]) -> Measure:
            counted = _count(samples, chosen, kind)
            if isinstance(counted, Measure):
                return counted
            if average == "binary" and positive not in counted.names:
                return Measure(error=f"The class {positive!r} was neither said nor right.")
            place = counted.names.index(positive) if average == "binary" else None
            absent = counted.sums.reshape(len(counted.sums), -1, 3).sum(axis=(0, 2)) == 0

            def figure(sums: "NDArray[Any]") -> "NDArray[Any]":
                each, weights = by_class(kind, sums, average, place, chosen.zero_division)
                return averaged(each, weights, absent if average == "macro" else None)

            return _bounded(counted, figure, lambda: _undefined(kind, counted, place))

        card = MetricCard(
            name=kind,
            title=title,
            version="1",
            over="corpus",
            source=formula,
            reference=f"sklearn.metrics.{kind}_score",
            options={**_AVERAGES, **LABEL_OPTIONS},
            tasks=_TASKS,
        )
        return OfAll(card, together)

    return making


def _mcc(options: Mapping[str, Any]) -> Metric:
    chosen = read_options(LabelReading, options, "mcc")

    def together(samples: Sequence[Sample]) -> Measure:
        counted = _count(samples, chosen, "mcc")
        if isinstance(counted, Measure):
            return counted
        return _bounded(counted, matthews, lambda: "Only one class was said, or right.", least=-1.0)

    card = MetricCard(
        name="mcc",
        title="Matthews' correlation",
        version="1",
        over="corpus",
        low=-1.0,
        source="Gorodkin, 'Comparing two K-category assignments by a K-category correlation coefficient', 2004.",
        reference="sklearn.metrics.matthews_corrcoef (which says 0 where it is not defined)",
        options=LABEL_OPTIONS,
        tasks=_TASKS,
    )
    return OfAll(card, together)


def by_class(
    kind: Literal["precision", "recall", "f1"],
    sums: "NDArray[Any]",
    average: Average,
    place: int | None,
    zero_division: float | None,
) -> tuple["NDArray[Any]", "NDArray[Any]"]:
    """Of each row of `sums` (as in Classes) and each class its figure (NaN where it is not defined) and its weight in
    the average. `place`: of the positive class."""
    import numpy as np

    hits: Any = sums[:, 0::3]
    said: Any = sums[:, 1::3]
    right: Any = sums[:, 2::3]
    if average == "binary":
        hits, said, right = hits[:, [place]], said[:, [place]], right[:, [place]]
    if average == "micro":
        hits, said, right = (each.sum(axis=1, keepdims=True) for each in (hits, said, right))
    over: Any
    under: Any
    over, under = {"precision": (hits, said), "recall": (hits, right), "f1": (2 * hits, said + right)}[kind]
    with np.errstate(invalid="ignore", divide="ignore"):
        each = np.where(under > 0, over / under, np.nan if zero_division is None else zero_division)
    if average in ("binary", "micro"):
        return each, np.ones_like(each)
    return each, right if average == "weighted" else ((said + right) > 0).astype(float)


def averaged(each: "NDArray[Any]", weights: "NDArray[Any]", absent: "NDArray[Any] | None") -> "NDArray[Any]":
    """The weighted mean of each row. A class that a draw has nothing of is none of its classes; one that is `absent`
    from the whole corpus counts in all."""
    import numpy as np

    weights = weights if absent is None else np.where(absent, 1.0, weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(weights > 0, each * weights, 0.0).sum(axis=1) / weights.sum(axis=1)


def matthews(sums: "NDArray[Any]") -> "NDArray[Any]":
    """Of each row of `sums` (as in Classes), NaN where only one class was said, or right."""
    import numpy as np

    hits, said, right = sums[:, 0::3], sums[:, 1::3], sums[:, 2::3]
    n = right.sum(axis=1)
    over = hits.sum(axis=1) * n - (said * right).sum(axis=1)
    under = np.sqrt((n**2 - (said**2).sum(axis=1)) * (n**2 - (right**2).sum(axis=1)))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(under > 0, over / under, np.nan)


def _count(samples: Sequence[Sample], reading: LabelReading, metric: str) -> Classes | Measure:
    """A Measure: what could not be read. With `unreadable = "wrong"` such an answer is of no class."""
    import numpy as np

    read, truth = label_reader(reading, metric), truth_reader(reading)
    pairs: list[tuple[str | None, str]] = []
    for sample in samples:
        label, said = truth(sample), read(sample)
        if isinstance(label, Unread):
            return Measure(error=_told(sample, label))
        if isinstance(said, Unread):
            if reading.unreadable == "error":
                return Measure(error=_told(sample, said))
            pairs.append((None, label))
            continue
        pairs.append((said, label))
    given = [label_form(each, reading) for each in reading.labels]
    names = given or sorted({each for pair in pairs for each in pair if each is not None})
    place = {name: number for number, name in enumerate(names)}
    rows = np.zeros((len(pairs), 3 * len(names)))
    for row, (said, label) in zip(rows, pairs, strict=True):
        row[3 * place[label] + 2] = 1
        if said is not None:
            row[3 * place[said] + 1] = 1
            row[3 * place[label]] = float(said == label)
    return Classes(names, cluster_sums(rows, [sample.cluster for sample in samples]))


def _bounded(
    counted: Classes,
    figure: Callable[["NDArray[Any]"], "NDArray[Any]"],
    undefined: Callable[[], str],
    *,
    least: float = 0.0,
) -> Measure:
    total = counted.sums.sum(axis=0, keepdims=True)
    value = float(figure(total)[0])
    if isnan(value):
        return Measure(error=undefined())
    drawn = resampled(counted.sums, figure, alpha=_ALPHA)
    room = least_room(len(counted.sums), _ALPHA)
    bounds = (least, 1.0) if drawn is None else (min(drawn[0], value - room), max(drawn[1], value + room))
    return Measure(value=value, interval=(max(least, bounds[0]), min(1.0, bounds[1])), parts=_parts(counted, total[0]))


def _parts(counted: Classes, total: "NDArray[Any]") -> dict[str, float]:
    """What a confusion matrix has of each class: said and right, said and wrong, missed."""
    parts: dict[str, float] = {}
    for place, name in enumerate(counted.names):
        hits, said, right = (float(each) for each in total[3 * place : 3 * place + 3])
        parts |= {f"{name}: hits": hits, f"{name}: false": said - hits, f"{name}: missed": right - hits}
    return parts


def _undefined(kind: str, counted: Classes, place: int | None) -> str:
    hits = counted.sums.sum(axis=0)
    said, right = hits[1::3], hits[2::3]
    without = said if kind == "precision" else right if kind == "recall" else said + right
    names = [name for name, number in zip(counted.names, without, strict=True) if not number]
    names = names if place is None else [counted.names[place]]
    what = {"precision": "never said", "recall": "never right"}.get(kind, "neither said nor right")
    return f"The {kind} of {', '.join(map(repr, names))} is not defined: {what}. See the option zero_division."


def _told(sample: Sample, unread: Unread) -> str:
    return f"The sample {sample.id!r}: {unread.why}"


MAKING: Final[Mapping[str, Making]] = {
    "accuracy": _accuracy,
    "f1": _averaged("f1", "F1 of classes", "2 hits / (times said + times right), per class, then averaged."),
    "mcc": _mcc,
    "precision": _averaged("precision", "Precision of classes", "hits / times said, per class, then averaged."),
    "recall": _averaged("recall", "Recall of classes", "hits / times right, per class, then averaged."),
}
