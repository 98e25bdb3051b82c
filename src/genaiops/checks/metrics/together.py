"""Several checks as one: the share of their weight that passed, or the mean of their scores."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, TypeGuard

import msgspec
from msgspec import Meta

from genaiops.checks.metrics._metric import Making, read_options
from genaiops.core.errors import UsageError
from genaiops.domain import JudgeMember, Measure, MetricCard, Sample
from genaiops.ports.metrics import Consulting, Means, Metric

HAS_TO_ASK: Final = "A part of it asks somebody: it is measured by a run."
NO_PARTS: Final = "There are no parts with a weight: options = {parts = [{metric = ...}]}."


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`score`: what it counts: whether it `passes`, or its `measure` as a share of the metric's range."""

    metric: str
    options: dict[str, Any] = {}
    expected: str | tuple[str, ...] | None = None
    threshold: float | None = None
    negate: bool = False
    weight: Annotated[float, Meta(ge=0)] = 1.0
    score: Literal["passes", "measure"] = "passes"


class Said(msgspec.Struct, frozen=True):
    """Of one part."""

    part: Part
    measure: Measure
    passed: bool
    score: float


class Parts:
    """Parts with their metrics. `asking`: one of them asks somebody; `request`: one looks at what was asked."""

    def __init__(self, parts: Sequence[Part]) -> None:
        from genaiops.checks.metrics import looks_at_request, metric, scripts_in

        self.each: Sequence[tuple[Part, Metric]] = [(part, metric(part.metric, part.options)) for part in parts]
        for part, made in self.each:
            if made.card.over == "corpus" or (part.threshold is None and made.card.threshold is None):
                raise UsageError(
                    f"The metric {part.metric!r} says of no single answer whether it passes.",
                    remedy="Give the part a threshold, or choose another metric.",
                    param="options",
                )
            if hasattr(made, "consult_among") or getattr(made, "duel", False):
                raise UsageError(
                    f"The metric {part.metric!r} holds answers against each other, and is no part of another check.",
                    remedy="Make it a check of its own.",
                    param="options",
                )
        self.weight = sum(part.weight for part in parts)
        self.scripts = tuple(script for _, made in self.each for script in scripts_in(made))
        self.request = any(looks_at_request(made) for _, made in self.each)
        self._asked: Sequence[Consulting] = [made for _, made in self.each if asks_somebody(made)]
        self.asking = bool(self._asked)
        self.decides = all(made.card.decides for _, made in self.each)

    def members(self) -> Sequence[JudgeMember]:
        return [member for made in self._asked for member in made.members()]

    def weights(self) -> Sequence[str]:
        return [name for made in self._asked for name in made.weights()]

    def measured(self, sample: Sample) -> list[Said] | str:
        """Of parts that ask nobody; a text says why one has no value."""
        found: list[Said] = []
        for part, made in self.each:
            measure = made.measure([_with(sample, part)])[0]
            if measure.value is None:
                return f"{part.metric}: {measure.error}"
            found.append(_said(part, made.card, measure, measure.value))
        return found

    async def asked(self, sample: Sample, means: Means) -> list[Said] | str:
        """Likewise, of all."""
        found: list[Said] = []
        for part, made in self.each:
            given = _with(sample, part)
            measure = await made.consult(given, means) if asks_somebody(made) else made.measure([given])[0]
            if measure.value is None:
                return f"{part.metric}: {measure.error}"
            found.append(_said(part, made.card, measure, measure.value))
        return found


def asks_somebody(made: Metric) -> TypeGuard[Consulting]:
    """Whether a metric has to ask, and is not pure."""
    return hasattr(made, "consult")


def _with(sample: Sample, part: Part) -> Sample:
    if part.expected is None:
        return sample
    expected = (part.expected,) if isinstance(part.expected, str) else part.expected
    return msgspec.structs.replace(sample, expected=expected)


def _said(part: Part, card: MetricCard, measure: Measure, value: float) -> Said:
    threshold = card.threshold if part.threshold is None else part.threshold
    assert threshold is not None
    reached = value <= threshold if card.better == "lower" else value >= threshold
    passed = (reached and measure.passes is not False) != part.negate
    if part.score == "passes":
        return Said(part, measure, passed, float(passed))
    if card.better == "lower":
        share = 1 / (1 + max(0.0, value))  # a distance
    else:
        share = max(0.0, min(1.0, value / (card.high or 1.0)))
    return Said(part, measure, passed, 1 - share if part.negate else share)


class _Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    parts: tuple[Part, ...] = ()
    every: bool = False


class Together:
    """Of parts that ask nobody."""

    def __init__(self, chosen: _Options) -> None:
        self._parts = Parts(chosen.parts)
        self._every = chosen.every
        self.request = self._parts.request
        self.scripts = self._parts.scripts
        scored = any(part.score == "measure" for part in chosen.parts)
        self.card = MetricCard(
            name="together",
            title="Mean score of several checks" if scored else "Share of several checks that passed",
            version="1",
            threshold=1.0,
            needs=("output",),
            source="The sum of the weights of the parts that pass, over the sum of all weights. A part with "
            'score = "measure" counts what it measured as a share of its range (a distance d as 1 / (1 + d)).',
            options={
                "parts": "each with metric, options, expected, threshold, negate, weight and score, as a check",
                "every": "it passes only when each part does, whatever their scores are (false)",
            },
            decides=self._parts.decides,
            about="" if self._parts.decides else "A part of it is a judge that was never held against people.",
        )

    @property
    def asks(self) -> bool:
        """Whether a part asks somebody."""
        return self._parts.asking

    def measure(self, samples: Sequence[Sample]) -> Sequence[Measure]:
        return [self._of(self._parts.measured(sample)) for sample in samples]

    def _of(self, said: list[Said] | str) -> Measure:
        if not self._parts.weight:
            return Measure(error=NO_PARTS)
        if isinstance(said, str):
            return Measure(error=said)
        lost = [each for each in said if not each.passed]
        reason = f"Did not pass: {', '.join(map(_called, lost))}." if lost else ""
        told = [f"{_called(each)}: {each.measure.reason}" for each in lost if each.measure.reason]
        return Measure(
            value=sum(each.part.weight * each.score for each in said) / self._parts.weight,
            reason="\n".join([reason, *told]).strip(),
            parts={
                f"{place} {each.part.metric}": each.measure.value or 0.0 for place, each in enumerate(said, start=1)
            },
            passes=not lost if self._every else None,
        )


class AskedTogether(Together):
    """Of parts of which one asks somebody."""

    def measure(self, samples: Sequence[Sample]) -> Sequence[Measure]:
        return [Measure(error=HAS_TO_ASK) for _ in samples]

    def members(self) -> Sequence[JudgeMember]:
        return self._parts.members()

    def weights(self) -> Sequence[str]:
        return self._parts.weights()

    def labelled(self) -> Sequence[tuple[float, float]]:
        return ()

    async def consult(self, sample: Sample, means: Means) -> Measure:
        return self._of(await self._parts.asked(sample, means))


def _called(said: Said) -> str:
    return f"{'not ' if said.part.negate else ''}{said.part.metric}"


def _together(options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_Options, options, "together")
    made = Together(chosen)
    return AskedTogether(chosen) if made.asks else made


MAKING: Final[Mapping[str, Making]] = {"together": _together}
