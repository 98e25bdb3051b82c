"""The gate of a suite: what its checks ask for, held against what was measured, with three verdicts.

`pass` says that the bound of confidence reaches what was asked, `fail` that the other bound does not, `inconclusive`
that the cases do not decide; then it says how many would. All lines must pass: an intersection-union test, whose chance
of a false pass is at most that of one line, so that nothing is corrected for their number (Berger, "Multiparameter
hypothesis testing and acceptance sampling", Technometrics 24, 1982). Claims of improvement are corrected by Holm's
method.

What has no value, because its answer or its judgement failed, counts as the worst where a pass is to be shown, and as
the best where a fail is (Manski, "Nonparametric bounds on treatment effects", American Economic Review 80, 1990): who
breaks on hard cases does not win by it.
"""

from collections.abc import Iterator, Sequence
from typing import Final, Literal

import msgspec

from genaiops.arena._duels import duels
from genaiops.arena._gate_compared import against, corpus_against, not_compared
from genaiops.arena._gate_levels import corpus, every_case, floor, tolerance
from genaiops.arena._gate_report import GateLine, GateReport, all_hold, undecided
from genaiops.arena._gate_subject import Subject
from genaiops.arena._gate_usable import unusable
from genaiops.arena._scoring import threshold_of
from genaiops.arena._tables import Tables
from genaiops.checks.statistics import holm
from genaiops.checks.statistics.planning import Spread, more_cases
from genaiops.core.counting import counted
from genaiops.domain import Outcome, Suite, SuiteCheck, SuiteGate, Verdict

_UNCALIBRATED: Final = "Said by a judge that was never held against the labels of people."


def judge(suite: Suite, tables: Tables, *, baseline: str = "") -> GateReport:
    """What the gate says of all targets but the baseline (of all, where there is none)."""
    names = [target.name for target in suite.target]
    compared = baseline or (suite.gate.baseline if suite.gate.baseline in names else "")
    judged = [name for name in names if name != compared]
    lines: list[GateLine] = []
    for target in (compared, *judged) if compared else judged:
        lost = missing_answers(suite, tables, target)
        lines += [lost] if lost is not None else []
    for target in judged:
        lines += _of_target(suite, tables, target, compared)
    lines = _claims(lines, suite.gate.alpha)
    return GateReport(
        verdict=_with_caution(_together(lines), lines),
        lines=tuple(lines),
        targets=tuple(judged),
        baseline=compared,
        alpha=suite.gate.alpha,
        duels=tuple(duels(suite, tables, compared)) if compared else (),
    )


def _with_caution(verdict: Verdict, lines: Sequence[GateLine]) -> Verdict:
    """How many conditions rest on judges of which nobody knows what they are worth."""
    found = sum(line.verdict.reason.endswith(_UNCALIBRATED) for line in lines)
    if not found:
        return verdict
    verb = "rests" if found == 1 else "rest"
    what = f"{found} of {counted(len(lines), 'condition')} {verb} on what an uncalibrated judge said."
    return msgspec.structs.replace(verdict, reason=f"{verdict.reason} {what}")


def decides(check: SuiteCheck) -> bool:
    """Whether a check has a condition of its own."""
    return check.floor is not None or check.margin is not None or check.improves or check.tolerance is not None


def _of_target(suite: Suite, tables: Tables, target: str, baseline: str) -> Iterator[GateLine]:
    for check in suite.check:
        subject = Subject(check, tables, target, alpha=suite.gate.alpha)
        for line in _of_subject(suite, subject, baseline):
            is_level = line.kind in ("floor", "corpus")
            yield msgspec.structs.replace(line, at_most=True) if subject.falling and is_level else line


def _of_subject(suite: Suite, subject: Subject, baseline: str) -> Iterator[GateLine]:
    check, bounds = subject.check, any(decides(each) for each in suite.check)
    if subject.card.decides:
        yield from _of_check(suite, subject, baseline, bounds=bounds)
    elif suite.gate.judges == "uncalibrated":
        for line in _of_check(suite, subject, baseline, bounds=bounds):
            verdict = msgspec.structs.replace(line.verdict, reason=f"{line.verdict.reason} {_UNCALIBRATED}")
            yield msgspec.structs.replace(line, verdict=verdict)
    elif decides(check):
        yield undecided("floor", check, subject.target, check.floor, f"{subject.card.title}: {subject.card.about}")


