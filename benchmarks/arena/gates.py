"""Gates by simulation: candidates that are exactly as much worse as the margin allows (a pass is false), and candidates
that are no worse (a fail is false, a pass is what one wants).

Decisions are those of the bounds that `genaiops.checks.statistics` makes: for differences in a range by the chance that
the bound is beyond the margin, for right and wrong by the bounds themselves, for each pair of wins and losses once.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

import numpy as np

from benchmarks.guardrails.report import Cell, Report, Table
from genaiops.checks.statistics import lower_share, score_bounds, upper_share
from genaiops.checks.statistics.bounded import chance_below

ALPHA: Final = 0.05
MARGINS: Final = {30: 0.15, 100: 0.08, 300: 0.05, 1000: 0.025}
"""Cases -> margin: about what so many decide."""
BAR: Final = 0.06
_MEAN_SIZE: Final = 5

Array = np.ndarray[Any, np.dtype[Any]]
Draw = Callable[[np.random.Generator, int, int, float], tuple[Array, Array]]
"""Repetitions, cases and true difference -> totals and sizes of groups, a row a repetition."""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repetitions", type=int, default=20_000, help="of each line [20000]")
    parser.add_argument("--seed", type=int, default=1)


def measure(given: argparse.Namespace) -> Report:
    began = time.process_time()
    times: int = given.repetitions
    chance = np.random.default_rng(given.seed)
    binary = [_binary(chance, times, n, name) for n in MARGINS for name in _BINARY]
    graded = [_graded(chance, times, n, name, draw) for n in MARGINS for name, draw in GRADED.items()]
    levels = [_level(chance, times, n, name, draw, mean) for n in MARGINS for name, (draw, mean) in LEVELS.items()]
    head = ("cases", "margin", "differences", "false pass", "its bound", "false fail", "power")
    taken = time.process_time() - began
    return Report(
        name="gates",
        tables=[
            Table("Right and wrong, paired (Tango, exact for losses alone)", head, binary),
            Table("In a range, paired (Gaffke), and Student's t on the same", (*head, "t: false pass"), graded),
            Table(
                "A level: how often the true mean lies beyond each bound, and beyond Student's t",
                ("cases", "values", "below low", "its bound", "above high", "its bound", "t: below", "t: above"),
                levels,
            ),
        ],
        notes=[
            f"{times} repetitions a line, {taken:.0f} s of CPU. Nominal: {ALPHA:.0%} for each side.",
            f"Wanted: its bound of 95 % (Clopper and Pearson) is at most {BAR:.0%}, of a false pass and of a level.",
            "Power: how often a candidate without any difference passes. Clusters: unequal, of 5 cases on average.",
        ],
    )


# --- right and wrong ---

_BINARY: Final = ("losses alone", "losses alone, worst margin", "5 points differ either way", "a fifth differs")


def _binary(chance: np.random.Generator, times: int, n: int, name: str) -> tuple[Cell, ...]:
    margin = MARGINS[n]
    either = {"5 points differ either way": 0.05, "a fifth differs": 0.2}.get(name, 0.0)
    if "worst" in name:
        margin = -score_bounds(0, 1, n)[0] + 1e-9
    less = max(0.0, (either - margin) / 2)
    worse = _counts(chance, times, n, less, less + margin)
    same = _counts(chance, times, n, either / 2 or margin / 4, either / 2 or margin / 4)
    passed = np.array([_bounds(wins, losses, n)[0] > -margin for wins, losses in worse])
    power = np.array([_bounds(wins, losses, n)[0] > -margin for wins, losses in same])
    failed = np.array([_bounds(wins, losses, n)[1] < -margin for wins, losses in same])
    return (n, f"{margin:.3f}", name, *rate_of(passed), _percent(failed), _percent(power))


def _counts(chance: np.random.Generator, times: int, n: int, win: float, lose: float) -> list[tuple[int, int]]:
    drawn = chance.multinomial(n, (win, lose, 1 - win - lose), size=times)
    return [(int(wins), int(losses)) for wins, losses, _ in drawn]


@cache
def _bounds(wins: int, losses: int, n: int) -> tuple[float, float]:
    return score_bounds(wins, losses, n, alpha=ALPHA)


# --- in a range ---


def _skewed(chance: np.random.Generator, times: int, n: int, mean: float) -> tuple[Array, Array]:
    values = mean - 0.6 * (chance.beta(2, 5, (times, n)) - 2 / 7)
    return values, np.ones((times, n))


def _rare(chance: np.random.Generator, times: int, n: int, mean: float) -> tuple[Array, Array]:
    """Nearly nothing, and now and then nearly everything is lost (at no difference: won as often)."""
    share = (abs(mean) or MARGINS[n] / 2) / 0.8
    values = chance.uniform(-0.02, 0.02, (times, n)) - 0.8 * (chance.random((times, n)) < share)
    return (values if mean else values + 0.8 * (chance.random((times, n)) < share)), np.ones((times, n))


def _repeats(chance: np.random.Generator, times: int, n: int, mean: float) -> tuple[Array, Array]:
    """Three repeats, of cases that are easy or hard."""
    easy = chance.beta(4, 1, (times, n))
    other = np.clip(easy + mean / 0.8 * easy, 0, 1)
    return (chance.binomial(3, other) - chance.binomial(3, easy)) / 3, np.ones((times, n))


def _sizes(chance: np.random.Generator, times: int, n: int) -> Array:
    return chance.geometric(1 / _MEAN_SIZE, _shape(times, n)).astype(float)


def _shape(times: int, n: int) -> tuple[int, int]:
    return times, n // _MEAN_SIZE


def _clustered(chance: np.random.Generator, times: int, n: int, mean: float) -> tuple[Array, Array]:
    sizes = _sizes(chance, times, n)
    shared = mean + 0.3 * (chance.beta(2, 2, _shape(times, n)) - 0.5)
    return sizes * shared + np.sqrt(sizes) * chance.normal(0, 0.1, _shape(times, n)), sizes


def _clustered_binary(chance: np.random.Generator, times: int, n: int, mean: float) -> tuple[Array, Array]:
    """A document is lost or not: then four of five of its cases are (at no difference as many documents are won)."""
    sizes = _sizes(chance, times, n)
    share = (abs(mean) or MARGINS[n] / 2) / 0.8
    lost = chance.binomial(sizes.astype(int), 0.8 * (chance.random(_shape(times, n)) < share))
    won = 0 if mean else chance.binomial(sizes.astype(int) - lost, 0.8 * (chance.random(_shape(times, n)) < share))
    return (won - lost).astype(float), sizes


GRADED: Final[Mapping[str, Draw]] = {
    "skewed": _skewed,
    "rare and large": _rare,
    "three repeats": _repeats,
    "clusters, graded": _clustered,
    "clusters, right and wrong": _clustered_binary,
}


def _graded(chance: np.random.Generator, times: int, n: int, name: str, draw: Draw) -> tuple[Cell, ...]:
    margin = MARGINS[n]
    totals, sizes = draw(chance, times, n, -margin)
    passed = _above(totals, sizes, -1.0, -margin)
    by_t = _t_low(totals, sizes) > -margin
    totals, sizes = draw(chance, times, n, 0.0)
    power = _above(totals, sizes, -1.0, -margin)
    failed = _above(-totals, sizes, -1.0, margin)
    return (n, f"{margin:.3f}", name, *rate_of(passed), _percent(failed), _percent(power), _percent(by_t))


def _above(totals: Array, sizes: Array, least: float, at: float) -> Array:
    """Whether the lower bound is above. Where the mean is not, it is not."""
    likely = totals.sum(1) > at * sizes.sum(1)
    return np.array(
        [
            bool(far) and chance_below(row, size, least, at) < ALPHA
            for far, row, size in zip(likely, totals, sizes, strict=True)
        ]
    )


def _t_low(totals: Array, sizes: Array) -> Array:
    from scipy.special import stdtrit

    number, whole = totals.shape[1], sizes.sum(1)
    mean = totals.sum(1) / whole
    rest = totals - mean[:, None] * sizes
    error = np.sqrt(number / (number - 1) * (rest**2).sum(1)) / whole
    return mean - float(stdtrit(number - 1, 1 - ALPHA)) * error


# --- levels ---


def _nearly_all(chance: np.random.Generator, times: int, n: int, mean: float) -> tuple[Array, Array]:
    return (chance.random((times, n)) < mean).astype(float), np.ones((times, n))


def _high_scores(chance: np.random.Generator, times: int, n: int, mean: float) -> tuple[Array, Array]:
    return chance.beta(10 * mean, 10 * (1 - mean), (times, n)), np.ones((times, n))


def _documents(chance: np.random.Generator, times: int, n: int, mean: float) -> tuple[Array, Array]:
    sizes = _sizes(chance, times, n)
    return chance.binomial(sizes.astype(int), chance.beta(2 * mean, 2 * (1 - mean), _shape(times, n))).astype(
        float
    ), sizes


LEVELS: Final[Mapping[str, tuple[Draw, float]]] = {
    "right 95 %": (_nearly_all, 0.95),
    "right 99 %": (_nearly_all, 0.99),
    "scores of 0.95": (_high_scores, 0.95),
    "clusters, right 90 %": (_documents, 0.9),
}


def _level(chance: np.random.Generator, times: int, n: int, name: str, draw: Draw, mean: float) -> tuple[Cell, ...]:
    totals, sizes = draw(chance, times, n, mean)
    if name.startswith("right"):
        counts = totals.sum(1).astype(int)
        below = np.array([_shares(int(count), n)[0] > mean for count in counts])
        above = np.array([_shares(int(count), n)[1] < mean for count in counts])
    else:
        below, above = _above(totals, sizes, 0.0, mean), _above(-totals, sizes, -1.0, -mean)
    t_below, t_above = _t_low(totals, sizes) > mean, _t_low(-totals, sizes) > -mean
    return (n, name, *rate_of(below), *rate_of(above), _percent(t_below), _percent(t_above))


@cache
def _shares(times: int, n: int) -> tuple[float, float]:
    return lower_share(times, n, alpha=ALPHA), upper_share(times, n, alpha=ALPHA)


def rate_of(found: Array) -> tuple[str, str]:
    """The share, and its upper bound."""
    times = int(found.sum())
    bound = upper_share(times, len(found), alpha=0.05)
    return _percent(found), f"{bound:.2%}{'' if bound <= BAR else ' (over)'}"


def _percent(found: Array) -> str:
    return f"{found.mean():.2%}"
