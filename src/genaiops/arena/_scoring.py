"""From answers to verdicts: each check's metric over what was answered."""

from collections.abc import Iterator, Mapping, Sequence

from genaiops.checks.metrics import metric
from genaiops.domain import Answer, Case, Judged, Measure, MetricCard, Outcome, Sample, Suite, SuiteCheck, Verdict
from genaiops.ports.metrics import Metric


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
    )


def _truth(case: Case) -> str | tuple[str, ...]:
    if case.expected:
        return case.expected
    if case.label is not None:
        return case.label
    return () if case.number is None else repr(case.number)


def _last_asked(case: Case) -> str:
    for message in reversed(case.messages):
        if message.get("role") == "user" and isinstance(message.get("content"), str):
            return message["content"]
    return ""


class Scorer:
    """The checks of a suite, made once. Used from one thread at a time."""

    def __init__(self, suite: Suite, cases: Sequence[Case]) -> None:
        self._cases: Mapping[str, Case] = {case.id: case for case in cases}
        self._each: list[tuple[SuiteCheck, Metric]] = []
        self._all: list[tuple[SuiteCheck, Metric]] = []
        for check in suite.check:
            made = metric(check.metric, check.options)
            (self._all if made.card.over == "corpus" else self._each).append((check, made))

    def each(self, answers: Sequence[Answer], *, at_us: int) -> list[Judged]:
        """What checks say of single answers. What was not answered is not judged."""
        answered = [answer for answer in answers if answer.state == "answered"]
        judged: list[Judged] = []
        for check, made in self._each:
            concerned = [answer for answer in answered if _concerns(check, self._cases[answer.case])]
            samples = [sample_of(self._cases[answer.case], answer, check) for answer in concerned]
            for answer, said in zip(concerned, _measured(made, samples), strict=True):
                judged.append(
                    Judged(
                        target=answer.target,
                        case=answer.case,
                        repeat=answer.repeat,
                        check=check.name,
                        metric=f"{made.card.name}/{made.card.version}",
                        verdict=verdict_of(check, made.card, said),
                        at_us=at_us,
                    )
                )
        return judged

    def together(self, answers: Sequence[Answer], *, at_us: int) -> Iterator[Judged]:
        """What checks over the corpus say, for each target."""
        for target in dict.fromkeys(answer.target for answer in answers):
            mine = [answer for answer in answers if answer.target == target and answer.state == "answered"]
            for check, made in self._all:
                concerned = [answer for answer in mine if _concerns(check, self._cases[answer.case])]
                samples = [sample_of(self._cases[answer.case], answer, check) for answer in concerned]
                said = _measured(made, samples)[0]
                verdict = verdict_of(check, made.card, said, n=len(samples))
                yield Judged(
                    target=target,
                    case="",
                    check=check.name,
                    metric=f"{made.card.name}/{made.card.version}",
                    verdict=verdict,
                    at_us=at_us,
                )


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
        outcome = "pass" if reached != check.negate else "fail"
    return Verdict(outcome=outcome, reason=said.reason, measure=said.value, unit=card.unit, n=n, interval=said.interval)
