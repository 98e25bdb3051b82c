"""From answers to verdicts: each check's metric over what was answered."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeGuard, cast

import msgspec

from genaiops.arena._parts import asked_media, templated, text_of
from genaiops.checks.metrics import is_among, looks_at_request, metric
from genaiops.checks.metrics.judges import is_duel
from genaiops.checks.statistics import figures, in_groups, jackknife
from genaiops.core.errors import LimitReached, UsageError
from genaiops.domain import (
    Answer,
    Case,
    Judged,
    Measure,
    MetricCard,
    Outcome,
    Sample,
    Suite,
    SuiteCheck,
    SuiteTarget,
    Verdict,
)
from genaiops.ports.metrics import Consulting, Means, Metric, Preparing


def sample_of(case: Case, answer: Answer, check: SuiteCheck | None = None) -> Sample:
    """What a metric looks at. What is right is the case's `expected`, else its `label`, else its `number`; the class
    and the number of the answer are read by metrics, as their options say. Repeats of a case are of one cluster."""
    expected = _truth(case) if check is None or check.expected is None else check.expected
    return Sample(
        id=case.id,
        input=case.input or _last_asked(case),
        output=answer.output,
        expected=(expected,) if isinstance(expected, str) else expected,
        context=case.context,
        relevant=case.relevant,
        tool_calls=answer.tool_calls,
        expected_tools=case.expected_tools,
        finish_reason=answer.finish_reason,
        seconds=answer.seconds,
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
        cost_nano=answer.cost_nano,
        energy_nwh=answer.energy_nwh,
        cluster=case.cluster or case.id,
        slices=case.slices,
        metadata=case.metadata,
        attack=case.attack,
        said=said_in(answer),
        steps=answer.tool_calls if answer.turns else (),
        media=answer.media,
        structured=answer.structured,
        logprob=answer.logprob,
        guard=answer.guard,
        variables=case.variables,
        asked_media=asked_media(case),
    )


def of_target(sample: Sample, case: Case, target: SuiteTarget | None) -> Sample:
    """The sample with what the target was asked and offered."""
    if target is None:
        return sample
    offered: Any = target.parameters.get("tools") or [
        {"type": "function", "function": each} for each in target.parameters.get("functions") or ()
    ]
    listed = cast("list[Any]", offered) if isinstance(offered, list) else []
    tools = tuple(cast("dict[str, Any]", each) for each in listed if isinstance(each, dict))
    if case.play is not None and case.play.tools:
        tools = tuple(case.play.tools)
    prompt = ""
    if target.template:
        asked = templated(target, case)
        prompt = json.dumps(list(asked.messages), ensure_ascii=False) if asked.messages else asked.input
    return msgspec.structs.replace(sample, prompt=prompt, tools=tools)


def against(sample: Sample, baseline: Answer | None) -> Sample:
    """The sample with the baseline's answer in the place of references; () where it gave none."""
    if baseline is None or baseline.state != "answered":
        return msgspec.structs.replace(sample, expected=())
    return msgspec.structs.replace(sample, expected=(baseline.output,), other_media=baseline.media)


def said_in(answer: Answer) -> tuple[str, ...]:
    """All that the target said, turn by turn, of a case that went on."""
    return tuple(
        each["content"]
        for each in answer.turns
        if each.get("role") == "assistant" and isinstance(each.get("content"), str)
    )


def _truth(case: Case) -> str | tuple[str, ...]:
    if case.expected != ():  # an empty text is a reference, too
        return case.expected
    if case.label is not None:
        return case.label
    return () if case.number is None else repr(case.number)


def _last_asked(case: Case) -> str:
    for message in reversed(case.messages):
        if message.get("role") == "user" and (text := text_of(message.get("content"))):
            return text
    return ""


