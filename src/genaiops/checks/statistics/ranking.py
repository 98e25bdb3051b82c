"""Ratings of many by which of two was better, again and again."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from genaiops.core.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

ELO: Final = 400.0
"""Points of a rating at which one is ten times as likely to win (Elo, "The Rating of Chessplayers", 1978)."""
CENTRE: Final = 1000.0
_STEPS: Final = 2000


class Duel(msgspec.Struct, frozen=True):
    """`score`: of `one` against `other`: 1 it won, 0 it lost, 0.5 neither. Duels of one `cluster` (a prompt) are not
    independent of each other."""

    one: str
    other: str
    score: float
    cluster: str


class Rating(msgspec.Struct, frozen=True, kw_only=True):
    """`value` in points of Elo around 1000; `low`, `high`: bounds by a bootstrap of the clusters (None: too few).
    `rank`: 1 and how many others' `low` is above this one's `high`. `duels`: how many it stood in; `wins` with ties as
    half."""

    name: str
    value: float
    low: float | None
    high: float | None
    rank: int
    duels: int
    wins: float


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """Best first. `groups`: of those that were compared with each other, if only through others; between two groups the
    duels say nothing, and their ratings cannot be compared."""

    ratings: tuple[Rating, ...]
    groups: tuple[tuple[str, ...], ...]
    clusters: int
    alpha: float


def bradley_terry(
    duels: Sequence[Duel], *, prior: float = 0.5, alpha: float = 0.025, times: int = 1000, seed: int = 0
) -> Ranking:
    """Strengths w of P(one beats other) = w_one / (w_one + w_other), the likeliest by minorisation and maximisation
    (Bradley and Terry, Biometrika 39, 1952; Hunter, "MM algorithms for generalized Bradley-Terry models", Annals of
    Statistics 32, 2004); a tie is half a win of each. `prior`: so many wins and as many losses of each against one of
    strength 1, without which whoever never lost would be infinitely strong; 0: none, for parity. Each bound at 1 -
    `alpha`, by a percentile bootstrap of whole clusters. UsageError without duels, and for one with oneself."""
    if not duels:
        raise UsageError("There are no duels to rate by.", remedy="Label some first.")
    if any(each.one == each.other for each in duels):
        raise UsageError("Somebody has a duel with themselves.", remedy="Compare two that differ.")
    import numpy as np

    names = sorted({name for each in duels for name in (each.one, each.other)})
    place = {name: number for number, name in enumerate(names)}
    clusters = {name: number for number, name in enumerate(dict.fromkeys(each.cluster for each in duels))}
    wins = np.zeros((len(clusters), len(names), len(names)))
    for each in duels:
        one, other, at = place[each.one], place[each.other], clusters[each.cluster]
        wins[at, one, other] += each.score
        wins[at, other, one] += 1 - each.score
    whole = wins.sum(0)
    values = _points(whole[None], prior)[0]
    lows: Sequence[float | None] = [None] * len(names)
    highs: Sequence[float | None] = [None] * len(names)
    if len(clusters) > 1:
        chance = np.random.default_rng(seed)
        times_drawn = chance.multinomial(len(clusters), np.full(len(clusters), 1 / len(clusters)), size=times)
        drawn = _points(np.tensordot(times_drawn.astype(float), wins, axes=1), prior)
        lows, highs = (np.quantile(drawn, share, axis=0).tolist() for share in (alpha, 1 - alpha))
    bounds = list(zip(lows, highs, strict=True))
    ratings = [
        Rating(
            name=name,
            value=float(values[at]),
            low=bounds[at][0],
            high=bounds[at][1],
            rank=1 + sum(_above(bounds[other], bounds[at]) for other in range(len(names))),
            duels=round(float(whole[at].sum() + whole[:, at].sum())),
            wins=float(whole[at].sum()),
        )
        for name, at in place.items()
    ]
    return Ranking(
        ratings=tuple(sorted(ratings, key=lambda each: (-each.value, each.name))),
        groups=_groups(names, duels),
        clusters=len(clusters),
        alpha=alpha,
    )


def rank_ranges(bounds: Sequence[tuple[float | None, float | None]], *, falling: bool = False) -> list[tuple[int, int]]:
    """(best, worst) rank that each may have, 1 the best, by bounds of confidence (low, high; None: nothing is known):
    one has another above it for sure when the other's low is above its high. With bounds that hold all together at 1 -
    alpha, all ranges hold together at 1 - alpha, whatever depends on what (Klein, Wright and Wieczorek, "A joint
    confidence region for an overall ranking of populations", Journal of the Royal Statistical Society C 69, 2020).
    `falling`: less is better."""
    found: list[tuple[int, int]] = []
    for one in bounds:
        above = sum(_above(other, one) for other in bounds)
        below = sum(_above(one, other) for other in bounds)
        first, last = (below, above) if falling else (above, below)
        found.append((1 + first, len(bounds) - last))
    return found


def _above(one: tuple[float | None, float | None], other: tuple[float | None, float | None]) -> bool:
    return one[0] is not None and other[1] is not None and one[0] > other[1]


def _points(wins: "NDArray[Any]", prior: float) -> "NDArray[Any]":
    """Of each draw (first axis), in points. Without a prior they are centred; with one, its 1 is the centre."""
    import numpy as np

    won = wins.sum(2) + prior
    met = wins + wins.transpose(0, 2, 1)
    strength = np.ones(won.shape)
    for _ in range(_STEPS):
        share = (met / (strength[:, :, None] + strength[:, None, :])).sum(2) + 2 * prior / (strength + 1)
        new = np.maximum(won, 1e-300) / np.maximum(share, 1e-300)
        if not prior:
            new /= np.exp(np.log(new).mean(1, keepdims=True))
        still = float(np.abs(np.log(new) - np.log(strength)).max())
        strength = new
        if still < 1e-7:
            break
    return CENTRE + ELO * np.log10(strength)


def _groups(names: Sequence[str], duels: Sequence[Duel]) -> tuple[tuple[str, ...], ...]:
    root: dict[str, str] = {name: name for name in names}

    def find(name: str) -> str:
        while root[name] != name:
            name = root[name]
        return name

    for each in duels:
        root[find(each.one)] = find(each.other)
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(find(name), []).append(name)
    return tuple(tuple(group) for group in found.values())
