"""Bounds of figures that no formula has bounds for: the bootstrap, over clusters (Efron and Tibshirani, "An
Introduction to the Bootstrap", 1993, chapters 8 and 13; percentiles)."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRAWS: Final = 2000
_AT_ONCE: Final = 250
_UNDEFINED: Final = 0.05


def cluster_sums(rows: "NDArray[Any]", clusters: Sequence[str]) -> "NDArray[Any]":
    """Rows of one cluster added up; a row without one ("") is its own."""
    import numpy as np

    places: dict[str, int] = {}
    codes = [places.setdefault(name, len(places)) if name else -1 for name in clusters]
    named, code = len(places), np.array(codes, dtype=np.int64)
    alone = code < 0
    code[alone] = named + np.arange(int(alone.sum()))
    sums = np.zeros((int(code.max(initial=-1)) + 1, rows.shape[1]))
    np.add.at(sums, code, rows)
    return sums


def draws(sums: "NDArray[Any]", figure: Callable[["NDArray[Any]"], "NDArray[Any]"], *, seed: int = 0) -> "NDArray[Any]":
    """2,000 draws of clusters, and what `figure` makes of each: a row or a number a draw.

    `sums`: a row a cluster (2-D). `figure`: of sums over all clusters, one set a row. Equal rows are drawn together, so
    that cases of few kinds cost little. The same seed gives the same draws."""
    import numpy as np

    kinds, counts = np.unique(sums, axis=0, return_counts=True)
    generator, number = np.random.default_rng(seed), int(counts.sum())
    found: list[NDArray[Any]] = []
    for start in range(0, DRAWS, _AT_ONCE):
        drawn = generator.multinomial(number, counts / number, size=min(_AT_ONCE, DRAWS - start))
        found.append(figure(drawn @ kinds))
    return np.concatenate(found)


def resampled(
    sums: "NDArray[Any]", figure: Callable[["NDArray[Any]"], "NDArray[Any]"], *, alpha: float = 0.05, seed: int = 0
) -> tuple[float, float] | None:
    """One-sided bounds, each at 1 - `alpha`, of a figure that is made of sums, as in `draws`. None when it is not
    defined (NaN) in more than 5 % of the draws: nothing is known then."""
    return bounds(draws(sums, figure, seed=seed), alpha, alpha)


def bounds(values: "NDArray[Any]", below: float, above: float) -> tuple[float, float] | None:
    """The quantiles at `below` and 1 - `above` of what was drawn, if it is defined often enough."""
    import numpy as np

    defined = values[~np.isnan(values)]
    if len(defined) < (1 - _UNDEFINED) * len(values):
        return None
    low, high = np.quantile(defined, [below, 1 - above])
    return float(low), float(high)


def least_room(clusters: int, alpha: float = 0.05) -> float:
    """What a share may still be that was not seen once in so many clusters: 1 - alpha^(1 / clusters). A bootstrap knows
    nothing of what it has not seen: bounds are never nearer to the figure than this."""
    return float(1 - alpha ** (1 / clusters))
