"""How sure a mean is, and whether it reaches what was asked of it."""

from collections.abc import Sequence

import msgspec

from genaiops.checks.statistics.bounded import lower_mean, upper_mean
from genaiops.checks.statistics.paired import clustered_error, grouped, without_spread
from genaiops.checks.statistics.shares import lower_share, upper_share
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
    values: Sequence[float],
    clusters: Sequence[str] = (),
    *,
    alpha: float = 0.05,
    least: float | None = None,
    most: float | None = None,
) -> Level:
    """Of one value a case. Right and wrong (1 and 0, `least` and `most` say so) of independent cases: the exact bounds
    of Clopper and Pearson; from a known range (`least` to `most`): Gaffke's, over clusters; else Student's t over
    clusters, cut off where the range is known to end. UsageError without a value, and, where there is no range, for a
    single case or cluster and for values without any spread."""
    if not values:
        raise UsageError("There is nothing to take a mean of.", remedy="See which answers are errors.")
    n, mean = len(values), sum(values) / len(values)
    groups = grouped(values, clusters)
    number = len(groups)
    over = f" over {number} clusters" if number < n else ""
    if number == n and (least, most) == (0.0, 1.0) and all(value in (0.0, 1.0) for value in values):
        times = int(sum(values))
        low, high = lower_share(times, n, alpha=alpha), upper_share(times, n, alpha=alpha)
        method = "exact (Clopper and Pearson)"
    elif least is not None and most is not None:
        low = lower_mean(groups, min(least, *values), alpha=alpha)
        high = upper_mean(groups, max(most, *values), alpha=alpha)
        method = f"bound of a mean in a range (Gaffke){over}"
    else:
        low, high = _by_t(groups, mean, alpha)
        low = low if least is None else max(low, min(least, *values))
        high = high if most is None else min(high, max(most, *values))
        method = f"t interval{over}"
    return Level(n=n, clusters=number, mean=mean, low=low, high=high, alpha=alpha, method=method)


def _by_t(groups: Sequence[Sequence[float]], mean: float, alpha: float) -> tuple[float, float]:
    if len(groups) < 2:
        raise UsageError("One independent case says nothing of how sure its value is.", remedy="Add cases.")
    from scipy.special import stdtrit

    error = clustered_error(groups)
    if without_spread(error, (value for group in groups for value in group)):
        raise UsageError(
            f"{_alike(groups, mean)}, and the metric has no range: nothing says how far off the next one may be.",
            remedy="Give the check a threshold: what passes is a share, and 59 cases that all pass show 95 % of them.",
        )
    half = float(stdtrit(len(groups) - 1, 1 - alpha)) * error
    return mean - half, mean + half


def _alike(groups: Sequence[Sequence[float]], mean: float) -> str:
    values = [value for group in groups for value in group]
    if min(values) == max(values):
        return f"All {len(values)} values are {values[0]:.4g}"
    return f"All {len(groups)} clusters have the mean {mean:.4g}"


def holm(p: Sequence[float], *, alpha: float = 0.05) -> list[bool]:
    """Which hypotheses are refused when the chance of one false refusal among all is at most `alpha` (Holm, "A simple
    sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979)."""
    refused = [False] * len(p)
    for rank, place in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        if p[place] > alpha / (len(p) - rank):
            break
        refused[place] = True
    return refused
