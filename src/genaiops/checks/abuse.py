"""Whether a key is being used to probe the guards: a sequential test over counts in windows of time.

Three patterns, each a share of the window's calls: `blocked` (calls that a guard stopped), `repeated` (prompts nearly
the same as an earlier one of the window) and `variants` (refused or blocked calls whose prompt is nearly the same as
that of an earlier such call).

For each, the hypothesis is that a call shows the pattern with at most the probability p0, whatever came before. p0 is
the upper bound of the key's own baseline (Chernoff's bound, as in A. Garivier and O. Cappe, "The KL-UCB algorithm",
COLT 2011), times what is tolerated, and at least a floor. A window of x of n is worth the e-value: the mean of the
likelihood ratios of five higher shares, whose odds are 2, 4, 8, 16 and 32 times those of p0. Its expectation under the
hypothesis is at most 1. The evidence runs on as a Shiryaev-Roberts e-detector, M = (M + 1) * e (J. Shin, A. Ramdas, A.
Rinaldo, "E-detectors: a nonparametric framework for sequential change detection", 2022). The alarm is at three times
`windows_between` for any of the three: while the hypotheses hold, the first false alarm comes on average after
`windows_between` windows at the earliest. That the bound of the baseline fails has the probability `BASELINE_ERROR` for
each pattern and comes on top. Calls that depend on one another beyond p0 (a program that repeats what was blocked) are
not false alarms of this test, but what it looks for.
"""

import heapq
import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, Literal
from zlib import crc32

import msgspec

from genaiops.checks.words import words
from genaiops.core.errors import UsageError
from genaiops.domain import Verdict

Pattern = Literal["blocked", "repeated", "variants"]
PATTERNS: Final[tuple[Pattern, ...]] = ("blocked", "repeated", "variants")
BASELINE_ERROR: Final = 0.01
_ODDS: Final = (2.0, 4.0, 8.0, 16.0, 32.0)
_SKETCH: Final = 24
_HIGHEST: Final = 0.95
_BACK: Final = 256


class Counts(msgspec.Struct, frozen=True):
    """Of one key, in one window or over its baseline. A pattern is counted once a call."""

    calls: int
    blocked: int = 0
    repeated: int = 0
    variants: int = 0


class Evidence(msgspec.Struct, frozen=True):
    """Natural logarithms of the three detectors; a key begins with this one, also after an alarm was dealt with."""

    blocked: float = -math.inf
    repeated: float = -math.inf
    variants: float = -math.inf


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """`windows_between`: between two false alarms of a key, on average at least. `tolerated`: the multiple of the
    baseline that is nothing yet; `floor`: the share of calls that is nothing yet whatever the baseline."""

    windows_between: float = 100_000
    tolerated: float = 1.5
    floor: float = 0.05

    def __post_init__(self) -> None:
        if not (self.windows_between >= 1 and self.tolerated >= 1 and 0 < self.floor <= _HIGHEST):
            raise UsageError(
                f"{self} is no rule.",
                remedy=f"windows_between and tolerated are at least 1, floor is above 0 and at most {_HIGHEST}.",
            )


def step(evidence: Evidence, window: Counts, baseline: Counts, rule: Rule | None = None) -> tuple[Evidence, Verdict]:
    """What the key's evidence is after a window, and what it says. `baseline` is what the key did in times that nobody
    complained of, without this window; for a key without a past, that of all keys. The verdict's measure is the largest
    detector: fail from three times `windows_between` on, warn from a hundredth of that."""
    rule = rule or Rule()
    logs = {
        pattern: _logaddexp(getattr(evidence, pattern), 0.0)
        + log_e(getattr(window, pattern), window.calls, usual(getattr(baseline, pattern), baseline.calls, rule))
        for pattern in PATTERNS
    }
    after = Evidence(**logs)
    if not window.calls:
        return after, Verdict(outcome="inconclusive", reason="There was no call.", unit="e-value", n=0)
    bound = math.log(len(PATTERNS) * rule.windows_between)
    worst = max(PATTERNS, key=lambda pattern: logs[pattern])
    measure = math.exp(min(logs[worst], 700.0))
    over = tuple(pattern for pattern in PATTERNS if logs[pattern] >= bound - math.log(100))
    if not over:
        return after, Verdict(outcome="pass", measure=measure, unit="e-value", n=window.calls)
    share = getattr(window, worst) / window.calls
    usually = getattr(baseline, worst) / baseline.calls if baseline.calls else 0.0
    return after, Verdict(
        outcome="fail" if logs[worst] >= bound else "warn",
        reason=f"{share:.0%} of the calls are {worst}; the key's usual share is {usually:.1%}.",
        measure=measure,
        unit="e-value",
        n=window.calls,
        evidence=over,
    )


