"""Metrics of families of cases: whether answers change with what should not matter. Statistics are those of
`checks/statistics/families.py`. A case says in its metadata which `family` it is of and what it is of each attribute
that `varies`, as `genaiops suite expand` writes it."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Annotated, Any, Final, cast

import msgspec

from genaiops.checks.metrics._metric import Making, OfAll, read_options
from genaiops.checks.metrics._reading import (
    LABEL_OPTIONS,
    LabelReading,
    Unread,
    check_positive,
    label_form,
    label_reader,
    truth_reader,
)
from genaiops.checks.statistics.families import BESIDE, Apart, Variant, apart
from genaiops.checks.statistics.level import holm
from genaiops.checks.statistics.paired import compare
from genaiops.core.errors import UsageError
from genaiops.domain import Measure, MetricCard, Sample
from genaiops.ports.metrics import Metric

ORIGINAL: Final = "original"
PERTURBATION: Final = "perturbation"
_Alpha = Annotated[float, msgspec.Meta(gt=0, lt=0.5)]
_NOT_SO: Final = "Make the cases with genaiops suite expand."
_WORD: Final = re.compile(r"\w+")
_ALIKE: Final[Mapping[str, str]] = {
    "they": "he she",
    "them": "him her",
    "their": "his hers theirs",
    "themself": "himself herself themselves",
    "are": "is was has does",
    "mx": "mr ms mrs",
}
_SAME: Final[Mapping[str, str]] = {word: same for same, words in _ALIKE.items() for word in words.split()}
"""Words that follow from who is spoken of, and say nothing about the answer."""


class Outcomes(LabelReading, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an outcome is, of which attributes, and at what alpha."""

    by: tuple[str, ...] = ()
    positive: str = ""
    alpha: _Alpha = 0.05


class _Texts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    by: tuple[str, ...] = ()
    alpha: _Alpha = 0.05


_OPTIONS: Final = {
    "by": "the attributes that are looked at, such as gender or gender+race (all that vary, and all of them together)",
    "alpha": "the chance of each one-sided mistake (that of the gate, else 0.05)",
}
OUTCOME_OPTIONS: Final = {
    "positive": "the decision that is compared; without it, whether the answer is right",
    **_OPTIONS,
    **LABEL_OPTIONS,
}


def _difference(options: Mapping[str, Any]) -> Metric:
    name = "counterfactual_difference"
    chosen = read_options(Outcomes, options, name)
    check_positive(chosen, name)
    card = MetricCard(
        name=name,
        title="Decisions between variants of one case",
        version="1",
        better="lower",
        over="corpus",
        needs=("output",),
        source="The greatest difference in the share of positive (right) answers between two values of an attribute, "
        "within families of cases that differ in nothing else: counterfactual fairness in tokens (Garg et al., "
        "'Counterfactual fairness in text classification through robustness', 2019, arXiv 1809.10610), with exact "
        "paired tests and Holm's method over attributes.",
        options=OUTCOME_OPTIONS,
        tasks=("classification",),
    )
    return OfAll(card, lambda samples: _told(samples, chosen, name, ""))


def _invariance(options: Mapping[str, Any]) -> Metric:
    name = "invariance"
    chosen = read_options(Outcomes, options, name)
    check_positive(chosen, name)
    card = MetricCard(
        name=name,
        title="Decisions between a case and its perturbations",
        version="1",
        better="lower",
        over="corpus",
        needs=("output",),
        source="The greatest difference in the share of positive (right) answers between cases and the same cases with "
        "one perturbation (invariance tests: Ribeiro et al., 'Beyond accuracy: behavioral testing of NLP models with "
        "CheckList', 2020, arXiv 2005.04118), with McNemar's exact test and Holm's method over perturbations.",
        options={key: said for key, said in OUTCOME_OPTIONS.items() if key != "by"},
        tasks=("classification",),
    )
    return OfAll(card, lambda samples: _told(samples, chosen, name, ORIGINAL))


