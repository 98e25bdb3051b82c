"""Metrics of edits: Levenshtein's distance, and the error rates of words and characters, as transcripts are judged.

Of several references the closest one counts. Error rates are jiwer's: white space at the ends and, for words, surplus
white space do not count; case and punctuation do, unless they are left out.
"""

import re
import string
import unicodedata
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from genaiops.checks.metrics._adding import DRAWN, Adding, Counts, over_corpus, read_drawing
from genaiops.checks.metrics._metric import Making, OfEach, read_options
from genaiops.domain import Measure, MetricCard, Sample
from genaiops.ports.metrics import Metric

_LEVENSHTEIN: Final = (
    'Levenshtein, "Binary codes capable of correcting deletions, insertions and reversals", Soviet Physics Doklady 10, '
    "1966: characters (code points) to insert, delete or put in place of another"
)
_RATE: Final = (
    "Substitutions, deletions and insertions of {what}, of the number of {what} of the reference (Morris, Maier and "
    'Green, "From WER and RIL to MER and WIL", Interspeech 2004, section 2). It may be above 1'
)
_CASE: Final = "fold case (false)"
_SPACES: Final = re.compile(r"\s\s+")


class _Folded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ignore_case: bool = False


class _Rates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ignore_case: bool = False
    ignore_punctuation: bool = False


def _distance(options: Mapping[str, Any]) -> Metric:
    from rapidfuzz.distance import Levenshtein

    chosen = read_options(_Folded, options, "levenshtein")

    def one(sample: Sample) -> float:
        said = _fold(sample.output, chosen.ignore_case)
        return float(min(Levenshtein.distance(said, _fold(each, chosen.ignore_case)) for each in sample.expected))

    card = MetricCard(
        name="levenshtein",
        title="Levenshtein's distance",
        version="1",
        unit="characters",
        high=None,
        better="lower",
        source=f"{_LEVENSHTEIN}.",
        reference="rapidfuzz",
        options={"ignore_case": _CASE},
        tasks=("extraction", "transcription"),
    )
    return OfEach(card, one)


def _ratio(options: Mapping[str, Any]) -> Metric:
    from rapidfuzz.distance import Levenshtein

    chosen = read_options(_Folded, options, "levenshtein_ratio")

    def one(sample: Sample) -> float:
        said = _fold(sample.output, chosen.ignore_case)
        return max(Levenshtein.normalized_similarity(said, _fold(each, chosen.ignore_case)) for each in sample.expected)

    card = MetricCard(
        name="levenshtein_ratio",
        title="Likeness by Levenshtein's distance",
        version="1",
        source=f"{_LEVENSHTEIN}; 1 less their number by the length of the longer text. Two empty texts are alike.",
        reference="rapidfuzz.distance.Levenshtein.normalized_similarity",
        options={"ignore_case": _CASE},
        tasks=("extraction", "transcription"),
    )
    return OfEach(card, one)


def _fold(text: str, ignore_case: bool) -> str:
    return text.casefold() if ignore_case else text


_UNITS: Final[Mapping[str, tuple[str, str]]] = {
    "wer": ("Word error rate", "words"),
    "cer": ("Character error rate", "characters"),
}
_PUNCTUATION: Final = frozenset(string.punctuation)


def _units(text: str, name: str, chosen: _Rates) -> Sequence[str]:
    """Words or characters, as jiwer parts them by default."""
    if chosen.ignore_case:
        text = text.casefold()
    if chosen.ignore_punctuation:
        text = "".join(each for each in text if each not in _PUNCTUATION and unicodedata.category(each)[0] != "P")
    if name == "cer":
        return text.strip()
    return [word for word in _SPACES.sub(" ", text).strip().split(" ") if word]


def _edits(sample: Sample, name: str, chosen: _Rates) -> tuple[float, float, float, float]:
    """Substitutions, deletions and insertions, and the length, against the reference of the lowest rate."""
    from rapidfuzz.distance import Levenshtein

    said = _units(sample.output, name, chosen)
    best: tuple[float, tuple[float, float, float, float]] | None = None
    for reference in sample.expected:
        wanted = _units(reference, name, chosen)
        counts = {"replace": 0, "delete": 0, "insert": 0}
        for each in Levenshtein.editops(wanted, said):
            counts[each.tag] += 1
        found = (float(counts["replace"]), float(counts["delete"]), float(counts["insert"]), float(len(wanted)))
        rate = _rate(found)
        if best is None or rate < best[0]:
            best = rate, found
    assert best is not None  # the card needs a reference
    return best[1]


def _rate(counts: Counts) -> float:
    """Of an empty reference it is the number of insertions, as jiwer has it."""
    *edits, length = counts
    return sum(edits) / length if length else sum(edits)


def _figure(counts: Counts) -> Measure:
    substitutions, deletions, insertions, length = counts
    parts = {"substitutions": substitutions, "deletions": deletions, "insertions": insertions, "length": length}
    return Measure(value=_rate(counts), parts=parts)


def _error_rate(name: str, options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_Rates, options, name)
    return OfEach(_rate_card(name, corpus=False), lambda sample: _figure(_edits(sample, name, chosen)))


def _corpus_rate(name: str, options: Mapping[str, Any]) -> Metric:
    drawing, rest = read_drawing(options, f"corpus_{name}")
    chosen = read_options(_Rates, rest, f"corpus_{name}")
    adding = Adding(lambda sample: _edits(sample, name, chosen), _figure, span=1.0)
    return over_corpus(_rate_card(name, corpus=True), adding, drawing)


def _rate_card(name: str, *, corpus: bool) -> MetricCard:
    title, what = _UNITS[name]
    options = {"ignore_case": _CASE, "ignore_punctuation": "leave punctuation out (false)"}
    return MetricCard(
        name=f"corpus_{name}" if corpus else name,
        title=f"{title} of {'all answers' if corpus else 'each answer'}",
        version="1",
        high=None,
        better="lower",
        over="corpus" if corpus else "sample",
        source=f"{_RATE.format(what=what)}.{' Of all answers: of the sums, not the mean.' if corpus else ''}",
        reference="jiwer 4.0",
        options={**options, **DRAWN} if corpus else options,
        tasks=("transcription",),
    )


MAKING: Final[Mapping[str, Making]] = {
    "levenshtein": _distance,
    "levenshtein_ratio": _ratio,
    **{name: partial(_error_rate, name) for name in _UNITS},
    **{f"corpus_{name}": partial(_corpus_rate, name) for name in _UNITS},
}
