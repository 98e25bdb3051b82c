"""What was judged, as one value a case: what gates and comparisons work on."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from genaiops.domain import Answer, Case, Judged


class Column(msgspec.Struct, frozen=True):
    """Values of one check for one target: case -> mean of its repeats. `missing`: cases without a value, because an
    answer or its judgement failed; of those nothing is known, and nothing is assumed. `repeats`: case -> values."""

    values: Mapping[str, float]
    missing: frozenset[str]
    repeats: Mapping[str, Sequence[float]]


class Tables:
    """Of one run. Corpus figures stand beside the columns, in `corpus`."""

    def __init__(self, cases: Sequence[Case], answers: Iterable[Answer], judged: Iterable[Judged]) -> None:
        self.cases = {case.id: case for case in cases}
        self.answers: dict[str, list[Answer]] = defaultdict(list)
        for answer in answers:
            self.answers[answer.target].append(answer)
        self._judged: dict[tuple[str, str], list[Judged]] = defaultdict(list)
        self.corpus: dict[tuple[str, str], Judged] = {}
        for each in judged:
            if each.case:
                self._judged[each.target, each.check].append(each)
            else:
                self.corpus[each.target, each.check] = each

    def metrics(self, target: str, check: str) -> set[str]:
        """Names with versions of what a check was measured by; empty where nothing was judged."""
        return {each.metric for each in self._judged[target, check]}

    def clusters(self, ids: Sequence[str]) -> list[str]:
        return [self.cases[each].cluster for each in ids]

    def column(self, target: str, check: str, ids: Sequence[str], *, passes: bool) -> Column:
        """`passes`: 1 and 0 for what passed and failed, in place of measures."""
        found: dict[str, list[float]] = defaultdict(list)
        broken: set[str] = set()
        for each in self._judged[target, check]:
            value = _passed(each) if passes else each.verdict.measure
            if value is None or each.verdict.outcome == "error":
                broken.add(each.case)
            else:
                found[each.case].append(value)
        wanted = set(ids)
        missing = {each for each in ids if each not in found or each in broken}
        kept = {each: tuple(values) for each, values in found.items() if each in wanted and each not in missing}
        means = {each: sum(values) / len(values) for each, values in kept.items()}
        return Column(means, frozenset(missing), kept)


def _passed(judged: Judged) -> float | None:
    return {"pass": 1.0, "fail": 0.0}.get(judged.verdict.outcome)
