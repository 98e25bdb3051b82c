"""How many cases a question needs.

n = (z_(1-alpha) + z_power)^2 (w^2 + (s_a^2 + s_b^2) / K) / margin^2 (1 + (m - 1) rho), for K repeats of each case, w
the deviation of the difference between cases, s_a and s_b those of repeats of one case, m the cases of a cluster and
rho their correlation (Miller 2024, arXiv 2411.00640, section 5; the design effect is Kish's)."""

from math import ceil, isfinite, log, log1p, sqrt
from typing import Final

import msgspec

from genaiops.checks.statistics.bounded import chance_below
from genaiops.core.errors import UsageError

_MANY: Final = 20_000
"""Clusters from which on the case that was not seen is of no weight."""


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How values vary. `deviation`: of differences between cases (of right and wrong: the root of the share of cases
    that differ); `noise`: of repeats of one case, both sides' variances together, as a root. `cluster_size` cases of a
    cluster are alike by `correlation`. `reach`: how far the worst of a known range lies from the mean, for the
    case that was not seen (None: no bound)."""

    deviation: float
    noise: float = 0.0
    repeats: int = 1
    cluster_size: float = 1.0
    correlation: float = 0.0
    reach: float | None = None


def needed(margin: float, spread: Spread, *, alpha: float = 0.05, power: float = 0.8, difference: float = 0.0) -> int:
    """Cases for a difference that lies `margin` + `difference` above what would fail. UsageError when no number would
    do."""
    room = margin + difference
    if room <= 0:
        raise UsageError("No number of cases shows what is not so.", remedy="Take a wider margin.", param="margin")
    from scipy.special import ndtri

    z = float(ndtri(1 - alpha)) + float(ndtri(power))
    variance = spread.deviation**2 + spread.noise**2 / spread.repeats
    per_root = z * sqrt(variance * (1 + (spread.cluster_size - 1) * spread.correlation))
    n = (per_root / room) ** 2
    if spread.reach:
        n = spread.cluster_size * _groups(n / spread.cluster_size, room, spread, alpha=alpha, power=power)
    if not isfinite(n) or n > 1e12:
        raise UsageError("More cases than could ever be asked.", remedy="Take a wider margin.", param="margin")
    return max(2, ceil(n - 1e-9))


def _groups(fewest: float, room: float, spread: Spread, *, alpha: float, power: float) -> float:
    """Clusters until the bound of a mean in a range lies within `room`, of values spread as a normal distribution is
    that came out low by as much as `power` allows: at least `fewest`, by the normal approximation."""
    import numpy as np
    from scipy.special import ndtri

    reach = spread.reach
    if fewest > _MANY or reach is None:
        return fewest
    variance = spread.deviation**2 + spread.noise**2 / spread.repeats
    deviation = sqrt(variance * (1 + (spread.cluster_size - 1) * spread.correlation) / spread.cluster_size)
    low = float(ndtri(power)) * deviation

    def decides(groups: int) -> bool:
        values = room + deviation * ndtri((np.arange(groups) + 0.5) / groups) - low / sqrt(groups)
        return chance_below(values, np.ones(groups), room - reach, 0.0) < alpha

    left, right = 0, max(1, ceil(fewest - 1e-9), alike(room, reach, alpha=alpha))
    while right <= _MANY and not decides(right):
        left, right = right, 2 * right
    while right - left > 1 and right <= 2 * _MANY:
        middle = (left + right) // 2
        left, right = (left, middle) if decides(middle) else (middle, right)
    return right


def alike(room: float, reach: float, *, alpha: float = 0.05) -> int:
    """Cases that all fall out alike until the bound comes within `room` of them: alpha^(1/n) = 1 - room / reach, the
    exact bound of a share of which none was seen. None of 59 shows less than 0.05."""
    return 1 if room >= reach else ceil(log(alpha) / log1p(-room / reach) - 1e-9)


def more_cases(room: float, spread: Spread, n: int, *, alpha: float = 0.05) -> int | None:
    """How many beside `n` would decide with a chance of 0.8, if it goes on so. None: no number is known to."""
    if room == 0 or (not spread.deviation and not spread.reach):
        return None
    try:
        return max(1, needed(abs(room), spread, alpha=alpha) - n)
    except UsageError:
        return None
