"""Two targets of a run against each other, by one criterion: what is shown of one, and what only seems so.

Shown means: by the paired, clustered bounds of confidence of their difference. Whoever makes many such claims divides
alpha by their number (Bonferroni)."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from genaiops.arena._criteria import Criterion, Values
from genaiops.arena._selection import RISKS
from genaiops.arena._tables import Tables
from genaiops.checks.statistics import Comparison, compare
from genaiops.core.errors import UsageError

Standing = Literal["front", "not_separable", "dominated"]
"""`not_separable`: another one measured better or alike by all criteria, and the cases do not show it."""


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What the targets of a run are compared on. `alpha`: of all claims together; `each`: of every single one."""

    run: str
    suite: str
    name: str
    check: str
    unit: str
    falling: bool
    alpha: float
    each: float


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """`one` against `other`. More is better in `difference`, `low` and `high` of all criteria. `word`: what is shown of
    `one`."""

    one: str
    other: str
    criterion: Criterion
    word: Literal["better", "worse", "not separable", "alike", "unknown"]
    margin: float = 0.0
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0


def pair_of(
    criterion: Criterion, one: str, other: str, found: Values, tables: Tables, *, margin: float, alpha: float
) -> Pair:
    mine, theirs = found.columns[one], found.columns[other]
    ids = [case for case in tables.cases if case in mine.values and case in theirs.values]
    unknown = Pair(one=one, other=other, criterion=criterion, word="unknown", margin=margin, n=len(ids))

    def compared(ours: Mapping[str, float], others: Mapping[str, float], cases: Sequence[str]) -> Comparison:
        sign = found.sign
        left, right = [sign * ours[each] for each in cases], [sign * others[each] for each in cases]
        return compare(left, right, tables.clusters(cases), alpha=alpha, span=found.span)

    try:
        said = low = high = compared(mine.values, theirs.values, ids)
        lost = mine.missing ^ theirs.missing
        if found.ends is not None and lost:  # what only one of them did not answer counts as its worst, or its best
            worst, best = found.ends
            every = [case for case in tables.cases if case in mine.values or case in theirs.values]
            low = compared(mine.filled(worst), theirs.filled(best), every)
            high = compared(mine.filled(best), theirs.filled(worst), every)
    except UsageError:
        return unknown
    same = low.low >= -margin and high.high <= margin
    word = "better" if low.low > 0 else "worse" if high.high < 0 else "alike" if same else "not separable"
    return msgspec.structs.replace(unknown, word=word, difference=said.difference, low=low.low, high=high.high)


def risk_pair(one: str, other: str, mine: str | None, theirs: str | None) -> Pair:
    """Levels are given, not measured: they differ, or not."""
    unknown = Pair(one=one, other=other, criterion="risk", word="unknown")
    if mine is None or theirs is None:
        return unknown
    levels: Sequence[str] = RISKS
    apart = float(levels.index(theirs) - levels.index(mine))
    word = "better" if apart > 0 else "worse" if apart < 0 else "alike"
    return msgspec.structs.replace(unknown, word=word, difference=apart, low=apart, high=apart)


def between(
    one: str, other: str, pairs: Sequence[Pair]
) -> list[tuple[float | None, float | None, float | None, float]]:
    """(difference, low, high, margin) of `one` against `other`, by criterion."""
    found: list[tuple[float | None, float | None, float | None, float]] = []
    for pair in pairs:
        if (pair.one, pair.other) == (one, other):
            found.append((pair.difference, pair.low, pair.high, pair.margin))
        elif (pair.other, pair.one) == (one, other):
            turned = [None if each is None else -each for each in (pair.difference, pair.high, pair.low)]
            found.append((turned[0], turned[1], turned[2], pair.margin))
    return found


def dominates(one: str, other: str, pairs: Sequence[Pair], criteria: int) -> bool:
    found = between(one, other, pairs)
    shown = [low is not None and low >= -margin for _, low, _, margin in found]
    better = any(low is not None and low > 0 for _, low, _, _ in found)
    return len(found) == criteria and all(shown) and better


def seems(one: str, other: str, pairs: Sequence[Pair]) -> bool:
    known = [difference for difference, _, _, _ in between(one, other, pairs) if difference is not None]
    return bool(known) and all(each >= 0 for each in known) and any(each > 0 for each in known)


def standing_of(
    target: str, others: Sequence[str], pairs: Sequence[Pair], criteria: int
) -> tuple[Standing, tuple[str, ...]]:
    """How it stands among the others, and who dominates it, or seems to."""
    shown = tuple(each for each in others if dominates(each, target, pairs, criteria))
    seeming = tuple(each for each in others if seems(each, target, pairs))
    return "dominated" if shown else "not_separable" if seeming else "front", shown or seeming
