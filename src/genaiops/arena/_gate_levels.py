"""Conditions of one target alone: a floor, a tolerance, every case, a figure of the corpus."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from genaiops.arena._gate_report import GateLine, undecided
from genaiops.arena._gate_subject import Subject, untold
from genaiops.arena._people import people_level
from genaiops.arena._tables import Column
from genaiops.checks.statistics import Level, level
from genaiops.checks.statistics.planning import alike
from genaiops.core.counting import counted
from genaiops.core.errors import UsageError
from genaiops.domain import Outcome, Verdict


def floor(subject: Subject) -> GateLine:
    """The bound of confidence of the mean reaches what is asked (of a metric whose less is better: stays below it)."""
    check, column = subject.check, subject.column()
    asked, missing = check.floor or 0.0, len(column.missing)
    try:
        said, low, high = floor_level(subject, column)
    except UsageError as error:
        return _unbounded(subject, asked, f"{error.message} {error.remedy}".rstrip(), column)
    good = high <= asked if subject.falling else low >= asked
    bad = low > asked if subject.falling else high < asked
    outcome: Outcome = "pass" if good else "fail" if bad else "inconclusive"
    bound, least = (high, "at most") if subject.falling else (low, "at least")
    reason = f"{said.mean:.4g}, with {subject.sure} confidence {least} {bound:.4g}; asked for: {least} {asked:.4g}."
    if outcome == "fail":
        side = "above" if subject.falling else "below"
        reason = f"{said.mean:.4g}, with {subject.sure} confidence {side} the {asked:.4g} that is asked for."
    more = None
    if outcome == "inconclusive" and not missing and not subject.by_judge:  # of a judge it is labels that are lacking
        end = subject.least if said.mean > asked else subject.most
        more = subject.more(said.mean - asked, column.values, reach=None if end is None else abs(end - said.mean))
    if subject.by_judge:
        reason += f" The judge itself says {sum(column.values.values()) / len(column.values):.4g}; {said.method}."
    return GateLine(
        kind="floor",
        check=check.name,
        target=subject.target,
        asked=asked,
        verdict=subject.verdict(outcome, reason + untold(missing), said.mean, said.n, (low, high)),
        level=said,
        more=more,
        missing=missing,
    )


def floor_level(subject: Subject, column: Column) -> tuple[Level, float, float]:
    """What a floor is held against, and its bounds with what has no value at the worse end: what was measured, or, by a
    judge, what people would say. UsageError where nothing tells how sure it is."""
    if subject.by_judge:
        said, _ = people_level(subject, column.values, subject.people(), missing=len(column.missing))
        return said, said.low, said.high
    return measured_level(subject, column)


def measured_level(subject: Subject, column: Column) -> tuple[Level, float, float]:
    """As it was measured, also by a judge."""
    seen = [value for values in column.repeats.values() for value in values]
    said = _level(subject, column.values or column.filled(subject.worst(seen)))
    if not column.missing:
        return said, said.low, said.high
    ends = [_level(subject, column.filled(end)) for end in (subject.worst(seen), subject.best(seen))]
    return said, min(each.low for each in ends), max(each.high for each in ends)


def _level(subject: Subject, values: Mapping[str, float]) -> Level:
    clusters = subject.tables.clusters(list(values))
    return level(list(values.values()), clusters, alpha=subject.alpha, least=subject.least, most=subject.most)


def _unbounded(subject: Subject, asked: float, reason: str, column: Column) -> GateLine:
    """A floor of which nothing tells how sure the figure is: what was measured stands without bounds."""
    line = undecided("floor", subject.check, subject.target, asked, reason, missing=len(column.missing))
    n = len(column.values)
    if not n:
        return line
    verdict = msgspec.structs.replace(line.verdict, measure=sum(column.values.values()) / n, unit=subject.unit, n=n)
    return msgspec.structs.replace(line, verdict=verdict)


def tolerance(subject: Subject) -> GateLine:
    """The upper bound of the share of cases of which any repeat failed: exact, and over clusters where there are."""
    check = subject.check
    column = subject.column(passes=True)
    asked, missing = check.tolerance or 0.0, len(column.missing)
    broken = {each: float(value < 1) for each, value in column.values.items()}
    broken |= {each: 1.0 for each in column.missing if any(value < 1 for value in column.repeats.get(each, ()))}
    unknown = [each for each in subject.ids if each not in broken]
    n, failed = len(broken), int(sum(broken.values()))
    if not n:
        return undecided("tolerance", check, subject.target, asked, "Nothing was judged.", missing=missing)
    try:
        said, low, high = _share(subject, broken, unknown)
    except UsageError as error:
        return undecided("tolerance", check, subject.target, asked, f"{error.message} {error.remedy}".rstrip())
    outcome: Outcome = "pass" if high <= asked else "fail" if low > asked else "inconclusive"
    by = f" by the judge itself; {said.method}" if subject.by_judge else ""
    reason = f"{failed} of {counted(n, 'case')} failed{by}: with {subject.sure} confidence at most {high:.2%}."
    reason += untold(len(unknown))
    more, none = None, not failed and not unknown and said.clusters == n and not subject.by_judge
    if outcome == "inconclusive" and none and 0 < asked < 1:
        more = max(1, alike(asked, 1.0, alpha=subject.alpha) - n)
    verdict = Verdict(outcome=outcome, reason=reason, measure=said.mean, unit="share", n=n, interval=(low, high))
    return GateLine(
        kind="tolerance",
        check=check.name,
        target=subject.target,
        asked=asked,
        verdict=verdict,
        level=said,
        more=more,
        missing=len(unknown),
    )


def _share(subject: Subject, broken: Mapping[str, float], unknown: Sequence[str]) -> tuple[Level, float, float]:
    """Of cases that failed (by a judge: that people would fail), `unknown` ones as failed for the upper bound."""
    if subject.by_judge:
        passed = {case: 1 - value for case, value in broken.items()}
        kept = {case: float(label >= 1) for case, label in subject.people(passes=True).items()}
        said, _ = people_level(subject, passed, kept, missing=len(unknown), passes=True)
        turned = msgspec.structs.replace(said, mean=1 - said.mean, low=1 - said.high, high=1 - said.low)
        return turned, turned.low, turned.high

    def share(values: Mapping[str, float]) -> Level:
        clusters = subject.tables.clusters(list(values))
        return level(list(values.values()), clusters, alpha=subject.alpha, least=0.0, most=1.0)

    said = share(broken)
    if not unknown:
        return said, said.low, said.high
    ends = [share({**broken, **dict.fromkeys(unknown, end)}) for end in (0.0, 1.0)]
    return said, ends[0].low, ends[1].high


def every_case(subject: Subject) -> GateLine:
    """Of a suite without any bound: each case that has a threshold passes, as in a test of a program. One without a
    value has not passed."""
    column = subject.column(passes=True)
    missing = len(column.missing)
    failed = sum(any(value < 1 for value in values) for values in column.repeats.values())
    n = len(column.values) + sum(any(v < 1 for v in column.repeats.get(each, ())) for each in column.missing)
    outcome: Outcome = "fail" if failed else "inconclusive" if missing or not n else "pass"
    reason = f"{n - failed} of {counted(n, 'case')} passed." if n else "Nothing was judged."
    if missing:
        reason += f" {missing} of {len(subject.ids)} have no value."
    verdict = Verdict(outcome=outcome, reason=reason, measure=(n - failed) / n if n else None, unit="share", n=n)
    return GateLine(
        kind="every_case", check=subject.check.name, target=subject.target, verdict=verdict, missing=missing
    )


def corpus(subject: Subject) -> Iterator[GateLine]:
    """A figure over all cases, with its interval; without one it is not known how sure it is, and nothing is shown."""
    check, target = subject.check, subject.target
    asked = check.floor if check.floor is not None else check.threshold
    found = subject.tables.corpus.get((target, check.name))
    if asked is None:
        return
    if found is None or found.verdict.measure is None:
        reason = found.verdict.reason if found else "Nothing was judged."
        yield undecided("corpus", check, target, asked, reason)
        return
    value, interval = found.verdict.measure, found.verdict.interval
    missing = subject.tables.unanswered(target, subject.ids)
    reason = f"{value:.4g} over all cases; asked for: {'at most' if subject.falling else 'at least'} {asked:.4g}."
    outcome: Outcome = "inconclusive"
    if missing:
        reason += f" {counted(missing, 'missing answer')}: without them it is a figure of other cases."
    elif interval is None:
        reason += f" How sure that is is not known. {found.verdict.reason}".rstrip()
    else:
        low, high = interval
        good = high <= asked if subject.falling else low >= asked
        bad = low > asked if subject.falling else high < asked
        outcome = "pass" if good else "fail" if bad else "inconclusive"
        reason = f"{reason} {found.verdict.reason}".rstrip()
    verdict = msgspec.structs.replace(found.verdict, outcome=outcome, reason=reason)
    yield GateLine(kind="corpus", check=check.name, target=target, asked=asked, verdict=verdict, missing=missing)
