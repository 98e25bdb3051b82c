"""Conditions of a target against the baseline: not worse by a margin, or better."""

from collections.abc import Iterator, Mapping

import msgspec

from genaiops.arena._gate_judged import judged_against
from genaiops.arena._gate_report import GateLine, LineKind, margin_words, undecided
from genaiops.arena._gate_subject import Subject, untold
from genaiops.checks.statistics import Comparison, compare
from genaiops.core.counting import counted
from genaiops.core.errors import UsageError
from genaiops.domain import JudgesCompared, Outcome


def against(subject: Subject, baseline: str, judges: JudgesCompared) -> Iterator[GateLine]:
    """Differences case by case. A case that neither side has a value of is left out: it is not the candidate's. Those
    by a judge are of what people would say, or, as it said, of the judge's own verdicts."""
    if subject.by_judge and judges == "corrected":
        found = judged_against(subject, baseline)
        if isinstance(found, str):
            yield _undecided(subject, found)
            return
        yield from _lines(subject, *found, {})
        return
    mine, other = subject.column(), subject.column(baseline)
    both_lack = mine.missing & other.missing
    missing = len((mine.missing | other.missing) - both_lack)
    seen = [value for column in (mine, other) for values in column.repeats.values() for value in values]
    known = [each for each in subject.ids if each in mine.values and each in other.values]
    every = [each for each in subject.ids if each not in both_lack]
    worst, best = subject.worst(seen), subject.best(seen)
    try:
        said = _compared(subject, mine.values, other.values, known)
        low = high = said
        if missing:
            low = _compared(subject, mine.filled(worst), other.filled(best), every)
            high = _compared(subject, mine.filled(best), other.filled(worst), every)
    except UsageError as error:
        yield _undecided(subject, error.message, missing)
        return
    said = msgspec.structs.replace(said, low=low.low, high=high.high, p_better=low.p_better)
    if subject.by_judge:
        said = msgspec.structs.replace(said, method=f"{said.method}; the judge's own verdicts, not corrected by labels")
    yield from _lines(subject, said, missing, {each: mine.values[each] - other.values[each] for each in known})


def _undecided(subject: Subject, reason: str, missing: int = 0) -> GateLine:
    check = subject.check
    kind: LineKind = "improves" if check.margin is None else "margin"
    return undecided(kind, check, subject.target, check.margin, reason, missing=missing)


def _lines(subject: Subject, said: Comparison, missing: int, deltas: Mapping[str, float]) -> Iterator[GateLine]:
    """`deltas` empty: how many more cases would decide is not known."""
    check = subject.check
    if check.margin is not None:
        yield _margin(subject, check.margin, said, deltas, missing)
    if check.improves:
        reason = f"Difference {said.difference:+.4g}; {said.wins} won, {said.losses} lost of {said.n}.{untold(missing)}"
        reason += _by_judge(subject, said)
        yield GateLine(
            kind="improves",
            check=check.name,
            target=subject.target,
            verdict=subject.verdict("inconclusive", reason, said.difference, said.n, (said.low, said.high)),
            comparison=said,
            missing=missing,
        )


def _compared(subject: Subject, mine: Mapping[str, float], other: Mapping[str, float], ids: list[str]) -> Comparison:
    """More is better in `difference`, its bounds, wins and losses; `candidate` and `baseline` are as measured."""
    sign = -1.0 if subject.falling else 1.0
    said = compare(
        [sign * mine[each] for each in ids],
        [sign * other[each] for each in ids],
        subject.tables.clusters(ids),
        alpha=subject.alpha,
        span=subject.span,
    )
    return msgspec.structs.replace(said, candidate=sign * said.candidate, baseline=sign * said.baseline)


def _margin(subject: Subject, margin: float, said: Comparison, deltas: Mapping[str, float], missing: int) -> GateLine:
    outcome: Outcome = "pass" if said.low > -margin else "fail" if said.high < -margin else "inconclusive"
    words = margin_words(said.difference, said.low, subject.sure, margin)
    reason = f"{said.wins} won, {said.losses} lost of {said.n}; {words}.{untold(missing)}{_by_judge(subject, said)}"
    more = None
    if outcome == "inconclusive" and not missing and deltas:
        room = margin + said.difference
        toward = said.difference if room > 0 else -said.difference
        more = subject.more(room, deltas, reach=None if subject.span is None else subject.span + toward)
    return GateLine(
        kind="margin",
        check=subject.check.name,
        target=subject.target,
        asked=margin,
        verdict=subject.verdict(outcome, reason, said.difference, said.n, (said.low, said.high)),
        comparison=said,
        more=more,
        missing=missing,
    )


def _by_judge(subject: Subject, said: Comparison) -> str:
    if not subject.by_judge:
        return ""
    own = said.candidate - said.baseline
    return f" The judge itself says {own:+.4g}; {said.method}."


def corpus_against(subject: Subject, baseline: str, margin: float) -> GateLine:
    """The difference of two figures over all cases, from the same cases left out of both."""
    check, target = subject.check, subject.target
    found = subject.tables.differences.get((target, baseline, check.name))
    missing = sum(subject.tables.unanswered(name, subject.ids) for name in (target, baseline))
    if found is None or found.verdict.measure is None or found.verdict.interval is None:
        reason = found.verdict.reason if found else "The two were not compared."
        return undecided("margin", check, target, margin, reason, missing=missing)
    sign = -1.0 if subject.falling else 1.0
    difference = sign * found.verdict.measure
    low, high = sorted(sign * bound for bound in found.verdict.interval)
    outcome: Outcome = "pass" if low > -margin else "fail" if high < -margin else "inconclusive"
    reason = (
        f"Difference {difference:+.4g} over all cases, {low:.4g} to {high:.4g} with {subject.sure} confidence on "
        f"either side; {margin:.4g} worse is allowed."
    )
    if missing:
        outcome = "inconclusive"
        reason += f" {counted(missing, 'missing answer')}: without them it is a figure of other cases."
    verdict = msgspec.structs.replace(
        found.verdict, outcome=outcome, reason=reason, measure=difference, interval=(low, high)
    )
    return GateLine(kind="margin", check=check.name, target=target, asked=margin, verdict=verdict, missing=missing)


def not_compared(subject: Subject) -> GateLine:
    """A comparison that is asked for when the baseline is none of the targets."""
    return _undecided(subject, "The baseline was not asked in this run.")
