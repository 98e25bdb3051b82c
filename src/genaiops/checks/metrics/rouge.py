"""ROUGE: how many n-grams, or words in their order, an answer shares with a reference.

Of several references the one with the best F1 counts, as in rouge-score. As published it reads only a to z and 0 to 9:
a reference without any of them is an error here, for its figure would be 0 whatever the answer was.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final, Literal

import msgspec

from genaiops.checks.metrics._metric import Making, lacks, read_options
from genaiops.core.errors import UsageError
from genaiops.domain import Measure, MetricCard, Sample
from genaiops.ports.metrics import Metric

_PAPER: Final = 'Lin, "ROUGE: a package for automatic evaluation of summaries", ACL workshop, 2004'
_KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "rouge1": ("ROUGE-1", "section 2: words that both have"),
    "rouge2": ("ROUGE-2", "section 2: pairs of words that both have"),
    "rougeL": ("ROUGE-L", "section 3.1: the longest sequence of words that both have in the same order"),
    "rougeLsum": ("ROUGE-L of a summary", "section 3.2: the same line by line, each a sentence, and their union"),
}


class _Rouge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    stem: bool = False
    measure: Literal["f1", "precision", "recall"] = "f1"
    words: Literal["latin", "unicode", "characters"] = "latin"


class _Scored:
    """A metric of single samples that are counted together: the native scorer takes many pairs at once."""

    def __init__(self, card: MetricCard, kind: str, chosen: _Rouge) -> None:
        from rouge_score_rs import RougeScorer, tokenizers

        made: Mapping[str, Any] = {
            "latin": lambda: tokenizers.DefaultTokenizer(use_stemmer=chosen.stem),
            "unicode": tokenizers.UnicodeTokenizer,
            "characters": tokenizers.CharacterTokenizer,
        }
        self.card = card
        self._kind = kind
        self._measure = {"f1": "fmeasure"}.get(chosen.measure, chosen.measure)
        self._tokenizer: Any = made[chosen.words]()
        self._scorer: Any = RougeScorer([kind], tokenizer=self._tokenizer)

    def measure(self, samples: Sequence[Sample]) -> Sequence[Measure]:
        wrong = [self._wrong(sample) for sample in samples]
        pairs = [
            (place, reference, sample.output)
            for place, sample in enumerate(samples)
            if not wrong[place]
            for reference in sample.expected
        ]
        scores = self._scorer.score_batch([pair[1] for pair in pairs], [pair[2] for pair in pairs])
        best: dict[int, Any] = {}
        for (place, _, _), scored in zip(pairs, scores, strict=True):
            score = scored[self._kind]
            if place not in best or score.fmeasure > best[place].fmeasure:
                best[place] = score
        return [Measure(error=error) if error else self._told(best[place]) for place, error in enumerate(wrong)]

    def _told(self, score: Any) -> Measure:
        parts = {"precision": float(score.precision), "recall": float(score.recall), "f1": float(score.fmeasure)}
        return Measure(value=float(getattr(score, self._measure)), parts=parts)

    def _wrong(self, sample: Sample) -> str:
        lacking = lacks(sample, self.card.needs)
        if lacking:
            return f"The sample has no {lacking[0]}."
        for reference in sample.expected:
            if not reference.isascii() and any(map(str.isalnum, reference)) and not self._tokenizer.tokenize(reference):
                return f"ROUGE reads no word in the reference {reference[:40]!r}: words = 'unicode' may help."
        return ""


def _rouge(name: str, options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_Rouge, options, name)
    title, section = _KINDS[name]
    if chosen.stem and chosen.words != "latin":
        raise UsageError(
            f"The options of the metric {name!r} are not right: only English words have a stem.",
            remedy="Leave out stem, or words.",
            param="options",
        )
    card = MetricCard(
        name=name,
        title=title,
        version="1",
        source=f"{_PAPER}, {section}. Of several references the best counts.",
        reference="rouge-score 0.1.2" if chosen.words == "latin" else "rouge-score-rs",
        options={
            "stem": "compare English words by their stems, as Porter has it (false)",
            "measure": "f1, precision or recall; all three stand in the parts (f1)",
            "words": "latin: a to z and 0 to 9, as published; unicode: words of any script, Chinese and Japanese by "
            "character; characters (latin)",
        },
        tasks=("summarisation", "translation"),
    )
    return _Scored(card, name, chosen)


MAKING: Final[Mapping[str, Making]] = {name: partial(_rouge, name) for name in _KINDS}
