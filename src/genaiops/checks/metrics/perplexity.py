"""Metrics of how sure a model was of its own words: `perplexity`, and its inverse as a share."""

from collections.abc import Mapping
from math import exp
from typing import Any, Final

import msgspec

from genaiops.checks.metrics._metric import Making, OfEach, read_options
from genaiops.domain import Measure, MetricCard
from genaiops.ports.metrics import Metric

_NONE: Final = "The answer brings no probabilities of its tokens: the target has to be asked for logprobs."
_ABOUT: Final = "It says how sure the model was, and not whether it is right. Figures of two models are not compared."


class _Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No options."""


def _perplexity(options: Mapping[str, Any]) -> Metric:
    read_options(_Nothing, options, "perplexity")
    card = MetricCard(
        name="perplexity",
        title="Perplexity of the answer",
        version="1",
        low=1.0,
        high=None,
        better="lower",
        needs=("output",),
        source="exp of minus the mean logarithm of the tokens' probabilities, as the answer brings them.",
        about=_ABOUT,
    )
    return OfEach(card, lambda each: Measure(error=_NONE) if each.logprob is None else exp(min(700.0, -each.logprob)))


def _score(options: Mapping[str, Any]) -> Metric:
    read_options(_Nothing, options, "perplexity_score")
    card = MetricCard(
        name="perplexity_score",
        title="Perplexity as a score",
        version="1",
        needs=("output",),
        source="1 / (1 + perplexity).",
        about=_ABOUT,
    )
    return OfEach(
        card, lambda each: Measure(error=_NONE) if each.logprob is None else 1 / (1 + exp(min(700.0, -each.logprob)))
    )


MAKING: Final[Mapping[str, Making]] = {"perplexity": _perplexity, "perplexity_score": _score}
