"""How many cases, and how often each, a margin needs: from what is said of how answers vary, or from a run."""

from collections import defaultdict
from collections.abc import Sequence
from math import ceil, sqrt
from typing import Final, Literal

import msgspec

from genaiops.arena._gate_subject import Subject
from genaiops.arena._tables import Tables
from genaiops.checks.statistics.planning import Spread, alike, needed
from genaiops.core.errors import UsageError
from genaiops.domain import SuiteCheck

USUAL_MARGINS: Final = (0.01, 0.02, 0.03, 0.05, 0.1)
"""Of a range of 1."""


class PlanAsked(msgspec.Struct, frozen=True, kw_only=True):
    """`difference`: what the candidate is better by in truth (0: unchanged). `repeats`: a row for each."""

    margins: tuple[float, ...]
    repeats: tuple[int, ...] = (1,)
    alpha: float = 0.05
    power: float = 0.8
    difference: float = 0.0


class PlanRow(msgspec.Struct, frozen=True, kw_only=True):
    """`cases` so that the gate passes with the chance asked for (None: no number does, `reason` says why); `least`: how
    many it needs when all fall out alike, None without a range; `answers`: of both sides together."""

    margin: float
    repeats: int
    cases: int | None
    least: int | None
    answers: int | None
    reason: str = ""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """For one check. `known`: where its spread is from. `have`: cases that the suite has (None: there is none)."""

    check: str
    spread: Spread
    known: Literal["run", "given", "assumed"]
    asked: PlanAsked
    rows: tuple[PlanRow, ...]
    have: int | None = None


def planned(spread: Spread, asked: PlanAsked) -> tuple[PlanRow, ...]:
    """A row for each margin and number of repeats. UsageError for a margin that is not above 0."""
    rows: list[PlanRow] = []
    for margin in asked.margins:
        if not margin > 0:
            raise UsageError(f"A margin of {margin:g} is none.", remedy="Take one above 0.", param="margin")
        for repeats in asked.repeats:
            once = msgspec.structs.replace(spread, repeats=repeats)
            reach = spread.reach
            least = None if not reach else ceil(alike(margin, reach, alpha=asked.alpha) * spread.cluster_size)
            try:
                cases = needed(margin, once, alpha=asked.alpha, power=asked.power, difference=asked.difference)
            except UsageError as error:
                row = PlanRow(
                    margin=margin, repeats=repeats, cases=None, least=least, answers=None, reason=error.message
                )
            else:
                row = PlanRow(margin=margin, repeats=repeats, cases=cases, least=least, answers=2 * cases * repeats)
            rows.append(row)
    return tuple(rows)


def spread_of(check: SuiteCheck, tables: Tables, target: str, baseline: str) -> Spread:
    """As it was in a run. UsageError for fewer than two cases that both answered.

    The noise of repeats is the mean variance within cases, and is taken from that of the differences; of a run that
    asked once it cannot be told from it. The correlation within clusters is that of the analysis of variance (Kish,
    "Survey Sampling", 1965, section 5.4), and their size the one that a case of them meets on average."""
    subject = Subject(check, tables, target, alpha=0.05)
    if subject.card.over == "corpus":
        raise UsageError(f"{check.name} is one figure of all cases.", remedy="Plan for metrics of single cases.")
    mine, other = subject.column(), subject.column(baseline)
    ids = [each for each in subject.ids if each in mine.values and each in other.values]
    if len(ids) < 2:
        raise UsageError(
            f"Fewer than two cases of {check.name} have a value for both {target} and {baseline}.",
            remedy="Take a run that is done, with the baseline among its targets.",
        )
    deltas = [mine.values[each] - other.values[each] for each in ids]
    total = _variance(deltas)
    noise = 0.0
    if mine.asked > 1:
        noise = sum(_variance(column.repeats[each]) for column in (mine, other) for each in ids) / len(ids)
        total = max(0.0, total - noise / mine.asked)
    size, correlation = _alike_within(deltas, tables.clusters(ids))
    span = subject.span
    return Spread(deviation=sqrt(total), noise=sqrt(noise), cluster_size=size, correlation=correlation, reach=span)


def _variance(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((each - mean) ** 2 for each in values) / (len(values) - 1)


def _alike_within(values: Sequence[float], clusters: Sequence[str]) -> tuple[float, float]:
    """Size and correlation; 1 and 0 where nothing is in clusters, or nothing varies."""
    groups: dict[str, list[float]] = defaultdict(list)
    for number, (value, name) in enumerate(zip(values, clusters, strict=True)):
        groups[name or f"\n{number}"].append(value)
    n, number = len(values), len(groups)
    size = sum(len(group) ** 2 for group in groups.values()) / n
    if number in (1, n):
        return size, 1.0 if number == 1 else 0.0
    mean = sum(values) / n
    means = {name: sum(group) / len(group) for name, group in groups.items()}
    between = sum(len(group) * (means[name] - mean) ** 2 for name, group in groups.items()) / (number - 1)
    within = sum((each - means[name]) ** 2 for name, group in groups.items() for each in group) / (n - number)
    usual = (n - size) / (number - 1)
    whole = between + (usual - 1) * within
    return size, min(1.0, max(0.0, (between - within) / whole)) if whole > 0 else 0.0
