"""What a line of the gate is about: a check, of a target, and the cases that it concerns."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from math import sqrt
from typing import Final, Self

from genaiops.arena._scoring import sample_of, verdict_of
from genaiops.arena._tables import Column, Tables, of_repeats
from genaiops.checks.metrics import lacks, metric
from genaiops.checks.metrics.judges import JudgeLabel, JudgeMetric
from genaiops.checks.statistics.planning import Spread, more_cases
from genaiops.domain import Answer, Case, Measure, MetricCard, Need, Outcome, Sample, SuiteCheck, Verdict

_OF_CASES: Final[tuple[Need, ...]] = ("expected", "context", "relevant", "expected_tools")
"""What a case has or has not, whatever is answered."""


def by_passes(check: SuiteCheck, card: MetricCard) -> bool:
    """Whether shares that passed are judged, in place of means of measures."""
    return check.threshold is not None or check.negate or check.pass_at is not None or card.better == "neither"


class Subject:
    """One check of one target. `passes`: shares that passed are judged, in place of means of measures; `falling`: less
    is better; `least` and `most`: the range of what is judged, as far as it has one."""

    def __init__(self, check: SuiteCheck, tables: Tables, target: str, *, alpha: float) -> None:
        self.check = check
        self.tables = tables
        self.target = target
        self.alpha = alpha
        made = metric(check.metric, check.options)
        self.card = made.card
        self._judge = made if isinstance(made, JudgeMetric) else None
        self.passes = by_passes(check, self.card)
        by_share = self.passes and self.card.over != "corpus"  # a figure of all cases has no share that passed
        self.falling = self.card.better == "lower" and not by_share
        self.least, self.most = (0.0, 1.0) if self.passes else (self.card.low, self.card.high)
        needs: list[Need] = [need for need in _OF_CASES if need in self.card.needs]
        self.ids: Sequence[str] = [case.id for case in tables.cases.values() if self._concerns(case, needs)]

    def within(self, ids: Sequence[str]) -> Self:
        """The same of these cases."""
        other = copy(self)
        other.ids = ids
        return other

    def _concerns(self, case: Case, needs: Sequence[Need]) -> bool:
        """Of a slice that is wanted, and with what the metric needs of a case."""
        if self.check.slices and not set(self.check.slices) & set(case.slices):
            return False
        answer = Answer(target=self.target, case=case.id, state="answered")
        return not needs or not lacks(sample_of(case, answer, self.check), needs)

    @property
    def by_judge(self) -> bool:
        return self._judge is not None

    @property
    def calibrated(self) -> bool:
        """Whether it is a judge that was held against people."""
        return self._judge is not None and self._judge.calibrated

    def people(self, target: str = "", *, passes: bool | None = None) -> Mapping[str, float]:
        """Case -> what people said of the answers of that target ("": its own), as measures or as what passes;
        of cases of which each repeat was labelled. Only a judge that was held against these answers knows. `passes`: as
        `column` has it."""
        found: dict[str, list[float]] = defaultdict(list)
        at = self.check.pass_at if passes is None else None
        passes = self.passes if passes is None else passes
        for sample in self._samples(target) if self.calibrated else ():
            label = None if self._judge is None else self._judge.people(sample[1])
            if label is not None:
                found[sample[0]].append(self._passed(label) if passes else label)
        return {case: of_repeats(labels, at) for case, labels in found.items() if len(labels) >= self.tables.asked}

    def elsewhere(self, *, passes: bool) -> Sequence[JudgeLabel]:
        """What the judge and people said of answers that are not of this target here."""
        if self._judge is None:
            return ()
        own = {self._judge.key(sample) for _, sample in self._samples()}
        others = [each for each in self._judge.labels() if each.answer not in own]
        if not passes:
            return others
        return [JudgeLabel("", self._passed(each.judged), self._passed(each.people), each.request) for each in others]

    def _samples(self, target: str = "") -> Iterator[tuple[str, Sample]]:
        wanted = set(self.ids)
        for answer in self.tables.answers[target or self.target]:
            if answer.state == "answered" and answer.case in wanted:
                yield answer.case, sample_of(self.tables.cases[answer.case], answer, self.check)

    def _passed(self, value: float) -> float:
        verdict = verdict_of(self.check, self.card, Measure(value=value))
        return float(verdict.outcome == "pass")

    @property
    def span(self) -> float | None:
        return None if self.least is None or self.most is None else self.most - self.least

    @property
    def sure(self) -> str:
        return f"{1 - self.alpha:.0%}"

    def column(self, target: str = "", *, passes: bool | None = None) -> Column:
        at = self.check.pass_at if passes is None else None
        passes = self.passes if passes is None else passes
        return self.tables.column(target or self.target, self.check.name, self.ids, passes=passes, at=at)

    def worst(self, seen: Iterable[float]) -> float:
        """What stands in for a missing value where a pass is to be shown: the end of the range, or, where there is
        none, the worst that was seen."""
        return self._end(seen, high=self.falling)

    def best(self, seen: Iterable[float]) -> float:
        """Likewise where a fail is to be shown."""
        return self._end(seen, high=not self.falling)

    def _end(self, seen: Iterable[float], *, high: bool) -> float:
        end = self.most if high else self.least
        if end is not None:
            return end
        return max(seen, default=0.0) if high else min(seen, default=0.0)

    @property
    def unit(self) -> str:
        return f"pass@{self.check.pass_at}" if self.check.pass_at else "share" if self.passes else self.card.unit

    def verdict(self, outcome: Outcome, reason: str, value: float, n: int, interval: tuple[float, float]) -> Verdict:
        return Verdict(outcome=outcome, reason=reason, measure=value, unit=self.unit, n=n, interval=interval)

    def more(self, room: float, values: Mapping[str, float], *, reach: float | None) -> int | None:
        """How many more cases would likely decide, if it goes on as it went. `room`: how far the figure lies from what
        was asked; `reach`: how far the worst of its range lies from it."""
        clusters = self.tables.clusters(list(values))
        named = [name for name in clusters if name]
        groups = len(set(named)) + len(clusters) - len(named)
        # As if all cases of a cluster fell out alike: rather too many than too few.
        size = len(values) / groups if groups else 1.0
        spread = Spread(deviation=_deviation(list(values.values())), cluster_size=size, correlation=1.0, reach=reach)
        return more_cases(room, spread, len(values), alpha=self.alpha)


def _deviation(values: Sequence[float]) -> float:
    n = len(values)
    if n < 2:
        return 0.0
    mean = sum(values) / n
    return sqrt(sum((each - mean) ** 2 for each in values) / (n - 1))


def untold(missing: int) -> str:
    """What is said of cases without a value."""
    cases = "case has" if missing == 1 else "cases have"
    return f" {missing} {cases} no value: the worst is assumed to pass, the best to fail." if missing else ""
