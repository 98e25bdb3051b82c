"""Candidates compared on all that a choice weighs: which of them another one is shown to dominate, and which only seem
to be worse.

One dominates another (Pareto) when it is shown better by one criterion and shown not worse, by more than the margin, by
every other. Shown means: by the paired, clustered bounds of confidence of their difference, each at alpha over the
number of ordered pairs and criteria (Bonferroni), so that the chance of any false claim is alpha at most.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from genaiops.arena._criteria import (
    Criterion,
    Measured,
    Values,
    check_of,
    figures_of,
    measured_values,
    quality_values,
)
from genaiops.arena._gate_subject import Subject
from genaiops.arena._pairs import Compared, Pair, Standing, pair_of, risk_pair, standing_of
from genaiops.arena._selection import FoundFacts, SelectionAsked, check_selection
from genaiops.arena._tables import Column, Tables
from genaiops.domain import Suite, SuiteCheck

_ALL: Final[tuple[Criterion, ...]] = ("quality", "cost", "latency", "energy", "risk")


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """`figures`: criterion -> what was measured; a criterion of which nothing is known is not there. `by`: who
    dominates it, or seems to. `not_allowed`: why it may not be chosen. `licence_from` and `risk_from`: where it
    stands ("": nobody says)."""

    target: str
    figures: dict[Criterion, Measured]
    standing: Standing
    by: tuple[str, ...] = ()
    licence: str = ""
    licence_from: str = ""
    risk: str = ""
    risk_from: str = ""
    note: str = ""
    not_allowed: str = ""
    retrieval: dict[str, object] | None = None


class Selection(Compared, frozen=True, kw_only=True):
    """`unknown`: criteria of which nothing is known of any candidate, and which weigh nothing."""

    asked: SelectionAsked
    criteria: tuple[Criterion, ...]
    unknown: tuple[Criterion, ...]
    candidates: tuple[Candidate, ...]
    pairs: tuple[Pair, ...]

    @property
    def names(self) -> Sequence[str]:
        return [each.target for each in self.candidates]


def select(
    suite: Suite,
    tables: Tables,
    asked: SelectionAsked,
    *,
    run: str,
    subject: str,
    name: str,
    found: Mapping[str, FoundFacts] | None = None,
) -> Selection:
    """UsageError where there is nothing to choose from, and where what is asked for does not fit the suite. `found`:
    target -> what is known of it where `asked` says nothing."""
    check_selection(suite, asked)
    weighed = asked.filled(found or {})
    check = check_of(suite, asked.check)
    targets = [target.name for target in suite.target]
    quality = Subject(check, tables, targets[0], alpha=suite.gate.alpha)
    values: dict[Criterion, Values] = {"quality": quality_values(quality, targets), **measured_values(tables, targets)}
    known: dict[Criterion, Values] = {
        criterion: measured
        for criterion, measured in values.items()
        if any(column.values for column in measured.columns.values())
    }
    risks = {each: weighed.facts(each).risk for each in targets}
    criteria: list[Criterion] = [*known]
    if any(risks.values()):
        criteria.append("risk")
    ordered = len(targets) * (len(targets) - 1) * max(1, len(criteria))
    each = suite.gate.alpha / ordered
    pairs: list[Pair] = []
    for place, one in enumerate(targets):
        for other in targets[place + 1 :]:
            for criterion, measured in known.items():
                margin = margin_of(criterion, asked, check, (measured.columns[one], measured.columns[other]))
                pairs.append(pair_of(criterion, one, other, measured, tables, margin=margin, alpha=each))
            if "risk" in criteria:
                pairs.append(risk_pair(one, other, risks[one], risks[other]))
    figures = {target: figures_of(target, known, tables, suite.gate.alpha) for target in targets}
    candidates = [_candidate(target, weighed, figures[target], pairs, criteria) for target in targets]
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
        candidates=tuple(_told(each, asked, found or {}) for each in candidates),
        pairs=tuple(pairs),
    )


def spent(tables: Tables, target: str, alpha: float) -> dict[Criterion, Measured]:
    """What an answer of a target took, criterion by criterion; what nothing is known of is not there."""
    return figures_of(target, measured_values(tables, [target]), tables, alpha)


def _told(candidate: Candidate, asked: SelectionAsked, found: Mapping[str, FoundFacts]) -> Candidate:
    """With where its licence and its risk are from."""
    said, known = asked.facts(candidate.target), found.get(candidate.target, FoundFacts())
    return msgspec.structs.replace(
        candidate,
        licence_from="the selection" if said.licence else known.licence_from,
        risk_from="the selection" if said.risk else known.risk_from,
    )


def _candidate(
    target: str,
    asked: SelectionAsked,
    figures: dict[Criterion, Measured],
    pairs: Sequence[Pair],
    criteria: Sequence[Criterion],
) -> Candidate:
    others = list(dict.fromkeys(name for pair in pairs for name in (pair.one, pair.other) if name != target))
    standing, by = standing_of(target, others, pairs, len(criteria))
    facts = asked.facts(target)
    return Candidate(
        target=target,
        figures=figures,
        standing=standing,
        by=by,
        licence=facts.licence,
        risk=facts.risk or "",
        note=facts.note,
        not_allowed=asked.not_allowed(target),
        retrieval=facts.retrieval,
    )


def margin_of(criterion: Criterion, asked: SelectionAsked, check: SuiteCheck, both: Sequence[Column]) -> float:
    """In the criterion's unit; a share is one of the smaller mean of the two."""
    if criterion == "quality":
        return asked.margins.quality if asked.margins.quality is not None else check.margin or 0.0
    share: float = getattr(asked.margins, criterion)
    means = [sum(column.values.values()) / len(column.values) for column in both if column.values]
    return share * min(means, default=0.0)
