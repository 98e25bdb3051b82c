"""Metrics of short answers: as SQuAD compares them, figures within a tolerance, refusals, and the language."""

import math
import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from genaiops.checks.languages import SHORTEST, letters
from genaiops.checks.metrics._metric import Making, OfEach, read_options
from genaiops.core.errors import UsageError
from genaiops.domain import Measure, MetricCard, Sample
from genaiops.ports.metrics import Metric

_SQUAD: Final = (
    'Rajpurkar et al., "SQuAD: 100,000+ questions for machine comprehension of text", EMNLP 2016, section 6.1: lower '
    "case, without punctuation, articles (a, an, the) and surplus white space. Of several references the best counts."
)
_ARTICLES: Final = re.compile(r"\b(a|an|the)\b", re.UNICODE)
_PUNCTUATION: Final = str.maketrans("", "", string.punctuation)


class _None(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


def normalised(text: str) -> str:
    """As SQuAD's script compares answers. Only ASCII punctuation and English articles go."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def _exact_match(options: Mapping[str, Any]) -> Metric:
    read_options(_None, options, "exact_match")

    def one(sample: Sample) -> float:
        said = normalised(sample.output)
        return float(any(said == normalised(each) for each in sample.expected))

    card = MetricCard(
        name="exact_match",
        title="Exact match, as SQuAD has it",
        version="1",
        threshold=1.0,
        source=_SQUAD,
        reference="SQuAD 2.0 evaluation script",
        tasks=("answering", "answering_from_context"),
    )
    return OfEach(card, one)


def _fuzzy_match(options: Mapping[str, Any]) -> Metric:
    read_options(_None, options, "fuzzy_match")

    def one(sample: Sample) -> float:
        said = normalised(sample.output)
        wanted = [normalised(each) for each in sample.expected]
        return float(any(said == each if not said or not each else said in each or each in said for each in wanted))

    card = MetricCard(
        name="fuzzy_match",
        title="One stands in the other, as OpenAI's evals have it",
        version="1",
        threshold=1.0,
        source="FuzzyMatch of OpenAI's evals 3.0.1: 1 when the answer stands in a reference, or a reference in it, "
        "both in lower case, without ASCII punctuation, articles and surplus white space; an empty one only equals "
        "another.",
        reference="evals.elsuite.utils.fuzzy_match",
        tasks=("answering", "answering_from_context"),
        about="A short answer stands in many a reference: `a` fits all that have that letter.",
    )
    return OfEach(card, one)


def _token_f1(options: Mapping[str, Any]) -> Metric:
    read_options(_None, options, "token_f1")

    def one(sample: Sample) -> Measure:
        said = normalised(sample.output).split()
        return max((_f1(said, normalised(each).split()) for each in sample.expected), key=lambda each: each.value or 0)

    card = MetricCard(
        name="token_f1",
        title="F1 of words, as SQuAD has it",
        version="1",
        source=f"{_SQUAD} F1 of the words that both have; 1 when neither has a word, 0 when one has none (SQuAD 2.0).",
        reference="SQuAD 2.0 evaluation script",
        tasks=("answering", "answering_from_context"),
        about="parts: precision and recall.",
    )
    return OfEach(card, one)


def _f1(said: Sequence[str], wanted: Sequence[str]) -> Measure:
    if not said or not wanted:
        both = float(not said and not wanted)
        return Measure(value=both, parts={"precision": both, "recall": both})
    same = (Counter(said) & Counter(wanted)).total()
    precision, recall = same / len(said), same / len(wanted)
    f1 = 2 * precision * recall / (precision + recall) if same else 0.0
    return Measure(value=f1, parts={"precision": precision, "recall": recall})


class _Numeric(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    absolute: float = 0.0
    relative: float = 0.0
    take: str = "last"
    decimal: str = "."


_TAKES: Final = ("first", "last", "only")
_NUMBER: Final = {
    mark: re.compile(
        rf"(?<![\w{mark}])[-+\u2212]?(?:\d{{1,3}}(?:[{other}]\d{{3}})+(?!\d)|\d+)?(?:[{mark}]\d+)?(?<=\d)"
        r"(?:[eE][-+]?\d+)?",
        re.ASCII,
    )
    for mark, other in (".,", ",.")
}


def numbers(text: str, decimal: str = ".") -> list[Decimal]:
    """The numbers in a text, in order: with a sign, with thousands parted by the other mark (1,234.5), with an
    exponent. What follows a letter directly (the 2 of H2O) is none, nor is what a double could not hold. Decimals:
    0.3 is within 0.1 of 0.2."""
    other = "," if decimal == "." else "."
    found: list[Decimal] = []
    for match in _NUMBER[decimal].finditer(text):
        plain = match.group().replace("\u2212", "-").replace(other, "").replace(decimal, ".")
        if math.isfinite(float(plain)):
            found.append(Decimal(plain))
    return found


def _numeric(options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_Numeric, options, "numeric")
    _check_numeric(chosen)
    absolute, relative = Decimal(repr(chosen.absolute)), Decimal(repr(chosen.relative))

    def one(sample: Sample) -> Measure:
        wanted = [numbers(each, chosen.decimal) for each in sample.expected]
        for text, figures in zip(sample.expected, wanted, strict=True):
            if len(figures) != 1:
                return Measure(error=f"The reference {text[:80]!r} is not one number.")
        there = numbers(sample.output, chosen.decimal)
        if not there:
            return Measure(value=0.0, reason="There is no number in the answer.")
        if chosen.take == "only" and len(there) > 1:
            return Measure(value=0.0, reason=f"There are {len(there)} numbers in the answer.")
        said = there[0] if chosen.take == "first" else there[-1]
        close = any(abs(said - each) <= max(absolute, relative * abs(each)) for [each] in wanted)
        return Measure(value=float(close), reason="" if close else f"The answer's number is {said:g}.")

    card = MetricCard(
        name="numeric",
        title="A number within a tolerance",
        version="1",
        threshold=1.0,
        source="1 when |answer - reference| <= max(absolute, relative * |reference|), of any reference, in "
        "decimals. An answer without a number is wrong (0); a reference that is not one number is an error.",
        options={
            "absolute": "how far off it may be (0)",
            "relative": "the same as a share of the reference (0)",
            "take": "which number of the answer: first, last, or only, which wants a single one (last)",
            "decimal": 'the decimal mark, "." or ","; the other parts thousands (.)',
        },
        tasks=("answering", "extraction", "regression"),
    )
    return OfEach(card, one)


def _check_numeric(chosen: _Numeric) -> None:
    wrong = ""
    if not (0 <= chosen.absolute < math.inf and 0 <= chosen.relative < math.inf):
        wrong = "a tolerance is a number from 0 on"
    elif chosen.take not in _TAKES:
        wrong = f"take is one of {', '.join(_TAKES)}"
    elif chosen.decimal not in _NUMBER:
        wrong = 'decimal is "." or ","'
    if wrong:
        raise UsageError(
            f"The options of the metric 'numeric' are not right: {wrong}.",
            remedy="See what it takes: genaiops suite metrics numeric",
            param="options",
        )


def _refusal(options: Mapping[str, Any]) -> Metric:
    from genaiops.checks.refusal import judge, refusal

    read_options(_None, options, "refusal")

    def one(sample: Sample) -> Measure:
        verdict = judge(refusal(sample.output))
        return Measure(value=verdict.measure, reason=verdict.reason)

    card = MetricCard(
        name="refusal",
        title="Refuses",
        version="1",
        better="lower",
        threshold=0.0,
        needs=("output",),
        source="checks/refusal: 1 when the answer refuses, 0.5 when it refuses in part, 0 when it does not, told by "
        "the sentences in which models refuse, in seven languages. Its measured error rates: docs/content-checks.md.",
        tasks=("answering", "conversation"),
        about="Passes when the answer does not refuse. For cases that should be refused: negate = true.",
    )
    return OfEach(card, one)


class _LanguageOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: str = ""


def _language(options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_LanguageOptions, options, "language")

    def one(sample: Sample) -> Measure:
        from genaiops.checks.classifying import language_of

        found = language_of(sample.output)
        if found.language is None or letters(sample.output) < SHORTEST:
            return Measure(error="The answer is too short to tell its language.")
        right = found.language in ((chosen.code,) if chosen.code else sample.expected)
        return Measure(value=float(right), reason=f"The answer is in {found.language!r} ({found.score:.0%}).")

    card = MetricCard(
        name="language",
        title="Is in the language",
        version="1",
        threshold=1.0,
        needs=("output",) if chosen.code else ("output", "expected"),
        source='Lui and Baldwin, "langid.py: an off-the-shelf language identification tool", ACL 2012, by py3langid: '
        "1 when the likeliest of 140 languages is the one that is wanted. Fewer than 12 letters are an error.",
        reference="py3langid",
        options={"code": "ISO 639-1, such as de, in place of the references of the case"},
        tasks=("answering", "conversation", "translation"),
    )
    return OfEach(card, one)


MAKING: Final[Mapping[str, Making]] = {
    "exact_match": _exact_match,
    "fuzzy_match": _fuzzy_match,
    "token_f1": _token_f1,
    "numeric": _numeric,
    "refusal": _refusal,
    "language": _language,
}
