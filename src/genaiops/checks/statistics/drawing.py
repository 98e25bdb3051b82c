"""Bounds of figures that no formula has bounds for: the bootstrap, over clusters (Efron and Tibshirani, "An
Introduction to the Bootstrap", 1993, chapters 8 and 13).

A figure of sums is drawn by how often each cluster comes (`draws`), which is fast; one that needs the items themselves
by putting them together again (`bootstrap`)."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from genaiops.core.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRAWS: Final = 2000
_T = TypeVar("_T")
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


def drawn(
    shares: "Sequence[float] | NDArray[Any]", number: int, times: int, *, at_once: int, seed: int
) -> "Iterator[NDArray[Any]]":
    """How often each is drawn when `number` are, by their shares: a row a draw, `at_once` of them in a block. The same
    seed gives the same draws, whatever the size of blocks."""
    import numpy as np

    generator = np.random.default_rng(seed)
    for start in range(0, times, at_once):
        yield generator.multinomial(number, shares, size=min(at_once, times - start))


def draws(sums: "NDArray[Any]", figure: Callable[["NDArray[Any]"], "NDArray[Any]"], *, seed: int = 0) -> "NDArray[Any]":
    """2,000 draws of clusters, and what `figure` makes of each: a row or a number a draw.

    `sums`: a row a cluster (2-D). `figure`: of sums over all clusters, one set a row. Equal rows are drawn together, so
    that cases of few kinds cost little. The same seed gives the same draws."""
    import numpy as np

    kinds, counts = np.unique(sums, axis=0, return_counts=True)
    number = int(counts.sum())
    blocks = drawn(counts / number, number, DRAWS, at_once=_AT_ONCE, seed=seed)
    return np.concatenate([figure(times @ kinds) for times in blocks])


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


def bootstrap(
    groups: Sequence[Sequence[_T]],
    figure: Callable[[Sequence[_T]], float],
    *,
    alpha: float = 0.05,
    times: int = 2000,
    seed: int = 0,
    method: Literal["bca", "percentile"] = "bca",
) -> tuple[float, float]:
    """One-sided bounds, each at 1 - `alpha`, of a figure of all items, in its own unit: whole groups are drawn again,
    `times` times. BCa: Efron, "Better bootstrap confidence intervals", Journal of the American Statistical Association
    82, 1987, with the acceleration of the jackknife over groups.

    UsageError for fewer than two groups, and when the figure is the same whatever is drawn: a bootstrap of what does
    not vary would claim to be certain."""
    if len(groups) < 2:
        raise UsageError("One independent case says nothing of how sure its value is.", remedy="Add cases.")
    import numpy as np
    from scipy.special import ndtr, ndtri

    chance = np.random.default_rng(seed)
    size = len(groups)
    found = np.sort([figure(_joined(groups, chance.integers(0, size, size).tolist())) for _ in range(times)])
    if found[0] == found[-1]:
        raise UsageError("The figure is the same whichever cases are drawn.", remedy="Add cases that differ.")
    share = np.array([alpha, 1 - alpha])
    if method == "bca":
        whole = figure([item for group in groups for item in group])
        below = float(((found < whole).sum() + (found <= whole).sum()) / (2 * times))
        bias = float(ndtri(min(max(below, 0.5 / times), 1 - 0.5 / times)))
        places = range(len(groups))
        without = np.array([figure(_joined(groups, [at for at in places if at != place])) for place in places])
        rest = without.mean() - without
        spread = float((rest**2).sum())
        speed = float((rest**3).sum()) / (6 * spread**1.5) if spread else 0.0
        moved = bias + ndtri(share)
        share = ndtr(bias + moved / (1 - speed * moved))
    low, high = np.quantile(found, share)
    return float(low), float(high)


def _joined(groups: Sequence[Sequence[_T]], places: Sequence[int]) -> list[_T]:
    return [item for place in places for item in groups[place]]
