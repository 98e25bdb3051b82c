"""What a report tells, gathered once and written in several forms."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from genaiops.arena._gate import GateLine, GateReport, decides
from genaiops.arena._kpis import KpiLine
from genaiops.arena._parts import asked_media, text_of
from genaiops.checks.judging import in_words
from genaiops.checks.metrics import metric
from genaiops.domain import Answer, Case, Judged, Outcome, Run, Suite
from genaiops.ports.runs import Runs

FORMAT: Final = "genaiops-report-1"
WORDS: Final = {
    "pass": "PASS",
    "warn": "PASS",
    "fail": "FAIL",
    "inconclusive": "INCONCLUSIVE",
    "error": "INCONCLUSIVE",
}
KPI_HEAD: Final = ("use case", "KPI", "target", "asked for", "#measured", "bounds", "#n", "#before")
"""After the verdict. A title that begins with # is of numbers."""
_UNPRINTABLE: Final = re.compile(
    "[^\t\n\r\u0020-\u007e\u00a0-\u2029\u202f-\u2065\u206a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
State = Literal["pass", "fail", "error", "missing", "informs"]
"""Of a case under a check. `error`: the metric could not say. `missing`: there is no answer. `informs`: the check has
no threshold."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A case under a check, for one target, over all repeats: the worst of them. `value`: the mean of what was
    measured."""

    target: str
    case: str
    check: str
    state: State
    value: float | None
    reason: str
    seconds: float | None


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """All of a run. `answers` and `judged` by target and case, each in the order of the repeats. `kpis`: those of use
    cases that its suite measures."""

    run: Run
    suite: Suite
    report: GateReport
    cases: Sequence[Case]
    answers: Mapping[tuple[str, str], Sequence[Answer]]
    judged: Mapping[tuple[str, str], Sequence[Judged]]
    corpus: Sequence[Judged]
    kpis: Sequence[KpiLine] = ()

    @property
    def word(self) -> str:
        return WORDS[self.report.verdict.outcome]

    @property
    def targets(self) -> Sequence[str]:
        return [target.name for target in self.suite.target]

    @property
    def bounded(self) -> bool:
        """Whether conditions over all cases decide, so that a single case that fails is no fault of the build."""
        return any(decides(check) for check in self.suite.check)

    def seen(self, target: str) -> Iterator[Seen]:
        """Every case under every check that concerns it."""
        kinds = {check.name: metric(check.metric, check.options).card.over for check in self.suite.check}
        for case in self.cases:
            for check in self.suite.check:
                if kinds[check.name] == "sample" and (not check.slices or set(check.slices) & set(case.slices)):
                    yield self._seen(target, case.id, check.name)

    def lost(self, target: str) -> Sequence[Case]:
        """Cases of which a check failed; against a baseline, those that passed a check there which they fail here."""
        baseline = self.report.baseline
        lost: list[Case] = []
        for case in self.cases:
            failed = self._checks(target, case.id, "fail")
            before = self._checks(baseline, case.id, "pass") | self._duels if baseline else failed
            if failed & before:
                lost.append(case)
        return lost

    def won(self, target: str) -> Sequence[Case]:
        """Cases that fail a check in the baseline which they pass here; none without a baseline."""
        baseline = self.report.baseline
        return [
            case
            for case in (self.cases if baseline else ())
            if self._checks(target, case.id, "pass") & self._checks(baseline, case.id, "fail")
            or any(each.check in self._duels and each.verdict.measure == 1 for each in self._of(target, case.id))
        ]

    @property
    def _duels(self) -> set[str]:
        """Checks that hold an answer against the baseline's, which itself has no verdict by them."""
        return {each.check for each in self.report.duels}

    def _checks(self, target: str, case: str, outcome: Outcome) -> set[str]:
        return {each.check for each in self._of(target, case) if each.verdict.outcome == outcome}

    def _of(self, target: str, case: str) -> Sequence[Judged]:
        return self.judged.get((target, case), ())

    def _seen(self, target: str, case: str, check: str) -> Seen:
        judged = [each for each in self._of(target, case) if each.check == check]
        answers = self.answers.get((target, case), ())
        seconds = [each.seconds for each in answers if each.seconds is not None]
        values = [each.verdict.measure for each in judged if each.verdict.measure is not None]
        state, reason = _worst(judged, answers)
        return Seen(
            target=target,
            case=case,
            check=check,
            state=state,
            value=sum(values) / len(values) if values else None,
            reason=reason,
            seconds=sum(seconds) if seconds else None,
        )


def _worst(judged: Sequence[Judged], answers: Sequence[Answer]) -> tuple[State, str]:
    for answer in answers:
        if answer.state != "answered":
            return "missing", f"{answer.state}: {answer.error}" if answer.error else answer.state
    if not judged:
        return "missing", "It was not asked."
    said = {each.verdict.outcome: each.verdict.reason for each in reversed(judged)}
    if "error" in said:
        return "error", said["error"]
    if "fail" in said:
        failed = sum(each.verdict.outcome == "fail" for each in judged)
        often = f"{failed} of {len(judged)} repeats failed. " if len(judged) > 1 else ""
        return "fail", often + said["fail"]
    return ("pass", said["pass"]) if "pass" in said else ("informs", next(iter(said.values())))


def reported(store: Runs, run: Run, suite: Suite, report: GateReport, kpis: Sequence[KpiLine] = ()) -> Reported:
    """All that the store has of a run."""
    answers: dict[tuple[str, str], list[Answer]] = defaultdict(list)
    for answer in sorted(store.answered(run.id), key=lambda each: each.repeat):
        answers[answer.target, answer.case].append(answer)
    judged: dict[tuple[str, str], list[Judged]] = defaultdict(list)
    for each in sorted(store.judged(run.id), key=lambda each: each.repeat):
        judged[each.target, each.case].append(each)
    corpus = [each for (_, case), said in judged.items() if not case for each in said]
    return Reported(
        run=run,
        suite=suite,
        report=report,
        cases=store.cases(run.id),
        answers=answers,
        judged=judged,
        corpus=corpus,
        kpis=kpis,
    )


def statement(said: Reported) -> dict[str, Any]:
    """What stands for the run where only little can be said of it: what it was made of, and what came out."""
    run = msgspec.to_builtins(said.run)
    return {
        "format": FORMAT,
        "suite": said.run.subject,
        "targets": msgspec.to_builtins(said.suite.target),
        "baseline": said.report.baseline,
        "metrics": {check.name: _metric(check.metric, check.options) for check in said.suite.check},
        "alpha": said.report.alpha,
        "repeats": said.suite.run.repeats,
        "cases": len(said.cases),
        "verdict": msgspec.to_builtins(said.report.verdict),
        "run": run,
    }


def _metric(name: str, options: Mapping[str, Any]) -> str:
    card = metric(name, options).card
    return f"{card.name}/{card.version}"


def printable(text: str) -> str:
    """Without characters that XML and HTML cannot hold, and without those that turn the direction of a line."""
    return _UNPRINTABLE.sub("\ufffd", text)


def figure(value: float | None) -> str:
    """Four digits that count; nothing where nothing is known."""
    return "" if value is None else f"{value:.4g}"


def bounds(line: GateLine) -> str:
    interval = line.verdict.interval
    return "" if interval is None else f"{interval[0]:.3g} to {interval[1]:.3g}"


def asked_for(line: GateLine) -> str:
    """What a condition wants, in words."""
    number = 0.0 if line.asked is None else line.asked
    return {
        "floor": f"{'at most' if line.at_most else 'at least'} {number:g}",
        "margin": f"at most {number:g} worse",
        "improves": "better",
        "tolerance": f"at most {number:.2%} fail",
        "every_case": "every case passes",
        "corpus": f"{'at most' if line.at_most else 'reaches'} {number:g}",
        "errors": f"at most {number:.0%} missing",
        "usable": f"more than {number:.0%} are good",
    }[line.kind]


def kpi_cells(line: KpiLine) -> tuple[str, ...]:
    """What a table says of a KPI, as `KPI_HEAD` has it."""
    between = "" if line.low is None or line.high is None else f"{line.low:.3g} to {line.high:.3g}"
    n = "" if line.n is None else str(line.n)
    before = "" if line.baseline is None else f"{line.baseline:g}"
    return (line.use_case, line.kpi, line.of, line.asked, figure(line.value), between, n, before)


def question(case: Case) -> str:
    """What was asked, on a line; of an attack nothing, for reports are read by people who did not ask to see it."""
    if case.attack is not None:
        return ""
    return in_words(_asked(case), asked_media(case))


def answered(answer: Answer) -> str:
    """What was answered, with a line for each picture."""
    return in_words(answer.output, answer.media)


def _asked(case: Case) -> str:
    if case.input:
        return case.input
    for message in reversed(case.messages):
        if text := text_of(message.get("content")):
            return text
    return msgspec.json.encode(case.variables).decode() if case.variables else ""
