"""How often a method is wrong about claims, against what people say of them.

Claims of one answer hang together, so that bounds are over answers. Where only some of the claims that a method calls
supported were shown to people, each of those stands for as many as it was drawn from (Horvitz and Thompson, 1952).
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from genaiops.checks.proportion import wilson
from genaiops.checks.statistics.drawing import bootstrap
from genaiops.core.errors import UsageError

_ALPHA: Final = 0.025
_FEW: Final = 30
"""Answers below which bounds are widened."""


class Decided(msgspec.Struct, frozen=True):
    """A claim of `answer`. `flagged`: the method did not call it supported; `wrong`: nor do people. `weight`: how many
    claims it stands for."""

    answer: str
    flagged: bool
    wrong: bool
    probability: float | None = None
    weight: float = 1.0


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """`value` None: of nothing. `low` to `high`: 95 % of confidence. `n` claims were looked at."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0


class FactErrors(msgspec.Struct, frozen=True, kw_only=True):
    """`precision`: of what is flagged, how much people call unsupported, too. `recall`: of what people call
    unsupported, how much is flagged; `false_alarms`: of what they call supported. `brier`: the mean squared
    distance of the probability from what people say. `why`: what is missing for a figure that is not there."""

    claims: int
    answers: int
    precision: Rate
    recall: Rate
    false_alarms: Rate
    brier: Rate
    why: str = ""


def fact_errors(decided: Sequence[Decided]) -> FactErrors:
    """Of claims that people have decided."""
    flagged = [each for each in decided if each.flagged]
    wrong = [each for each in decided if each.wrong]
    right = [each for each in decided if not each.wrong]
    told = [each for each in decided if each.probability is not None]
    seen_supported = len(flagged) < len(decided)
    why = ""
    if not decided:
        why = "Nobody has decided a claim yet."
    elif not seen_supported:
        why = "Nobody decided a claim that the method calls supported, so what it misses is unknown: queue a sample."
    return FactErrors(
        claims=len(decided),
        answers=len({each.answer for each in decided}),
        precision=_rate(flagged, lambda each: each.wrong),
        recall=_rate(wrong, lambda each: each.flagged) if seen_supported else Rate(),
        false_alarms=_rate(right, lambda each: each.flagged) if seen_supported else Rate(),
        brier=_mean(told, lambda each: ((each.probability or 0.0) - (not each.wrong)) ** 2),
        why=why,
    )


def _rate(among: Sequence[Decided], hit: Callable[[Decided], bool]) -> Rate:
    """Of few answers a bootstrap is too sure: then no narrower than Wilson's interval of as many trials as answers."""
    found = _mean(among, lambda each: float(hit(each)))
    groups = len({each.answer for each in among})
    if found.value is None or (found.low is not None and groups >= _FEW):
        return found
    low, high = wilson(round(found.value * groups), groups)
    low, high = min(low, found.value), max(high, found.value)
    if found.low is not None and found.high is not None:
        low, high = min(low, found.low), max(high, found.high)
    return Rate(value=found.value, low=low, high=high, n=found.n)


def _mean(among: Sequence[Decided], figure: Callable[[Decided], float]) -> Rate:
    """Weighted, with bounds by a bootstrap of answers; without bounds where nothing varies."""
    if not among:
        return Rate()

    def mean(items: Sequence[Decided]) -> float:
        return sum(each.weight * figure(each) for each in items) / sum(each.weight for each in items)

    groups: dict[str, list[Decided]] = {}
    for each in among:
        groups.setdefault(each.answer, []).append(each)
    value = mean(among)
    try:
        low, high = bootstrap(list(groups.values()), mean, alpha=_ALPHA, times=1000, method="percentile")
    except UsageError:
        return Rate(value=value, n=len(among))
    return Rate(value=value, low=max(0.0, low), high=min(1.0, high), n=len(among))
