"""Metrics of answers that are numbers: how far they are from the right one."""

from collections.abc import Mapping, Sequence
from math import sqrt
from sys import float_info
from typing import TYPE_CHECKING, Any, Final, Literal

from genaiops.checks.metrics._metric import Making, OfAll, OfEach, read_options
from genaiops.checks.metrics._reading import FIELD_OPTIONS, FieldReading, Unread, number_in, number_reader
from genaiops.checks.statistics.drawing import cluster_sums, resampled
from genaiops.checks.statistics.level import level
from genaiops.core.errors import UsageError
from genaiops.domain import Measure, MetricCard, Sample
from genaiops.ports.metrics import Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TASKS = ("regression",)
_ALPHA: Final = 0.05


def _distance(name: Literal["mae", "mse"], title: str, source: str, reference: str) -> Making:
    def making(options: Mapping[str, Any]) -> Metric:
        read = number_reader(read_options(FieldReading, options, name), name)

        def one(sample: Sample) -> Measure | float:
            said, truth = read(sample), truth_of(sample)
            if isinstance(said, Unread):
                return Measure(error=said.why)
            if isinstance(truth, Unread):
                return Measure(error=truth.why)
            return abs(said - truth) if name == "mae" else (said - truth) ** 2

        return OfEach(_card(name, title, source, reference), one)

    return making


def _rmse(options: Mapping[str, Any]) -> Metric:
    read = number_reader(read_options(FieldReading, options, "rmse"), "rmse")

    def together(samples: Sequence[Sample]) -> Measure:
        pairs = _pairs(samples, read)
        if isinstance(pairs, Measure):
            return pairs
        squares = [(said - truth) ** 2 for said, truth in pairs]
        value = sqrt(sum(squares) / len(squares))
        try:
            bounds = level(squares, [sample.cluster for sample in samples], alpha=_ALPHA)
        except UsageError:  # of one case or cluster, or of errors that are all alike, nothing is known
            return Measure(value=value, interval=(0.0, float_info.max))
        return Measure(value=value, interval=(sqrt(max(0.0, bounds.low)), sqrt(max(0.0, bounds.high))))

    return OfAll(
        _card(
            "rmse",
            "Root of the mean squared error",
            "sqrt(mean((answer - right)^2)). Bounds: the root of those of the mean, by Student's t over clusters.",
            "sklearn.metrics.root_mean_squared_error",
        ),
        together,
    )


def _r2(options: Mapping[str, Any]) -> Metric:
    read = number_reader(read_options(FieldReading, options, "r2"), "r2")

    def together(samples: Sequence[Sample]) -> Measure:
        import numpy as np

        pairs = _pairs(samples, read)
        if isinstance(pairs, Measure):
            return pairs
        values = np.asarray(pairs, dtype=float)
        right = values[:, 1] - values[:, 1].mean()  # about the mean: sums of squares of large numbers lose digits
        missed = (values[:, 0] - values[:, 1]) ** 2
        spread = float((right**2).sum())
        if spread == 0:
            return Measure(error="All references are the same number: there is nothing to explain.")
        rows = np.column_stack([np.ones(len(right)), missed, right, right**2])
        sums = cluster_sums(rows, [sample.cluster for sample in samples])
        bounds = resampled(sums, _explained, alpha=_ALPHA)
        return Measure(value=1 - float(missed.sum()) / spread, interval=bounds or (-float_info.max, 1.0))

    card = MetricCard(
        name="r2",
        title="Share of the variance that is explained",
        version="1",
        over="corpus",
        low=None,
        source="1 - sum((answer - right)^2) / sum((right - mean right)^2). Bounds: bootstrap over clusters.",
        reference="sklearn.metrics.r2_score (which says 1 or 0 where it is not defined)",
        options=FIELD_OPTIONS,
        tasks=_TASKS,
    )
    return OfAll(card, together)


def _explained(sums: "NDArray[Any]") -> "NDArray[Any]":
    import numpy as np

    n, missed, right, squared = sums.T
    spread = squared - right**2 / n
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 0, 1 - missed / spread, np.nan)


def truth_of(sample: Sample) -> float | Unread:
    """The one number that is right."""
    if len(sample.expected) != 1:
        return Unread(f"One number is right, and there are {len(sample.expected)} references.")
    number = number_in(sample.expected[0])
    return Unread(f"The reference is no number: {sample.expected[0][:60]!r}") if isinstance(number, Unread) else number


def _pairs(samples: Sequence[Sample], read: Any) -> list[tuple[float, float]] | Measure:
    pairs: list[tuple[float, float]] = []
    for sample in samples:
        said, truth = read(sample), truth_of(sample)
        if isinstance(said, Unread):
            return Measure(error=f"The sample {sample.id!r}: {said.why}")
        if isinstance(truth, Unread):
            return Measure(error=f"The sample {sample.id!r}: {truth.why}")
        pairs.append((said, truth))
    return pairs


def _card(name: str, title: str, source: str, reference: str) -> MetricCard:
    return MetricCard(
        name=name,
        title=title,
        version="1",
        unit="squared" if name == "mse" else "",
        high=None,
        better="lower",
        over="corpus" if name == "rmse" else "sample",
        source=source,
        reference=reference,
        options=FIELD_OPTIONS,
        tasks=_TASKS,
    )


MAKING: Final[Mapping[str, Making]] = {
    "mae": _distance(
        "mae", "Absolute error", "|answer - right|; the mean is the MAE.", "sklearn.metrics.mean_absolute_error"
    ),
    "mse": _distance(
        "mse", "Squared error", "(answer - right)^2; the mean is the MSE.", "sklearn.metrics.mean_squared_error"
    ),
    "r2": _r2,
    "rmse": _rmse,
}
