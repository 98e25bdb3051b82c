"""The gate of a suite: what its checks ask for, held against what was measured, with three verdicts.

`pass` says that the bound of confidence reaches what was asked, `fail` that the other bound does not, `inconclusive`
that the cases do not decide; then it says how many would. All lines must pass: an intersection-union test, whose chance
of a false pass is at most that of one line, so that nothing is corrected for their number (Berger, "Multiparameter
hypothesis testing and acceptance sampling", Technometrics 24, 1982). Claims of improvement are corrected by Holm's
method.
"""

from collections.abc import Iterator, Sequence
from math import sqrt
from typing import Literal

import msgspec

from genaiops.arena._scoring import threshold_of
from genaiops.arena._tables import Column, Tables
from genaiops.checks.metrics import metric
from genaiops.checks.statistics import Comparison, Level, compare, holm, level, lower_share, upper_share
from genaiops.checks.statistics.figures import Figure, difference
from genaiops.checks.statistics.planning import Spread, needed
from genaiops.core.errors import UsageError
from genaiops.domain import Judged, MetricCard, Outcome, Suite, SuiteCheck, Verdict

LineKind = Literal["floor", "margin", "improves", "tolerance", "every_case", "corpus", "errors"]


class GateLine(msgspec.Struct, frozen=True, kw_only=True):
    """One condition. `more`: how many cases beside those there are would likely decide it (None: it is decided, or no
    number would)."""

    kind: LineKind
    check: str = ""
    target: str
    asked: float | None = None
    verdict: Verdict
    comparison: Comparison | None = None
    level: Level | None = None
    more: int | None = None


class GateReport(msgspec.Struct, frozen=True, kw_only=True):
    """`targets`: which were judged. `baseline` "": none was compared with."""

    verdict: Verdict
    lines: tuple[GateLine, ...]
    targets: tuple[str, ...]
    baseline: str = ""
    alpha: float = 0.05


def judge(suite: Suite, tables: Tables, *, baseline: str = "") -> GateReport:
    """What the gate says of all targets but the baseline (of all, where there is none)."""
    names = [target.name for target in suite.target]
    compared = baseline or (suite.gate.baseline if suite.gate.baseline in names else "")
    judged = [name for name in names if name != compared]
    lines: list[GateLine] = []
    for target in judged:
        lines += _of_target(suite, tables, target, compared)
    lines = _claims(lines, suite.gate.alpha)
    return GateReport(
        verdict=_together(lines), lines=tuple(lines), targets=tuple(judged), baseline=compared, alpha=suite.gate.alpha
    )


def decides(check: SuiteCheck) -> bool:
    """Whether a check has a condition of its own."""
    return check.floor is not None or check.margin is not None or check.improves or check.tolerance is not None


def _of_target(suite: Suite, tables: Tables, target: str, baseline: str) -> Iterator[GateLine]:
    yield from _errors(suite, tables, target)
    if baseline:
        yield from _errors(suite, tables, baseline)
    bounds = any(decides(check) for check in suite.check)
    for check in suite.check:
        card = metric(check.metric, check.options).card
        ids = _ids(tables, check)
        if card.over == "corpus":
            yield from _corpus(check, card, tables, target)
            if baseline and check.margin is not None:
                yield _corpus_margin(check, card, tables, target, baseline)
            continue
        passes = _by_passing(check, card)
        column = tables.column(target, check.name, ids, passes=passes)
        if check.floor is not None:
            yield _floor(suite, check, card, tables, target, column, passes=passes)
        if check.tolerance is not None:
            yield _tolerance(suite, check, tables, target, ids)
        if baseline and (check.margin is not None or check.improves):
            other = tables.column(baseline, check.name, ids, passes=passes)
            yield from _against(suite, check, card, tables, target, column, other)
        if not bounds and threshold_of(check, card) is not None:
            yield _every_case(check, tables, target, ids)


def _by_passing(check: SuiteCheck, card: MetricCard) -> bool:
    """Whether shares that passed are compared, in place of means of measures."""
    return check.threshold is not None or check.negate or card.better == "neither"


def _ids(tables: Tables, check: SuiteCheck) -> list[str]:
    wanted = set(check.slices)
    return [name for name, case in tables.cases.items() if not wanted or wanted & set(case.slices)]


