"""Whether decisions go along with features of the question that should not matter."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from genaiops.checks.metrics._metric import Making, OfAll
from genaiops.checks.metrics._metric import read_options as read
from genaiops.checks.metrics.counterfactual import OUTCOME_OPTIONS, Outcomes, outcome_of
from genaiops.checks.statistics.association import associations
from genaiops.core.errors import UsageError
from genaiops.domain import Measure, MetricCard, Sample
from genaiops.ports.metrics import Metric

_META: Final = "metadata:"
_WORD: Final = re.compile(r"\w+")


class _Spurious(Outcomes, frozen=True, kw_only=True, forbid_unknown_fields=True):
    features: tuple[str, ...] = ()


def _share(text: str, test: Callable[[str], bool]) -> float:
    letters = [each for each in text if each.isalpha()]
    return sum(map(test, letters)) / len(letters) if letters else 0.0


FEATURES: Final[Mapping[str, Callable[[str], float]]] = {
    "characters": lambda text: float(len(text)),
    "capitals": lambda text: _share(text, str.isupper),
    "exclamation_marks": lambda text: float(text.count("!")),
    "question_marks": lambda text: float(text.count("?")),
    "line_breaks": lambda text: float(text.count("\n")),
}
"""Of what is asked."""


def _spurious(options: Mapping[str, Any]) -> Metric:
    name = "spurious_correlation"
    chosen = read(_Spurious, options, name)
    for feature in chosen.features:
        if feature not in FEATURES and not feature.startswith((_META, "word:")):
            raise UsageError(
                f"The metric {name!r} knows no feature {feature!r}.",
                remedy=f"There are: {', '.join(FEATURES)}, {_META}FIELD and word:WORD.",
                param="options.features",
            )
    card = MetricCard(
        name=name,
        title="Decisions along with what should not matter",
        version="1",
        better="lower",
        over="corpus",
        needs=("output",),
        source="The greatest absolute correlation (Pearson's) of a feature of the question with positive (right) "
        "answers, both less their means among cases of the same right answer; p by permutation, Holm's method over "
        "features. A correlation is no cause: hold the feature with perturbations (invariance).",
        options={
            "features": f"which: {', '.join(FEATURES)}; {_META}FIELD, a field of the cases' metadata; word:WORD, "
            "whether that word is there (all of the first)",
            **{key: said for key, said in OUTCOME_OPTIONS.items() if key != "by"},
        },
        tasks=("classification",),
    )
    return OfAll(card, lambda samples: _told(samples, chosen, name))


def _told(samples: Sequence[Sample], chosen: _Spurious, metric: str) -> Measure:
    try:
        outcome = outcome_of(chosen, metric)
        said = associations(
            [outcome(sample) for sample in samples],
            {name: [_value(sample, name) for sample in samples] for name in chosen.features or FEATURES},
            strata=[" | ".join(sample.expected) for sample in samples],
            clusters=[sample.cluster for sample in samples],
            alpha=chosen.alpha,
        )
    except UsageError as error:
        return Measure(error=f"{error.message} {error.remedy or ''}".strip())
    told = [
        f"{each.feature}: r {each.correlation:+.2f}, p {each.p:.2g}{' (goes along)' if each.goes_along else ''}"
        for each in said.each
    ]
    told += [f"{name}: never varies" for name in said.constant]
    parts = {each.feature: each.correlation for each in said.each}
    parts |= {f"{each.feature}: p": each.p for each in said.each}
    return Measure(value=said.value, reason="; ".join(told), parts=parts, interval=(said.low, said.high))


def _value(sample: Sample, feature: str) -> float:
    if feature in FEATURES:
        return FEATURES[feature](sample.input)
    kind, _, name = feature.partition(":")
    if kind == "word":
        return float(name.casefold() in {each.casefold() for each in _WORD.findall(sample.input)})
    value = sample.metadata.get(name)
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise UsageError(
            f"The sample {sample.id!r} has no number {name!r} in its metadata.", remedy="Write 0 and 1 for yes and no."
        ) from None


MAKING: Final[Mapping[str, Making]] = {"spurious_correlation": _spurious}
