"""What was judged, as one value a case: what gates and comparisons work on."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from genaiops.checks.statistics import pass_at
from genaiops.domain import Answer, Case, Judged


class Column(msgspec.Struct, frozen=True):
    """Values of one check for one target: case -> mean of its repeats. `missing`: cases of which a repeat has no value,
    because its answer or its judgement failed; of those nothing is known, and nothing is assumed. `repeats`: case ->
    the values that are known, of the missing ones too. `asked`: how often each case was. `at` k: the value of a case is
    its pass@k, in place of the mean."""

    values: Mapping[str, float]
    missing: frozenset[str]
    repeats: Mapping[str, Sequence[float]]
    asked: int = 1
    at: int | None = None

    def filled(self, value: float) -> Mapping[str, float]:
        """Case -> mean of its repeats, of missing ones as if each repeat without a value had this one."""
        filled = dict(self.values)
        for case in sorted(self.missing):
            known = self.repeats.get(case, ())
            filled[case] = _of_repeats([*known, *[value] * (self.asked - len(known))], self.at)
        return filled


class Tables:
    """Of one run. Corpus figures stand beside the columns: `corpus` by target and check, `differences` by target, other
    target and check."""

    def __init__(self, cases: Sequence[Case], answers: Iterable[Answer], judged: Iterable[Judged]) -> None:
        self.cases = {case.id: case for case in cases}
        self.answers: dict[str, list[Answer]] = defaultdict(list)
        last = 0
        for answer in answers:
            self.answers[answer.target].append(answer)
            last = max(last, answer.repeat)
        self._judged: dict[tuple[str, str], list[Judged]] = defaultdict(list)
        self.corpus: dict[tuple[str, str], Judged] = {}
        self.differences: dict[tuple[str, str, str], Judged] = {}
        for each in judged:
            last = max(last, each.repeat)
            if each.case:
                self._judged[each.target, each.check].append(each)
            elif each.against:
                self.differences[each.target, each.against, each.check] = each
            else:
                self.corpus[each.target, each.check] = each
        self._asked = last + 1

    def metrics(self, target: str, check: str) -> set[str]:
        """Names with versions of what a check was measured by; empty where nothing was judged."""
        return {each.metric for each in self._judged[target, check]}

    def clusters(self, ids: Sequence[str]) -> list[str]:
        return [self.cases[each].cluster for each in ids]

    def unanswered(self, target: str, ids: Sequence[str]) -> int:
        """How many answers of these cases did not come."""
        answered = Counter(each.case for each in self.answers[target] if each.state == "answered")
        return sum(max(0, self._asked - answered[each]) for each in ids)

    def column(self, target: str, check: str, ids: Sequence[str], *, passes: bool, at: int | None = None) -> Column:
        """`passes`: 1 and 0 for what passed and failed, in place of measures. `at` k: pass@k of these."""
        found: dict[str, list[float]] = defaultdict(list)
        for each in self._judged[target, check]:
            value = _passed(each) if passes else each.verdict.measure
            if value is not None and each.verdict.outcome != "error":
                found[each.case].append(value)
        wanted = {each: tuple(found.get(each, ())) for each in ids}
        missing = frozenset(each for each, values in wanted.items() if len(values) < self._asked)
        means = {each: _of_repeats(values, at) for each, values in wanted.items() if each not in missing}
        return Column(means, missing, {each: values for each, values in wanted.items() if values}, self._asked, at)


def _of_repeats(values: Sequence[float], at: int | None) -> float:
    return sum(values) / len(values) if at is None else pass_at(sum(value >= 1 for value in values), len(values), at)


def _passed(judged: Judged) -> float | None:
    return {"pass": 1.0, "fail": 0.0}.get(judged.verdict.outcome)
