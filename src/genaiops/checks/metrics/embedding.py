"""The metric `embedding`: how near an answer is to a reference among the embeddings of a model that is named."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

from genaiops.checks.metrics._metric import Making, has_to_ask, lacks, read_options
from genaiops.checks.metrics._vectors import ENCODERS, NoVectors, Vectors, cosine, distance, dot, vectors_of
from genaiops.domain import JudgeMember, Measure, MetricCard, Sample
from genaiops.ports.metrics import Consulting, Means

Measured = Literal["cosine", "dot", "euclidean"]
_HAS_TO_ASK: Final = "It asks a model for embeddings: it is measured by a run."
_WAYS: Final[Mapping[str, Callable[[Sequence[float], Sequence[float]], float]]] = {
    "cosine": cosine,
    "dot": dot,
    "euclidean": distance,
}


class _Options(Vectors, frozen=True, forbid_unknown_fields=True):
    measure: Measured = "cosine"


class Embedding:
    def __init__(self, chosen: _Options) -> None:
        self._chosen = chosen
        whose = ENCODERS[chosen.encoder] if chosen.by is None else f"{chosen.by.model or chosen.by.url}"
        far = chosen.measure == "euclidean"
        self.card = MetricCard(
            name="embedding",
            title="Distance of embeddings" if far else "Nearness of embeddings",
            version=f"1/{chosen.measure}/{chosen.encoder if chosen.by is None else whose}",
            unit=chosen.measure,
            low={"cosine": -1.0, "dot": None, "euclidean": 0.0}[chosen.measure],
            high=1.0 if chosen.measure == "cosine" else None,
            better="lower" if far else "higher",
            source=f"{chosen.measure.capitalize()} of embeddings by {whose}: of several references the nearest.",
            options={
                "measure": "cosine, dot or euclidean (cosine)",
                "encoder": "the local one: minilm or minilm-int8 (minilm-int8)",
                "by": "a model of embeddings in its place: model, or url with secret",
            },
            tasks=("answering", "summarisation", "translation"),
            about="A contradiction is about the same matter, and is near, too. Figures of two models are not compared.",
        )

    def measure(self, samples: Sequence[Sample]) -> Sequence[Measure]:
        return has_to_ask(self.card, samples, _HAS_TO_ASK)

    def members(self) -> Sequence[JudgeMember]:
        return () if self._chosen.by is None else (self._chosen.by,)

    def weights(self) -> Sequence[str]:
        return (self._chosen.encoder,) if self._chosen.by is None else ()

    def labelled(self) -> Sequence[tuple[float, float]]:
        return ()

    async def consult(self, sample: Sample, means: Means) -> Measure:
        lacking = lacks(sample, self.card.needs)
        if lacking:
            return Measure(error=f"The sample has no {lacking[0]}.")
        try:
            ours, *theirs = await vectors_of(self._chosen, [sample.output, *sample.expected], means)
        except NoVectors as error:
            return Measure(error=str(error))
        found = [_WAYS[self._chosen.measure](ours, each) for each in theirs]
        return Measure(value=float(min(found) if self.card.better == "lower" else max(found)))


def _embedding(options: Mapping[str, Any]) -> Consulting:
    return Embedding(read_options(_Options, options, "embedding"))


MAKING: Final[Mapping[str, Making]] = {"embedding": _embedding}
