"""How sure a share is that was counted: the score interval of Wilson ("Probable inference, the law of succession, and
statistical inference", Journal of the American Statistical Association 22, 1927), which holds for small numbers and for
shares near 0 and 1 (Brown, Cai and DasGupta, "Interval estimation for a binomial proportion", Statistical Science 16,
2001)."""

from statistics import NormalDist


def wilson(times: float, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """The bounds, both from 0 to 1, of the share of which `times` of `n` (at least 1) were counted.
    Of a mean of shares `times` may be no whole number."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, more = times / n, z * z / n
    middle = (share + more / 2) / (1 + more)
    half = z / (1 + more) * (share * (1 - share) / n + more / (4 * n)) ** 0.5
    return (0.0 if times == 0 else max(0.0, middle - half), 1.0 if times == n else min(1.0, middle + half))
