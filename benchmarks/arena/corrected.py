"""Margins by judges, corrected by labels, in simulation: candidates that are exactly as much worse as the margin allows
by what people would say (a pass is false), and candidates that are no different (a fail is false, a pass is wanted).

The judge favours the candidate by a tenth of the range where answers are graded, and answers by chance where it does
not know; the labelled cases are drawn by lot. Decisions are those of `genaiops.checks.statistics.corrected`. Levels
(`corrected_levels`) follow in tables of their own. Beside
them: the same labels without the judge, the judge without labels, and Student's t of the same estimate.
"""

import argparse
import time
from typing import Any, Final

import numpy as np

from benchmarks.arena import corrected_levels
from benchmarks.arena.gates import ALPHA, BAR, rate_of
from benchmarks.guardrails.report import Cell, Report, Table
from genaiops.checks.statistics.bounded import chance_below
from genaiops.checks.statistics.corrected import grouped_z

CASES: Final = 400
LABELS: Final = {30: 2.0, 60: 1.5, 150: 1.0}
"""Labelled cases -> times the margin that 150 of them decide."""
KINDS: Final = {"graded": 0.06, "a fifth differs": 0.1, "losses alone": 0.06}
KNOWS: Final = (0.0, 0.5, 0.9)
_MEAN_SIZE: Final = 5

Array = np.ndarray[Any, np.dtype[Any]]


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repetitions", type=int, default=20_000, help="of each line [20000]")
    parser.add_argument("--power", type=int, default=4_000, help="repetitions for false fail and power [4000]")
    parser.add_argument("--seed", type=int, default=1)


def measure(given: argparse.Namespace) -> Report:
    began = time.process_time()
    chance = np.random.default_rng(given.seed)
    head = (
        "labels",
        "margin",
        "differences",
        "judge knows",
        "false pass",
        "its bound",
        "false fail",
        "power",
        "labels alone: power",
        "judge alone: false pass",
        "t: false pass",
    )
    tables: list[Table] = []
    for title, clustered in (("independent cases", False), ("clusters of 5 cases on average", True)):
        lines = [
            _line(chance, given, labels, kind, knows, clustered)
            for labels in LABELS
            for kind in KINDS
            for knows in KNOWS
        ]
        tables.append(Table(f"Paired differences by a judge, {CASES} cases, {title}", head, lines))
    tables += corrected_levels.tables(chance, given)
    taken = time.process_time() - began
    return Report(
        name="corrected",
        tables=tables,
        notes=[
            f"{given.repetitions} repetitions a line, {given.power} for a candidate that is no different.",
            f"{taken:.0f} s of CPU. Nominal: {ALPHA:.0%} for each side.",
            f"Wanted: its bound of 95 % (Clopper and Pearson) is at most {BAR:.0%}.",
        ],
    )


def _line(
    chance: np.random.Generator, given: argparse.Namespace, labels: int, kind: str, knows: float, clustered: bool
) -> tuple[Cell, ...]:
    margin = KINDS[kind] * LABELS[labels]
    passed, alone, by_t = (np.zeros(given.repetitions, bool) for _ in range(3))
    for at in range(given.repetitions):
        y, f, group, labelled = _drawn(chance, kind, -margin, knows, labels, clustered)
        passed[at] = _passes(y, f, labelled, group, margin)
        alone[at] = _t_low(f, group) > -margin
        by_t[at] = _by_t(y, f, labelled, group) > -margin
    failed, power, people = (np.zeros(given.power, bool) for _ in range(3))
    for at in range(given.power):
        y, f, group, labelled = _drawn(chance, kind, 0.0, knows, labels, clustered)
        power[at] = _passes(y, f, labelled, group, margin)
        people[at] = _passes(y, f, labelled, group, margin, weight=0.0)
        failed[at] = _passes(-y, -f, labelled, group, -margin)
    shares = [f"{each.mean():.2%}" for each in (failed, power, people, alone, by_t)]
    return (labels, f"{margin:.3f}", kind, knows, *rate_of(passed), *shares)


def _passes(y: Array, f: Array, labelled: Array, group: Array, margin: float, weight: float | None = None) -> bool:
    """Whether the lower bound of the difference lies above -margin."""
    found = grouped_z(y, f, labelled, group, least=-1.0, most=1.0, alpha=ALPHA, weight=weight)
    likely = found.totals.sum() > -margin * found.sizes.sum()
    return bool(likely) and chance_below(found.totals, found.sizes, found.least, -margin) < ALPHA


def _by_t(y: Array, f: Array, labelled: Array, group: Array) -> float:
    found = grouped_z(y, f, labelled, group, least=-1.0, most=1.0, alpha=ALPHA)
    return _t_of(found.totals, found.sizes, len(np.unique(group[labelled])) - 1)


def _t_low(values: Array, group: Array) -> float:
    return _t_of(np.bincount(group, values), np.bincount(group).astype(float), int(group.max()))


def _t_of(totals: Array, sizes: Array, freedom: int) -> float:
    """The lower bound, each cluster left out in turn."""
    from scipy.special import stdtrit

    whole, number = sizes.sum(), len(totals)
    mean = totals.sum() / whole
    rest = (totals - mean * sizes) / (1 - sizes / whole)
    error = np.sqrt((number - 1) / number * (rest**2).sum()) / whole
    return float(mean - stdtrit(freedom, 1 - ALPHA) * error)


# --- what is drawn ---


def _drawn(
    chance: np.random.Generator, kind: str, mean: float, knows: float, labels: int, clustered: bool
) -> tuple[Array, Array, Array, Array]:
    """What people would say of the difference of each case, what the judge says, its group, and whether it is
    labelled."""
    group = np.arange(CASES)
    if clustered:
        group = np.repeat(np.arange(CASES), chance.geometric(1 / _MEAN_SIZE, CASES))[:CASES]
    number = int(group.max()) + 1
    if kind == "graded":
        shared = chance.normal(0, 0.2, number)[group] if clustered else chance.normal(0, 0.2, CASES)
        y = np.clip(mean + shared + chance.normal(0, 0.15, CASES), -1, 1)
        noise = chance.normal(0, 0.25, CASES)
        f = np.clip(mean + knows * (y - mean) + np.sqrt(1 - knows**2) * noise + 0.1, -1, 1)
    else:
        y = _wins_and_losses(chance, kind, mean, number)[group]
        f = np.where(chance.random(CASES) < knows, y, chance.choice([-1.0, 0.0, 1.0], CASES, p=(0.1, 0.8, 0.1)))
    labelled = np.zeros(CASES, bool)
    labelled[chance.permutation(CASES)[:labels]] = True
    return y, f, group, labelled


def _wins_and_losses(chance: np.random.Generator, kind: str, mean: float, number: int) -> Array:
    """1, 0 or -1 of each group."""
    either = 0.2 if kind == "a fifth differs" else -mean or KINDS[kind]
    lost, won = max(0.0, either - mean) / 2, max(0.0, either + mean) / 2
    drawn = chance.random(number)
    return np.where(drawn < lost, -1.0, np.where(drawn > 1 - won, 1.0, 0.0))