class Scorer:
    """The checks of a suite, made once. Used from one thread at a time."""

    def __init__(self, suite: Suite, cases: Sequence[Case]) -> None:
        self._cases: Mapping[str, Case] = {case.id: case for case in cases}
        self._suite = suite
        self._targets = {target.name: target for target in suite.target}
        self._each: list[tuple[SuiteCheck, Metric]] = []
        self._all: list[tuple[SuiteCheck, Metric]] = []
        self._asking: list[tuple[SuiteCheck, Consulting]] = []
        for check in suite.check:
            made = metric(check.metric, options_of(suite, check))
            if asks(made):
                self._asking.append((check, made))
                continue
            (self._all if made.card.over == "corpus" else self._each).append((check, made))

    def each(self, answers: Sequence[Answer], *, at_us: int) -> list[Judged]:
        """What checks say of single answers. What was not answered is not judged."""
        answered = [answer for answer in answers if answer.state == "answered"]
        judged: list[Judged] = []
        for check, made in self._each:
            concerned = [answer for answer in answered if _concerns(check, self._cases[answer.case])]
            samples = [self._sample(answer, check, made) for answer in concerned]
            for answer, said in zip(concerned, _measured(made, samples), strict=True):
                judged.append(_judged(check, made.card, answer, said, at_us))
        return judged

    def _sample(self, answer: Answer, check: SuiteCheck, made: Metric) -> Sample:
        case = self._cases[answer.case]
        sample = sample_of(case, answer, check)
        return of_target(sample, case, self._targets.get(answer.target)) if looks_at_request(made) else sample

    @property
    def asking(self) -> bool:
        """Whether any check asks somebody."""
        return bool(self._asking) or any(prepares(made) for _, made in self._all)

    async def prepare(self, answers: Sequence[Answer], means: Means, at_once: int) -> None:
        """Let checks over the corpus ask what they need of each answer. LimitReached when nobody may pay for it."""
        queue = deque(
            (made, sample_of(self._cases[answer.case], answer, check))
            for check, made in self._all
            if prepares(made)
            for answer in answers
            if answer.state == "answered" and _concerns(check, self._cases[answer.case])
        )

        async def work() -> None:
            while queue:
                made, sample = queue.popleft()
                await made.prepare(sample, means)

        ended = await asyncio.gather(*(work() for _ in range(min(at_once, len(queue)))), return_exceptions=True)
        for fault in ended:
            if isinstance(fault, BaseException):
                raise fault

    def to_ask(self, answer: Answer, known: Container[str] = ()) -> list[str]:
        """Names of the checks that ask somebody about that answer, less those that are `known`."""
        return self._to_ask(answer, known, late=False)

    def to_duel(self, answer: Answer, known: Container[str] = ()) -> list[str]:
        """Likewise of the checks that hold it against answers of other targets, which have to be there first: the
        baseline's, or all."""
        return self._to_ask(answer, known, late=True)

    def _to_ask(self, answer: Answer, known: Container[str], *, late: bool) -> list[str]:
        if not self._asking or answer.state != "answered":
            return []
        case, first = self._cases[answer.case], answer.target == self._suite.gate.baseline
        return [
            check.name
            for check, made in self._asking
            if (is_duel(made) or is_among(made)) is late
            and not (first and is_duel(made))
            and check.name not in known
            and _concerns(check, case)
        ]

    async def consulted(
        self,
        answer: Answer,
        names: Container[str],
        means: Means,
        *,
        at_us: Callable[[], int],
        beside: Sequence[Answer] = (),
    ) -> list[Judged]:
        """What these checks say of one answer. Those that nobody could pay any more are not among them. `beside`: what
        all targets said to the same case, in their order, where a check holds them against each other."""
        judged: list[Judged] = []
        for check, made in self._asking:
            if check.name not in names:
                continue
            sample = self._sample(answer, check, made)
            if is_duel(made):
                base = next((each for each in beside if each.target == self._suite.gate.baseline), None)
                sample = against(sample, base)
            try:
                if is_among(made):
                    theirs = [each for each in beside if each.state == "answered"]
                    place = next(number for number, each in enumerate(theirs) if each.target == answer.target)
                    said = await made.consult_among([self._sample(each, check, made) for each in theirs], place, means)
                else:
                    said = await made.consult(sample, means)
            except LimitReached:
                break
            except Exception as error:  # noqa: BLE001 (a plugin may raise anything)
                said = Measure(error=f"The metric {made.card.name!r} failed: {type(error).__name__}: {error}")
            judged.append(_judged(check, made.card, answer, said, at_us()))
        return judged

    def together(self, answers: Sequence[Answer], *, at_us: int) -> Iterator[Judged]:
        """What checks over the corpus say, for each target, and of its difference from the baseline."""
        gate = self._suite.gate
        for check, made in self._all:
            found = {
                target: self._corpus(check, made, [answer for answer in answers if answer.target == target])
                for target in dict.fromkeys(answer.target for answer in answers)
            }
            metric_name = f"{made.card.name}/{made.card.version}"
            for target, (samples, said, without) in found.items():
                verdict = verdict_of(check, made.card, said, n=len(samples))
                verdict = _with_interval(verdict, without, gate.alpha, made.card)
                yield Judged(target=target, case="", check=check.name, metric=metric_name, verdict=verdict, at_us=at_us)
                other = found.get(gate.baseline)
                if other is None or target == gate.baseline or check.margin is None:
                    continue
                yield Judged(
                    target=target,
                    case="",
                    check=check.name,
                    metric=metric_name,
                    against=gate.baseline,
                    verdict=_difference(said, without, other[1], other[2], n=len(samples), alpha=gate.alpha),
                    at_us=at_us,
                )

    def _corpus(
        self, check: SuiteCheck, made: Metric, answers: Sequence[Answer]
    ) -> tuple[Sequence[Sample], Measure, Sequence[Measure]]:
        """The figure, and those without each group of cases; the groups are the same for all targets."""
        concerned = [
            answer for answer in answers if answer.state == "answered" and _concerns(check, self._cases[answer.case])
        ]
        samples = [sample_of(self._cases[answer.case], answer, check) for answer in concerned]
        said = _measured(made, samples)[0]
        if said.value is None or bounds_of(said) is not None:
            return samples, said, ()
        ids = [case.id for case in self._cases.values() if _concerns(check, case)]
        groups = in_groups([self._cases[each].cluster or f"case {each}" for each in ids], seed=self._suite.run.seed)
        if len(groups) < 2:
            return samples, said, ()
        out = [{ids[place] for place in places} for places in groups]
        without = [_measured(made, [each for each in samples if each.id not in left])[0] for left in out]
        return samples, said, without


