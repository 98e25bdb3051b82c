"""Metrics over the corpus whose counts add up: the figure of all answers is made of the sums, and how sure it is is
told by drawing clusters of answers anew."""

from collections.abc import Callable, Mapping, Sequence
from math import inf, sqrt
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from genaiops.checks.metrics._metric import OfAll, read_options
from genaiops.checks.statistics.drawing import drawn
from genaiops.domain import Measure, MetricCard, Sample

Counts = Sequence[float]
"""Of one answer, or summed."""

DRAWN: Final[Mapping[str, str]] = {
    "alpha": "the chance to be wrong of each of the bounds `low` and `high` in parts (0.05; that of the suite's gate)",
    "draws": "how often clusters are drawn anew for that; 0: no bounds (1000)",
    "seed": "of the draws (0)",
}
_BLOCK: Final = 64


class Drawing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options that these metrics share."""

    alpha: Annotated[float, Meta(gt=0, lt=0.5)] = 0.05
    draws: Annotated[int, Meta(ge=0, le=100_000)] = 1000
    seed: Annotated[int, Meta(ge=0)] = 0


def read_drawing(options: Mapping[str, Any], metric: str) -> tuple[Drawing, dict[str, Any]]:
    """These, and the rest."""
    mine = {name: value for name, value in options.items() if name in DRAWN}
    return read_options(Drawing, mine, metric), {name: value for name, value in options.items() if name not in DRAWN}


class Adding(msgspec.Struct, frozen=True):
    """`count`: the counts of one answer. `figure`: of the sums. `span`: how far figures of two cases may lie apart;
    what was seen may all be alike by chance, so the bounds are widened as if two further cases had lain half of it
    beside."""

    count: Callable[[Sample], Counts]
    figure: Callable[[Counts], Measure | float]
    span: float


def over_corpus(card: MetricCard, adding: Adding, drawing: Drawing) -> OfAll:
    """`low` and `high` in a measure's parts are one-sided bounds of confidence, each at 1 - alpha; they are not there
    where fewer than two clusters were seen. Answers to the same case are one cluster."""

    def together(samples: Sequence[Sample]) -> Measure:
        import numpy as np

        counts = np.asarray([adding.count(sample) for sample in samples], dtype=np.float64)
        said = adding.figure(counts.sum(axis=0).tolist())
        said = said if isinstance(said, Measure) else Measure(value=float(said))
        if said.value is None or not drawing.draws:
            return said
        names = [sample.cluster or f"\0{sample.id or number}" for number, sample in enumerate(samples)]
        _, where = np.unique(names, return_inverse=True)
        clusters = np.zeros((int(where.max()) + 1, counts.shape[1]))
        np.add.at(clusters, where, counts)
        if len(clusters) < 2:
            return said
        low, high = _bounds(clusters, said.value, adding, drawing)
        low = max(low, -inf if card.low is None else card.low)
        high = min(high, inf if card.high is None else card.high)
        return msgspec.structs.replace(said, parts={**said.parts, "low": low, "high": high})

    return OfAll(card, together)


def _bounds(clusters: Any, value: float, adding: Adding, drawing: Drawing) -> tuple[float, float]:
    """Percentiles of the bootstrap over clusters, taken further out for few of them: at Phi(-sqrt(n/(n-1)) t), as
    Hesterberg has it ("What teachers should know about the bootstrap", The American Statistician 69, 2015, section
    5.3), and widened by two cases at half the span."""
    import numpy as np
    from scipy.special import ndtr, stdtrit

    n = len(clusters)
    figures: list[float] = []
    for times in drawn([1 / n] * n, n, drawing.draws, at_once=_BLOCK, seed=drawing.seed):
        for sums in (times @ clusters).tolist():
            said = adding.figure(sums)
            figure = said.value if isinstance(said, Measure) else float(said)
            figures += [] if figure is None else [figure]
    t = float(stdtrit(n - 1, 1 - drawing.alpha))
    outer = float(ndtr(-sqrt(n / (n - 1)) * t))
    low, high = (float(each) for each in np.quantile(figures or [value], [outer, 1 - outer]))
    beside = t * sqrt(2) * adding.span / 2 / (n + 2)
    return value - sqrt(max(0.0, value - low) ** 2 + beside**2), value + sqrt(max(0.0, high - value) ** 2 + beside**2)
