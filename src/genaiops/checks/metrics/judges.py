"""The metric `judge`: what a model says of an answer, by a template, asked once, in both orders, or claim by claim."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final, Literal, cast

import msgspec

from genaiops.checks.judging import (
    TEMPLATES,
    Opinion,
    Question,
    answer_key,
    choices_of,
    claims_format,
    claims_question,
    judge_digest,
    pictures_of,
    question,
    read_claims,
    read_judge_document,
    read_opinion,
    response_format,
    texts_of,
)
from genaiops.checks.metrics._metric import Making, lacks, read_options
from genaiops.core.errors import UsageError
from genaiops.domain import Answer, Judge, JudgeChoice, JudgeMember, Measure, MetricCard, Need, Sample
from genaiops.ports.metrics import Consulting, Means

NAME: Final = "judge"
UNKNOWN: Final = "unknown"
_HAS_TO_ASK: Final = "A judge asks a model: it is measured by a run."


LEANS: Final[Mapping[bool, str]] = {
    True: "changes with the order: prefers what stands first",
    False: "changes with the order: prefers what stands second",
}
"""Evidence of a pair whose two verdicts contradict each other."""


class _Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    judge: str | dict[str, Any]
    against: Literal["reference", "baseline"] = "reference"


class JudgeLabel(msgspec.Struct, frozen=True):
    """What a judge and people said of one answer: its key ("": not known) and the number of its request."""

    answer: str
    judged: float
    people: float
    request: int


class JudgeMetric:
    """`judge` None: it is named and not looked up yet, so that it can be read and not be asked. `duel`: a pair is held
    against the answer of the baseline, which stands in the sample's `expected`, and not against a reference."""

    def __init__(self, judge: Judge | None, *, duel: bool = False) -> None:
        self.judge = judge
        self.duel = duel
        self.card = _card(judge, duel=duel)

    def measure(self, samples: Sequence[Sample]) -> Sequence[Measure]:
        return [Measure(error=_HAS_TO_ASK) for _ in samples]

    def members(self) -> Sequence[JudgeMember]:
        return () if self.judge is None else self.judge.members()

    def weights(self) -> Sequence[str]:
        return ()

    def labelled(self) -> Sequence[tuple[float, float]]:
        calibration = None if self.judge is None else self.judge.calibration
        return () if calibration is None else calibration.pairs

    @property
    def calibrated(self) -> bool:
        return self.judge is not None and self.judge.calibration is not None

    def labels(self) -> Sequence[JudgeLabel]:
        """UsageError of a calibration that has several answers to a request, and does not say which these are."""
        held = None if self.judge is None else self.judge.calibration
        if held is None:
            return ()
        n = len(held.pairs)
        if not held.requests and held.groups not in (None, held.n):
            raise UsageError(
                f"The {n} labels of the judge are of {held.groups} requests, and which belong together was not kept.",
                remedy="Calibrate it again: genaiops judge calibrate",
            )
        answers, requests = held.answers or ("",) * n, held.requests or range(n)
        return [
            JudgeLabel(answer, *pair, request)
            for answer, pair, request in zip(answers, held.pairs, requests, strict=True)
        ]

    def key(self, sample: Sample) -> str:
        """By which labels name that answer."""
        return "" if self.judge is None else answer_key(self.judge.template, sample)

    def people(self, sample: Sample) -> float | None:
        """What people said of exactly that answer when the judge was held against them (None: they said nothing)."""
        return None if self.judge is None else self._people.get(answer_key(self.judge.template, sample))

    @cached_property
    def _people(self) -> Mapping[str, float]:
        """The mean of several labels of one answer."""
        calibration = None if self.judge is None else self.judge.calibration
        if calibration is None:
            return {}
        said: dict[str, list[float]] = {}
        for key, (_, label) in zip(calibration.answers, calibration.pairs, strict=False):  # older ones name none
            said.setdefault(key, []).append(label)
        return {key: sum(labels) / len(labels) for key, labels in said.items()}

    async def consult(self, sample: Sample, means: Means) -> Measure:
        """The mean of the panel. One member without a verdict makes it an error: the others alone are another judge."""
        if self.judge is None:
            return Measure(error="The judge was not looked up.")
        lacking = lacks(sample, self.card.needs)
        if lacking:
            return Measure(error=f"The sample has no {lacking[0]}.")
        if self.duel and not sample.expected:
            return Measure(error="The baseline gave no answer to be held against.")
        said = [await _by(self.judge, member, sample, means) for member in self.judge.members()]
        if len(said) == 1:
            return said[0]
        values = [each.value for each in said if each.value is not None]
        if len(values) < len(said):
            first = next(number for number, each in enumerate(said) if each.value is None)
            return Measure(error=f"panel[{first}]: {said[first].error}")
        return Measure(
            value=sum(values) / len(values),
            reason="\n".join(
                f"{_called(member)}: {each.reason}" for member, each in zip(self.members(), said, strict=True)
            ),
            parts={f"panel[{number}]": value for number, value in enumerate(values)},
            evidence=tuple(line for each in said for line in each.evidence),
        )


