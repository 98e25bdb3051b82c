"""Levels by judges, corrected by labels, in simulation: how often what people would say lies beyond each bound.

A floor is passed falsely as often as the true mean lies below the lower bound, and failed falsely as often as it lies
above the upper one. The judge passes whatever it does not know. Labels are of the cases themselves, drawn by lot, or of
other answers of the same kind, which then count as further cases. Clusters are lost as a whole: what one of their cases
is, all are. Beside the bounds: those of Student's t for the same estimate, cases and labels taken for independent.
"""

import argparse
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from benchmarks.arena.gates import ALPHA, rate_of
from benchmarks.guardrails.report import Cell, Table
from genaiops.checks.statistics.bounded import chance_below
from genaiops.checks.statistics.corrected import grouped_z
from genaiops.checks.statistics.labelled import ppi_mean

CASES: Final = 300
LABELS: Final = (30, 60, 150)
KNOWS: Final = (0.0, 0.5, 0.9)
OFF: Final = 0.15
"""A floor so far below the true mean is passed as often as `power` says."""
MEAN_SIZE: Final = 5

Array = np.ndarray[Any, np.dtype[Any]]
Draw = Callable[[np.random.Generator, int], Array]


def _right(mean: float) -> Draw:
    return lambda chance, number: (chance.random(number) < mean).astype(float)


def _graded(mean: float) -> Draw:
    return lambda chance, number: chance.beta(4 * mean, 4 * (1 - mean), number)


KINDS: Final[Mapping[str, tuple[Draw, float]]] = {
    "right 80 %": (_right(0.8), 0.8),
    "right 95 %": (_right(0.95), 0.95),
    "graded, 0.8": (_graded(0.8), 0.8),
}
HEAD: Final = (
    "labels",
    "values",
    "judge knows",
    "below low",
    "its bound",
    "above high",
    "its bound",
    "power",
    "t: below",
    "t: above",
)


def tables(chance: np.random.Generator, given: argparse.Namespace) -> list[Table]:
    made: list[Table] = []
    for whose, own in (("of these cases", True), ("of other answers", False)):
        for title, clustered in (("independent", False), (f"clusters of {MEAN_SIZE} on average", True)):
            lines = [
                _line(chance, given.repetitions, labels, kind, knows, (own, clustered))
                for labels in LABELS
                for kind in KINDS
                for knows in KNOWS
            ]
            made.append(Table(f"A level by a judge, {CASES} cases, {title}, labels {whose}", HEAD, lines))
    return made


def _line(
    chance: np.random.Generator, times: int, labels: int, kind: str, knows: float, how: tuple[bool, bool]
) -> tuple[Cell, ...]:
    true = KINDS[kind][1]
    below, above, power, t_below, t_above = (np.zeros(times, bool) for _ in range(5))
    for at in range(times):
        y, f, group, labelled = drawn(chance, kind, knows, labels, *how)
        below[at] = beyond(y, f, labelled, group, true)
        above[at] = beyond(1 - y, 1 - f, labelled, group, 1 - true)
        power[at] = beyond(y, f, labelled, group, true - OFF)
        said = ppi_mean(y[labelled].tolist(), f[labelled].tolist(), f[~labelled].tolist(), alpha=ALPHA)
        t_below[at], t_above[at] = said.low > true, said.high < true
    shares = [f"{each.mean():.2%}" for each in (power, t_below, t_above)]
    return (labels, kind, knows, *rate_of(below), *rate_of(above), *shares)


def beyond(y: Array, f: Array, labelled: Array, group: Array, at: float) -> bool:
    """Whether the lower bound lies above that."""
    found = grouped_z(y, f, labelled, group, least=0.0, most=1.0, alpha=ALPHA)
    likely = found.totals.sum() > at * found.sizes.sum()
    return bool(likely) and chance_below(found.totals, found.sizes, found.least, at) < ALPHA


def drawn(
    chance: np.random.Generator, kind: str, knows: float, labels: int, own: bool, clustered: bool
) -> tuple[Array, Array, Array, Array]:
    """What people would say of each case, what the judge says, its group, and whether it is labelled. Labelled answers
    that are not of these cases stand behind them, in groups of their own."""
    number = CASES if own else CASES + labels
    group = np.arange(number)
    if clustered:
        group = _clusters(chance, CASES)
        if not own:
            group = np.concatenate([group, group.max() + 1 + _clusters(chance, labels)])
    y = KINDS[kind][0](chance, int(group.max()) + 1)[group]
    f = np.where(chance.random(number) < knows, y, 1.0)
    labelled = np.zeros(number, bool)
    if own:
        labelled[chance.permutation(CASES)[:labels]] = True
    else:
        labelled[CASES:] = True
    return y, f, group, labelled


def _clusters(chance: np.random.Generator, number: int) -> Array:
    return np.repeat(np.arange(number), chance.geometric(1 / MEAN_SIZE, number))[:number]
