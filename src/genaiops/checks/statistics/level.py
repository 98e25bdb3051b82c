"""How sure a mean is, and whether it reaches what was asked of it."""

from collections.abc import Sequence
from math import sqrt

import msgspec

from genaiops.checks.proportion import wilson
from genaiops.checks.statistics.paired import clustered_error, grouped
from genaiops.core.errors import UsageError


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """`low` and `high`: one-sided bounds of confidence of the mean, each at 1 - `alpha`."""

    n: int
    clusters: int
    mean: float
    low: float
    high: float
    alpha: float
    method: str


def level(
    values: Sequence[float], clusters: Sequence[str] = (), *, alpha: float = 0.05, span: float | None = None
) -> Level:
    """Of one value a case. Right and wrong (1 and 0) of independent cases: Wilson's interval; else Student's t over
    clusters, with two cases added at half the range beside the mean where a range (`span`) is known, for cases that
    all fell out alike. UsageError without a value, and for a single cluster of other values."""
    if not values:
        raise UsageError("There is nothing to take a mean of.", remedy="See which answers are errors.")
    n, mean = len(values), sum(values) / len(values)
    groups = grouped(values, clusters)
    if len(groups) == n and all(value in (0.0, 1.0) for value in values):
        low, high = wilson(int(sum(values)), n, confidence=1 - 2 * alpha)
        return Level(n=n, clusters=n, mean=mean, low=low, high=high, alpha=alpha, method="Wilson's score interval")
    if len(groups) < 2:
        raise UsageError("One independent case says nothing of how sure its value is.", remedy="Add cases.")
    from scipy.special import stdtrit

    error = clustered_error(groups)
    added = error if span is None else sqrt(error**2 + 2 * (span / 2 / (n + 2)) ** 2)
    half = float(stdtrit(len(groups) - 1, 1 - alpha)) * added
    method = f"t interval over {len(groups)} clusters" if len(groups) < n else "t interval"
    return Level(n=n, clusters=len(groups), mean=mean, low=mean - half, high=mean + half, alpha=alpha, method=method)


def upper_share(times: int, n: int, *, alpha: float = 0.05) -> float:
    """The exact upper bound at 1 - `alpha` of a share of which `times` of `n` were seen (Clopper and Pearson, "The use
    of confidence or fiducial limits", Biometrika 26, 1934): of none of n it is 1 - alpha^(1/n)."""
    from scipy.special import betaincinv

    return 1.0 if times >= n else float(betaincinv(times + 1, n - times, 1 - alpha))


def lower_share(times: int, n: int, *, alpha: float = 0.05) -> float:
    """The exact lower bound, likewise."""
    from scipy.special import betaincinv

    return 0.0 if times <= 0 else float(betaincinv(times, n - times + 1, alpha))


def holm(p: Sequence[float], *, alpha: float = 0.05) -> list[bool]:
    """Which hypotheses are refused when the chance of one false refusal among all is at most `alpha` (Holm, "A simple
    sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979)."""
    refused = [False] * len(p)
    for rank, place in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        if p[place] > alpha / (len(p) - rank):
            break
        refused[place] = True
    return refused
