"""Metrics: measures of answers, each with a card."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from genaiops.domain import Answer, JudgeMember, Measure, MetricCard, Sample


class Metric(Protocol):
    """`checks.metrics` makes them, with their options already in. Pure, but for those whose card says otherwise (a
    judge asks a model); may be called from any thread."""

    @property
    def card(self) -> MetricCard: ...

    def measure(self, samples: Sequence[Sample]) -> Sequence[Measure]:
        """One for each sample, in order; of a metric over the corpus one for all of them. A sample that lacks what the
        card needs has a Measure with an error; nothing is raised for it."""
        ...


class Means(Protocol):
    """What metrics may use that are not pure. Each costs something: money, or seconds of a processor."""

    async def chat(self, member: JudgeMember, messages: Sequence[Mapping[str, Any]]) -> Answer:
        """What that model says to messages of OpenAI's chat; its cost is counted into the run. An Answer, whatever
        happened. LimitReached when the run may not spend what the call could cost, or is to stop."""
        ...


class Consulting(Protocol):
    """A metric of single samples that asks somebody. Its `measure` says of every sample that it has to ask."""

    @property
    def card(self) -> MetricCard: ...

    def measure(self, samples: Sequence[Sample]) -> Sequence[Measure]: ...

    def members(self) -> Sequence[JudgeMember]:
        """Whom it asks, so that they can be looked up before anything is spent."""
        ...

    async def consult(self, sample: Sample, means: Means) -> Measure:
        """A Measure, whatever happened."""
        ...