def _errors(suite: Suite, tables: Tables, target: str) -> Iterator[GateLine]:
    """A line only when so many answers are missing that nothing can be decided."""
    expected = len(tables.cases) * suite.run.repeats
    answered = sum(answer.state == "answered" for answer in tables.answers[target])
    share = 1 - answered / expected if expected else 0.0
    if share > suite.gate.errors:
        reason = f"{expected - answered} of {expected} answers are missing; {suite.gate.errors:.0%} may be."
        verdict = Verdict(outcome="inconclusive", reason=reason, measure=share, unit="share", n=expected)
        yield GateLine(kind="errors", target=target, asked=suite.gate.errors, verdict=verdict)


def _floor(
    suite: Suite, check: SuiteCheck, card: MetricCard, tables: Tables, target: str, column: Column, *, passes: bool
) -> GateLine:
    ids = list(column.values)
    alpha = suite.gate.alpha
    falling = card.better == "lower" and not passes
    floor = check.floor or 0.0
    try:
        said = level(list(column.values.values()), tables.clusters(ids), alpha=alpha, span=_span(card, passes=passes))
    except UsageError as error:
        return _undecided("floor", check, target, floor, str(error))
    good = said.high <= floor if falling else said.low >= floor
    bad = said.low > floor if falling else said.high < floor
    outcome: Outcome = "pass" if good else "fail" if bad else "inconclusive"
    bound, least = (said.high, "at most") if falling else (said.low, "at least")
    if outcome == "fail":
        bound = said.low if falling else said.high
    reason = f"{said.mean:.4g}, with {1 - alpha:.0%} confidence {least} {bound:.4g}; asked for: {least} {floor:.4g}."
    if outcome == "fail":
        side = "above" if falling else "below"
        reason = f"{said.mean:.4g}, with {1 - alpha:.0%} confidence {side} the {floor:.4g} that is asked for."
    more = None
    if outcome == "inconclusive":
        above = (floor - said.mean) if falling else (said.mean - floor)
        more = _more(above, _deviation(list(column.values.values())), said.n, alpha)
    return GateLine(
        kind="floor",
        check=check.name,
        target=target,
        asked=floor,
        verdict=_verdict(outcome, reason, said.mean, card, said.n, said.low, said.high),
        level=said,
        more=more,
    )


def _tolerance(suite: Suite, check: SuiteCheck, tables: Tables, target: str, ids: Sequence[str]) -> GateLine:
    """The exact upper bound of the share of cases of which any repeat failed."""
    column = tables.column(target, check.name, ids, passes=True)
    n, failed = len(column.values), sum(value < 1 for value in column.values.values())
    tolerance = check.tolerance or 0.0
    if not n:
        return _undecided("tolerance", check, target, tolerance, "Nothing was judged.")
    high = upper_share(failed, n, alpha=suite.gate.alpha)
    low = lower_share(failed, n, alpha=suite.gate.alpha)
    outcome: Outcome = "pass" if high <= tolerance else "fail" if low > tolerance else "inconclusive"
    if failed and not tolerance:
        outcome = "fail"
    reason = f"{failed} of {n} cases failed: with {1 - suite.gate.alpha:.0%} confidence at most {high:.2%}."
    more = None
    if outcome == "inconclusive" and not failed and tolerance > 0:
        more = max(1, _none_of(tolerance, suite.gate.alpha) - n)
    verdict = Verdict(outcome=outcome, reason=reason, measure=failed / n, unit="share", n=n, interval=(low, high))
    return GateLine(kind="tolerance", check=check.name, target=target, asked=tolerance, verdict=verdict, more=more)


def _none_of(tolerance: float, alpha: float) -> int:
    """Cases without a failure that bound it so: alpha^(1/n) = 1 - tolerance."""
    from math import ceil, log

    return ceil(log(alpha) / log(1 - tolerance)) if tolerance < 1 else 1


