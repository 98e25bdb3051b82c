"""Candidates compared on all that a choice weighs: which of them another one is shown to dominate, and which only seem
to be worse.

One dominates another (Pareto) when it is shown better by one criterion and shown not worse, by more than the margin, by
every other. Shown means: by the paired, clustered bounds of confidence of their difference, each at alpha over the
number of ordered pairs and criteria (Bonferroni), so that the chance of any false claim is alpha at most.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from genaiops.arena._gate_subject import Subject
from genaiops.arena._selection import RISKS, SelectionAsked, check_selection
from genaiops.arena._tables import Column, Tables
from genaiops.checks.metrics import metric
from genaiops.checks.statistics import Comparison, compare, level
from genaiops.core.errors import UsageError
from genaiops.domain import Suite, SuiteCheck

Criterion = Literal["quality", "cost", "latency", "energy", "risk"]
Standing = Literal["front", "not_separable", "dominated"]
"""`not_separable`: another one measured better or alike by all criteria, and the cases do not show it."""
MEASURED: Final[Mapping[Criterion, str]] = {"cost": "cost_nano", "latency": "seconds", "energy": "energy_nwh"}
_SCALES: Final[Mapping[Criterion, float]] = {"cost": 1e-9, "latency": 1.0, "energy": 1e-9}
_ALL: Final[tuple[Criterion, ...]] = ("quality", "cost", "latency", "energy", "risk")
UNITS: Final[Mapping[Criterion, str]] = {
    "cost": "money an answer",
    "latency": "s an answer",
    "energy": "Wh an answer",
    "risk": "level",
}


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A mean over cases with one-sided bounds at 1 - alpha each (None: too few cases to say). `n`: cases of which it is
    known; `missing`: those of which it is not."""

    mean: float
    low: float | None = None
    high: float | None = None
    n: int = 0
    missing: int = 0


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """`figures`: criterion -> what was measured; a criterion of which nothing is known is not there. `by`: who
    dominates it, or seems to. `not_allowed`: why it may not be chosen."""

    target: str
    figures: dict[Criterion, Measured]
    standing: Standing
    by: tuple[str, ...] = ()
    licence: str = ""
    risk: str = ""
    note: str = ""
    not_allowed: str = ""
    retrieval: dict[str, object] | None = None


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


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """`unknown`: criteria of which nothing is known of any candidate, and which weigh nothing. `alpha`: of all claims
    together; `each`: of every single one."""

    run: str
    suite: str
    name: str
    check: str
    unit: str
    falling: bool
    alpha: float
    each: float
    asked: SelectionAsked
    criteria: tuple[Criterion, ...]
    unknown: tuple[Criterion, ...]
    candidates: tuple[Candidate, ...]
    pairs: tuple[Pair, ...]

    @property
    def names(self) -> Sequence[str]:
        return [each.target for each in self.candidates]


class _Values(msgspec.Struct, frozen=True, kw_only=True):
    """Of a criterion: target -> column; `worst` and `best` stand in for what is missing (None: cases are left out)."""

    columns: Mapping[str, Column]
    sign: float
    span: float | None = None
    ends: tuple[float, float] | None = None


def select(suite: Suite, tables: Tables, asked: SelectionAsked, *, run: str, subject: str, name: str) -> Selection:
    """UsageError where there is nothing to choose from, and where what is asked for does not fit the suite."""
    check_selection(suite, asked)
    check = _check(suite, asked.check)
    targets = [target.name for target in suite.target]
    quality = Subject(check, tables, targets[0], alpha=suite.gate.alpha)
    values: dict[Criterion, _Values] = {"quality": _quality(quality, targets), **_measured(tables, targets)}
    known: dict[Criterion, _Values] = {
        criterion: found
        for criterion, found in values.items()
        if any(column.values for column in found.columns.values())
    }
    risks = {each: asked.facts(each).risk for each in targets}
    criteria: list[Criterion] = [*known]
    if any(risks.values()):
        criteria.append("risk")
    ordered = len(targets) * (len(targets) - 1) * max(1, len(criteria))
    each = suite.gate.alpha / ordered
    pairs: list[Pair] = []
    for place, one in enumerate(targets):
        for other in targets[place + 1 :]:
            for criterion, found in known.items():
                margin = _margin(criterion, asked, check, (found.columns[one], found.columns[other]))
                pairs.append(_pair(criterion, one, other, found, tables, margin=margin, alpha=each))
            if "risk" in criteria:
                pairs.append(_risks(one, other, risks[one], risks[other]))
    figures = {target: _figures(target, known, tables, suite.gate.alpha) for target in targets}
    return Selection(
        run=run,
        suite=subject,
        name=name,
        check=check.name,
        unit="share passed" if quality.passes else quality.card.unit,
        falling=quality.falling,
        alpha=suite.gate.alpha,
        each=each,
        asked=asked,
        criteria=tuple(criteria),
        unknown=tuple(each for each in _ALL if each not in criteria),
        candidates=tuple(_candidate(target, asked, figures[target], pairs, criteria) for target in targets),
        pairs=tuple(pairs),
    )


