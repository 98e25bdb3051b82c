"""METEOR 1.5, by the program of its authors: words that are equal, have one stem, are synonyms, or paraphrase each
other, content words above function words, less a penalty for their order."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from genaiops.checks.metrics._metric import Asking, Making, read_options
from genaiops.core.errors import GenaiopsError
from genaiops.domain import Measure, MetricCard, Sample
from genaiops.ports.metrics import Consulting, Means


class _Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    seconds: Annotated[float, Meta(gt=0, le=600)] = 60.0


def _meteor(options: Mapping[str, Any]) -> Consulting:
    chosen = read_options(_Options, options, "meteor_1_5")

    def one(sample: Sample, means: Means) -> Measure:
        try:
            return Measure(value=means.meteor.score(sample.output, sample.expected, seconds=chosen.seconds))
        except GenaiopsError as error:
            return Measure(error=f"{error.message} {error.remedy or ''}".strip())

    card = MetricCard(
        name="meteor_1_5",
        title="METEOR 1.5 (of its authors; not nltk's)",
        version="1.5",
        source='Denkowski and Lavie, "Meteor universal: language specific translation evaluation for any target '
        'language", WMT 2014: words that are equal, have the same stem, are synonyms in WordNet or stand in a table of '
        "paraphrases, content words above function words, less a penalty for their order; English, with its "
        "normalisation and its weights for ranking. Of several references the best counts.",
        reference="meteor-1.5.jar -l en -norm",
        options={"seconds": "for one answer, of the clock (60)"},
        tasks=("translation", "summarisation"),
        extra="meteor-1-5",
        about="Needs Java and the authors' program, with the extra genaiops[meteor-1-5]. A text is one segment.",
    )
    return Asking(card, one, asks="It asks the program of METEOR 1.5", program="meteor_1_5")


MAKING: Final[Mapping[str, Making]] = {"meteor_1_5": _meteor}
