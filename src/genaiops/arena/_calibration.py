"""Judges held against people: the same answers, what people said of them, and what the judge says."""

import asyncio
import json
import re
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from genaiops.checks.judging import TEMPLATES, answer_key, choices_of, judge_digest
from genaiops.checks.metrics.judges import JudgeMetric
from genaiops.checks.statistics import level
from genaiops.checks.statistics.association import rank_correlation
from genaiops.checks.written import converted
from genaiops.core.counting import counted
from genaiops.core.errors import LimitReached, UsageError
from genaiops.domain import Calibration, Judge, JudgeRate, Measure, Sample
from genaiops.ports.metrics import Means

FEWEST: Final = 10
"""Labels. Fewer say next to nothing, whatever they say."""
_ALPHA: Final = 0.025
"""Of each bound."""
_MARKS: Final = re.compile(r"^ {0,3}(?:#{1,6} |[-*+] |\d+[.)] |```|\|)|\*\*|__|`", re.MULTILINE)
"""Headings, items of lists, fences, tables, bold and code, as Markdown writes them."""
Agreed = Callable[[Sequence[Sequence[float]], Sequence[str]], JudgeRate]
"""How far the ratings of each unit agree beyond chance (Krippendorff's alpha, interval), with its interval; units of
one group are drawn together."""


class Labelled(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line of a file of labels: an answer, and what people said of it. `label`: from 0 to 1 in the judge's own
    worth, one for each person, or one. `group`: answers of one group (a request, a document) are not independent; ""
    takes the input."""

    output: str
    label: float | tuple[float, ...]
    input: str = ""
    expected: str | tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    group: str = ""

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
        raise UsageError(
            f"Nothing can be said from {counted(len(found), 'label')}.",
            remedy=f"Label at least {FEWEST}.",
            param="labels",
        )
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
    told = [
        _Told(mine=each.value, row=row, judge=judge, first=each, other=None if turned is None else turned[at])
        for at, (each, row) in enumerate(zip(said, labels, strict=True))
        if each.value is not None
    ]
    if len(told) < FEWEST:
        first = next(each.error for each in said if each.value is None)
        raise UsageError(
            f"The judge gave {len(told)} verdicts on {counted(len(labels), 'answer')}; the first error: {first}",
            remedy="Set constrained = true, or ask another model.",
        )
    groups = [each.row.group or each.row.input for each in told]
    accused, missed = _errors(judge, told)
    pairs = tuple((each.mine, each.row.people) for each in told)
    return Calibration(
        judge=judge_digest(judge),
        labels=kept[0],
        at_us=kept[1],
        n=len(told),
        unread=len(labels) - len(told),
        agreement=agreed(pairs, groups),
        accused=accused,
        missed=missed,
        swapped=_share([each for each in told if each.kept is not None], lambda each: bool(each.kept)),
        length=_along(told, lambda each: each.longer),
        style=_along(told, lambda each: each.marked),
        groups=len(set(filter(None, groups))) + groups.count(""),
        requests=_numbers(groups),
        pairs=pairs,
        answers=tuple(answer_key(judge.template, each.row.sample()) for each in told),
    )


def _numbers(groups: Sequence[str]) -> tuple[int, ...]:
    """One for each group; "" is a group of its own."""
    names = dict.fromkeys(name or place for place, name in enumerate(groups))
    numbers = {name: number for number, name in enumerate(names)}
    return tuple(numbers[name or place] for place, name in enumerate(groups))


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict beside a label. `other`: the same with the verdicts in the other order (None: they have none)."""

    mine: float
    row: Labelled
    judge: Judge
    first: Measure
    other: Measure | None

    @property
    def group(self) -> str:
        return self.row.group or self.row.input

    @property
    def kept(self) -> bool | None:
        """Whether the verdict is the same in the other order."""
        if "consistent" in self.first.parts:
            return bool(self.first.parts["consistent"])
        return None if self.other is None or self.other.value is None else self.other.value == self.mine

    @property
    def longer(self) -> float:
        return float(len(self.row.output) - len(self._beside))

    @property
    def marked(self) -> float:
        return float(len(_MARKS.findall(self.row.output)) - len(_MARKS.findall(self._beside)))

    @property
    def _beside(self) -> str:
        """What a pair is held against."""
        return self.row.sample().expected[0] if self.judge.template == "pairwise" else ""


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


def _errors(judge: Judge, told: Sequence[_Told]) -> tuple[JudgeRate, JudgeRate]:
    """What it fails of what people pass, and passes of what they fail, at its threshold (without one: at a half)."""
    lower = TEMPLATES[judge.template].better == "lower"
    threshold = JudgeMetric(judge).card.threshold
    threshold = 0.5 if threshold is None else threshold

    def passes(value: float) -> bool:
        return value <= threshold if lower else value >= threshold

    good = [each for each in told if passes(each.row.people)]
    bad = [each for each in told if not passes(each.row.people)]
    return _share(good, lambda each: not passes(each.mine)), _share(bad, lambda each: passes(each.mine))


def _share(told: Sequence[_Told], so: Callable[[_Told], bool]) -> JudgeRate:
    """Exact bounds; where several are of one group those of a mean over groups."""
    if not told:
        return JudgeRate()
    values = [float(so(each)) for each in told]
    found = level(values, [each.group for each in told], alpha=_ALPHA, least=0.0, most=1.0)
    return JudgeRate(value=found.mean, low=found.low, high=found.high, n=len(told))


def _along(told: Sequence[_Told], what: Callable[[_Told], float]) -> JudgeRate:
    """How the judge's error goes along with something of the answer."""
    errors = [each.mine - each.row.people for each in told]
    found = rank_correlation(errors, [what(each) for each in told], [each.group for each in told], alpha=_ALPHA)
    if found is None:
        return JudgeRate(n=len(told))
    return JudgeRate(value=found[0], low=found[1], high=found[2], n=len(told))
