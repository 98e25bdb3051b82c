"""Whether outcomes go along with features that should not matter: correlations, tested by permutation."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from importlib import import_module
from math import atanh, sqrt, tanh
from typing import TYPE_CHECKING, Any, Final

import msgspec

from genaiops.checks.statistics.drawing import bootstrap
from genaiops.checks.statistics.level import holm
from genaiops.core.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

TIMES: Final = 5000
LEAST: Final = 8
"""Of fewer independent cases nothing is said."""


class Association(msgspec.Struct, frozen=True, kw_only=True):
    """Pearson's correlation of a feature with the outcome, both less their means in each stratum. `p`: two-sided, by
    permutation; `goes_along`: Holm's method over the features."""

    feature: str
    correlation: float
    p: float
    goes_along: bool


class Associations(msgspec.Struct, frozen=True, kw_only=True):
    """`value` is the greatest absolute correlation; `low` and `high`: its one-sided bounds by Fisher's transformation
    (Biometrika 10, 1915), the lower one corrected for the number of features. `constant`: features that never vary."""

    value: float
    low: float
    high: float
    n: int
    each: tuple[Association, ...]
    constant: tuple[str, ...] = ()


def associations(
    outcomes: Sequence[float],
    features: Mapping[str, Sequence[float]],
    *,
    strata: Sequence[str] = (),
    clusters: Sequence[str] = (),
    alpha: float = 0.05,
    seed: int = 0,
) -> Associations:
    """One outcome and one value of each feature a case. `strata`: what is right of each case, so that a feature that
    goes along with what is right is not blamed. Cases of one cluster count as their mean. Tests permute clusters' means
    5,000 times, the greatest |r| that many being p = (1 + times at least as large) / 5,001 (Phipson and Smyth,
    "Permutation p-values should never be zero", Statistical Applications in Genetics and Molecular Biology 9, 2010).

    UsageError for fewer than 8 independent cases, and when nothing varies."""
    import numpy as np
    from scipy.special import ndtri

    groups = _groups(len(outcomes), clusters)
    if len(groups) < LEAST:
        raise UsageError(f"Fewer than {LEAST} independent cases say nothing of it.", remedy="Add cases.")
    outcome = _reduced(outcomes, strata, groups)
    if not outcome.any():
        raise UsageError(
            "The answers are all alike, so nothing goes along with them.", remedy="See whether the target answers."
        )
    columns = {name: _reduced(values, strata, groups) for name, values in features.items()}
    varying = {name: column for name, column in columns.items() if column.any()}
    if not varying:
        raise UsageError("No feature varies.", remedy="Name others: options = {features = [...]}.")
    chance = np.random.default_rng(seed)
    drawn = np.stack([chance.permutation(outcome) for _ in range(TIMES)])
    found: dict[str, tuple[float, float]] = {}
    for name, column in varying.items():
        r = float(column @ outcome)
        times = int((np.abs(drawn @ column) >= abs(r) - 1e-12).sum())
        found[name] = r, (1 + times) / (1 + TIMES)
    refused = holm([p for _, p in found.values()], alpha=alpha)
    error = 1 / sqrt(len(groups) - 3)
    strict, loose = (float(ndtri(1 - each)) * error for each in (alpha / (2 * len(found)), alpha))
    sizes = [min(abs(r), 1 - 1e-12) for r, _ in found.values()]
    return Associations(
        value=max(sizes),
        low=max(0.0, *(tanh(atanh(size) - strict) for size in sizes)),
        high=max(tanh(atanh(size) + loose) for size in sizes),
        n=len(groups),
        each=tuple(
            Association(feature=name, correlation=r, p=p, goes_along=along)
            for (name, (r, p)), along in zip(found.items(), refused, strict=True)
        ),
        constant=tuple(name for name in columns if name not in varying),
    )


def _groups(n: int, clusters: Sequence[str]) -> list[list[int]]:
    """Places of the cases of each cluster."""
    found: dict[str, list[int]] = defaultdict(list)
    for place in range(n):
        found[(clusters[place] if clusters else "") or f"\0{place}"].append(place)
    return list(found.values())


def _reduced(values: Sequence[float], strata: Sequence[str], groups: Sequence[Sequence[int]]) -> "NDArray[Any]":
    """Less the means of the strata, the mean of each cluster, centred and of length 1 (0 where it does not vary)."""
    import numpy as np

    column = np.array(values, dtype=float)
    for stratum in set(strata):
        mine = np.array([each == stratum for each in strata])
        column[mine] -= column[mine].mean()
    means = np.array([column[list(group)].mean() for group in groups])
    means -= means.mean()
    size = float(np.sqrt(means @ means))
    return means / size if size > 1e-9 else np.zeros_like(means)


def rank_correlation(
    one: Sequence[float], other: Sequence[float], clusters: Sequence[str] = (), *, alpha: float = 0.05
) -> tuple[float, float, float] | None:
    """Spearman's, with one-sided bounds, each at 1 - `alpha`: by Fisher's transformation, widened for ranks (Bonett and
    Wright, Psychometrika 65, 2000); where several are of one cluster ("": of its own), by a bootstrap of clusters.
    None: fewer than four values or clusters, or one side never varies."""
    from scipy.special import ndtri

    pairs = list(zip(one, other, strict=True))
    groups: dict[object, list[tuple[float, float]]] = defaultdict(list)
    for place, pair in enumerate(pairs):
        groups[(clusters[place] if clusters else "") or place].append(pair)
    n, value = len(pairs), _spearman(pairs)
    if len(groups) < 4 or value is None:
        return None
    if len(groups) < n:
        try:
            low, high = bootstrap(
                list(groups.values()),
                lambda drawn: _spearman(drawn) or 0.0,
                alpha=alpha,
                times=1000,
                method="percentile",
            )
        except UsageError:
            return value, value, value
        return value, min(low, value), max(high, value)
    if abs(value) >= 1:
        return value, value, value
    half = -float(ndtri(alpha)) * sqrt((1 + value**2 / 2) / (n - 3))
    return value, tanh(atanh(value) - half), tanh(atanh(value) + half)


def _spearman(pairs: Sequence[tuple[float, float]]) -> float | None:
    import numpy as np

    stats: Any = import_module("scipy.stats")  # its ranks have no types
    ranks = stats.rankdata(np.asarray(pairs, float), axis=0) - (len(pairs) + 1) / 2
    spread = float((ranks[:, 0] ** 2).sum() * (ranks[:, 1] ** 2).sum())
    return float((ranks[:, 0] * ranks[:, 1]).sum()) / sqrt(spread) if spread else None
