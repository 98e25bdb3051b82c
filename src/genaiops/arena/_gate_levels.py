"""Conditions of one target alone: a floor, a tolerance, every case, a figure of the corpus."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from genaiops.arena._gate_report import GateLine, undecided
from genaiops.arena._gate_subject import Subject, untold
from genaiops.checks.statistics import Level, level
from genaiops.checks.statistics.labelled import ppi_mean
from genaiops.checks.statistics.planning import alike
from genaiops.core.counting import counted
from genaiops.core.errors import UsageError
from genaiops.domain import Outcome, Verdict


def floor(subject: Subject) -> GateLine:
    """The bound of confidence of the mean reaches what is asked (of a metric whose less is better: stays below it)."""
    check, column = subject.check, subject.column()
    asked, missing = check.floor or 0.0, len(column.missing)
    seen = [value for values in column.repeats.values() for value in values]
    try:
        said = _level(subject, column.values or column.filled(subject.worst(seen)))
        worst = _level(subject, column.filled(subject.worst(seen))) if missing else said
        best = _level(subject, column.filled(subject.best(seen))) if missing else said
    except UsageError as error:
        return undecided("floor", check, subject.target, asked, error.message, missing=missing)
    low, high = min(worst.low, best.low), max(worst.high, best.high)
    good = worst.high <= asked if subject.falling else worst.low >= asked
    bad = best.low > asked if subject.falling else best.high < asked
    outcome: Outcome = "pass" if good else "fail" if bad else "inconclusive"
    bound, least = (high, "at most") if subject.falling else (low, "at least")
    reason = f"{said.mean:.4g}, with {subject.sure} confidence {least} {bound:.4g}; asked for: {least} {asked:.4g}."
    if outcome == "fail":
        side = "above" if subject.falling else "below"
        reason = f"{said.mean:.4g}, with {subject.sure} confidence {side} the {asked:.4g} that is asked for."
    more = None
    if outcome == "inconclusive" and not missing:
        end = subject.least if said.mean > asked else subject.most
        more = subject.more(said.mean - asked, column.values, reach=None if end is None else abs(end - said.mean))
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


def _level(subject: Subject, values: Mapping[str, float]) -> Level:
    clusters = subject.tables.clusters(list(values))
    if pairs := subject.labelled(passes=subject.passes):
        return _corrected(pairs, list(values.values()), clusters, subject.alpha)
    return level(list(values.values()), clusters, alpha=subject.alpha, least=subject.least, most=subject.most)


def _corrected(
    pairs: Sequence[tuple[float, float]], values: Sequence[float], clusters: Sequence[str], alpha: float
) -> Level:
    """What people would say, from what a judge says, by the answers that both judged."""
    if any(clusters):
        what = "The verdicts of a judge are corrected for independent cases only, and these have clusters."
        raise UsageError(what, remedy="Leave out the clusters, or draw one case of each.")
    judged, people = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    said = ppi_mean(people, judged, values, alpha=alpha)
    low, high = max(0.0, said.low), min(1.0, said.high)
    n = len(values)
    method = f"PPI++ over {len(pairs)} labels of people"
    return Level(n=n, clusters=n, mean=said.mean, low=low, high=high, alpha=alpha, method=method)


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
    said = _share(subject, broken)
    worst = _share(subject, broken | dict.fromkeys(unknown, 1.0)) if unknown else said
    best = _share(subject, broken | dict.fromkeys(unknown, 0.0)) if unknown else said
    outcome: Outcome = "pass" if worst.high <= asked else "fail" if best.low > asked else "inconclusive"
    reason = f"{failed} of {counted(n, 'case')} failed: with {subject.sure} confidence at most {worst.high:.2%}."
    reason += untold(len(unknown))
    more = None
    if outcome == "inconclusive" and not failed and not unknown and 0 < asked < 1 and said.clusters == n:
        more = max(1, alike(asked, 1.0, alpha=subject.alpha) - n)
    verdict = Verdict(
        outcome=outcome, reason=reason, measure=failed / n, unit="share", n=n, interval=(best.low, worst.high)
    )
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


def _share(subject: Subject, broken: Mapping[str, float]) -> Level:
    if pairs := [(1 - mine, 1 - theirs) for mine, theirs in subject.labelled(passes=True)]:
        return _corrected(pairs, list(broken.values()), subject.tables.clusters(list(broken)), subject.alpha)
    return level(list(broken.values()), subject.tables.clusters(list(broken)), alpha=subject.alpha, least=0.0, most=1.0)


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
