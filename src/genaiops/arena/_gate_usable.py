"""What a margin does not ask: whether a candidate that is no worse is any good. Two that fail every case are alike."""

from genaiops.arena._gate_report import GateLine
from genaiops.arena._gate_subject import Subject
from genaiops.arena._scoring import threshold_of
from genaiops.arena._tables import Column
from genaiops.checks.statistics import level
from genaiops.checks.statistics.planning import alike
from genaiops.core.counting import counted
from genaiops.domain import Outcome, Verdict

_ALLOW = "Give the check a floor, or let it be: usable = 0 in [gate]."


def unusable(subject: Subject, least: float) -> GateLine | None:
    """Of a candidate that holds its margin. A line only for one of which no case is any good, or of which it is shown
    that fewer than `least` are; None too where the check asks for a level itself, and where a metric has no worst."""
    check = subject.check
    if check.margin is None or check.floor is not None or check.tolerance is not None or not least:
        return None
    if subject.card.over == "corpus":
        return _corpus(subject, least)
    by_threshold = threshold_of(check, subject.card) is not None
    if not by_threshold and subject.card.better == "neither":
        return None
    worst = 0.0 if by_threshold else subject.most if subject.falling else subject.least
    column = subject.column(passes=by_threshold)
    if worst is None or not column.repeats:
        return None
    good, unknown = _good(column, worst), sorted(column.missing)
    values = [float(good.get(case, case in column.missing)) for case in subject.ids]
    some = sum(good.values())
    said = level(values, subject.tables.clusters(subject.ids), alpha=subject.alpha, least=0.0, most=1.0)
    if some and said.high >= least:
        return None
    outcome: Outcome = "fail" if said.high < least else "inconclusive"
    what = "pass" if by_threshold else f"are better than {worst:g}, the worst there is"
    n = len(subject.ids)
    reason = (
        f"{some} of {counted(n, 'case')} {what}: with {subject.sure} confidence at most {said.high:.2%}. "
        f"Not worse than the baseline is not good. {_ALLOW}"
    )
    more = None
    if outcome == "inconclusive" and not unknown and said.clusters == n and 1e-6 < least < 1:
        more = max(1, alike(least, 1.0, alpha=subject.alpha) - n)
    verdict = Verdict(
        outcome=outcome, reason=reason, measure=some / n, unit="share", n=n, interval=(said.low, said.high)
    )
    return GateLine(
        kind="usable",
        check=check.name,
        target=subject.target,
        asked=least,
        verdict=verdict,
        level=said,
        more=more,
        missing=len(unknown),
    )


def _good(column: Column, worst: float) -> dict[str, bool]:
    """Case -> whether any of its repeats is better than the worst; those are left out of which none is known to be, and
    a repeat is missing."""
    found = {case: any(value != worst for value in values) for case, values in column.repeats.items()}
    return {case: good for case, good in found.items() if good or case not in column.missing}


def _corpus(subject: Subject, least: float) -> GateLine | None:
    """A figure over all cases that is as bad as it can be."""
    check = subject.check
    found = subject.tables.corpus.get((subject.target, check.name))
    worst = subject.most if subject.falling else subject.least
    if threshold_of(check, subject.card) is not None or found is None or worst is None:
        return None
    if found.verdict.measure != worst:
        return None
    reason = f"{worst:g} is the worst that there is. Not worse than the baseline is not good. {_ALLOW}"
    verdict = Verdict(outcome="inconclusive", reason=reason, measure=worst, unit=subject.card.unit, n=found.verdict.n)
    return GateLine(kind="usable", check=check.name, target=subject.target, asked=least, verdict=verdict)
