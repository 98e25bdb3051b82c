"""Metrics of rankings: what was found, in its order, beside what is relevant.

An id that is found twice counts where it stands first; its second place is a place that something else could have had.
Ids with a grade of 0 or less are not relevant, and ids without a grade neither. Where nothing is relevant there is
nothing to find, which is an error and not 0.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from math import log2
from typing import Annotated, Any, Final, Literal, cast

import msgspec

from genaiops.checks.metrics._metric import Making, OfEach, read_options
from genaiops.domain import Measure, MetricCard, Sample
from genaiops.ports.metrics import Metric

_TASKS = ("retrieval", "answering_from_context")
_FIELD: Final = "where the ids stand in an answer that is JSON, such as result.ids (the answer is a list of them)"
_HIGHEST: Final = 1000
Cutoff = Annotated[int, msgspec.Meta(ge=1)]


class _At(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    k: Cutoff = 10
    field: str = ""


class _UpTo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    k: Cutoff | None = None
    field: str = ""


class _Graded(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    k: Cutoff | None = 10
    gain: Literal["linear", "exponential"] = "linear"
    field: str = ""


class Ranking(msgspec.Struct, frozen=True):
    """`grades` of what was found, place by place (0: not relevant), and `ideal`: all grades above 0, the best first."""

    grades: Sequence[float]
    ideal: Sequence[float]


def _making(
    name: str,
    kind: type[Any],
    options: Mapping[str, str],
    facts: Mapping[str, str],
    of: Callable[[Ranking, Any], Measure | float],
) -> Making:
    def making(given: Mapping[str, Any]) -> Metric:
        chosen = read_options(kind, given, name)

        def one(sample: Sample) -> Measure | float:
            found = ranking(sample, chosen.field)
            return Measure(error=found) if isinstance(found, str) else of(found, chosen)

        card = MetricCard(
            name=name,
            title=facts["title"],
            version="1",
            needs=("retrieved", "relevant"),
            source=facts["source"],
            reference=facts["reference"],
            options={**options, "field": _FIELD},
            tasks=_TASKS,
        )
        return OfEach(card, one)

    return making


def ranking(sample: Sample, field: str = "") -> Ranking | str:
    """Of `Sample.retrieved`, else of ids in the answer; the text says why there is none."""
    ids = sample.retrieved or _ids(sample.output, field)
    if isinstance(ids, str):
        return ids
    seen: set[str] = set()
    grades: list[float] = []
    for each in ids:
        grades.append(0.0 if each in seen else max(0.0, sample.relevant.get(each, 0.0)))
        seen.add(each)
    ideal = sorted((grade for grade in sample.relevant.values() if grade > 0), reverse=True)
    return Ranking(grades, ideal) if ideal else "Nothing is relevant: no grade is above 0."


def _ids(output: str, field: str) -> Sequence[str] | str:
    try:
        value: Any = json.loads(output)
    except ValueError:
        return "The sample has no ids that were retrieved, and its answer is no JSON list of them."
    for part in field.split(".") if field else ():
        if not isinstance(value, dict) or part not in value:
            return f"The answer has no field {field!r}."
        value = cast("dict[str, Any]", value)[part]
    if not isinstance(value, list):
        return "The ids that were retrieved are no list."
    return [each if isinstance(each, str) else json.dumps(each) for each in cast("list[Any]", value)]


def _hits(found: Ranking, k: int | None) -> int:
    return sum(grade > 0 for grade in found.grades[:k])


def _recall(found: Ranking, chosen: _At) -> float:
    return _hits(found, chosen.k) / len(found.ideal)


def _precision(found: Ranking, chosen: _At) -> float:
    return _hits(found, chosen.k) / chosen.k


def _hit(found: Ranking, chosen: _At) -> float:
    return float(_hits(found, chosen.k) > 0)


def _reciprocal(found: Ranking, chosen: _UpTo) -> float:
    return next((1 / place for place, grade in enumerate(found.grades[: chosen.k], start=1) if grade > 0), 0.0)


def _average_precision(found: Ranking, chosen: _UpTo) -> float:
    hits, total = 0, 0.0
    for place, grade in enumerate(found.grades[: chosen.k], start=1):
        if grade > 0:
            hits += 1
            total += hits / place
    return total / len(found.ideal)


def _ndcg(found: Ranking, chosen: _Graded) -> Measure | float:
    if chosen.gain == "exponential" and found.ideal[0] > _HIGHEST:
        return Measure(error=f"A grade of {found.ideal[0]:g} has no exponential gain.")

    def gained(grades: Sequence[float]) -> float:
        gains = grades if chosen.gain == "linear" else [2**grade - 1 for grade in grades]
        return sum(gain / log2(place + 1) for place, gain in enumerate(gains[: chosen.k], start=1))

    return gained(found.grades) / gained(found.ideal)


_K: Final = {"k": "the first so many places (10)"}
_ALL: Final = {"k": "the first so many places (all)"}
_GAIN: Final = {
    "k": "the first so many places; null for all (10)",
    "gain": "linear: the grade, as trec_eval has it; exponential: 2^grade - 1, Burges et al. 2005 (linear)",
}

MAKING: Final[Mapping[str, Making]] = {
    "hit_rate": _making(
        "hit_rate",
        _At,
        _K,
        {
            "title": "Something relevant was found",
            "source": "1 when any of the first k is relevant.",
            "reference": "trec_eval's success",
        },
        _hit,
    ),
    "map": _making(
        "map",
        _UpTo,
        _ALL,
        {
            "title": "Average precision",
            "source": "The mean, over all that is relevant, of the precision at its place, 0 where it was not found "
            "(Buckley and Voorhees, 'Retrieval evaluation with incomplete information', 2004); its mean is the MAP.",
            "reference": "trec_eval's map and map_cut",
        },
        _average_precision,
    ),
    "mrr": _making(
        "mrr",
        _UpTo,
        _ALL,
        {
            "title": "Reciprocal rank",
            "source": "1 / the first place of something relevant, 0 where there is none; its mean is the MRR.",
            "reference": "trec_eval's recip_rank",
        },
        _reciprocal,
    ),
    "ndcg_at_k": _making(
        "ndcg_at_k",
        _Graded,
        _GAIN,
        {
            "title": "Normalised discounted gain",
            "source": "Jarvelin and Kekalainen, ACM TOIS 20, 2002, with the discount 1 / log2(place + 1): the sum of "
            "gains, divided by that of the best order of all that is relevant.",
            "reference": "trec_eval's ndcg_cut",
        },
        _ndcg,
    ),
    "precision_at_k": _making(
        "precision_at_k",
        _At,
        _K,
        {
            "title": "Precision of the first places",
            "source": "Relevant ones of the first k, divided by k, also where fewer were found.",
            "reference": "trec_eval's P",
        },
        _precision,
    ),
    "recall_at_k": _making(
        "recall_at_k",
        _At,
        _K,
        {
            "title": "Recall of the first places",
            "source": "Relevant ones of the first k, divided by all that are relevant.",
            "reference": "trec_eval's recall",
        },
        _recall,
    ),
}