def _against(
    suite: Suite, check: SuiteCheck, card: MetricCard, tables: Tables, target: str, column: Column, other: Column
) -> Iterator[GateLine]:
    passes = _by_passing(check, card)
    sign = -1.0 if card.better == "lower" and not passes else 1.0
    ids = [each for each in column.values if each in other.values]
    try:
        said = compare(
            [sign * column.values[each] for each in ids],
            [sign * other.values[each] for each in ids],
            tables.clusters(ids),
            alpha=suite.gate.alpha,
            span=_span(card, passes=passes),
        )
    except UsageError as error:
        yield _undecided("margin" if check.margin is not None else "improves", check, target, check.margin, str(error))
        return
    if check.margin is not None:
        outcome: Outcome = (
            "pass" if said.low > -check.margin else "fail" if said.high < -check.margin else "inconclusive"
        )
        worse = f"{-said.low:.4g} worse" if said.low < 0 else f"{said.low:.4g} better"
        reason = (
            f"{said.wins} won, {said.losses} lost of {said.n}; difference {said.difference:+.4g}, at worst {worse} "
            f"with {1 - suite.gate.alpha:.0%} confidence; {check.margin:.4g} is allowed."
        )
        more = None
        if outcome == "inconclusive":
            deviation = _deviation([column.values[each] - other.values[each] for each in ids])
            more = _more(check.margin + said.difference, deviation, said.n, suite.gate.alpha)
        yield GateLine(
            kind="margin",
            check=check.name,
            target=target,
            asked=check.margin,
            verdict=_verdict(outcome, reason, said.difference, card, said.n, said.low, said.high),
            comparison=said,
            more=more,
        )
    if check.improves:
        reason = f"Difference {said.difference:+.4g}; {said.wins} won, {said.losses} lost of {said.n}."
        yield GateLine(
            kind="improves",
            check=check.name,
            target=target,
            verdict=_verdict("inconclusive", reason, said.difference, card, said.n, said.low, said.high),
            comparison=said,
        )


def _claims(lines: Sequence[GateLine], alpha: float) -> list[GateLine]:
    """Claims of improvement, decided together: worse is a fail, not shown is inconclusive."""
    claims = [place for place, line in enumerate(lines) if line.kind == "improves" and line.comparison is not None]
    shown = holm([_p(lines[place]) for place in claims], alpha=alpha)
    done = list(lines)
    for place, is_shown in zip(claims, shown, strict=True):
        line = lines[place]
        said = line.comparison
        if said is None:
            continue
        outcome: Outcome = "pass" if is_shown else "fail" if said.high < 0 else "inconclusive"
        corrected = f", corrected for {len(claims)} claims" if len(claims) > 1 else ""
        reason = f"{line.verdict.reason} p = {said.p_better:.3g}{corrected}."
        verdict = msgspec.structs.replace(line.verdict, outcome=outcome, reason=reason)
        more = None
        if outcome == "inconclusive" and said.difference > 0:
            half = (said.high - said.low) / 2
            deviation = half * sqrt(said.n) / 1.645
            more = _more(said.difference, deviation, said.n, alpha / len(claims))
        done[place] = msgspec.structs.replace(line, verdict=verdict, more=more)
    return done


def _p(line: GateLine) -> float:
    return 1.0 if line.comparison is None else line.comparison.p_better


def _every_case(check: SuiteCheck, tables: Tables, target: str, ids: Sequence[str]) -> GateLine:
    """Of a suite without any bound: each case that has a threshold passes, as in a test of a program."""
    column = tables.column(target, check.name, ids, passes=True)
    failed = sum(value < 1 for value in column.values.values())
    n = len(column.values)
    outcome: Outcome = "fail" if failed else "inconclusive" if not n else "pass"
    reason = f"{n - failed} of {n} cases passed." if n else "Nothing was judged."
    verdict = Verdict(outcome=outcome, reason=reason, measure=(n - failed) / n if n else None, unit="share", n=n)
    return GateLine(kind="every_case", check=check.name, target=target, verdict=verdict)


def _corpus(check: SuiteCheck, card: MetricCard, tables: Tables, target: str) -> Iterator[GateLine]:
    asked = check.floor if check.floor is not None else check.threshold
    if asked is None:
        return
    found = tables.corpus.get((target, check.name))
    said = _corpus_figure(found, card)
    if found is None or isinstance(said, str):
        yield _undecided("corpus", check, target, asked, str(said))
        return
    value, low, high = said.value, said.low, said.high
    falling = card.better == "lower"
    good = high <= asked if falling else low >= asked
    bad = low > asked if falling else high < asked
    outcome: Outcome = "pass" if good else "fail" if bad else "inconclusive"
    reason = f"{value:.4g} over all cases; asked for: {'at most' if falling else 'at least'} {asked:.4g}."
    verdict = msgspec.structs.replace(found.verdict, outcome=outcome, reason=reason)
    yield GateLine(kind="corpus", check=check.name, target=target, asked=asked, verdict=verdict)


