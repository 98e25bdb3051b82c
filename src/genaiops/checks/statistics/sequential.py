"""Differences that may be looked at as often as one likes: a confidence sequence holds at all looks together.

The means of two arms of independent units: the asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy
and Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics 52, 2024
(arXiv 2103.06476), theorem 2.2: with n units and an estimate of standard error e, the half width is
e sqrt((n r + 1) / (n r) log((n r + 1) / alpha^2)), for any r > 0 that was chosen beforehand. The adjustment by what was
known of a unit before is CUPED: Deng, Xu, Kohavi and Walker, "Improving the sensitivity of online controlled
experiments by utilizing pre-experiment data", WSDM 2013."""

from math import log, sqrt

import msgspec

from genaiops.core.errors import UsageError
from genaiops.domain.experiments import ArmSums

_MOST = 10**10


class Sequence(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of candidate less baseline at one look. `low` to `high` holds at this and all other looks together
    at 1 - `alpha`. `error`: the standard error of `difference`. `explained`: the share of variance that was known
    before (CUPED)."""

    difference: float
    low: float
    high: float
    error: float
    explained: float
    alpha: float


def slope_of(candidate: ArmSums, baseline: ArmSums) -> float:
    """The slope of y on x within the arms, pooled (CUPED's theta); 0 where x does not vary."""
    xx = xy = 0.0
    for arm in (candidate, baseline):
        if arm.n:
            xx += arm.xx - arm.x * arm.x / arm.n
            xy += arm.xy - arm.x * arm.y / arm.n
    scale = max(abs(candidate.xx + baseline.xx), 1e-300)
    return xy / xx if xx > 1e-12 * scale else 0.0


def sequence(
    candidate: ArmSums, baseline: ArmSums, *, alpha: float, tuned: int, bounds: tuple[float, float] | None = None
) -> Sequence:
    """`tuned`: the number of units, of both arms together, at which the interval is narrowest, chosen beforehand.
    `bounds`: the metric's range; one unit at either end is then added to the spread of each arm, as Agresti and Caffo
    do for shares, for events that were not seen yet are no proof that there are none. Without bounds, where all units
    of an arm are alike, two are added that are off by half of the larger mean. UsageError for an arm without two
    units."""
    if candidate.n < 2 or baseline.n < 2:
        raise UsageError("An arm with fewer than two units cannot be compared.", remedy="Wait for more.")
    slope = slope_of(candidate, baseline)
    scale = max(abs(candidate.y / candidate.n), abs(baseline.y / baseline.n))
    plain = sum(_variance(arm, 0.0, bounds, scale) for arm in (candidate, baseline))
    total = sum(_variance(arm, slope, bounds, scale) for arm in (candidate, baseline))
    difference = candidate.y / candidate.n - baseline.y / baseline.n
    difference -= slope * (candidate.x / candidate.n - baseline.x / baseline.n)
    error = sqrt(total)
    half = width(candidate.n + baseline.n, alpha=alpha, tuned=tuned) * error
    return Sequence(
        difference=difference,
        low=difference - half,
        high=difference + half,
        error=error,
        explained=max(0.0, 1 - total / plain) if plain else 0.0,
        alpha=alpha,
    )


def _variance(arm: ArmSums, slope: float, bounds: tuple[float, float] | None, scale: float) -> float:
    """Of the mean of an arm."""
    spread = arm.spread(slope)
    if bounds is None:
        return spread / (arm.n - 1) / arm.n if spread else scale**2 / 2 / (arm.n + 2) ** 2
    low, high = bounds
    mean = arm.y / arm.n
    return (spread + (mean - low) ** 2 + (high - mean) ** 2) / (arm.n + 1) / arm.n


def width(n: int, *, alpha: float, tuned: int) -> float:
    """Half of the interval after n units, in standard errors."""
    scaled = n * _best(alpha) / tuned
    return sqrt((scaled + 1) / scaled * log((scaled + 1) / alpha**2))


def needed_units(difference: float, deviation: float, *, share: float, alpha: float, tuned: int, power: float) -> int:
    """How many units of both arms, of which `share` come to one, are enough that the interval lies beyond a true
    `difference` with the chance `power` at the last look. It is on the safe side, for earlier looks may show it, too.
    `deviation`: of units. UsageError for a difference that is not above 0."""
    if not difference > 0:
        raise UsageError(f"A difference of {difference:g} is none.", remedy="Take one above 0.", param="effect")
    low, high = 2, 2
    while smallest_seen(high, deviation, share=share, alpha=alpha, tuned=tuned, power=power) > difference:
        low, high = high, 2 * high
        if high > _MOST:
            return _MOST
    while high - low > 1:
        middle = (low + high) // 2
        if smallest_seen(middle, deviation, share=share, alpha=alpha, tuned=tuned, power=power) > difference:
            low = middle
        else:
            high = middle
    return high


def smallest_seen(n: int, deviation: float, *, share: float, alpha: float, tuned: int, power: float) -> float:
    """The smallest true difference that so many units show, likewise."""
    from scipy.special import ndtri

    error = deviation * sqrt(1 / (n * share) + 1 / (n * (1 - share)))
    return (width(n, alpha=alpha, tuned=tuned) + float(ndtri(power))) * error


def _best(alpha: float) -> float:
    """The n r at which the interval is narrowest in standard errors: -W(-alpha^2 / e) - 1, of the lower branch of
    Lambert's W (section 3.5 there), which is the y - 1 of y = 1 + log(y / alpha^2)."""
    y = 1.0
    for _ in range(100):
        y = 1 + log(y / alpha**2)
    return y - 1
