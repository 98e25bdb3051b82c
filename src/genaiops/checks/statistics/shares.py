"""Exact bounds of a share that was counted."""


def upper_share(times: int, n: int, *, alpha: float = 0.05) -> float:
    """The exact upper bound at 1 - `alpha` of a share of which `times` of `n` were seen (Clopper and Pearson, "The use
    of confidence or fiducial limits", Biometrika 26, 1934): of none of n it is 1 - alpha^(1/n)."""
    from scipy.special import betaincinv

    return 1.0 if times >= n else float(betaincinv(times + 1, n - times, 1 - alpha))


def lower_share(times: int, n: int, *, alpha: float = 0.05) -> float:
    """The exact lower bound, likewise."""
    from scipy.special import betaincinv

    return 0.0 if times <= 0 else float(betaincinv(times, n - times + 1, alpha))