_TOO_FEW = "nothing tells how sure that is: there is one independent case only, or none was drawn anew."


def _corpus_figure(found: Judged | None, card: MetricCard) -> Figure | str:
    """Or why there is none that could be relied on. What a metric tells without any bounds counts as it stands."""
    if found is None or found.verdict.measure is None:
        return found.verdict.reason if found else "Nothing was judged."
    value = found.verdict.measure
    if found.verdict.interval is None and "alpha" in card.options:
        return f"{value:.4g}; {_TOO_FEW}"
    return Figure(value, *(found.verdict.interval or (value, value)))


def _corpus_margin(check: SuiteCheck, card: MetricCard, tables: Tables, target: str, baseline: str) -> GateLine:
    margin = check.margin or 0.0
    mine, other = (_corpus_figure(tables.corpus.get((name, check.name)), card) for name in (target, baseline))
    if isinstance(mine, str) or isinstance(other, str):
        return _undecided("margin", check, target, margin, mine if isinstance(mine, str) else str(other))
    said = difference(-mine, -other) if card.better == "lower" else difference(mine, other)
    outcome: Outcome = "pass" if said.low > -margin else "fail" if said.high < -margin else "inconclusive"
    reason = f"{mine.value:.4g} against {other.value:.4g}: difference {said.value:+.4g}, at worst {said.low:+.4g}."
    n = len(_ids(tables, check))
    verdict = _verdict(outcome, f"{reason} {margin:.4g} worse is allowed.", said.value, card, n, said.low, said.high)
    return GateLine(kind="margin", check=check.name, target=target, asked=margin, verdict=verdict)


def _undecided(kind: LineKind, check: SuiteCheck, target: str, asked: float | None, reason: str) -> GateLine:
    return GateLine(
        kind=kind,
        check=check.name,
        target=target,
        asked=asked,
        verdict=Verdict(outcome="inconclusive", reason=reason),
    )


def _verdict(outcome: Outcome, reason: str, value: float, card: MetricCard, n: int, low: float, high: float) -> Verdict:
    return Verdict(outcome=outcome, reason=reason, measure=value, unit=card.unit, n=n, interval=(low, high))


def _span(card: MetricCard, *, passes: bool) -> float | None:
    if passes:
        return 1.0
    return None if card.low is None or card.high is None else card.high - card.low


def _deviation(values: Sequence[float]) -> float:
    n = len(values)
    if n < 2:
        return 0.0
    mean = sum(values) / n
    return sqrt(sum((each - mean) ** 2 for each in values) / (n - 1))


def _more(room: float, deviation: float, n: int, alpha: float) -> int | None:
    """How many more cases would likely decide, if it goes on as it went: to a pass where there is room, to a fail
    where there is none."""
    if room == 0:
        return None
    least = max(deviation, 1 / (n + 2))
    try:
        return max(1, needed(abs(room), Spread(deviation=least), alpha=alpha) - n)
    except UsageError:
        return None


def _together(lines: Sequence[GateLine]) -> Verdict:
    counts = {outcome: sum(line.verdict.outcome == outcome for line in lines) for outcome in ("fail", "inconclusive")}
    if not lines:
        return Verdict(outcome="inconclusive", reason="Nothing is asked for: no check has a threshold or a bound.")
    if counts["fail"]:
        names = ", ".join(dict.fromkeys(line.check for line in lines if line.verdict.outcome == "fail"))
        return Verdict(outcome="fail", reason=f"{counts['fail']} of {len(lines)} conditions do not hold: {names}.")
    open_ = [line for line in lines if line.verdict.outcome not in ("pass", "fail")]
    if open_:
        more = [line.more for line in open_ if line.more is not None]
        hint = f" About {max(more)} more cases would likely decide." if len(more) == len(open_) else ""
        return Verdict(outcome="inconclusive", reason=f"{len(open_)} of {len(lines)} conditions are not decided.{hint}")
    return Verdict(outcome="pass", reason=f"All {len(lines)} conditions hold.")