async def _by(judge: Judge, member: JudgeMember, sample: Sample, means: Means) -> Measure:
    if judge.template == "groundedness":
        return await _by_claims(judge, member, sample, means)
    if judge.template == "pairwise":
        return await _in_both_orders(judge, member, sample, means)
    opinion = await _asked(judge, member, _about(judge, sample), means)
    if opinion.choice is None:
        return Measure(error=opinion.error)
    return Measure(value=opinion.choice.value, reason=_reason(opinion.choice, opinion.reason))


def _about(judge: Judge, sample: Sample) -> Question:
    return Question(texts=texts_of(sample), pictures=pictures_of(sample), choices=choices_of(judge))


async def _asked(judge: Judge, member: JudgeMember, asked: Question, means: Means) -> Opinion:
    if judge.constrained:
        parameters = {**member.parameters, "response_format": response_format(asked.choices)}
        member = msgspec.structs.replace(member, parameters=parameters)
    messages = question(judge, asked)
    answer = await means.chat(member, messages)
    if answer.state != "answered":
        return Opinion(error=_silent(member, messages, answer))
    return read_opinion(answer.output, asked.choices)


async def _in_both_orders(judge: Judge, member: JudgeMember, sample: Sample, means: Means) -> Measure:
    """Against the reference, or the baseline's answer. Verdicts that contradict each other when the order changes are a
    tie."""
    before = {"question": sample.input} if sample.input or sample.asked_media else {}
    ours, theirs = (sample.output, sample.media), (sample.expected[0], sample.other_media)
    choices = choices_of(judge)
    values: list[float] = []
    for first, second in ((ours, theirs), (theirs, ours)):
        texts = {**before, "first": first[0], "second": second[0]}
        pictures = {"question": sample.asked_media, "first": first[1], "second": second[1]}
        opinion = await _asked(judge, member, Question(texts=texts, pictures=pictures, choices=choices), means)
        if opinion.choice is None:
            return Measure(error=opinion.error)
        values.append(opinion.choice.value)
    said = (values[0], 1 - values[1])
    consistent = said[0] == said[1]
    reason = "Both orders agree." if consistent else "The verdict changes with the order: a tie."
    value = said[0] if consistent else 0.5
    return Measure(
        value=value,
        reason=reason,
        parts={"first": said[0], "second": said[1], "consistent": float(consistent)},
        evidence=() if consistent else (LEANS[said[0] > said[1]],),
    )


async def _by_claims(judge: Judge, member: JudgeMember, sample: Sample, means: Means) -> Measure:
    """Claims are taken out, then each is looked for in the passages."""
    asking = member
    if judge.constrained:
        asking = msgspec.structs.replace(member, parameters={**member.parameters, "response_format": claims_format()})
    messages = question(judge, claims_question(sample, constrained=judge.constrained))
    answer = await means.chat(asking, messages)
    if answer.state != "answered":
        return Measure(error=_silent(member, messages, answer))
    claims = read_claims(answer.output)
    if claims is None:
        return Measure(error="The judge's list of claims cannot be read: each has a line that begins with '- '.")
    if not claims:
        return Measure(error="The answer states nothing that could be looked up.")
    choices = choices_of(judge, sample.context)
    passages = {f"passage-P{number}": text for number, text in enumerate(sample.context, 1)}
    supported = 0.0
    found: list[str] = []
    for claim in claims:
        opinion = await _asked(judge, member, Question(texts={**passages, "claim": claim}, choices=choices), means)
        if opinion.choice is None:
            return Measure(error=f"{claim[:100]!r}: {opinion.error}")
        supported += opinion.choice.value
        found.append(f"{opinion.choice.word}: {claim}" if opinion.choice.value else f"unsupported: {claim}")
    return Measure(
        value=supported / len(claims),
        reason=f"{supported:.0f} of {len(claims)} claims are supported.",
        parts={"claims": float(len(claims)), "supported": supported},
        evidence=tuple(found),
    )