def _with_interval(verdict: Verdict, without: Sequence[Measure], alpha: float, card: MetricCard) -> Verdict:
    """The verdict with its interval, within the metric's range; the reason why there is none."""
    if verdict.measure is None or verdict.interval is not None:
        return verdict
    try:
        low, high = jackknife(verdict.measure, _values(without), alpha=alpha)
    except UsageError as error:
        return msgspec.structs.replace(verdict, reason=f"{verdict.reason} {error.message}".strip())
    low = low if card.low is None else max(low, card.low)
    high = high if card.high is None else min(high, card.high)
    return msgspec.structs.replace(verdict, interval=(low, high))


def _difference(
    mine: Measure, without: Sequence[Measure], other: Measure, others: Sequence[Measure], *, n: int, alpha: float
) -> Verdict:
    if mine.value is None or other.value is None:
        return Verdict(outcome="error", reason=mine.error or other.error, n=n)
    difference = mine.value - other.value
    one, two = bounds_of(mine), bounds_of(other)
    if one is not None and two is not None:
        apart = figures.difference(figures.Figure(mine.value, *one), figures.Figure(other.value, *two))
        return Verdict(outcome="inconclusive", measure=difference, n=n, interval=(apart.low, apart.high))
    try:
        left = [one - two for one, two in zip(_values(without), _values(others), strict=True)]
        interval = jackknife(difference, left, alpha=alpha)
    except UsageError as error:
        return Verdict(outcome="inconclusive", reason=error.message, measure=difference, n=n)
    return Verdict(outcome="inconclusive", measure=difference, n=n, interval=interval)


