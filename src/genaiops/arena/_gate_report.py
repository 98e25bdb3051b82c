"""What a gate says."""

from typing import Literal

import msgspec

from genaiops.arena._duels import Duels
from genaiops.checks.statistics import Comparison, Level
from genaiops.domain import SuiteCheck, Verdict

LineKind = Literal["floor", "margin", "improves", "tolerance", "every_case", "corpus", "errors", "usable"]


class GateLine(msgspec.Struct, frozen=True, kw_only=True):
    """One condition. `at_most`: less is better, so that `asked` is the most of a level. `more`: how many cases beside
    those there are would likely decide it (None: it is decided, or no number would). `missing`: cases without a value
    for either side; the verdict holds whatever they would have been."""

    kind: LineKind
    check: str = ""
    target: str
    asked: float | None = None
    at_most: bool = False
    verdict: Verdict
    comparison: Comparison | None = None
    level: Level | None = None
    more: int | None = None
    missing: int = 0


class GateReport(msgspec.Struct, frozen=True, kw_only=True):
    """`targets`: which were judged. `baseline` "": none was compared with. `duels`: what was held against it pair by
    pair, as judges say it."""

    verdict: Verdict
    lines: tuple[GateLine, ...]
    targets: tuple[str, ...]
    baseline: str = ""
    alpha: float = 0.05
    duels: tuple[Duels, ...] = ()


def all_hold(number: int) -> str:
    """Of so many conditions, as a sentence."""
    return "The condition holds." if number == 1 else f"All {number} conditions hold."


def margin_words(difference: float, low: float, sure: str, margin: float) -> str:
    """What is said of a difference (more is better, at worst `low`) that may be worse by a margin."""
    worst = f"{-low:.4g} worse" if low < 0 else f"{low:.4g} better"
    return f"difference {difference:+.4g}, at worst {worst} with {sure} confidence; {margin:.4g} is allowed"


def undecided(
    kind: LineKind, check: SuiteCheck, target: str, asked: float | None, reason: str, *, missing: int = 0
) -> GateLine:
    """A line that says why nothing can be said."""
    verdict = Verdict(outcome="inconclusive", reason=reason)
    return GateLine(kind=kind, check=check.name, target=target, asked=asked, verdict=verdict, missing=missing)
