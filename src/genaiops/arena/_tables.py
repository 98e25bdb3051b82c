"""What was judged, as one value a case: what gates and comparisons work on."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Final, Protocol

import msgspec

from genaiops.checks.statistics import pass_at
from genaiops.domain import Answer, Case, Judged

_ALIKE: Final = ("id", "slices", "metadata", "output")
"""Fields in which a case may differ between two runs and still ask the same."""
_encode: Final = msgspec.msgpack.Encoder(order="deterministic").encode


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
            filled[case] = of_repeats([*known, *[value] * (self.asked - len(known))], self.at)
        return filled


class Columns(Protocol):
    """What is compared of a run."""

    def asks(self, within: str | None = None) -> Mapping[str, bytes]:
        """Case, in the order of the suite -> a digest of what it asks, with what is expected; of one slice (None: of
        all)."""
        ...

    def metrics(self, target: str, check: str) -> set[str]:
        """Names with versions of what a check was measured by; empty where nothing was judged."""
        ...

    def clusters(self, ids: Sequence[str]) -> list[str]: ...

    def column(self, target: str, check: str, ids: Sequence[str], *, passes: bool, at: int | None = None) -> Column:
        """`passes`: 1 and 0 for what passed and failed, in place of measures. `at` k: pass@k of these."""
        ...


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
        self.asked = last + 1

    def judged(self) -> Mapping[tuple[str, str], Sequence[Judged]]:
        """Of single cases, by target and check."""
        return self._judged

    def asks(self, within: str | None = None) -> Mapping[str, bytes]:
        return {case.id: _asks(case) for case in self.cases.values() if within is None or within in case.slices}

    def metrics(self, target: str, check: str) -> set[str]:
        return {each.metric for each in self._judged[target, check]}

    def said(self, target: str, check: str) -> Sequence[Judged]:
        """What a check said of single answers of a target."""
        return self._judged[target, check]

    def clusters(self, ids: Sequence[str]) -> list[str]:
        return [self.cases[each].cluster for each in ids]

    def unanswered(self, target: str, ids: Sequence[str]) -> int:
        """How many answers of these cases did not come."""
        answered = Counter(each.case for each in self.answers[target] if each.state == "answered")
        return sum(max(0, self.asked - answered[each]) for each in ids)

    def column(self, target: str, check: str, ids: Sequence[str], *, passes: bool, at: int | None = None) -> Column:
        found: dict[str, list[float]] = defaultdict(list)
        for each in self._judged[target, check]:
            value = _passed(each) if passes else each.verdict.measure
            if value is not None and each.verdict.outcome != "error":
                found[each.case].append(value)
        return column_of(found, ids, self.asked, at)


def column_of(found: Mapping[str, Sequence[float]], ids: Sequence[str], asked: int, at: int | None) -> Column:
    """`found`: case -> the values that are known of its repeats."""
    wanted = {each: tuple(found.get(each, ())) for each in ids}
    missing = frozenset(each for each, values in wanted.items() if len(values) < asked)
    means = {each: of_repeats(values, at) for each, values in wanted.items() if each not in missing}
    return Column(means, missing, {each: values for each, values in wanted.items() if values}, asked, at)


def _asks(case: Case) -> bytes:
    said = [getattr(case, name) for name in case.__struct_fields__ if name not in _ALIKE]
    return sha256(_encode(said)).digest()[:16]


def of_repeats(values: Sequence[float], at: int | None) -> float:
    """The value of a case: the mean of its repeats, or the pass@`at` of them."""
    if len(values) == 1 and at is None:
        return values[0]
    return sum(values) / len(values) if at is None else pass_at(sum(value >= 1 for value in values), len(values), at)


def _passed(judged: Judged) -> float | None:
    return {"pass": 1.0, "fail": 0.0}.get(judged.verdict.outcome)