def growth(windows: Iterable[tuple[int, int]], p0: float) -> float:
    """Natural logarithm of the detector after these windows, (calls that show a pattern, calls) each, in order of
    time, begun anew before the first. It may be looked at in the middle of a window."""
    log = -math.inf
    for seen, calls in windows:
        log = _logaddexp(log, 0.0) + log_e(seen, calls, p0)
    return log


def usual(seen: int, calls: int, rule: Rule) -> float:
    """p0: the highest share of calls that is taken for usual."""
    return min(_HIGHEST, max(rule.floor, rule.tolerated * _upper(seen, calls)))


def log_e(seen: int, calls: int, p0: float) -> float:
    """Natural logarithm of the e-value of `seen` of `calls` against a share of at most `p0`. UsageError for counts that
    cannot be."""
    if not 0 <= seen <= calls:
        raise UsageError(f"{seen} of {calls} calls cannot be.", remedy="Count each call once for a pattern.")
    ratios = -math.inf
    for odds in _ODDS:
        q = odds * p0 / (1 - p0 + odds * p0)
        ratio = seen * math.log(q / p0) + (calls - seen) * math.log((1 - q) / (1 - p0))
        ratios = _logaddexp(ratios, ratio)
    return ratios - math.log(len(_ODDS))


def _upper(seen: int, calls: int) -> float:
    """The share u above seen/calls with calls * KL(seen/calls, u) = ln(1 / BASELINE_ERROR): the true share is higher
    with at most that probability. 0 without calls: nothing is known, so that the floor stands."""
    if not calls:
        return 0.0
    share, wanted = seen / calls, math.log(1 / BASELINE_ERROR) / calls
    low, high = share, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        if _divergence(share, middle) < wanted:
            low = middle
        else:
            high = middle
    return high


def _divergence(p: float, q: float) -> float:
    """Kullback and Leibler's, of two shares, in nats."""
    if q >= 1:
        return math.inf if p < 1 else 0.0
    first = p * math.log(p / q) if p else 0.0
    return first + ((1 - p) * math.log((1 - p) / (1 - q)) if p < 1 else 0.0)


def _logaddexp(a: float, b: float) -> float:
    high, low = max(a, b), min(a, b)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))


def sketch(text: str) -> tuple[int, ...]:
    """Of a prompt, for `similar`: the 24 smallest hashes of its words and pairs of words (A. Broder, "On the
    resemblance and containment of documents", 1997). It does not tell the prompt."""
    found = words(text).texts
    features = {*found, *(f"{one} {other}" for one, other in pairwise(found))}
    return tuple(heapq.nsmallest(_SKETCH, {crc32(each.encode()) for each in features}))


def similar(first: Sequence[int], second: Sequence[int]) -> float:
    """Estimate of the share of words and pairs that two prompts have in common (Jaccard's), from 0 to 1; exact where
    both together have at most 24 of them. Two empty ones are the same."""
    least = heapq.nsmallest(_SKETCH, {*first, *second})
    if not least:
        return 1.0
    common = {*first} & {*second}
    return sum(each in common for each in least) / len(least)


def repeats(sketches: Sequence[Sequence[int]], *, alike: float = 0.6) -> int:
    """How many prompts of a window, in order of time, are nearly the same as one of the 256 before them."""
    return sum(
        any(similar(sketches[before], each) >= alike for before in range(max(0, at - _BACK), at))
        for at, each in enumerate(sketches)
    )
