"""Metrics of overlapping words and characters: BLEU, GLEU, chrF, TER; of each answer, and of all together.

BLEU, chrF and TER are sacrebleu's, from 0 to 100 as it has them. Of several references BLEU counts the n-grams that any
of them has and the length that is closest; the others take the best reference (TER by the mean of their lengths). These
are the rules of their authors.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from genaiops.checks.metrics._adding import DRAWN, Adding, Counts, over_corpus, read_drawing
from genaiops.checks.metrics._metric import Making, OfEach, read_options
from genaiops.domain import Measure, MetricCard, Sample
from genaiops.ports.metrics import Metric

_TASKS = ("translation", "summarisation")
Tokenizer = Literal["13a", "intl", "zh", "char", "none"]
TOKENIZE: Final = "13a (as mteval has it), intl, zh, char, or none, which splits at white space (13a)"
_LOWER: Final = "put both into lower case (false)"


class _Bleu(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    tokenize: Tokenizer = "13a"
    lowercase: bool = False
    smooth: Literal["exp", "floor", "add-k", "none"] = "exp"
    order: Annotated[int, Meta(ge=1, le=9)] = 4


class _Gleu(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    tokenize: Tokenizer = "13a"
    lowercase: bool = False
    order: Annotated[int, Meta(ge=1, le=9)] = 4


class _Chrf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    characters: Annotated[int, Meta(ge=1, le=20)] = 6
    words: Annotated[int, Meta(ge=0, le=9)] = 0
    beta: Annotated[int, Meta(ge=1, le=9)] = 2
    lowercase: bool = False


class _Ter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    normalized: bool = False
    no_punctuation: bool = False
    asian: bool = False
    case_sensitive: bool = False


class _Family(msgspec.Struct, frozen=True):
    """`made`: sacrebleu's metric with these options (of single answers where the flag is set)."""

    title: str
    source: str
    reference: str
    options: Mapping[str, str]
    kind: type[Any]
    made: Callable[[Any, bool], Any]
    better: Literal["higher", "lower"] = "higher"
    high: float | None = 100.0


def _made_bleu(chosen: _Bleu, single: bool) -> Any:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(
        lowercase=chosen.lowercase,
        force=True,
        tokenize=chosen.tokenize,
        smooth_method=chosen.smooth,
        max_ngram_order=chosen.order,
        effective_order=single,
    )


def _made_chrf(chosen: _Chrf, _: bool) -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF(char_order=chosen.characters, word_order=chosen.words, beta=chosen.beta, lowercase=chosen.lowercase)


def _made_ter(chosen: _Ter, _: bool) -> Any:
    from sacrebleu.metrics.ter import TER

    return TER(
        normalized=chosen.normalized,
        no_punct=chosen.no_punctuation,
        asian_support=chosen.asian,
        case_sensitive=chosen.case_sensitive,
    )


_FAMILIES: Final[Mapping[str, _Family]] = {
    "bleu": _Family(
        "BLEU",
        'Papineni et al., "BLEU: a method for automatic evaluation of machine translation", ACL 2002; as Post, "A call '
        'for clarity in reporting BLEU scores", WMT 2018, has it',
        "sacrebleu 2.6",
        {
            "tokenize": TOKENIZE,
            "lowercase": _LOWER,
            "smooth": "exp, floor, add-k or none: what n-grams count that never match (exp)",
            "order": "the longest n-grams (4)",
        },
        _Bleu,
        _made_bleu,
    ),
    "chrf": _Family(
        "chrF",
        'Popovic, "chrF: character n-gram F-score for automatic MT evaluation", WMT 2015',
        "sacrebleu 2.6",
        {
            "characters": "the longest n-grams of characters (6)",
            "words": "the longest n-grams of words; 2 makes it chrF++ (0)",
            "beta": "how much recall counts over precision (2)",
            "lowercase": _LOWER,
        },
        _Chrf,
        _made_chrf,
    ),
    "ter": _Family(
        "TER",
        'Snover et al., "A study of translation edit rate with targeted human annotation", AMTA 2006: edits and shifts '
        "of words, of 100 words of the reference",
        "sacrebleu 2.6",
        {
            "normalized": "part punctuation from words (false)",
            "no_punctuation": "leave punctuation out (false)",
            "asian": "part Chinese and Japanese characters (false)",
            "case_sensitive": "case counts (false)",
        },
        _Ter,
        _made_ter,
        better="lower",
        high=None,
    ),
}


