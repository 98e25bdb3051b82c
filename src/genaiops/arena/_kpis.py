"""KPIs of use cases held against what a run measured, by the gate's own conditions: a bound of confidence reaches the
target, the other bound shows that it does not, or the cases do not decide."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from genaiops.arena._gate import missing_answers
from genaiops.arena._gate_levels import corpus, floor
from genaiops.arena._gate_report import GateLine, undecided
from genaiops.arena._gate_subject import Subject, by_passes
from genaiops.arena._scoring import threshold_of
from genaiops.arena._tables import Tables
from genaiops.checks.metrics import metric
from genaiops.core.errors import NotFound, UsageError
from genaiops.domain import Kpi, KpiDirection, KpiFigure, KpiStatus, Outcome, Suite, SuiteCheck, Verdict

_STATUS: Final[Mapping[Outcome, KpiStatus]] = {"pass": "met", "fail": "not_met"}
WORDS: Final[Mapping[KpiStatus, str]] = {
    "met": "met",
    "not_met": "not met",
    "inconclusive": "inconclusive",
    "not_measured": "not measured",
}


class KpiLine(msgspec.Struct, frozen=True, kw_only=True):
    """A KPI of a use case, and how it stands. `gates`: a suite measures it. `target`: what it has to reach. `of`: what
    was measured, in words; `release` its id, where it is one, and `where` it stands (`newest`, `prod`). `reported`: the
    figure of a KPI that no suite measures.
    `value`, `unit`, `n`, `low` and `high` are as measured (None: they were not), `more` how many cases beside would
    likely decide. `reason`, and the `command` that is missing where one would help."""

    use_case: str
    kpi: str
    about: str = ""
    status: KpiStatus
    gates: bool
    direction: KpiDirection
    target: float
    unit: str = ""
    baseline: float | None = None
    suite: str = ""
    check: str = ""
    slice: str = ""
    of: str = ""
    release: str = ""
    where: str = ""
    run: str = ""
    at_us: int | None = None
    value: float | None = None
    n: int | None = None
    low: float | None = None
    high: float | None = None
    more: int | None = None
    reported: KpiFigure | None = None
    reason: str = ""
    command: str = ""

    @property
    def word(self) -> str:
        return WORDS[self.status]

    @property
    def asked(self) -> str:
        """What it has to reach, in words."""
        unit = f" {self.unit}" if self.unit and self.unit != "share" else ""
        return f"{'at least' if self.direction == 'at_least' else 'at most'} {self.target:g}{unit}"


def kpi_line(use_case: str, kpi: Kpi, **facts: Any) -> KpiLine:
    """The line of a KPI; not measured unless `facts` say otherwise."""
    same = {name: getattr(kpi, name) for name in ("about", "direction", "target", "unit", "baseline", "suite", "check")}
    status: KpiStatus = facts.pop("status", "not_measured")
    return KpiLine(
        use_case=use_case, kpi=kpi.name, status=status, gates=bool(kpi.suite), slice=kpi.slice, **{**same, **facts}
    )


def check_of(kpi: Kpi, suite: Suite) -> SuiteCheck | None:
    """The check that measures it, with its target as the floor, and its slice: the one of that name, else the one that
    is called as the KPI (so programs declare them), else the one whose metric is called so."""
    ways = (
        [each for each in suite.check if each.name == kpi.check],
        [each for each in suite.check if each.name == kpi.name],
        [each for each in suite.check if each.metric == kpi.check],
    )
    found: list[SuiteCheck] = next((some for some in ways if some), ways[0])
    if len(found) != 1:
        return None
    slices = (kpi.slice,) if kpi.slice else found[0].slices
    return msgspec.structs.replace(
        found[0], floor=kpi.target, margin=None, improves=False, tolerance=None, slices=slices
    )


def kpi_fault(kpi: Kpi, suite: Suite) -> str:
    """Why this suite can never say whether the KPI is met; "": it can."""
    check = check_of(kpi, suite)
    if check is None:
        there = ", ".join(each.name for each in suite.check) or "none"
        return f"The suite has no check {kpi.check!r}; there are: {there}."
    try:
        card = metric(check.metric, check.options).card
    except (NotFound, UsageError) as error:
        return error.message
    shares = by_passes(check, card)
    if shares and card.over != "corpus" and threshold_of(check, card) is None:
        return f"Of {card.title.lower()} neither more nor less is better, and the check has no threshold."
    falling = card.better == "lower" and not (shares and card.over != "corpus")
    if falling != (kpi.direction == "at_most"):
        better = "less" if falling else "more"
        what = "the share that passed" if shares else card.title.lower()
        return f"Of {what} {better} is better, and the KPI asks for {kpi.direction.replace('_', ' ')}."
    original = next(each for each in suite.check if each.name == check.name)
    if card.over == "corpus" and set(check.slices) != set(original.slices):
        return f"{card.title} is one figure of all cases: give the suite a check of the slice {kpi.slice!r} alone."
    low, high = (0.0, 1.0) if shares and card.over != "corpus" else (card.low, card.high)
    if (low is not None and kpi.target < low) or (high is not None and kpi.target > high):
        what = "The share that passes" if shares and card.over != "corpus" else card.title
        reach = f"from {low:g}" if high is None else f"at most {high:g}" if low is None else f"from {low:g} to {high:g}"
        return f"The target {kpi.target:g} is out of range: {what} is {reach}."
    end = (0.0 if falling else 1.0) if shares else card.low if falling else card.high
    beyond = end is not None and (kpi.target <= end if falling else kpi.target >= end)
    if beyond and card.over != "corpus":
        return f"No number of cases shows a mean of {kpi.target:g}: it is the end of the range."
    return ""


def kpi_judged(kpi: Kpi, suite: Suite, tables: Tables, target: str) -> GateLine:
    """What a run says of it, for one of its targets. Inconclusive with the reason where the suite cannot measure it."""
    check = check_of(kpi, suite)
    fault = kpi_fault(kpi, suite)
    if check is None or fault:
        said = SuiteCheck(name=kpi.check, metric=kpi.check) if check is None else check
        return undecided("floor", said, target, kpi.target, fault)
    lost = missing_answers(suite, tables, target)
    if lost is not None:
        return undecided("floor", check, target, kpi.target, lost.verdict.reason)
    subject = Subject(check, tables, target, alpha=suite.gate.alpha)
    if not subject.card.decides:
        return undecided("floor", check, target, kpi.target, f"{subject.card.title}: {subject.card.about}")
    if subject.card.over == "corpus":
        return next(iter(corpus(subject)))
    return floor(subject)


def measured(use_case: str, kpi: Kpi, line: GateLine, **facts: Any) -> KpiLine:
    """The KPI's line of what the gate's condition says. `facts`: of what, by which run, when."""
    said: Verdict = line.verdict
    low, high = said.interval or (None, None)
    return kpi_line(
        use_case,
        kpi,
        status=_STATUS.get(said.outcome, "inconclusive"),
        unit=kpi.unit or said.unit,
        value=said.measure,
        n=said.n,
        low=low,
        high=high,
        more=line.more,
        reason=said.reason,
        **facts,
    )


def reported(use_case: str, kpi: Kpi, figure: KpiFigure | None, *, by: str = "") -> KpiLine:
    """A business figure: what was reported last is taken as it is, without bounds. `by`: who did, by name."""
    if figure is None:
        return kpi_line(
            use_case,
            kpi,
            reason="No suite measures it, and nobody has reported a figure.",
            command=f"genaiops use-case report {use_case} {kpi.name} VALUE",
        )
    good = figure.value >= kpi.target if kpi.direction == "at_least" else figure.value <= kpi.target
    return kpi_line(
        use_case,
        kpi,
        status="met" if good else "not_met",
        value=figure.value,
        at_us=figure.at_us,
        reported=figure,
        reason=f"Reported by {by or figure.by}, and not measured here.{f' {figure.note}' if figure.note else ''}",
    )
