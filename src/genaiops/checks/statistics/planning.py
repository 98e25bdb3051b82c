"""How many cases a question needs.

n = (z_(1-alpha) + z_power)^2 (w^2 + (s_a^2 + s_b^2) / K) / margin^2 (1 + (m - 1) rho), for K repeats of each case, w
the deviation of the difference between cases, s_a and s_b those of repeats of one case, m the cases of a cluster and
rho their correlation (Miller 2024, arXiv 2411.00640, section 5; the design effect is Kish's)."""

from math import ceil, isfinite

import msgspec

from genaiops.core.errors import UsageError


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How values vary. `deviation`: of differences between cases (of right and wrong: the root of the share of cases
    that differ); `noise`: of repeats of one case, both sides' variances together, as a root. `cluster_size` cases of a
    cluster are alike by `correlation`."""

    deviation: float
    noise: float = 0.0
    repeats: int = 1
    cluster_size: float = 1.0
    correlation: float = 0.0


def needed(margin: float, spread: Spread, *, alpha: float = 0.05, power: float = 0.8, difference: float = 0.0) -> int:
    """Cases for a difference that lies `margin` + `difference` above what would fail. UsageError when no number would
    do."""
    room = margin + difference
    if room <= 0:
        raise UsageError("No number of cases shows what is not so.", remedy="Take a wider margin.", param="margin")
    from scipy.special import ndtri

    z = float(ndtri(1 - alpha)) + float(ndtri(power))
    variance = spread.deviation**2 + spread.noise**2 / spread.repeats
    n = z * z * variance / room**2 * (1 + (spread.cluster_size - 1) * spread.correlation)
    if not isfinite(n) or n > 1e12:
        raise UsageError("More cases than could ever be asked.", remedy="Take a wider margin.", param="margin")
    return max(2, ceil(n - 1e-9))