def _reason(choice: JudgeChoice, reason: str) -> str:
    return f"{choice.word}: {reason or choice.means}"


def _silent(member: JudgeMember, messages: Sequence[Mapping[str, Any]], answer: Answer) -> str:
    """Why there is no verdict. A model that reads no pictures refuses them; nobody judges by the rest alone."""
    contents: list[Any] = [message["content"] for message in messages]
    parts = [part for each in contents if isinstance(each, list) for part in cast("list[Any]", each)]
    shown = sum(part["type"] == "image_url" for part in parts)
    if not shown:
        return f"{_called(member)} gave no answer: {answer.error}"
    count = "1 picture" if shown == 1 else f"{shown} pictures"
    said = f"{_called(member)} was shown {count} and gave no answer: {answer.error}"
    return f"{said} A judge of pictures has to be a model that reads them." if answer.error.startswith("4") else said


def _called(member: JudgeMember) -> str:
    return member.model or member.url or member.python


def _card(judge: Judge | None, *, duel: bool = False) -> MetricCard:
    needs: Sequence[Need] = ("output",)
    if judge is None:
        title, source, version, better, threshold = "Judge", "A model says how good the answer is.", UNKNOWN, None, None
        about = "What a judge is worth is told by its calibration alone; see genaiops judge calibrate."
    else:
        template = TEMPLATES[judge.template]
        title, source, needs, better = template.title, template.source, template.needs, template.better
        version = judge_digest(judge).removeprefix("sha256:")[:12]
        threshold = template.threshold if judge.threshold is None else judge.threshold
        about = _worth(judge)
    if duel:
        title = "Better than the baseline"
        needs = ("output",)
    return MetricCard(
        name=NAME,
        title=title,
        version=version,
        threshold=threshold,
        better=better or "higher",
        needs=needs,
        source=source,
        options={
            "judge": "NAME@alias of the Hub, a file beside the suite, or the judge itself: template, model, ...",
            "against": "of a judge of pairs: reference, or baseline, whose answer to the case is the other (reference)",
        },
        decides=judge is not None and believed(judge),
        about=about,
    )


def believed(judge: Judge) -> bool:
    """Whether it was shown that it agrees with people more than chance would: the bound of Krippendorff's alpha (of one
    that never differs from them there is none)."""
    agreement = None if judge.calibration is None else judge.calibration.agreement
    if agreement is None or agreement.value is None:
        return False
    return agreement.value == 1 if agreement.low is None else agreement.low > 0


def _worth(judge: Judge) -> str:
    if judge.calibration is None:
        return "Never held against the labels of people: it informs, and decides nothing."
    agreement = judge.calibration.agreement
    value = UNKNOWN if agreement.value is None else f"{agreement.value:.2f}"
    if agreement.low is not None and agreement.high is not None:
        value += f" ({agreement.low:.2f} to {agreement.high:.2f})"
    said = f"Held against {judge.calibration.n} labels of people: Krippendorff's alpha {value}."
    if believed(judge):
        return said
    return f"{said} That it agrees with them more than chance would is not shown: it informs, and decides nothing."


def is_duel(made: object) -> bool:
    """Whether a metric holds an answer against that of the baseline."""
    return isinstance(made, JudgeMetric) and made.duel


def judge_of(options: Mapping[str, Any]) -> Judge | str | None:
    """What the options name: the judge itself, its name or file, or nothing."""
    if not options:
        return None
    given: Any = options
    if "judge" in options:
        given = read_options(_Named, options, NAME).judge
        if isinstance(given, str):
            return given
    read = read_judge_document(dict(given))
    if read.judge is None:
        said = "; ".join(map(str, read.faults))
        raise UsageError(
            f"The options of the metric 'judge' are not right: {said}",
            remedy=read.faults[0].remedy,
            param="options",
        )
    return read.judge


def _judge(options: Mapping[str, Any]) -> Consulting:
    found = judge_of(options)
    duel = "judge" in options and read_options(_Named, options, NAME).against == "baseline"
    if duel and isinstance(found, Judge) and found.template != "pairwise":
        raise UsageError(
            f"The template {found.template} looks at one answer, not at two.",
            remedy='Take a judge of the template pairwise, or leave out against = "baseline".',
            param="options",
        )
    return JudgeMetric(found if isinstance(found, Judge) else None, duel=duel)


MAKING: Final[Mapping[str, Making]] = {NAME: _judge}