def _each(name: str, options: Mapping[str, Any]) -> Metric:
    family = _FAMILIES[name]
    chosen = read_options(family.kind, options, name)
    made = family.made(chosen, True)

    def one(sample: Sample) -> Measure:
        return _measure(made.sentence_score(sample.output, sample.expected), family)

    card = MetricCard(
        name=name,
        title=f"{family.title} of each answer",
        version="1",
        high=family.high,
        better=family.better,
        source=f"{family.source}.{_SINGLE if name == 'bleu' else ''}",
        reference=family.reference,
        options=dict(family.options),
        tasks=_TASKS,
    )
    return OfEach(card, one)


_SINGLE: Final = " Of a short answer only the orders count that it has (effective order). The mean is not corpus BLEU."


def _corpus(name: str, options: Mapping[str, Any]) -> Metric:
    family = _FAMILIES[name]
    drawing, rest = read_drawing(options, f"corpus_{name}")
    chosen = read_options(family.kind, rest, f"corpus_{name}")
    made = family.made(chosen, False)

    def count(sample: Sample) -> Counts:
        [counts] = made._extract_corpus_statistics([sample.output], [[each] for each in sample.expected])
        return counts

    def figure(sums: Counts) -> Measure:
        return _measure(made._compute_score_from_stats(list(sums)), family)

    card = MetricCard(
        name=f"corpus_{name}",
        title=f"{family.title} of all answers",
        version="1",
        high=family.high,
        better=family.better,
        over="corpus",
        source=f"{family.source}.",
        reference=family.reference,
        options={**family.options, **DRAWN},
        tasks=_TASKS,
    )
    return over_corpus(card, Adding(count, figure, span=100.0), drawing)


def _measure(score: Any, family: _Family) -> Measure:
    parts: dict[str, float] = {}
    if family.title == "BLEU":
        parts = {f"precision_{order}": float(each) for order, each in enumerate(score.precisions, 1)}
        parts["brevity_penalty"] = float(score.bp)
    value = float(score.score)
    return Measure(value=value if family.high is None else min(value, family.high), parts=parts)


_GLEU: Final = (
    'Wu et al., "Google\'s neural machine translation system", arXiv 1609.08144, 2016, section 6.1: the smaller of '
    "precision and recall of all n-grams together; the best reference counts."
)


def words_of(tokenize: Tokenizer) -> Callable[[str], Sequence[str]]:
    """How a text is parted into words, by that tokenizer of sacrebleu."""
    part: Callable[[str], str] = _made_bleu(_Bleu(tokenize=tokenize), single=False).tokenizer
    return lambda text: part(text).split()


def _gleu_counts(chosen: _Gleu) -> Callable[[Sample], tuple[int, int]]:
    """n-grams that match, and the more of those of the answer and of the reference."""
    parted = words_of(chosen.tokenize)

    def grams(text: str) -> Counter[tuple[str, ...]]:
        words = parted(text.lower() if chosen.lowercase else text)
        return Counter(
            tuple(words[start : start + length])
            for length in range(1, chosen.order + 1)
            for start in range(len(words) - length + 1)
        )

    def counts(sample: Sample) -> tuple[int, int]:
        said = grams(sample.output)
        both = ((said & wanted, max(said.total(), wanted.total())) for wanted in map(grams, sample.expected))
        return max(
            ((same.total(), most) for same, most in both if most), key=lambda pair: pair[0] / pair[1], default=(0, 0)
        )

    return counts


def _gleu_figure(sums: Counts) -> float:
    matched, most = sums
    return matched / most if most else 0.0


def _gleu_card(*, corpus: bool) -> MetricCard:
    options = {"tokenize": TOKENIZE, "lowercase": _LOWER, "order": "the longest n-grams (4)"}
    return MetricCard(
        name="corpus_gleu" if corpus else "gleu",
        title=f"GLEU of {'all answers' if corpus else 'each answer'}",
        version="1",
        over="corpus" if corpus else "sample",
        source=_GLEU,
        reference="nltk.translate.gleu_score, on the words of sacrebleu's tokenizer",
        options={**options, **DRAWN} if corpus else options,
        tasks=_TASKS,
    )


def _gleu(options: Mapping[str, Any]) -> Metric:
    counts = _gleu_counts(read_options(_Gleu, options, "gleu"))
    return OfEach(_gleu_card(corpus=False), lambda sample: _gleu_figure(counts(sample)))


def _corpus_gleu(options: Mapping[str, Any]) -> Metric:
    drawing, rest = read_drawing(options, "corpus_gleu")
    chosen = read_options(_Gleu, rest, "corpus_gleu")
    return over_corpus(_gleu_card(corpus=True), Adding(_gleu_counts(chosen), _gleu_figure, span=1.0), drawing)


MAKING: Final[Mapping[str, Making]] = {
    **{name: partial(_each, name) for name in _FAMILIES},
    **{f"corpus_{name}": partial(_corpus, name) for name in _FAMILIES},
    "gleu": _gleu,
    "corpus_gleu": _corpus_gleu,
}
