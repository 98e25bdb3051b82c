"""METEOR, as the Python package nltk has it: words that are equal, have the same stem, or are synonyms in WordNet.

This is the metric of 2007. METEOR 1.5 (Denkowski and Lavie, "Meteor universal", WMT 2014), the Java program, is another
one: it weighs function words, knows paraphrases, and gives other figures for the same texts. It is `meteor_1_5` here,
and figures of the one are never compared with those of the other. nltk looks up stems, not words, where the words are
no equals: "always" is no synonym of "forever" to it, for its stem "alway" is no word.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from genaiops.checks.metrics._metric import Making, OfEach, read_options
from genaiops.checks.metrics._wordnet import REMEDY, opened, synonyms
from genaiops.checks.metrics.overlap import TOKENIZE, Tokenizer, words_of
from genaiops.core.errors import NotFound
from genaiops.domain import MetricCard, Sample
from genaiops.ports.metrics import Metric


class _Meteor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    wordnet: str = ""
    tokenize: Tokenizer = "13a"
    alpha: Annotated[float, Meta(ge=0, le=1)] = 0.9
    beta: Annotated[float, Meta(ge=0)] = 3.0
    gamma: Annotated[float, Meta(ge=0, le=1)] = 0.5


class _Lemma(msgspec.Struct, frozen=True):
    """What nltk asks a lemma."""

    text: str

    def name(self) -> str:
        return self.text


class _Meaning(msgspec.Struct, frozen=True):
    """What nltk asks a set of synonyms; here all that a word has are one."""

    words: frozenset[str]

    def lemmas(self) -> Sequence[_Lemma]:
        return [_Lemma(word) for word in self.words]


class _Reader:
    """What nltk asks its reader of WordNet."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def synsets(self, word: str) -> Sequence[_Meaning]:
        found = synonyms(self._folder, word)
        return [_Meaning(found)] if found else []


def _meteor(options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_Meteor, options, "meteor")
    lacking = _lacking(chosen.wordnet)
    reader = _Reader(chosen.wordnet)
    words = words_of(chosen.tokenize)

    def one(sample: Sample) -> float:
        return float(
            _nltk().meteor_score(
                [words(each) for each in sample.expected],
                words(sample.output),
                wordnet=reader,
                alpha=chosen.alpha,
                beta=chosen.beta,
                gamma=chosen.gamma,
            )
        )

    version = "1" if lacking else f"1+wordnet-{opened(chosen.wordnet).version}"
    card = MetricCard(
        name="meteor",
        title="METEOR (of nltk; not METEOR 1.5)",
        version=version,
        source='Lavie and Agarwal, "METEOR: an automatic metric for MT evaluation with high levels of correlation with '
        'human judgments", WMT 2007: words that are equal, have the same stem (Porter), or are synonyms in WordNet, '
        "less a penalty for their order. English only. Of several references the best counts.",
        reference="nltk.translate.meteor_score",
        options={
            "wordnet": "the folder of WordNet's files (where Debian's package wordnet-base or nltk has it)",
            "tokenize": TOKENIZE,
            "alpha": "how much recall counts over precision (0.9)",
            "beta": "how steeply the penalty grows (3)",
            "gamma": "the largest penalty (0.5)",
        },
        tasks=("translation", "summarisation"),
        extra="meteor",
        about="Needs the extra genaiops[meteor] and the files of WordNet, whose version is a part of the metric's.",
    )
    return OfEach(card, one, lacking=lacking)


@cache
def _nltk() -> Any:
    from nltk.translate import meteor_score

    return meteor_score


def _lacking(folder: str) -> str:
    """What has to be installed first."""
    from importlib.util import find_spec

    if find_spec("nltk") is None:
        return "METEOR needs nltk. Install the extra: pip install 'genaiops[meteor]'."
    try:
        opened(folder)
    except NotFound as error:
        return f"METEOR needs synonyms. {error.message} {REMEDY}"
    return ""


MAKING: Final[Mapping[str, Making]] = {"meteor": _meteor}
