"""Metrics: measures of answers, each with a card."""

from collections.abc import Sequence
from typing import Protocol

from genaiops.domain import Measure, MetricCard, Sample


class Metric(Protocol):
    """`checks.metrics` makes them, with their options already in. Pure, but for those whose card says otherwise (a
    judge asks a model); may be called from any thread."""

    @property
    def card(self) -> MetricCard: ...

    def measure(self, samples: Sequence[Sample]) -> Sequence[Measure]:
        """One for each sample, in order; of a metric over the corpus one for all of them. A sample that lacks what the
        card needs has a Measure with an error; nothing is raised for it."""
        ...
