"""How many cases a question needs.

n = (z_(1-alpha) + z_power)^2 (w^2 + (s_a^2 + s_b^2) / K) / margin^2 (1 + (m - 1) rho), for K repeats of each case, w
the deviation of the difference between cases, s_a and s_b those of repeats of one case, m the cases of a cluster and
rho their correlation (Miller 2024, arXiv 2411.00640, section 5; the design effect is Kish's)."""

from math import ceil, isfinite, log, log1p, sqrt

import msgspec

from genaiops.core.errors import UsageError


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
    clustered = 1 + (spread.cluster_size - 1) * spread.correlation
    per_root = z * sqrt(variance * clustered)
    if spread.reach:
        # The bound lies z s / sqrt(n) below the mean, and about reach / n further for the case that was not seen.
        root = (per_root + sqrt(per_root**2 + 4 * spread.reach * clustered * room)) / (2 * room)
        n = max(root**2, clustered * alike(room, spread.reach, alpha=alpha))
    else:
        n = (per_root / room) ** 2
    if not isfinite(n) or n > 1e12:
        raise UsageError("More cases than could ever be asked.", remedy="Take a wider margin.", param="margin")
    return max(2, ceil(n - 1e-9))


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
