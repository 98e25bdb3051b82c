"""How far two sets of vectors are apart, each taken for normal."""

from collections.abc import Sequence
from typing import Any

from genaiops.core.errors import UsageError


def frechet(one: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> float:
    """|m - m'|^2 + tr(C + C' - 2 (C C')^(1/2)), with means m and covariances C over n - 1 (Frechet's distance of two
    normal distributions: Dowson and Landau, Journal of Multivariate Analysis 12, 1982; of features of images: Heusel et
    al., GANs trained by a two time-scale update rule, NeurIPS 2017, equation 6). In the square of the vectors' unit.
    The trace of the root is the sum of the roots of the eigenvalues of C^(1/2) C' C^(1/2), which are real.

    Of few vectors it comes out too large: their covariances are noisy, and have no rank in most directions when there
    are fewer vectors than dimensions. UsageError for fewer than two on a side, and for different dimensions."""
    import numpy as np

    if len(one) < 2 or len(other) < 2:
        raise UsageError(
            f"{len(one)} and {len(other)} vectors have no covariance.", remedy="Give at least two on either side."
        )
    x, y = np.asarray(one, float), np.asarray(other, float)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise UsageError("The vectors of the two sides have different dimensions.", remedy="Ask one model for all.")
    apart = float(((x.mean(0) - y.mean(0)) ** 2).sum())
    first, second = (np.atleast_2d(np.cov(each, rowvar=False)) for each in (x, y))
    root = _root(first)
    both = np.linalg.eigvalsh(root @ second @ root)
    cross = float(np.sqrt(np.maximum(both, 0.0)).sum())
    return max(0.0, apart + float(np.trace(first) + np.trace(second)) - 2 * cross)


def _root(matrix: Any) -> Any:
    """Of a symmetric one without negative eigenvalues, but for rounding."""
    import numpy as np

    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
