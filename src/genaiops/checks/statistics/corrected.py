"""A mean of what people would say of all cases, from what a judge says of all, and people of some drawn by lot.

The estimate is that of PPI++ (Angelopoulos, Duchi and Zrnic, 2023, arXiv 2311.01453): weight times the judge's mean,
and the mean of what people say beyond it where they said something. Written case by case, z_i = w f_i + b + (y_i - w
f_i - b) M / n for the n labelled ones of M, and w f_i + b for the others, b the mean of y - w f: their mean is the
estimate. The bounds are those of `bounded` for the mean of z, over clusters, whose worst further one has as many labels
as they have. Student's t in their place passes several times as many bad candidates as it should, where few labelled
cases differ (`benchmarks.arena corrected`).

The weight is the one with the narrowest expected bound, in steps of 0.05. Its price is counted: what a further case
could be off by grows from the range to (1 + weight) times the range, over the number of labels. So a judge that knows
little, or few labels, leave the labels alone to speak.
"""

from collections.abc import Hashable, Sequence
from math import log, sqrt
from typing import Any, Final, cast

import msgspec

from genaiops.checks.statistics.bounded import chance_below, lower_of
from genaiops.core.errors import UsageError

FEWEST: Final = 10
"""Labelled cases. Of fewer nothing is said, whatever they say."""
_WEIGHTS: Final = 21


class Corrected(msgspec.Struct, frozen=True, kw_only=True):
    """`low` and `high`: one-sided bounds, each at 1 - `alpha`. `weight`: how much the judge counts (0: not at all).
    `p_above`: one-sided, of a mean of at most `at` against a higher one. `labels` of `n` cases."""

    mean: float
    low: float
    high: float
    alpha: float
    weight: float
    labels: int
    n: int
    clusters: int
    p_above: float


class Groups(msgspec.Struct, frozen=True):
    """Totals and sizes of groups as arrays, and the worst mean that a further group could have at either end."""

    totals: Any
    sizes: Any
    least: float
    most: float
    weight: float


def corrected(
    judged: Sequence[float],
    people: Sequence[float | None],
    clusters: Sequence[str] = (),
    *,
    least: float,
    most: float,
    alpha: float = 0.05,
    at: float = 0.0,
) -> Corrected:
    """Of one value a case, in the same order, all from `least` to `most`; `people` None: not labelled. `clusters`: of
    each case ("": of its own). UsageError for fewer than ten labels, and for labels of a single cluster."""
    known = [place for place, label in enumerate(people) if label is not None]
    number = len({clusters[place] or place for place in known}) if clusters else len(known)
    if len(known) < FEWEST or number < 2:
        raise UsageError(
            f"{len(known)} labelled cases of {number} clusters say nothing.",
            remedy=f"Label at least {FEWEST}, of two clusters at least.",
            param="labels",
        )
    import numpy as np

    f = np.asarray(judged, float)
    y = np.asarray([0.0 if label is None else label for label in people], float)
    labelled = np.zeros(len(f), bool)
    labelled[known] = True
    names = {name: place for place, name in enumerate(dict.fromkeys(_named(clusters, len(f))))}
    group = np.asarray([names[name] for name in _named(clusters, len(f))])
    found = grouped_z(y, f, labelled, group, least=least, most=most, alpha=alpha)
    mean = float(found.totals.sum() / found.sizes.sum())
    low = max(least, lower_of(found.totals, found.sizes, found.least, alpha=alpha))
    high = min(most, -lower_of(-found.totals, found.sizes, -found.most, alpha=alpha))
    return Corrected(
        mean=mean,
        low=min(low, mean),
        high=max(high, mean),
        alpha=alpha,
        weight=found.weight,
        labels=len(known),
        n=len(f),
        clusters=len(names),
        p_above=chance_below(found.totals, found.sizes, found.least, at) if at > least else 1.0,
    )


def grouped_z(
    y: Any, f: Any, labelled: Any, group: Any, *, least: float, most: float, alpha: float, weight: float | None = None
) -> Groups:
    """`y` and `f`: arrays of one value a case, `y` where `labelled`; `group`: number of its group, from 0, none of them
    empty. `weight` None: the one that makes the bounds narrowest."""
    import numpy as np

    n, many = int(labelled.sum()), len(f)
    if weight is None:
        weight = _weight(y[labelled], f[labelled], many, alpha)
    rest = y[labelled] - weight * f[labelled]
    beyond, share = float(rest.mean()), n / many
    z = weight * f + beyond
    z[labelled] += (rest - beyond) / share
    totals = np.bincount(group, z)
    sizes = np.bincount(group, minlength=len(totals)).astype(float)
    counts = np.bincount(group[labelled])
    counts = counts[counts > 0].astype(float)
    size, many_labels = sqrt(float((sizes * sizes).mean())), sqrt(float((counts * counts).mean()))

    def end(people: float, other: float) -> float:
        """The mean of a further group whose labels are all at one end, and its judgements at the one that is worse."""
        own, extra = size * weight, many_labels / share
        judge = other if own < extra * weight else people
        return (own * judge + size * beyond + extra * (people - weight * judge - beyond)) / size

    return Groups(totals, sizes, end(least, most), end(most, least), weight)


def _weight(y: Any, f: Any, many: int, alpha: float) -> float:
    """Of the normal bound: variance of y / M + of (y - w f) (1 / n - 1 / M), and what the range costs."""
    import numpy as np
    from scipy.special import ndtri

    n = int(y.size)
    weights = np.linspace(0.0, 1.0, _WEIGHTS)
    spread = cast("Any", np.cov(y, f))
    of_y, of_both, of_f = float(y.var(ddof=1)), float(spread[0, 1]), float(f.var(ddof=1))
    rest = np.maximum(of_y - 2 * weights * of_both + weights**2 * of_f, 0.0)
    variance = of_y / many + rest * max(0.0, 1 / n - 1 / many)
    wide: Any = -float(ndtri(alpha)) * np.sqrt(variance) + (1 + weights) * -log(alpha) / n
    return float(weights[int(wide.argmin())])


def _named(clusters: Sequence[str], number: int) -> list[Hashable]:
    return [clusters[place] or place for place in range(number)] if clusters else list(range(number))