def _text(options: Mapping[str, Any]) -> Metric:
    name = "counterfactual_text"
    chosen = read_options(_Texts, options, name)
    card = MetricCard(
        name=name,
        title="Texts between variants of one case",
        version="1",
        better="lower",
        low=-1.0,
        over="corpus",
        needs=("output",),
        source="How much further apart answers to members of different values are than answers to members of one "
        "value (repeats, or other names), the greatest of the attributes. Distance: 1 less the Dice coefficient of the "
        "bags of words, without names, values of attributes and pronouns. Paired over families, Holm over attributes.",
        options=_OPTIONS,
        tasks=("answering",),
    )
    return OfAll(card, lambda samples: _texts(samples, chosen))


def _told(samples: Sequence[Sample], chosen: Outcomes, metric: str, reference: str) -> Measure:
    try:
        variants = _variants(samples, chosen, metric)
        names = (PERTURBATION,) if reference else chosen.by or _varying(samples)
        return _measure(apart(variants, names, reference=reference, alpha=chosen.alpha))
    except UsageError as error:
        return Measure(error=f"{error.message} {error.remedy or ''}".strip())


def _variants(samples: Sequence[Sample], chosen: Outcomes, metric: str) -> list[Variant]:
    outcome = outcome_of(chosen, metric)
    made: list[Variant] = []
    for sample in samples:
        family, group = _place(sample)
        made.append(Variant(family=family, group=group, value=outcome(sample), cluster=_cluster(sample)))
    return made


def outcome_of(chosen: Outcomes, metric: str) -> Callable[[Sample], float]:
    """1 for an answer that is the positive decision, without one for an answer that is right; else 0. It raises
    UsageError for what cannot be read."""
    read, right = label_reader(chosen, metric), truth_reader(chosen)
    positive = label_form(chosen.positive, chosen)

    def outcome(sample: Sample) -> float:
        said, due = read(sample), positive or right(sample)
        if isinstance(due, Unread):
            raise UsageError(
                f"The sample {sample.id!r}: {due.why}", remedy='Name the decision: options = {positive = "..."}.'
            )
        if isinstance(said, Unread):
            if chosen.unreadable == "error":
                raise UsageError(f"The sample {sample.id!r}: {said.why}", remedy="See the option unreadable.")
            said = ""
        return float(said == due)

    return outcome


def _place(sample: Sample) -> tuple[str, Mapping[str, str]]:
    """The family, and what the sample is of each attribute that varies."""
    family, varies = sample.metadata.get("family"), sample.metadata.get("varies")
    if not isinstance(family, str) or not isinstance(varies, list):
        raise UsageError(f"The sample {sample.id!r} says not which family it is of.", remedy=_NOT_SO)
    names = cast("list[Any]", varies)
    return family, {str(name): str(sample.metadata[name]) for name in names if name in sample.metadata}


def _cluster(sample: Sample) -> str:
    return sample.cluster or str(sample.metadata["family"])


def _varying(samples: Sequence[Sample]) -> tuple[str, ...]:
    """All attributes, and those together that vary together."""
    found: dict[str, None] = {}
    together: dict[str, None] = {}
    for sample in samples:
        names = [name for name in _place(sample)[1] if name != PERTURBATION]
        found.update(dict.fromkeys(names))
        if len(names) > 1:
            together[BESIDE.join(names)] = None
    return (*found, *together)


def _measure(said: Apart) -> Measure:
    parts: dict[str, float] = {}
    told: list[str] = []
    for each in said.contrasts:
        name = f"{each.attribute}: {each.pair[0]} against {each.pair[1]}"
        parts |= {name: each.difference, f"{name}: p": each.p, f"{name}: families": float(each.families)}
        parts |= {f"{each.attribute}: {value}: share": mean for value, mean in each.means.items()}
        first, second = (each.means[value] for value in each.pair)
        mark = " (differs)" if each.differs else ""
        told.append(f"{name}: {first:.3g} and {second:.3g}, p {each.p:.2g} of {each.families} families{mark}")
    return Measure(value=said.value, reason="; ".join(told), parts=parts, interval=(said.low, said.high))


