"""Judges held against people: the same answers, what people said of them, and what the judge says."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Sequence
from math import atanh, sqrt, tanh
from typing import Any, Final

import msgspec

from genaiops.checks.judging import TEMPLATES, choices_of, judge_digest
from genaiops.checks.metrics.judges import JudgeMetric
from genaiops.checks.proportion import wilson
from genaiops.checks.written import converted
from genaiops.core.errors import LimitReached, UsageError
from genaiops.domain import Calibration, Judge, JudgeRate, Measure, Sample
from genaiops.ports.metrics import Means

FEWEST: Final = 10
"""Labels. Fewer say next to nothing, whatever they say."""
_Z: Final = 1.959964
Agreed = Callable[[Sequence[Sequence[float]]], JudgeRate]
"""How far the ratings of each unit agree beyond chance (Krippendorff's alpha, interval), with its interval."""


class Labelled(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line of a file of labels: an answer, and what people said of it. `label`: from 0 to 1 in the judge's own
    worth, one for each person, or one."""

    output: str
    label: float | tuple[float, ...]
    input: str = ""
    expected: str | tuple[str, ...] = ()
    context: tuple[str, ...] = ()

    @property
    def people(self) -> float:
        """The mean of what people said."""
        labels = (self.label,) if isinstance(self.label, float | int) else self.label
        return sum(labels) / len(labels)

    def sample(self) -> Sample:
        expected = (self.expected,) if isinstance(self.expected, str) else self.expected
        return Sample(input=self.input, output=self.output, expected=expected, context=self.context)


def read_labels(text: str) -> tuple[Labelled, ...]:
    """UsageError names the line that is at fault."""
    found: list[Labelled] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            raw: Any = json.loads(line)
        except ValueError as error:
            what = f"line {number}: this is no JSON: {error}."
            raise UsageError(what, remedy="Write one object a line.", param="labels") from None
        row, fault = converted(raw, Labelled, "")
        if fault is not None:
            raise UsageError(f"line {number}: {fault}", remedy=fault.remedy, param="labels")
        labels = (row.label,) if isinstance(row.label, float | int) else row.label
        if not labels or not all(0 <= each <= 1 for each in labels):
            what = f"line {number}: label: it is not from 0 to 1."
            raise UsageError(what, remedy="Write what a verdict of the judge is worth.", param="labels")
        found.append(row)
    if len(found) < FEWEST:
        raise UsageError(f"{len(found)} labels say nothing.", remedy=f"Label at least {FEWEST}.", param="labels")
    return tuple(found)


async def calibrated(
    judge: Judge, labels: Sequence[Labelled], means: Means, agreed: Agreed, *, kept: tuple[str, int], at_once: int = 8
) -> Calibration:
    """Ask the judge about each, and again with its verdicts in the other order. `kept`: the digest of the labels, and
    the time. LimitReached when the money does not suffice; nothing is told of a part."""
    said = await _asked(judge, labels, means, at_once)
    turned = None
    if judge.template not in ("groundedness", "pairwise"):
        other = msgspec.structs.replace(judge, choices=tuple(reversed(choices_of(judge))), calibration=None)
        turned = await _asked(other, labels, means, at_once)
    pairs = [
        (each.value, row.people, len(row.output))
        for each, row in zip(said, labels, strict=True)
        if each.value is not None
    ]
    if len(pairs) < FEWEST:
        first = next(each.error for each in said if each.value is None)
        raise UsageError(
            f"The judge gave {len(pairs)} verdicts on {len(labels)} answers; the first error: {first}",
            remedy="Set constrained = true, or ask another model.",
        )
    accused, missed = _errors(judge, [(mine, theirs) for mine, theirs, _ in pairs])
    return Calibration(
        judge=judge_digest(judge),
        labels=kept[0],
        at_us=kept[1],
        n=len(pairs),
        unread=len(labels) - len(pairs),
        agreement=agreed([(mine, theirs) for mine, theirs, _ in pairs]),
        accused=accused,
        missed=missed,
        swapped=_swapped(said, turned),
        length=_rank_correlation([(mine - theirs, float(size)) for mine, theirs, size in pairs]),
        pairs=tuple((mine, theirs) for mine, theirs, _ in pairs),
    )


async def _asked(judge: Judge, labels: Sequence[Labelled], means: Means, at_once: int) -> list[Measure]:
    metric = JudgeMetric(judge)
    said: list[Measure] = [Measure(error="It was not asked.")] * len(labels)
    queue = deque(enumerate(labels))
    stopped: list[LimitReached] = []

    async def work() -> None:
        while queue and not stopped:
            place, row = queue.popleft()
            try:
                said[place] = await metric.consult(row.sample(), means)
            except LimitReached as error:
                stopped.append(error)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(work())
    if stopped:
        raise stopped[0]
    return said


def _errors(judge: Judge, pairs: Sequence[tuple[float, float]]) -> tuple[JudgeRate, JudgeRate]:
    """What it fails of what people pass, and passes of what they fail, at its threshold (without one: at a half)."""
    lower = TEMPLATES[judge.template].better == "lower"
    threshold = JudgeMetric(judge).card.threshold
    threshold = 0.5 if threshold is None else threshold

    def passes(value: float) -> bool:
        return value <= threshold if lower else value >= threshold

    good = [passes(mine) for mine, theirs in pairs if passes(theirs)]
    bad = [passes(mine) for mine, theirs in pairs if not passes(theirs)]
    return _share(len(good) - sum(good), len(good)), _share(sum(bad), len(bad))


def _swapped(said: Sequence[Measure], turned: Sequence[Measure] | None) -> JudgeRate:
    if turned is None:
        kept = [each.parts["consistent"] for each in said if "consistent" in each.parts]
        return _share(int(sum(kept)), len(kept))
    both = [
        one.value == other.value
        for one, other in zip(said, turned, strict=True)
        if one.value is not None and other.value is not None
    ]
    return _share(sum(both), len(both))


def _share(times: int, n: int) -> JudgeRate:
    if not n:
        return JudgeRate()
    low, high = wilson(times, n)
    return JudgeRate(value=times / n, low=low, high=high, n=n)


def _rank_correlation(pairs: Sequence[tuple[float, float]]) -> JudgeRate:
    """Spearman's, with Fisher's interval widened for ranks (Bonett and Wright, Psychometrika 65, 2000)."""
    one, other = (_ranks([pair[side] for pair in pairs]) for side in (0, 1))
    n, middle = len(pairs), (len(pairs) + 1) / 2
    spread = sqrt(sum((each - middle) ** 2 for each in one) * sum((each - middle) ** 2 for each in other))
    if n < 4 or not spread:
        return JudgeRate(n=n)
    value = sum((a - middle) * (b - middle) for a, b in zip(one, other, strict=True)) / spread
    if abs(value) >= 1:
        return JudgeRate(value=value, low=value, high=value, n=n)
    half = _Z * sqrt((1 + value**2 / 2) / (n - 3))
    return JudgeRate(value=value, low=tanh(atanh(value) - half), high=tanh(atanh(value) + half), n=n)


def _ranks(values: Sequence[float]) -> list[float]:
    """From 1; ties share their mean."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for place in range(start, end + 1):
            ranks[order[place]] = (start + end) / 2 + 1
        start = end + 1
    return ranks
