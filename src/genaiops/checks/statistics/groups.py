"""How decisions differ between groups of people, and how sure that is.

Rates of a group: `selection`, of all; `true_positive`, of those for whom the decision is right to be positive;
`false_positive`, of the others; `accuracy`. Differences and ratios between groups are those of fairlearn (the largest
less, or over, the smallest) and, with a group of reference, those of AIF360.

Bounds are made of pairs of groups. That no pair is further apart than an upper bound needs no correction; that some
pair is at least so far apart is corrected for the number of pairs (Bonferroni). Pairs of independent cases have
Newcombe's bounds from Wilson's ("Interval estimation for the difference between independent proportions", Statistics in
Medicine 17, 1998, method 10; of ratios: "MOVER-R confidence intervals for ratios and products of two independently
estimated quantities", Statistical Methods in Medical Research 25, 2016); pairs of cases in clusters those of a
bootstrap over clusters, and where a rate is 0 or 1, of which a bootstrap knows no variance, the wider of both.
"""

from collections.abc import Mapping, Sequence
from math import sqrt
from sys import float_info
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from genaiops.checks.proportion import wilson
from genaiops.checks.statistics.drawing import bounds, cluster_sums, draws
from genaiops.checks.statistics.level import Level, level
from genaiops.core.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Rate = Literal["selection", "true_positive", "false_positive", "accuracy"]
Kind = Literal["difference", "ratio"]
LEAST: Final = 30
"""Of a smaller group nothing is said."""


class Member(msgspec.Struct, frozen=True):
    """A decision about somebody: `chosen`, and whether that would be `right` (None: not known, or not asked).
    `cluster` "": independent of all others."""

    group: str
    chosen: bool
    right: bool | None = None
    cluster: str = ""


class GroupRate(msgspec.Struct, frozen=True, kw_only=True):
    """Of one group: `times` of `n`, in `clusters`; `low` and `high` by Wilson, over clusters where there are any."""

    group: str
    times: int
    n: int
    clusters: int
    value: float
    low: float
    high: float


class Disparity(msgspec.Struct, frozen=True, kw_only=True):
    """`value` is that of `pair`, the two groups that are furthest apart; `low` and `high`: one-sided bounds, each at
    1 - `alpha`. `small`: groups too small to say anything of; the bounds are then those of the range."""

    value: float
    low: float
    high: float
    alpha: float
    pair: tuple[str, str]
    rate: Rate
    rates: tuple[GroupRate, ...]
    small: tuple[str, ...] = ()


def levels(
    values: Sequence[float], groups: Sequence[str], clusters: Sequence[str] = (), *, alpha: float = 0.05
) -> Mapping[str, Level]:
    """Any metric's values by group, each with its mean and bounds. A group of which nothing can be said (one case) is
    left out."""
    found: dict[str, Level] = {}
    for name in dict.fromkeys(groups):
        places = [place for place, group in enumerate(groups) if group == name]
        mine = [clusters[place] for place in places] if clusters else []
        try:
            found[name] = level([values[place] for place in places], mine, alpha=alpha)
        except UsageError:
            continue
    return found


class _Pairs(msgspec.Struct, frozen=True):
    """Rates of groups, and the bounds of what two of them make."""

    rates: Sequence[GroupRate]
    drawn: Any
    """Draws by groups (2-D); None: every case is independent."""
    kind: Kind

    def value(self, one: int, other: int) -> float:
        a, b = self.rates[one].value, self.rates[other].value
        return a - b if self.kind == "difference" else a / b if b else float_info.max

    def bounds(self, one: int, other: int, below: float, above: float) -> tuple[float, float]:
        mine, theirs = self.rates[one], self.rates[other]
        by_formula = (_mover(mine, theirs, below, self.kind)[0], _mover(mine, theirs, above, self.kind)[1])
        if self.drawn is None:
            return by_formula
        a, b = self.drawn[:, one], self.drawn[:, other]
        found = bounds(a - b if self.kind == "difference" else _over(a, b), below, above)
        if found is None or any(each.value in (0.0, 1.0) for each in (mine, theirs)):
            found = found or by_formula
            return min(found[0], by_formula[0]), max(found[1], by_formula[1])
        return found


