"""What answers of two to the same cases say of their difference.

Differences are taken case by case, which removes what makes one case harder than another, and their standard error is
that of clusters, for cases of one document are not independent (Miller, "Adding Error Bars to Evals", 2024,
arXiv 2411.00640, sections 2.2 and 4.2).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from math import sqrt
from typing import Final

import msgspec

from genaiops.checks.statistics.bounded import lower_mean, p_above, upper_mean
from genaiops.checks.statistics.shares import upper_share
from genaiops.core.errors import UsageError

_ROUNDING: Final = 1e-12


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """`difference`: mean of candidate less baseline; `low` and `high`: its one-sided bounds of confidence, each at
    1 - `alpha`. `wins`, `losses`, `ties`: cases. `p_better`: one-sided, of no difference against a better candidate.
    `method`: how the bounds were made."""

    n: int
    clusters: int
    candidate: float
    baseline: float
    difference: float
    low: float
    high: float
    alpha: float
    wins: int
    losses: int
    ties: int
    p_better: float
    method: str


def compare(
    candidate: Sequence[float],
    baseline: Sequence[float],
    clusters: Sequence[str] = (),
    *,
    alpha: float = 0.05,
    span: float | None = None,
) -> Comparison:
    """One value a case and side (the mean of its repeats), in the same order; more is better. `clusters`: of each case
    ("": of its own). `span`: the width of the metric's range (None: no bound).

    Right and wrong (1 and 0) of independent cases: Tango's score interval, exact where all that differ differ in one
    direction (`span` 1 says that they are); from a known range: Gaffke's bounds, over clusters; else Student's t over
    clusters. Differences without a range and without any spread have Gaffke's bounds as if no case differed by more
    than the largest value that was seen.

    UsageError for sides of different lengths, for fewer than two clusters, and for values that are all 0 and have no
    range."""
    n = len(candidate)
    if n != len(baseline) or (clusters and n != len(clusters)):
        raise UsageError("The two sides are not of the same cases.", remedy="Compare cases that both answered.")
    deltas = [mine - other for mine, other in zip(candidate, baseline, strict=True)]
    groups = grouped(deltas, clusters)
    if len(groups) < 2:
        raise UsageError("Fewer than two independent cases cannot be compared.", remedy="Add cases, or clusters.")
    mean = sum(deltas) / n
    wins, losses = sum(each > 0 for each in deltas), sum(each < 0 for each in deltas)
    over = f" over {len(groups)} clusters" if len(groups) < n else ""
    if len(groups) == n and span == 1.0 and all(each in (0.0, 1.0) for each in (*candidate, *baseline)):
        low, high = score_bounds(wins, losses, n, alpha=alpha)
        p, method = _p_binary(wins, losses), "score interval of a paired difference (Tango 1998)"
    elif span is not None:
        span = max(span, *map(abs, deltas))
        low, high = lower_mean(groups, -span, alpha=alpha), upper_mean(groups, span, alpha=alpha)
        p, method = p_above(groups, -span), f"bound of a paired difference in a range (Gaffke){over}"
    else:
        scale = max(map(abs, (*candidate, *baseline, *deltas)))
        error = clustered_error(groups)
        if without_spread(error, (scale,)):
            low, high, p = _alike(groups, scale, alpha)
            method = f"bound of a difference (Gaffke), as if none exceeded the largest value seen, {scale:.4g}{over}"
        else:
            low, high, p = _by_t(error, len(groups) - 1, mean, alpha)
            method = f"t interval{over}" if over else "paired t interval"
    return Comparison(
        n=n,
        clusters=len(groups),
        candidate=sum(candidate) / n,
        baseline=sum(baseline) / n,
        difference=mean,
        low=low,
        high=high,
        alpha=alpha,
        wins=wins,
        losses=losses,
        ties=n - wins - losses,
        p_better=p,
        method=method,
    )


def grouped(values: Sequence[float], clusters: Sequence[str]) -> list[list[float]]:
    """Values by cluster; one without a cluster is its own."""
    if not clusters:
        return [[value] for value in values]
    named: dict[str, list[float]] = defaultdict(list)
    alone: list[list[float]] = []
    for value, name in zip(values, clusters, strict=True):
        if name:
            named[name].append(value)
        else:
            alone.append([value])
    return [*named.values(), *alone]


def clustered_error(groups: Sequence[Sequence[float]]) -> float:
    """The standard error of the mean of all values: each of G clusters is left out in turn, sqrt((G-1)/G sum_g (r_g /
    (1 - m_g/n))^2) / n with r_g its sum of deviations and m_g its size (CR3: Bell and McCaffrey, Survey Methodology 28,
    2002). Of clusters of one size it is the usual one; a large one among small ones counts for what it is."""
    n = sum(map(len, groups))
    mean = sum(map(sum, groups)) / n
    squares = sum(((sum(group) - mean * len(group)) / (1 - len(group) / n)) ** 2 for group in groups)
    return sqrt((len(groups) - 1) / len(groups) * squares) / n


def without_spread(error: float, values: Iterable[float]) -> bool:
    """Whether that is no error but what is left of rounding."""
    return error <= _ROUNDING * max(map(abs, values), default=0.0)


def _alike(groups: Sequence[Sequence[float]], scale: float, alpha: float) -> tuple[float, float, float]:
    if not scale:
        raise UsageError(
            "All values of both sides are 0, and the metric has no range: nothing says how far the next may be off.",
            remedy="Give the check a threshold: what passes is a share, and shares have bounds.",
        )
    return (
        lower_mean(groups, -scale, alpha=alpha),
        upper_mean(groups, scale, alpha=alpha),
        p_above(groups, -scale),
    )


def _by_t(error: float, freedom: int, mean: float, alpha: float) -> tuple[float, float, float]:
    """Bounds, and the one-sided p."""
    from scipy.special import stdtr, stdtrit

    half = float(stdtrit(freedom, 1 - alpha)) * error
    return mean - half, mean + half, float(stdtr(freedom, -mean / error))


def _p_binary(wins: int, losses: int) -> float:
    """McNemar's exact test, one-sided: a sign test over the cases that differ."""
    from scipy.special import bdtrc

    return float(bdtrc(wins - 1, wins + losses, 0.5)) if wins else 1.0


