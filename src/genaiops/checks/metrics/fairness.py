"""Metrics of groups: whether what is decided differs between groups of people. Definitions and bounds are those of
`checks/statistics/groups.py`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final

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
from genaiops.checks.statistics.groups import LEAST, Disparity, Member, disparity, equalized_odds
from genaiops.core.errors import UsageError
from genaiops.domain import Measure, MetricCard, Sample
from genaiops.ports.metrics import Metric

_TASKS = ("classification",)


class _Groups(LabelReading, frozen=True, kw_only=True, forbid_unknown_fields=True):
    by: str = ""
    positive: str = ""
    least: Annotated[int, msgspec.Meta(ge=1)] = LEAST


class _WithReference(_Groups, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reference: str = ""


_OPTIONS: Final = {
    "by": "what tells the groups apart: a field of the cases' metadata, or the beginning of slices such as land:de "
    "(it has to be given)",
    "positive": "the decision that groups are compared by (it has to be given)",
    "least": f"of a smaller group nothing is said ({LEAST})",
    **LABEL_OPTIONS,
}


class _Facts(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    source: str
    reference: str
    better: Any = "lower"
    high: float | None = 1.0
    truth: bool = False
    kind: type[_Groups] = _Groups


def _making(name: str, facts: _Facts, of: Callable[[Sequence[Member], Any], Disparity]) -> Making:
    def making(options: Mapping[str, Any]) -> Metric:
        chosen = read_options(facts.kind, options, name)
        check_positive(chosen, name)

        def together(samples: Sequence[Sample]) -> Measure:
            members = _members(samples, chosen, name, truth=facts.truth)
            if isinstance(members, str):
                return Measure(error=members)
            try:
                return _measure(of(members, chosen))
            except UsageError as error:
                return Measure(error=f"{error.message} {error.remedy or ''}".strip())

        more = {"reference": "the group that others are compared with (the one of the highest rate)"}
        card = MetricCard(
            name=name,
            title=facts.title,
            version="1",
            high=facts.high,
            better=facts.better,
            over="corpus",
            needs=("output", "expected") if facts.truth else ("output",),
            source=facts.source,
            reference=facts.reference,
            options={**_OPTIONS, **(more if facts.kind is _WithReference else {})},
            tasks=_TASKS,
        )
        return OfAll(card, together)

    return making


def _members(samples: Sequence[Sample], chosen: _Groups, metric: str, *, truth: bool) -> list[Member] | str:
    """Of all samples; the text says what cannot be read."""
    for name in ("positive", "by"):
        if not getattr(chosen, name):
            return f'The option {name} is not given: options = {{{name} = "..."}}.'
    read, right = label_reader(chosen, metric), truth_reader(chosen)
    positive = label_form(chosen.positive, chosen)
    members: list[Member] = []
    for sample in samples:
        group, said = _group(sample, chosen.by), read(sample)
        if group is None:
            return f"The sample {sample.id!r} has no {chosen.by!r} in its metadata, nor among its slices."
        if isinstance(said, Unread):
            if chosen.unreadable == "error":
                return f"The sample {sample.id!r}: {said.why}"
            said = ""
        due = right(sample) if truth else ""
        if isinstance(due, Unread):
            return f"The sample {sample.id!r}: {due.why}"
        members.append(Member(group, said == positive, due == positive if truth else None, sample.cluster))
    return members


def _group(sample: Sample, by: str) -> str | None:
    value = sample.metadata.get(by)
    if value is not None:
        return str(value)
    named = [each[len(by) + 1 :] for each in sample.slices if each.startswith((f"{by}:", f"{by}="))]
    return named[0] if len(named) == 1 else None


def _measure(said: Disparity) -> Measure:
    told = ", ".join(f"{each.group} {each.value:.3g} (n={each.n})" for each in said.rates)
    small = f" Too few to say: {', '.join(said.small)}." if said.small else ""
    rate = said.rate.replace("_", " ")
    parts = {f"{each.group}: {rate}": each.value for each in said.rates}
    parts |= {f"{each.group}: n": float(each.n) for each in said.rates}
    return Measure(
        value=said.value,
        reason=f"{said.pair[0]} against {said.pair[1]}; {rate}: {told}.{small}",
        parts=parts,
        interval=(said.low, said.high),
    )


MAKING: Final[Mapping[str, Making]] = {
    "accuracy_difference": _making(
        "accuracy_difference",
        _Facts(
            title="Accuracy between groups",
            source="The greatest share of right decisions of a group less the smallest.",
            reference="fairlearn.metrics.MetricFrame(accuracy).difference",
            truth=True,
        ),
        lambda members, chosen: disparity(members, "accuracy", "difference", least=chosen.least),
    ),
    "demographic_parity_difference": _making(
        "demographic_parity_difference",
        _Facts(
            title="Selection between groups",
            source="The greatest share of positive decisions of a group less the smallest.",
            reference="fairlearn.metrics.demographic_parity_difference",
        ),
        lambda members, chosen: disparity(members, "selection", "difference", least=chosen.least),
    ),
    "demographic_parity_ratio": _making(
        "demographic_parity_ratio",
        _Facts(
            title="Ratio of selection between groups",
            source="The smallest share of positive decisions of a group over the greatest; 0.8 is the four-fifths rule "
            "(Uniform Guidelines on Employee Selection Procedures, 29 CFR 1607.4 D, 1978).",
            reference="fairlearn.metrics.demographic_parity_ratio",
            better="higher",
        ),
        lambda members, chosen: disparity(members, "selection", "ratio", least=chosen.least),
    ),
    "disparate_impact": _making(
        "disparate_impact",
        _Facts(
            title="Disparate impact",
            source="The smallest share of positive decisions of a group over that of the group of reference (Feldman "
            "et al., 'Certifying and removing disparate impact', 2015, arXiv 1412.3756, definition 1.1); 0.8 is the "
            "four-fifths rule.",
            reference="AIF360's disparate_impact, of two groups",
            better="higher",
            high=None,
            kind=_WithReference,
        ),
        lambda members, chosen: disparity(
            members, "selection", "ratio", reference=chosen.reference, least=chosen.least
        ),
    ),
    "equal_opportunity_difference": _making(
        "equal_opportunity_difference",
        _Facts(
            title="True positives between groups",
            source="The greatest true positive rate of a group less the smallest (Hardt, Price and Srebro, 2016, arXiv "
            "1610.02413, definition 2.2).",
            reference="fairlearn.metrics.equal_opportunity_difference",
            truth=True,
        ),
        lambda members, chosen: disparity(members, "true_positive", "difference", least=chosen.least),
    ),
    "equalized_odds_difference": _making(
        "equalized_odds_difference",
        _Facts(
            title="True and false positives between groups",
            source="The greater of the differences of true and of false positive rates (Hardt, Price and Srebro, 2016, "
            "arXiv 1610.02413, definition 2.1).",
            reference="fairlearn.metrics.equalized_odds_difference",
            truth=True,
        ),
        lambda members, chosen: equalized_odds(members, least=chosen.least),
    ),
}