def disparity(
    members: Sequence[Member],
    rate: Rate,
    kind: Kind,
    *,
    reference: str = "",
    least: int = LEAST,
    alpha: float = 0.05,
) -> Disparity:
    """Of the two groups that are furthest apart: the greatest rate less the smallest, or the smallest over the greatest
    (1: equal). With a `reference`, the smallest ratio of a group over it, which may be above 1, or the difference of
    the group that is furthest below it.

    UsageError for fewer than two groups, a group whose rate is not defined, and a ratio over 0."""
    names, table = _counted(members, rate)
    if len(names) < 2:
        said = f"only {names[0]!r}" if names else "none"
        raise UsageError(f"Two groups or more are compared; there is {said}.", remedy="Name what tells them apart.")
    if reference and reference not in names:
        raise UsageError(f"There is no group {reference!r}.", remedy=f"There are: {', '.join(names)}.")
    rates = [_rate(name, table[:, 2 * place : 2 * place + 2], rate, alpha) for place, name in enumerate(names)]
    top = names.index(reference) if reference else max(range(len(names)), key=lambda place: rates[place].value)
    if kind == "ratio" and not rates[top].value:
        raise UsageError(
            f"No ratio can be taken over a {_WORDS[rate]} of 0.", remedy="See the difference, or more cases."
        )
    clustered = any(each.clusters < each.n for each in rates)
    pairs = _Pairs(rates, draws(table, _rates_of) if clustered else None, kind)
    ordered = [(one, other) for one in range(len(names)) for other in range(len(names)) if one != other]
    if reference:
        ordered = [(one, other) if kind == "ratio" else (other, one) for one, other in ordered if other == top]
    by_value = sorted(ordered, key=lambda each: pairs.value(*each))
    pair = by_value[-1] if kind == "difference" else by_value[0]
    if kind == "difference":
        low = max(pairs.bounds(*each, alpha / len(ordered), alpha)[0] for each in ordered)
        high = max(pairs.bounds(*each, alpha, alpha)[1] for each in ordered)
        span = (-1.0 if reference else 0.0, 1.0)
    else:
        low = min(pairs.bounds(*each, alpha, alpha)[0] for each in ordered)
        high = min(pairs.bounds(*each, alpha, alpha / len(ordered))[1] for each in ordered)
        span = (0.0, float_info.max if reference else 1.0)
    small = tuple(each.group for each in rates if each.n < least)
    if small:
        low, high = span
    return Disparity(
        value=pairs.value(*pair),
        low=max(span[0], low),
        high=min(span[1], high),
        alpha=alpha,
        pair=(names[pair[0]], names[pair[1]]),
        rate=rate,
        rates=tuple(rates),
        small=small,
    )


def equalized_odds(members: Sequence[Member], *, least: int = LEAST, alpha: float = 0.05) -> Disparity:
    """The greater of the differences of true and of false positive rates (Hardt, Price and Srebro, "Equality of
    opportunity in supervised learning", 2016, arXiv 1610.02413, definition 2.1). The lower bound is corrected for
    both."""
    both = [disparity(members, rate, "difference", least=least, alpha=alpha) for rate in _ODDS]
    halved = [disparity(members, rate, "difference", least=least, alpha=alpha / 2) for rate in _ODDS]
    worst = max(both, key=lambda each: each.value)
    small = tuple(dict.fromkeys(name for each in both for name in each.small))
    low = 0.0 if small else max(each.low for each in halved)
    high = 1.0 if small else max(each.high for each in both)
    return msgspec.structs.replace(worst, low=low, high=high, small=small)


