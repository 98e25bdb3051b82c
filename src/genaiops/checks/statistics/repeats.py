"""What repeats of a case say of several tries at it."""

from math import comb


def pass_at(passed: int, n: int, k: int) -> float:
    """pass@k: the chance that at least one of `k` tries passes, of which `passed` of `n` did; unbiased for n >= k (Chen
    et al., "Evaluating large language models trained on code", arXiv 2107.03374, 2021, equation 1)."""
    if not 0 <= passed <= n or not 1 <= k <= n:
        raise ValueError(f"There is no pass@{k} of {passed} in {n}.")
    return 1 - comb(n - passed, k) / comb(n, k)
