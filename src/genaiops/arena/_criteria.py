"""What targets of a run are compared by: quality as a check says, and what an answer takes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from genaiops.arena._gate_subject import Subject
from genaiops.arena._people import People
from genaiops.arena._tables import Column, Tables
from genaiops.checks.metrics import metric
from genaiops.checks.statistics import level
from genaiops.core.errors import UsageError
from genaiops.domain import Answer, Suite, SuiteCheck

Criterion = Literal["quality", "cost", "latency", "energy", "tokens", "risk"]
UNITS: Final[Mapping[Criterion, str]] = {
    "cost": "money an answer",
    "latency": "s an answer",
    "energy": "Wh an answer",
    "tokens": "tokens an answer",
    "risk": "level",
}


def _nano(value: int | None) -> float | None:
    return None if value is None else value * 1e-9


def _tokens(answer: Answer) -> float | None:
    known = answer.input_tokens is not None and answer.output_tokens is not None
    return float((answer.input_tokens or 0) + (answer.output_tokens or 0)) if known else None


_READ: Final[Mapping[Criterion, Callable[[Answer], float | None]]] = {
    "cost": lambda answer: _nano(answer.cost_nano),
    "latency": lambda answer: answer.seconds,
    "energy": lambda answer: _nano(answer.energy_nwh),
    "tokens": _tokens,
}
MEASURED: Final[tuple[Criterion, ...]] = ("cost", "latency", "energy")
"""What a selection weighs beside quality and risk."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A mean over cases with one-sided bounds at 1 - alpha each (None: too few cases to say). `n`: cases of which it is
    known; `missing`: those of which it is not. `ends`: means of the low and the high end of what is itself an estimate
    (energy); the bounds are those of its central figure. `people`: what they would say, of what a judge says."""

    mean: float
    low: float | None = None
    high: float | None = None
    n: int = 0
    missing: int = 0
    ends: tuple[float, float] | None = None
    people: People | None = None


class Values(msgspec.Struct, frozen=True, kw_only=True):
    """Of a criterion: target -> column; `worst` and `best` stand in for what is missing (None: cases are left out)."""

    columns: Mapping[str, Column]
    sign: float
    span: float | None = None
    ends: tuple[float, float] | None = None


def check_of(suite: Suite, name: str) -> SuiteCheck:
    single = [each for each in suite.check if metric(each.metric, each.options).card.over == "sample"]
    fit = [each for each in single if each.name == name] if name else single
    if len(fit) == 1:
        return fit[0]
    names = ", ".join(each.name for each in single) or "none"
    message = (
        f"There is no check {name[:80]!r} of single cases." if name else "Several checks say how good an answer is."
    )
    if not single:
        message = "The suite has no check of single cases, so nothing says how good an answer is."
    raise UsageError(message, remedy=f"Name one: --check NAME. There are: {names}.", param="check")


def quality_values(subject: Subject, targets: Sequence[str]) -> Values:
    columns = {target: subject.column(target) for target in targets}
    seen = [value for column in columns.values() for values in column.repeats.values() for value in values]
    ends = (subject.worst(seen), subject.best(seen))
    return Values(columns=columns, sign=-1.0 if subject.falling else 1.0, span=subject.span, ends=ends)


def measured_values(
    tables: Tables, targets: Sequence[str], criteria: Sequence[Criterion] = MEASURED
) -> dict[Criterion, Values]:
    """Of answers, a value a case: the mean of its repeats."""
    return {
        criterion: Values(columns={target: _column(tables, target, criterion) for target in targets}, sign=-1.0)
        for criterion in criteria
    }


def _column(tables: Tables, target: str, criterion: Criterion) -> Column:
    repeats: dict[str, list[float]] = {}
    broken: set[str] = set()
    for answer in tables.answers[target]:
        value = _READ[criterion](answer)
        if answer.state != "answered" or value is None:
            broken.add(answer.case)
        else:
            repeats.setdefault(answer.case, []).append(value)
    values = {case: sum(found) / len(found) for case, found in repeats.items() if case not in broken}
    return Column(values, frozenset(set(tables.cases) - set(values)), repeats)


def figures_of(
    target: str, known: Mapping[Criterion, Values], tables: Tables, alpha: float
) -> dict[Criterion, Measured]:
    made: dict[Criterion, Measured] = {}
    for criterion, found in known.items():
        column = found.columns[target]
        ids = list(column.values)
        if not ids:
            continue
        least, most = sorted(found.ends) if found.ends is not None and found.span is not None else (None, None)
        if criterion in _READ:
            least = 0.0  # there is no negative time, money, energy or number of tokens
        mean = sum(column.values.values()) / len(ids)
        try:
            said = level(list(column.values.values()), tables.clusters(ids), alpha=alpha, least=least, most=most)
            made[criterion] = Measured(mean=mean, low=said.low, high=said.high, n=len(ids), missing=len(column.missing))
        except UsageError:
            made[criterion] = Measured(mean=mean, n=len(ids), missing=len(column.missing))
    if "energy" in made:
        made["energy"] = msgspec.structs.replace(made["energy"], ends=_energy_ends(target, tables))
    return made


def _energy_ends(target: str, tables: Tables) -> tuple[float, float] | None:
    """Mean Wh an answer at the low and at the high end of the estimates; None where one of them has none."""
    known = [each for each in tables.answers[target] if each.state == "answered" and each.energy_nwh is not None]
    lows = [each.energy_low_nwh for each in known if each.energy_low_nwh is not None]
    highs = [each.energy_high_nwh for each in known if each.energy_high_nwh is not None]
    if not known or len(lows) < len(known) or len(highs) < len(known):
        return None
    return sum(lows) * 1e-9 / len(lows), sum(highs) * 1e-9 / len(highs)