_ODDS: Final[tuple[Rate, Rate]] = ("true_positive", "false_positive")
_WORDS: Final[Mapping[Rate, str]] = {
    "selection": "selection rate",
    "true_positive": "true positive rate",
    "false_positive": "false positive rate",
    "accuracy": "share of right decisions",
}
_WITHOUT: Final[Mapping[Rate, str]] = {
    "true_positive": "nobody for whom a positive decision is right",
    "false_positive": "nobody for whom a negative decision is right",
}


def _counted(members: Sequence[Member], rate: Rate) -> tuple[list[str], "NDArray[Any]"]:
    """Names of the groups, and a row a cluster: of group k the columns 2k (how often) and 2k + 1 (of how many)."""
    import numpy as np

    names = sorted({member.group for member in members})
    place = {name: number for number, name in enumerate(names)}
    rows = np.zeros((len(members), 2 * len(names)))
    for row, member in zip(rows, members, strict=True):
        if rate != "selection" and member.right is None:
            raise UsageError(
                f"The {_WORDS[rate]} needs to know what is right for everybody.", remedy="Give each case its label."
            )
        counts, of_all = {
            "selection": (member.chosen, True),
            "accuracy": (member.chosen == member.right, True),
            "true_positive": (member.chosen, bool(member.right)),
            "false_positive": (member.chosen, not member.right),
        }[rate]
        row[2 * place[member.group] : 2 * place[member.group] + 2] = counts and of_all, of_all
    return names, cluster_sums(rows, [member.cluster for member in members])


def _rate(name: str, columns: "NDArray[Any]", rate: Rate, alpha: float) -> GroupRate:
    times, n = (int(each) for each in columns.sum(axis=0))
    if not n:
        raise UsageError(
            f"The {_WORDS[rate]} of the group {name!r} is not defined: it has {_WITHOUT[rate]}.",
            remedy="Add such cases, or leave the group out.",
        )
    clusters = int((columns[:, 1] > 0).sum())
    low, high = _wilson(times / n, clusters, alpha)
    return GroupRate(group=name, times=times, n=n, clusters=clusters, value=times / n, low=low, high=high)


def _rates_of(sums: "NDArray[Any]") -> "NDArray[Any]":
    return _over(sums[:, 0::2], sums[:, 1::2])


def _over(one: "NDArray[Any]", other: "NDArray[Any]") -> "NDArray[Any]":
    import numpy as np

    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(other > 0, one / other, np.nan)


def _wilson(share: float, n: int, alpha: float) -> tuple[float, float]:
    """Of n independent cases; a share over clusters as if it were that of so many cases."""
    return wilson(share * n, n, confidence=1 - 2 * alpha)


def _mover(one: GroupRate, other: GroupRate, alpha: float, kind: Kind) -> tuple[float, float]:
    a, b = one.value, other.value
    (low_a, high_a), (low_b, high_b) = _wilson(a, one.clusters, alpha), _wilson(b, other.clusters, alpha)
    if kind == "difference":
        return a - b - sqrt((a - low_a) ** 2 + (high_b - b) ** 2), a - b + sqrt((high_a - a) ** 2 + (b - low_b) ** 2)
    return _mover_ratio((a, low_a, high_a), (b, low_b, high_b))


def _mover_ratio(one: tuple[float, float, float], other: tuple[float, float, float]) -> tuple[float, float]:
    (a, low_a, high_a), (b, low_b, high_b) = one, other
    inner, outer = low_a * (2 * a - low_a), high_b * (2 * b - high_b)
    root = sqrt(max(0.0, (a * b) ** 2 - inner * outer))
    low = (a * b - root) / outer if outer else inner / (2 * a * b) if a * b else 0.0
    inner, outer = high_a * (2 * a - high_a), low_b * (2 * b - low_b)
    root = sqrt(max(0.0, (a * b) ** 2 - inner * outer))
    return max(0.0, low), (a * b + root) / outer if outer > 0 else float_info.max
