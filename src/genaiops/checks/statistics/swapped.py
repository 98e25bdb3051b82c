"""Whether answers still come from what they came from: a permutation test within cases, on texts.

Of each case there are answers of before and of now. When nothing changed, which of them are of now is chance: every
choice of so many of them is as likely as another (Fisher, "The Design of Experiments", 1935; Good, "Permutation,
Parametric and Bootstrap Tests of Hypotheses", 2005, chapter 3). The statistic is the energy distance between both
sides (Szekely and Rizzo, "Energy statistics", Journal of Statistical Planning and Inference 143, 2013), summed over
cases, with a distance between texts in place of one between numbers. Whatever the distance is, the chance of a false
alarm is at most `alpha`, provided that the answers to a case are independent of each other given what answers.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations, pairwise
from math import comb
from typing import Any, Final

import msgspec

_MOST_CHOICES: Final = 500
"""Choices of a case that are all worked out; of more a sample is drawn."""
_TOKENS: Final = 400
"""Words of an answer that count: where a longer one begins to differ matters little."""


class Swapped(msgspec.Struct, frozen=True, kw_only=True):
    """`p`: the chance of a difference as large when nothing changed; `distance`: the mean of cases, 0 (alike) to 1;
    `cases` that could be compared, `differing` those of which no answer of now was ever given before; `least`: the
    smallest `p` that these answers could have led to."""

    p: float
    distance: float
    cases: int
    differing: int
    least: float


def far(one: str, other: str) -> float:
    """The distance of two texts: 0 when they are the same, else half for that they are not, and half for the share of
    their words and pairs of words that they do not have in common (Bray and Curtis, 1957). 0 to 1."""
    if one == other:
        return 0.0
    left, right = _grams(one), _grams(other)
    both = sum(left.values()) + sum(right.values())
    shared = sum((left & right).values())
    return 0.5 + 0.5 * (1.0 - 2.0 * shared / both if both else 1.0)


def swapped(cases: Sequence[tuple[Sequence[str], Sequence[str]]], *, draws: int = 99_999, seed: int = 0) -> Swapped:
    """`cases`: (answers of before, answers of now) to each. Cases without an answer on both sides, and with fewer than
    two before, are left out, for they cannot tell. `draws` bounds how small `p` can be: 1 / (draws + 1)."""
    import numpy as np

    chance = np.random.default_rng(seed)
    seen, total = 0.0, np.zeros(draws)
    used = differing = 0
    least = 1.0
    for before, now in cases:
        if len(before) < 2 or not now:
            continue
        used += 1
        differing += set(before).isdisjoint(now)
        values = _values(before, now, chance)
        least /= comb(len(before) + len(now), len(now))
        seen += float(values[0])
        if values.max() > values.min():
            total += values[chance.integers(0, len(values), draws)]
        else:
            total += values[0]
    if not used:
        return Swapped(p=1.0, distance=0.0, cases=0, differing=0, least=1.0)
    as_far = int((total >= seen - 1e-9).sum())
    return Swapped(
        p=(as_far + 1) / (draws + 1),
        distance=max(0.0, seen / used),
        cases=used,
        differing=differing,
        least=max(least, 1 / (draws + 1)),
    )


def _values(before: Sequence[str], now: Sequence[str], chance: Any) -> Any:
    """The statistic of a case for each choice of who is of now; first for what it was."""
    import numpy as np

    texts = [*before, *now]
    size, taken = len(texts), len(now)
    apart = np.zeros((size, size))
    for one, other in combinations(range(size), 2):
        apart[one, other] = apart[other, one] = far(texts[one], texts[other])
    own = tuple(range(len(before), size))
    if comb(size, taken) <= _MOST_CHOICES:
        choices = [own, *(each for each in combinations(range(size), taken) if each != own)]
    else:
        choices = [own, *(tuple(chance.choice(size, taken, replace=False)) for _ in range(_MOST_CHOICES))]
    chosen = np.zeros((len(choices), size))
    for number, places in enumerate(choices):
        chosen[number, list(places)] = 1.0
    others = 1.0 - chosen
    rest = size - taken
    between = np.einsum("ci,ij,cj->c", chosen, apart, others) / (taken * rest)
    inside = np.einsum("ci,ij,cj->c", chosen, apart, chosen) / max(1, taken * (taken - 1))
    outside = np.einsum("ci,ij,cj->c", others, apart, others) / max(1, rest * (rest - 1))
    return between - 0.5 * inside - 0.5 * outside


def _grams(text: str) -> Counter[str]:
    words = text.split()[:_TOKENS]
    return Counter(words) + Counter(f"{one} {other}" for one, other in pairwise(words))
