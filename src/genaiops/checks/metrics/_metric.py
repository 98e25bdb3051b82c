"""How a metric is made: a card, and a function of one sample or of all."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from genaiops.core.errors import UsageError
from genaiops.domain import JudgeMember, Measure, MetricCard, Need, Sample
from genaiops.ports.metrics import Means, Metric

Making = Callable[[Mapping[str, Any]], Metric]
"""Makes a metric with its options. UsageError for options that it does not have."""

_T = TypeVar("_T")


class OfEach:
    """A metric of single samples. `lacking`: what has to be installed first, without which each is an error.
    `request`: it looks at what the target was asked and offered, too."""

    def __init__(
        self, card: MetricCard, one: Callable[[Sample], Measure | float], *, lacking: str = "", request: bool = False
    ) -> None:
        self.card = card
        self.lacking = lacking
        self.request = request
        self._one = one

    def measure(self, samples: Sequence[Sample]) -> Sequence[Measure]:
        return [self._of(sample) for sample in samples]

    def _of(self, sample: Sample) -> Measure:
        if self.lacking:
            return Measure(error=self.lacking)
        lacking = lacks(sample, self.card.needs)
        if lacking:
            return Measure(error=f"The sample has no {lacking[0]}.")
        said = self._one(sample)
        return said if isinstance(said, Measure) else Measure(value=float(said))


class OfAll:
    """A metric over the corpus. Samples that lack what it needs make it an error: leaving them out would be another
    corpus."""

    def __init__(self, card: MetricCard, together: Callable[[Sequence[Sample]], Measure | float]) -> None:
        self.card = card
        self._together = together

    def measure(self, samples: Sequence[Sample]) -> Sequence[Measure]:
        if not samples:
            return [Measure(error="There are no samples.")]
        for sample in samples:
            lacking = lacks(sample, self.card.needs)
            if lacking:
                return [Measure(error=f"The sample {sample.id!r} has no {lacking[0]}.")]
        said = self._together(samples)
        return [said if isinstance(said, Measure) else Measure(value=float(said))]


class Asking:
    """A metric of single samples that asks something of the run: a program, a sandbox, models of this machine. The work
    is done beside the event loop.

    `asks`: what it asks, as a sentence begins. `weights`: the local models that it needs. `executes`: it runs what was
    answered. `program`: the name of the program of somebody else that says its figures."""

    def __init__(
        self,
        card: MetricCard,
        one: Callable[[Sample, Means], Measure],
        *,
        asks: str,
        weights: Sequence[str] = (),
        executes: bool = False,
        program: str = "",
    ) -> None:
        self.card = card
        self.executes = executes
        self.program = program
        self._one = one
        self._asks = asks
        self._weights = weights

    def measure(self, samples: Sequence[Sample]) -> Sequence[Measure]:
        by_a_run = Measure(error=f"{self._asks}: it is measured by a run.")
        return [self._lacking(sample) or by_a_run for sample in samples]

    def members(self) -> Sequence[JudgeMember]:
        return ()

    def weights(self) -> Sequence[str]:
        return self._weights

    def labelled(self) -> Sequence[tuple[float, float]]:
        return ()

    async def consult(self, sample: Sample, means: Means) -> Measure:
        return self._lacking(sample) or await asyncio.to_thread(self._one, sample, means)

    def _lacking(self, sample: Sample) -> Measure | None:
        lacking = lacks(sample, self.card.needs)
        return Measure(error=f"The sample has no {lacking[0]}.") if lacking else None


def lacks(sample: Sample, needs: Sequence[Need]) -> list[str]:
    """Which of these the sample does not have. An empty output is an output."""
    return [need for need in needs if not _HAS.get(need, _always)(sample)]


def has_to_ask(card: MetricCard, samples: Sequence[Sample], said: str) -> Sequence[Measure]:
    """Of a metric that asks somebody: what a sample lacks, else `said`."""
    lacking = [lacks(sample, card.needs) for sample in samples]
    return [Measure(error=f"The sample has no {each[0]}." if each else said) for each in lacking]


def _always(_: Sample) -> bool:
    return True


_HAS: Mapping[Need, Callable[[Sample], bool]] = {
    "expected": lambda sample: bool(sample.expected),
    "context": lambda sample: bool(sample.context),
    "relevant": lambda sample: bool(sample.relevant),
    "expected_tools": lambda sample: bool(sample.expected_tools),
    "label": lambda sample: sample.label is not None,
    "number": lambda sample: sample.number is not None,
    "media": lambda sample: bool(sample.media),
}


def read_options(kind: type[_T], given: Mapping[str, Any], metric: str) -> _T:
    """`given` as that struct of options (which forbids unknown fields). UsageError says which option is wrong."""
    try:
        return msgspec.convert(dict(given), kind)
    except msgspec.ValidationError as error:
        text = str(error).replace("`$.", "`").replace("Object contains", "There is an")
        raise UsageError(
            f"The options of the metric {metric!r} are not right: {text}.",
            remedy=f"See what it takes: genaiops suite metrics {metric}",
            param="options",
        ) from None
