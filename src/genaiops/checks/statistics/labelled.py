"""A mean or a share from many judged cases and a few that people labelled: the judge's error is taken out."""

from collections.abc import Sequence
from math import sqrt

import msgspec

from genaiops.core.errors import UsageError


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """`low` and `high`: one-sided bounds, each at 1 - `alpha`. `weight`: how much the judge counts (0: not at all)."""

    mean: float
    low: float
    high: float
    alpha: float
    weight: float = 1.0


def ppi_mean(
    labels: Sequence[float], judged: Sequence[float], others: Sequence[float], *, alpha: float = 0.05
) -> Estimate:
    """The mean of what people would say, in the unit of `labels`: those labels, what the judge says of the same cases,
    and what it says of `others`, that nobody labelled. Prediction-powered with the weight that makes it narrowest
    (Angelopoulos, Duchi and Zrnic, "PPI++", 2023, arXiv 2311.01453, power tuning): a judge that knows nothing costs
    nothing. Student's t of the labels in place of the normal quantile. UsageError for fewer than two labels, or others,
    or sides of different lengths."""
    n, many = len(labels), len(others)
    if n < 2 or many < 2 or n != len(judged):
        raise UsageError(
            f"{n} labels, {len(judged)} judgements of the same and {many} of others say no mean.",
            remedy="Give at least two of each, a judgement for each label.",
        )
    import numpy as np
    from scipy.special import stdtrit

    y, f, rest = np.asarray(labels, float), np.asarray(judged, float), np.asarray(others, float)
    spread = float(np.concatenate([f, rest]).var(ddof=1))
    weight = float(np.cov(y, f)[0, 1]) / ((1 + n / many) * spread) if spread else 0.0
    weight = min(1.0, max(0.0, weight))
    mean = weight * float(rest.mean()) + float((y - weight * f).mean())
    error = sqrt(weight**2 * float(rest.var(ddof=1)) / many + float((y - weight * f).var(ddof=1)) / n)
    half = float(stdtrit(n - 1, 1 - alpha)) * error
    return Estimate(mean=mean, low=mean - half, high=mean + half, alpha=alpha, weight=weight)


class Counted(msgspec.Struct, frozen=True):
    """`times` of `of`; of a mean of shares `times` may be no whole number."""

    times: float
    of: int


def true_share(found: Counted, right: Counted, spared: Counted, *, alpha: float = 0.05) -> Estimate:
    """The share that is so, of which a judge or detector `found` some: `right` of those that were so it found in a
    labelled set (sensitivity), and `spared` of those that were not (specificity). Rogan and Gladen, "Estimating
    prevalence from the results of a screening test", American Journal of Epidemiology 107, 1978; the bounds are Lang
    and Reiczigel's ("Confidence limits for prevalence of disease adjusted for estimated sensitivity and specificity",
    Preventive Veterinary Medicine 113, 2014), which hold for small counts too. UsageError where the judge is no better
    than chance."""
    from scipy.special import ndtri

    z = float(ndtri(1 - alpha))
    if min(found.of, right.of, spared.of) < 1:
        raise UsageError("A share of nothing is none.", remedy="Label cases of both kinds, and judge some.")
    sensitivity, specificity = right.times / right.of, spared.times / spared.of
    knows = sensitivity + specificity - 1
    n = found.of + z * z
    seen = (found.times + z * z / 2) / n
    hit, miss = (right.times + 1) / (right.of + 2), (spared.times + 1) / (spared.of + 2)
    able = hit + miss - 1
    if knows <= 0 or able <= 0:
        raise UsageError(
            f"Sensitivity {sensitivity:.3g} and specificity {specificity:.3g} are no better than chance.",
            remedy="Take another judge.",
        )
    share = (seen + miss - 1) / able
    of_hit, of_miss = hit * (1 - hit) / (right.of + 2), miss * (1 - miss) / (spared.of + 2)
    moved = share + 2 * z * z * (share * of_hit - (1 - share) * of_miss)
    half = z * sqrt(seen * (1 - seen) / n + (1 - share) ** 2 * of_miss + share**2 * of_hit) / able
    mean = min(1.0, max(0.0, (found.times / found.of + specificity - 1) / knows))
    low, high = max(0.0, moved - half), min(1.0, moved + half)
    return Estimate(mean=mean, low=min(low, mean), high=max(high, mean), alpha=alpha)
