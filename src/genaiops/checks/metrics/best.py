"""Metrics that hold the answers of all targets to a case against each other: `best` asks a model, `highest` compares
what other checks measure."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from genaiops.checks.grading import BEST, Unread, filled, read_choice
from genaiops.checks.metrics._metric import Making, has_to_ask, read_options
from genaiops.checks.metrics.graded import NOT_HELD
from genaiops.checks.metrics.together import NO_PARTS, Part, Parts
from genaiops.core.digest import digest_value
from genaiops.core.errors import UsageError
from genaiops.domain import JudgeMember, Measure, MetricCard, Sample
from genaiops.ports.metrics import Means, Metric

_HAS_TO_COMPARE: Final = "It compares the answers of all targets to a case: it is measured by a run."
_TOO_FEW: Final = "Fewer than two targets answered the case."
Chosen = tuple[int | None, tuple[str, ...], str]
"""The place of the one that was chosen (None: none was), what is said of each, and why there is nothing to say."""


class _Best(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    by: JudgeMember | None = None
    prompt: str | tuple[dict[str, Any], ...] | None = None


class _Highest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    parts: tuple[Part, ...] = ()
    method: Literal["average", "sum"] = "average"
    threshold: float | None = None


class _Comparing(ABC):
    """What is said of one case is worked out once, for all its answers. Used from one event loop."""

    request = True

    def __init__(self, card: MetricCard) -> None:
        self.card = card
        self._under_way: dict[str, asyncio.Task[Chosen]] = {}

    def measure(self, samples: Sequence[Sample]) -> Sequence[Measure]:
        return has_to_ask(self.card, samples, _HAS_TO_COMPARE)

    def labelled(self) -> Sequence[tuple[float, float]]:
        return ()

    async def consult(self, sample: Sample, means: Means) -> Measure:  # noqa: ARG002 (as of the others)
        return Measure(error=_HAS_TO_COMPARE)

    async def consult_among(self, samples: Sequence[Sample], place: int, means: Means) -> Measure:
        if len(samples) < 2:
            return Measure(error=_TOO_FEW)
        key = digest_value([samples[0].id, [msgspec.to_builtins(each) for each in samples]])
        task = self._under_way.get(key)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._under_way[key] = asyncio.ensure_future(self._chosen(samples, means))
        chosen, told, error = await asyncio.shield(task)
        if error:
            return Measure(error=error)
        return Measure(value=float(place == chosen), reason=told[place])

    @abstractmethod
    async def _chosen(self, samples: Sequence[Sample], means: Means) -> Chosen: ...


class Best(_Comparing):
    def __init__(self, chosen: _Best) -> None:
        digest = digest_value(msgspec.to_builtins(chosen)).removeprefix("sha256:")[:12]
        super().__init__(
            MetricCard(
                name="best",
                title="Chosen as the best of all targets",
                version=f"1/{digest}",
                threshold=1.0,
                source="A model reads the answers of all targets to the case, in their order, and names the one that "
                "meets the criteria best: that one has 1, the others 0.",
                options={
                    "by": "who chooses: model, or url with secret, and parameters",
                    "prompt": "a prompt in place of ours",
                },
                decides=False,
                about=f"{NOT_HELD} Such a model favours places: a judge of pairs asks in both orders.",
            )
        )
        self._of = chosen

    def members(self) -> Sequence[JudgeMember]:
        return () if self._of.by is None else (self._of.by,)

    def weights(self) -> Sequence[str]:
        return ()

    async def _chosen(self, samples: Sequence[Sample], means: Means) -> Chosen:
        if self._of.by is None:
            return None, (), "Nobody is named who chooses: options = { by = { model = ... } }."
        if not samples[0].expected:
            return None, (), "The sample has no expected."
        criteria, outputs = samples[0].expected[0], [each.output for each in samples]
        texts = {"criteria": criteria, **{f"output-{place}": text for place, text in enumerate(outputs)}}
        values = {**samples[0].variables, "criteria": criteria, "outputs": outputs}
        try:
            answer = await means.chat(self._of.by, filled(BEST, texts, self._of.prompt, values))
            if answer.state != "answered":
                return None, (), f"{self._of.by.model or self._of.by.url} gave no answer: {answer.error}"
            place = read_choice(answer.output, len(outputs))
        except Unread as error:
            return None, (), str(error)
        except UsageError as error:
            return None, (), f"The prompt of the judge: {error.message}"
        return (
            place,
            tuple("Chosen as the best." if each == place else "Not chosen." for each in range(len(outputs))),
            "",
        )


class Highest(_Comparing):
    def __init__(self, chosen: _Highest) -> None:
        self._parts = Parts(chosen.parts)
        super().__init__(
            MetricCard(
                name="highest",
                title="The highest score of all targets",
                version="1",
                threshold=1.0,
                needs=("output",),
                source="Of the answers of all targets to the case the first that has the highest score has 1, the "
                "others 0. The score is the weighted mean (or sum) of the parts.",
                options={
                    "parts": "each with metric, options, expected, threshold, negate, weight and score",
                    "method": "average, or sum (average)",
                    "threshold": "the score that the highest has to reach (none)",
                },
                decides=self._parts.decides,
                about="" if self._parts.decides else "A part of it is a judge that was never held against people.",
            )
        )
        self._of = chosen

    def members(self) -> Sequence[JudgeMember]:
        return self._parts.members()

    def weights(self) -> Sequence[str]:
        return self._parts.weights()

    async def _chosen(self, samples: Sequence[Sample], means: Means) -> Chosen:
        if not self._parts.weight:
            return None, (), NO_PARTS
        scores: list[float] = []
        for sample in samples:
            said = await self._parts.asked(sample, means)
            if isinstance(said, str):
                return None, (), said
            total = sum(each.part.weight * each.score for each in said)
            scores.append(total if self._of.method == "sum" else total / self._parts.weight)
        place = scores.index(max(scores))
        least = self._of.threshold
        told = tuple(f"Its score is {each:.3f}, the highest {scores[place]:.3f}." for each in scores)
        return None if least is not None and scores[place] < least else place, told, ""


def _best(options: Mapping[str, Any]) -> Metric:
    return Best(read_options(_Best, options, "best"))


def _highest(options: Mapping[str, Any]) -> Metric:
    return Highest(read_options(_Highest, options, "highest"))


MAKING: Final[Mapping[str, Making]] = {"best": _best, "highest": _highest}