def mcnemar(wins: int, losses: int) -> float:
    """The two-sided exact p of McNemar's test: min(1, 2 P(Bin(wins + losses, 1/2) <= min(wins, losses)))."""
    from scipy.special import bdtr

    if wins + losses == 0:
        return 1.0
    return min(1.0, 2 * float(bdtr(min(wins, losses), wins + losses, 0.5)))


def tango(wins: int, losses: int, n: int, *, alpha: float = 0.05) -> tuple[float, float]:
    """One-sided bounds, each at 1 - `alpha`, of the difference (wins - losses) / n of two paired shares: where the
    score statistic is the normal's quantile (Tango, "Equivalence test and confidence interval for the difference in
    proportions for the paired-sample design", Statistics in Medicine 17, 1998, section 4). Holds without any case
    that differs: the bounds of 0 of n are -/+ z^2 / (n + z^2)."""
    from scipy.special import ndtri

    z = float(ndtri(1 - alpha))

    def score(delta: float) -> float:
        a = 2 * n
        b = -wins - losses + (2 * n - wins + losses) * delta
        c = -losses * delta * (1 - delta)
        q = (sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
        variance = n * (2 * q + delta * (1 - delta))
        over = wins - losses - n * delta
        return over / sqrt(variance) if variance > 0 else (0.0 if over == 0 else float("inf") * over)

    middle = (wins - losses) / n
    return _crossing(score, -1.0, middle, z), _crossing(score, middle, 1.0, -z)


def score_bounds(wins: int, losses: int, n: int, *, alpha: float = 0.05) -> tuple[float, float]:
    """Tango's bounds, and the exact ones of Clopper and Pearson where nothing was won (lost) and those reach further:
    where all cases that differ are losses, Tango's alone let up to 7.5 % pass that should not."""
    low, high = tango(wins, losses, n, alpha=alpha)
    if not wins:
        low = min(low, -upper_share(losses, n, alpha=alpha))
    if not losses:
        high = max(high, upper_share(wins, n, alpha=alpha))
    return low, high


def _crossing(score: Callable[[float], float], left: float, right: float, level: float) -> float:
    """Where a falling function has that value, by halving."""
    for _ in range(60):
        middle = (left + right) / 2
        if score(middle) > level:
            left = middle
        else:
            right = middle
    return (left + right) / 2