def spent(tables: Tables, target: str, alpha: float) -> dict[Criterion, Measured]:
    """What an answer of a target took, criterion by criterion; what nothing is known of is not there."""
    return _figures(target, _measured(tables, [target]), tables, alpha)


def _check(suite: Suite, name: str) -> SuiteCheck:
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


def _quality(subject: Subject, targets: Sequence[str]) -> _Values:
    columns = {target: subject.column(target) for target in targets}
    seen = [value for column in columns.values() for values in column.repeats.values() for value in values]
    ends = (subject.worst(seen), subject.best(seen))
    return _Values(columns=columns, sign=-1.0 if subject.falling else 1.0, span=subject.span, ends=ends)


def _measured(tables: Tables, targets: Sequence[str]) -> dict[Criterion, _Values]:
    """Of answers, a value a case: the mean of its repeats."""
    found: dict[Criterion, _Values] = {}
    for criterion, field in MEASURED.items():
        columns = {target: _column(tables, target, field, _SCALES[criterion]) for target in targets}
        found[criterion] = _Values(columns=columns, sign=-1.0)
    return found


def _column(tables: Tables, target: str, field: str, scale: float) -> Column:
    repeats: dict[str, list[float]] = {}
    broken: set[str] = set()
    for answer in tables.answers[target]:
        value = getattr(answer, field)
        if answer.state != "answered" or value is None:
            broken.add(answer.case)
        else:
            repeats.setdefault(answer.case, []).append(value * scale)
    values = {case: sum(found) / len(found) for case, found in repeats.items() if case not in broken}
    return Column(values, frozenset(set(tables.cases) - set(values)), repeats)


def _figures(
    target: str, known: Mapping[Criterion, _Values], tables: Tables, alpha: float
) -> dict[Criterion, Measured]:
    made: dict[Criterion, Measured] = {}
    for criterion, found in known.items():
        column = found.columns[target]
        ids = list(column.values)
        if not ids:
            continue
        least, most = sorted(found.ends) if found.ends is not None and found.span is not None else (None, None)
        mean = sum(column.values.values()) / len(ids)
        try:
            said = level(list(column.values.values()), tables.clusters(ids), alpha=alpha, least=least, most=most)
            made[criterion] = Measured(mean=mean, low=said.low, high=said.high, n=len(ids), missing=len(column.missing))
        except UsageError:
            made[criterion] = Measured(mean=mean, n=len(ids), missing=len(column.missing))
    return made


def _margin(criterion: Criterion, asked: SelectionAsked, check: SuiteCheck, both: Sequence[Column]) -> float:
    """In the criterion's unit; a share is one of the smaller mean of the two."""
    if criterion == "quality":
        return asked.margins.quality if asked.margins.quality is not None else check.margin or 0.0
    share: float = getattr(asked.margins, criterion)
    means = [sum(column.values.values()) / len(column.values) for column in both if column.values]
    return share * min(means, default=0.0)


def _pair(
    criterion: Criterion, one: str, other: str, found: _Values, tables: Tables, *, margin: float, alpha: float
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


def _risks(one: str, other: str, mine: str | None, theirs: str | None) -> Pair:
    """Levels are given, not measured: they differ, or not."""
    unknown = Pair(one=one, other=other, criterion="risk", word="unknown")
    if mine is None or theirs is None:
        return unknown
    levels: Sequence[str] = RISKS
    apart = float(levels.index(theirs) - levels.index(mine))
    word = "better" if apart > 0 else "worse" if apart < 0 else "alike"
    return msgspec.structs.replace(unknown, word=word, difference=apart, low=apart, high=apart)


def _candidate(
    target: str,
    asked: SelectionAsked,
    figures: dict[Criterion, Measured],
    pairs: Sequence[Pair],
    criteria: Sequence[Criterion],
) -> Candidate:
    others = list(dict.fromkeys(name for pair in pairs for name in (pair.one, pair.other) if name != target))
    shown = tuple(each for each in others if _dominates(each, target, pairs, criteria))
    seems = tuple(each for each in others if _seems(each, target, pairs))
    standing: Standing = "dominated" if shown else "not_separable" if seems else "front"
    facts = asked.facts(target)
    return Candidate(
        target=target,
        figures=figures,
        standing=standing,
        by=shown or seems,
        licence=facts.licence,
        risk=facts.risk or "",
        note=facts.note,
        not_allowed=asked.not_allowed(target),
        retrieval=facts.retrieval,
    )


def _between(
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


def _dominates(one: str, other: str, pairs: Sequence[Pair], criteria: Sequence[Criterion]) -> bool:
    found = _between(one, other, pairs)
    shown = [low is not None and low >= -margin for _, low, _, margin in found]
    better = any(low is not None and low > 0 for _, low, _, _ in found)
    return len(found) == len(criteria) and all(shown) and better


def _seems(one: str, other: str, pairs: Sequence[Pair]) -> bool:
    known = [difference for difference, _, _, _ in _between(one, other, pairs) if difference is not None]
    return bool(known) and all(each >= 0 for each in known) and any(each > 0 for each in known)
