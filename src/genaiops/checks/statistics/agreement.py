"""How far people, or judges and people, agree beyond chance."""

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Literal, TypeVar

import msgspec

from genaiops.checks.statistics.drawing import bootstrap
from genaiops.core.errors import UsageError

Scale = Literal["nominal", "ordinal", "interval"]
_H = TypeVar("_H", bound=Hashable)


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """`value`: 1 is agreement, 0 what chance gives, below 0 less than that. `low`, `high`: one-sided bounds, each at 1
    - `alpha`, by a bootstrap of the units (None: too few, or they do not vary)."""

    value: float
    low: float | None
    high: float | None
    units: int
    alpha: float


def krippendorff(
    ratings: Sequence[Sequence[float | None]],
    scale: Scale = "nominal",
    *,
    alpha: float = 0.05,
    times: int = 1000,
    seed: int = 0,
    groups: Sequence[Hashable] | None = None,
) -> Agreement:
    """Krippendorff's alpha: `ratings` of each unit, by whichever raters (None: not rated); units with fewer than two
    are left out. `groups`: to which each unit belongs, as answers to one question do; the bounds draw whole groups
    (None: units are independent). 1 - D_o / D_e over the pairs of ratings of one unit and over all pairs (Krippendorff,
    "Computing Krippendorff's alpha-reliability", 2011). Nominal ratings are codes. UsageError when no unit was rated
    twice, or all ratings are one: then no disagreement was possible."""
    together: dict[Hashable, list[list[float]]] = {}
    for number, unit in enumerate(ratings):
        rated = [each for each in unit if each is not None]
        if len(rated) > 1:
            together.setdefault(number if groups is None else groups[number], []).append(rated)
    units = [unit for group in together.values() for unit in group]
    if not units:
        raise UsageError("No unit was rated twice.", remedy="Let two people rate the same ones.")
    value = _alpha(units, scale)
    if value is None:
        raise UsageError("All ratings are the same: no disagreement was possible.", remedy="Rate units that differ.")
    low = high = None
    try:
        low, high = bootstrap(
            list(together.values()),
            lambda drawn: 1.0 if (found := _alpha(drawn, scale)) is None else found,
            alpha=alpha,
            times=times,
            seed=seed,
            method="percentile",
        )
    except UsageError:
        pass  # the value stands without bounds
    return Agreement(value=value, low=low, high=high, units=len(units), alpha=alpha)


def _alpha(units: Sequence[Sequence[float]], scale: Scale) -> float | None:
    import numpy as np

    kinds = sorted({value for unit in units for value in unit})
    if len(kinds) < 2:
        return None
    place = {kind: number for number, kind in enumerate(kinds)}
    together = np.zeros((len(kinds), len(kinds)))
    for unit in units:
        counts = np.zeros(len(kinds))
        for value in unit:
            counts[place[value]] += 1
        together += (np.outer(counts, counts) - np.diag(counts)) / (len(unit) - 1)
    totals = together.sum(0)
    values = np.array(kinds, float)
    if scale == "nominal":
        apart = 1.0 - np.eye(len(kinds))
    elif scale == "interval":
        apart = (values[:, None] - values[None, :]) ** 2
    else:
        ranks = np.cumsum(totals) - totals / 2
        apart = (ranks[:, None] - ranks[None, :]) ** 2
    expected = float((np.outer(totals, totals) * apart).sum()) / (float(totals.sum()) - 1)
    return 1 - float((together * apart).sum()) / expected


def cohen(one: Sequence[_H], other: Sequence[_H]) -> float:
    """Cohen's kappa of two raters of the same units, unweighted: (p_o - p_e) / (1 - p_e) (Cohen, "A coefficient of
    agreement for nominal scales", Educational and Psychological Measurement 20, 1960). UsageError for sides of
    different lengths, none, and where both say one thing of all."""
    if len(one) != len(other) or not one:
        raise UsageError("Two raters rate the same units.", remedy="Give a rating of each for each unit.")
    n = len(one)
    mine, theirs = Counter(one), Counter(other)
    seen = sum(a == b for a, b in zip(one, other, strict=True)) / n
    by_chance = sum(mine[kind] * theirs[kind] for kind in mine) / n**2
    if by_chance == 1:
        raise UsageError("Both say one thing of all: no disagreement was possible.", remedy="Rate units that differ.")
    return (seen - by_chance) / (1 - by_chance)
