"""Whether units came to the arms of an experiment in the shares that were set (sample ratio mismatch)."""

from math import exp, log

from genaiops.core.errors import UsageError

PRIOR = 100.0
"""Of the prior, in units: how near a mismatch may be to the set share for the test to be at its best."""


def evidence(first: int, second: int, share: float) -> float:
    """The logarithm of how much better a split other than `share` (of `first` among both) explains the counts: a
    mixture over splits against the one that was set. Under that one it is a martingale, so that the chance that it ever
    exceeds log(1 / alpha), at whatever look, is at most alpha (Lindon and Malek, "Anytime-valid inference for
    multinomial count data", NeurIPS 2022, with the prior Beta(100 share, 100 (1 - share))). UsageError for a share that
    is none."""
    if not 0 < share < 1:
        raise UsageError(f"{share} is no share of units.", remedy="Use a number between 0 and 1.", param="share")
    from scipy.special import betaln

    a, b = PRIOR * share, PRIOR * (1 - share)
    mixed = float(betaln(a + first, b + second) - betaln(a, b))
    return mixed - first * log(share) - second * log(1 - share)


def always_valid_p(most: float) -> float:
    """Of the largest evidence so far."""
    return min(1.0, exp(-max(0.0, most)))


def chi_square_p(first: int, second: int, share: float) -> float:
    """Of one look that was set beforehand: Pearson's chi-square with one degree of freedom. Looked at again and again
    it gives false alarms."""
    from scipy.special import chdtrc

    n = first + second
    if not n:
        return 1.0
    return float(chdtrc(1, (first - n * share) ** 2 / (n * share * (1 - share))))