def _of_check(suite: Suite, subject: Subject, baseline: str, *, bounds: bool) -> Iterator[GateLine]:
    """`bounds`: some check of the suite has a condition of its own."""
    check = subject.check
    if (check.margin is not None or check.improves) and not baseline:
        yield not_compared(subject)
    if subject.card.over == "corpus":
        yield from corpus(subject)
        if check.margin is not None and baseline:
            line = corpus_against(subject, baseline, check.margin)
            yield line
            yield from _not_only_alike(subject, [line], suite.gate)
        return
    if check.floor is not None:
        yield floor(subject)
    if check.tolerance is not None:
        yield tolerance(subject)
    if (check.margin is not None or check.improves) and baseline:
        lines = [*against(subject, baseline, suite.gate.judges)]
        yield from lines
        yield from _not_only_alike(subject, lines, suite.gate)
    if not bounds and threshold_of(check, subject.card) is not None:
        yield every_case(subject)


def _not_only_alike(subject: Subject, lines: Sequence[GateLine], gate: SuiteGate) -> Iterator[GateLine]:
    """Of what holds its margin: that it is of no use, where it is."""
    if any(line.kind == "margin" and line.verdict.outcome == "pass" for line in lines):
        line = unusable(subject, gate.usable)
        if line is not None:
            yield line


def missing_answers(suite: Suite, tables: Tables, target: str) -> GateLine | None:
    """A line only when so many answers are missing that nothing can be decided."""
    expected = len(tables.cases) * suite.run.repeats
    answered = sum(answer.state == "answered" for answer in tables.answers[target])
    share = 1 - answered / expected if expected else 0.0
    if share <= suite.gate.errors:
        return None
    reason = f"{expected - answered} of {expected} answers are missing; {suite.gate.errors:.0%} may be."
    verdict = Verdict(outcome="inconclusive", reason=reason, measure=share, unit="share", n=expected)
    return GateLine(kind="errors", target=target, asked=suite.gate.errors, verdict=verdict)


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
        if outcome == "inconclusive" and said.difference > 0 and not line.missing:
            deviation = (said.high - said.low) / 2 * said.n**0.5 / 1.645
            more = more_cases(said.difference, Spread(deviation=deviation), said.n, alpha=alpha / len(claims))
        done[place] = msgspec.structs.replace(line, verdict=verdict, more=more)
    return done


def _p(line: GateLine) -> float:
    return 1.0 if line.comparison is None else line.comparison.p_better


def _together(lines: Sequence[GateLine]) -> Verdict:
    counts = {outcome: sum(line.verdict.outcome == outcome for line in lines) for outcome in ("fail", "inconclusive")}
    if not lines:
        what = "no check has a threshold or a bound, or only judges that were never calibrated have"
        return Verdict(outcome="inconclusive", reason=f"Nothing is asked for: {what}.")
    if counts["fail"]:
        names = ", ".join(dict.fromkeys(line.check for line in lines if line.verdict.outcome == "fail"))
        said = f"{_so_many(counts['fail'], len(lines), 'do')} not hold: {names}.{_of_no_use(lines, 'fail')}"
        return Verdict(outcome="fail", reason=said)
    open_ = [line for line in lines if line.verdict.outcome not in ("pass", "fail")]
    if open_:
        more = [line.more for line in open_ if line.more is not None]
        hint = f" About {counted(max(more), 'more case')} would likely decide." if len(more) == len(open_) else ""
        said = f"{_so_many(len(open_), len(lines), 'are')} not decided.{hint}{_of_no_use(lines, 'inconclusive')}"
        return Verdict(outcome="inconclusive", reason=said)
    return Verdict(outcome="pass", reason=all_hold(len(lines)))


def _of_no_use(lines: Sequence[GateLine], outcome: Outcome) -> str:
    """Whoever is refused a promotion reads the verdict alone."""
    found = [line for line in lines if line.kind == "usable" and line.verdict.outcome == outcome]
    return f" {found[0].check} of {found[0].target}: {found[0].verdict.reason}" if found else ""


def _so_many(number: int, whole: int, verb: Literal["do", "are"]) -> str:
    """The subject of a sentence with its verb: `1 of 3 conditions does`."""
    one = {"do": "does", "are": "is"}[verb]
    return f"The condition {one}" if whole == 1 else f"{number} of {whole} conditions {one if number == 1 else verb}"