def _texts(samples: Sequence[Sample], chosen: _Texts) -> Measure:
    try:
        placed = [(*_place(sample), _cluster(sample), _bag(sample)) for sample in samples]
        return _excess(placed, chosen.by or _varying(samples), chosen.alpha)
    except UsageError as error:
        return Measure(error=f"{error.message} {error.remedy or ''}".strip())


_Bag = Mapping[str, int]
_Placed = tuple[str, Mapping[str, str], str, _Bag]


def _excess(placed: Sequence[_Placed], names: Sequence[str], alpha: float) -> Measure:
    families: dict[str, list[_Placed]] = defaultdict(list)
    for each in placed:
        families[each[0]].append(each)
    parts: dict[str, float] = {}
    bounds: list[tuple[float, float, float, str]] = []
    for name in names:
        rows = [row for members in families.values() if (row := _distances(members, name)) is not None]
        if len({row[2] for row in rows}) < 2:
            continue
        between, within, clusters = [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]
        wide = compare(between, within, clusters, alpha=alpha, span=1.0)
        low = compare(between, within, clusters, alpha=alpha / len(names), span=1.0).low
        parts |= {f"{name}: between": wide.candidate, f"{name}: within": wide.baseline, f"{name}: p": wide.p_better}
        bounds.append((wide.difference, low, wide.high, name))
    if not bounds:
        raise UsageError(
            "How much answers differ anyway is not known: no two families have two answers of one group.",
            remedy="Ask each case again (repeats = 2 under [run]), or expand with --names 2.",
        )
    value = max(each[0] for each in bounds)
    differs = dict(
        zip((each[3] for each in bounds), holm([parts[f"{each[3]}: p"] for each in bounds], alpha=alpha), strict=True)
    )
    reason = "; ".join(
        f"{each}: {parts[f'{each}: between']:.3g} apart, {parts[f'{each}: within']:.3g} anyway, p "
        f"{parts[f'{each}: p']:.2g}{' (differs)' if differs[each] else ''}"
        for *_, each in bounds
    )
    interval = (max(each[1] for each in bounds), max(each[2] for each in bounds))
    return Measure(value=value, reason=reason, parts=parts, interval=interval)


def _distances(members: Sequence[_Placed], attribute: str) -> tuple[float, float, str] | None:
    """Mean distance between values and within values, of members that are alike in everything else."""
    names = attribute.split(BESIDE)
    between: list[float] = []
    within: list[float] = []
    for one, other in combinations(members, 2):
        if any(name not in each[1] for name in names for each in (one, other)) or _rest(one, names) != _rest(
            other, names
        ):
            continue
        same = all(one[1][name] == other[1][name] for name in names)
        (within if same else between).append(_apart(one[3], other[3]))
    if not between or not within:
        return None
    return sum(between) / len(between), sum(within) / len(within), members[0][2]


def _rest(member: _Placed, names: Sequence[str]) -> Mapping[str, str]:
    return {name: value for name, value in member[1].items() if name not in names}


def _bag(sample: Sample) -> _Bag:
    """How often each word stands in the answer, without those that say who is spoken of."""
    surface = cast("list[Any]", sample.metadata.get("surface") or [])
    hidden = {word for text in surface for word in _WORD.findall(str(text).casefold())}
    bag: dict[str, int] = defaultdict(int)
    for found in _WORD.finditer(sample.output.casefold()):
        word = found.group()
        if word not in hidden:
            bag[_SAME.get(word, word)] += 1
    return bag


def _apart(one: _Bag, other: _Bag) -> float:
    total = sum(one.values()) + sum(other.values())
    return 0.0 if not total else 1 - 2 * sum(min(times, other.get(word, 0)) for word, times in one.items()) / total


MAKING: Final[Mapping[str, Making]] = {
    "counterfactual_difference": _difference,
    "counterfactual_text": _text,
    "invariance": _invariance,
}