def _values(measures: Sequence[Measure]) -> list[float]:
    values = [each.value for each in measures if each.value is not None]
    if len(values) < len(measures):
        error = next(each.error for each in measures if each.value is None)
        raise UsageError(f"Without some of the cases there is no figure: {error}", remedy="Add cases.")
    return values


def prepares(made: object) -> TypeGuard[Preparing]:
    """Whether a metric over the corpus has to ask somebody first."""
    return hasattr(made, "prepare")


def asks(made: Metric) -> TypeGuard[Consulting]:
    """Whether a metric asks somebody, and is not pure."""
    return hasattr(made, "consult")


def said(judged: Iterable[Judged]) -> dict[tuple[str, str, int], set[str]]:
    """Target, case and repeat -> checks that said something of that answer. An error says nothing."""
    known: dict[tuple[str, str, int], set[str]] = {}
    for each in judged:
        if each.verdict.outcome != "error":
            known.setdefault((each.target, each.case, each.repeat), set()).add(each.check)
    return known


def _judged(check: SuiteCheck, card: MetricCard, answer: Answer, said: Measure, at_us: int) -> Judged:
    return Judged(
        target=answer.target,
        case=answer.case,
        repeat=answer.repeat,
        check=check.name,
        metric=f"{card.name}/{card.version}",
        verdict=verdict_of(check, card, said),
        at_us=at_us,
    )


def options_of(suite: Suite, check: SuiteCheck) -> Mapping[str, Any]:
    """A metric that bounds its figure of all answers does so at the gate's alpha, unless the check names another."""
    card = metric(check.metric, check.options).card
    takes = card.over == "corpus" and "alpha" in card.options and "alpha" not in check.options
    return {**check.options, "alpha": suite.gate.alpha} if takes else check.options


def _concerns(check: SuiteCheck, case: Case) -> bool:
    return not check.slices or bool(set(check.slices) & set(case.slices))


def _measured(made: Metric, samples: Sequence[Sample]) -> Sequence[Measure]:
    """A metric that breaks says nothing of any of these; it does not end the run."""
    if not samples and made.card.over == "sample":
        return []
    try:
        return made.measure(samples)
    except Exception as error:  # noqa: BLE001 (a plugin may raise anything)
        said = Measure(error=f"The metric {made.card.name!r} failed: {type(error).__name__}: {error}")
        return [said] * (len(samples) if made.card.over == "sample" else 1)


def threshold_of(check: SuiteCheck, card: MetricCard) -> float | None:
    """From where on a case passes: the check's own, else the metric's."""
    return card.threshold if check.threshold is None else check.threshold


def verdict_of(check: SuiteCheck, card: MetricCard, said: Measure, *, n: int | None = None) -> Verdict:
    """An error is never a score. Without a threshold nothing has failed."""
    if said.value is None:
        return Verdict(outcome="error", reason=said.error, unit=card.unit, n=n)
    threshold = threshold_of(check, card)
    outcome: Outcome = "inconclusive"
    if threshold is not None:
        reached = said.value <= threshold if card.better == "lower" else said.value >= threshold
        reached = reached and said.passes is not False
        outcome = "pass" if reached != check.negate else "fail"
    return Verdict(
        outcome=outcome,
        reason=said.reason,
        measure=said.value,
        unit=card.unit,
        n=n,
        interval=bounds_of(said),
        evidence=said.evidence,
    )


def bounds_of(said: Measure) -> tuple[float, float] | None:
    """Those that a metric over the corpus tells itself."""
    if said.interval is not None:
        return said.interval
    parts = said.parts
    return (parts["low"], parts["high"]) if "low" in parts and "high" in parts else None
