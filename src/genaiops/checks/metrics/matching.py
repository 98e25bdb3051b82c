"""Metrics of texts that are right or wrong: equal, containing, beginning, ending, matching an expression.

Of several references any one that fits is enough, but for `contains_all` and `icontains_all`. Phrases stand in the
option `values`, else the references of the case are the phrases.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache, partial
from typing import Any, Final

import msgspec

from genaiops.checks.metrics._metric import Making, OfEach, read_options
from genaiops.core.errors import UsageError
from genaiops.domain import Measure, MetricCard, Sample
from genaiops.ports.metrics import Metric

_TASKS = ("answering", "classification", "extraction")
_VALUES: Final = "the phrases, in place of the references of the case"
_CASE: Final = "fold case (false)"


class _Equals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    strip: bool = True
    ignore_case: bool = False


def _equals(options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_Equals, options, "equals")

    def form(text: str) -> str:
        text = text.strip() if chosen.strip else text
        return text.casefold() if chosen.ignore_case else text

    def one(sample: Sample) -> float:
        said = form(sample.output)
        return float(any(said == form(each) for each in sample.expected))

    card = MetricCard(
        name="equals",
        title="Equals a reference",
        version="1",
        threshold=1.0,
        source="1 when the answer is one of the references, character by character.",
        options={"strip": "leave out white space at both ends (true)", "ignore_case": _CASE},
        tasks=_TASKS,
    )
    return OfEach(card, one)


class _Folding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    values: tuple[str, ...] = ()


class _Phrases(_Folding, frozen=True, forbid_unknown_fields=True):
    ignore_case: bool = False


class _Kind(msgspec.Struct, frozen=True):
    """`found`: of an answer and a phrase. `all_of`: every phrase is wanted. `folds`: case never counts."""

    title: str
    found: Callable[[str, str], bool]
    source: str
    all_of: bool = False
    folds: bool = False


def _inside(text: str, phrase: str) -> bool:
    return phrase in text


_ANY: Final = "1 when any of the phrases stands in the answer, character by character"
_EVERY: Final = "1 when every one of the phrases stands in the answer, character by character"
_PHRASES: Final[Mapping[str, _Kind]] = {
    "contains": _Kind("Contains a phrase", _inside, f"{_ANY}."),
    "icontains": _Kind("Contains a phrase, in any case", _inside, f"{_ANY}; case is folded.", folds=True),
    "contains_any": _Kind("Contains one of the phrases", _inside, f"{_ANY}: another name of `contains`."),
    "icontains_any": _Kind(
        "Contains one of the phrases, in any case", _inside, f"{_ANY}; case is folded: `icontains`.", folds=True
    ),
    "contains_all": _Kind("Contains all phrases", _inside, f"{_EVERY}.", all_of=True),
    "icontains_all": _Kind(
        "Contains all phrases, in any case", _inside, f"{_EVERY}; case is folded.", all_of=True, folds=True
    ),
    "starts_with": _Kind(
        "Starts with a phrase", str.startswith, "1 when the answer begins with any of the phrases; white space counts."
    ),
    "ends_with": _Kind(
        "Ends with a phrase", str.endswith, "1 when the answer ends with any of the phrases; white space counts."
    ),
}


def _phrases(name: str, options: Mapping[str, Any]) -> Metric:
    kind = _PHRASES[name]
    chosen = read_options(_Folding if kind.folds else _Phrases, options, name)
    folds = kind.folds or (isinstance(chosen, _Phrases) and chosen.ignore_case)
    _refuse_empty(chosen.values, name, given="values" in options)

    def one(sample: Sample) -> Measure:
        phrases = chosen.values or sample.expected
        if "" in phrases:
            return Measure(error="A reference is empty, and an empty text stands in every answer.")
        answer = sample.output.casefold() if folds else sample.output
        there = [each for each in phrases if kind.found(answer, each.casefold() if folds else each)]
        if kind.all_of:
            lacking = [each for each in phrases if each not in there]
            reason = (
                f"{len(lacking)} of {len(phrases)} phrases are missing, the first {lacking[0]!r}." if lacking else ""
            )
            parts = {"found": float(len(there)), "of": float(len(phrases))}
            return Measure(value=float(not lacking), reason=reason, parts=parts)
        return Measure(value=float(bool(there)))

    card = MetricCard(
        name=name,
        title=kind.title,
        version="1",
        threshold=1.0,
        needs=("output",) if chosen.values else ("output", "expected"),
        source=kind.source,
        options={"values": _VALUES} if kind.folds else {"values": _VALUES, "ignore_case": _CASE},
        tasks=_TASKS,
    )
    return OfEach(card, one)


def _refuse_empty(values: Sequence[str], name: str, *, given: bool) -> None:
    if "" in values or (given and not values):
        what = "a phrase is empty, and an empty text stands in every answer" if values else "values is empty"
        raise UsageError(
            f"The options of the metric {name!r} are not right: {what}.",
            remedy='Write phrases: options = {values = ["..."]}.',
            param="options",
        )


class _Regex(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pattern: str = ""
    ignore_case: bool = False
    whole: bool = False


def _regex(options: Mapping[str, Any]) -> Metric:
    chosen = read_options(_Regex, options, "regex")
    if chosen.pattern:
        _expression(chosen.pattern, ignore_case=chosen.ignore_case)

    def one(sample: Sample) -> Measure:
        patterns = (chosen.pattern,) if chosen.pattern else sample.expected
        text = sample.output.encode("utf-8", "replace").decode()
        try:
            expressions = [_expression(each, ignore_case=chosen.ignore_case) for each in patterns]
        except UsageError as error:
            return Measure(error=error.message)
        return Measure(
            value=float(any((each.fullmatch if chosen.whole else each.search)(text) for each in expressions))
        )

    card = MetricCard(
        name="regex",
        title="Matches a regular expression",
        version="1",
        threshold=1.0,
        needs=("output",) if chosen.pattern else ("output", "expected"),
        source="1 when the expression matches somewhere in the answer. RE2's syntax: no look-around and no "
        "back-references, and therefore time that is linear in the answer, whatever the expression.",
        reference="google-re2",
        options={
            "pattern": "the expression, in place of the references of the case",
            "ignore_case": _CASE,
            "whole": "it has to match all of the answer (false)",
        },
        tasks=_TASKS,
    )
    return OfEach(card, one)


@cache
def _re2() -> Any:
    return importlib.import_module("re2")  # has no types


@lru_cache(maxsize=512)
def _expression(pattern: str, *, ignore_case: bool) -> Any:
    re2 = _re2()
    chosen = re2.Options()
    chosen.log_errors = False
    chosen.case_sensitive = not ignore_case
    try:
        return re2.compile(pattern, chosen)
    except (re2.error, UnicodeEncodeError) as error:
        told = error.args[0] if error.args else ""
        told = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(error)
        raise UsageError(
            f"{pattern[:200]!r} is no regular expression of RE2: {told}.",
            remedy="RE2 has no look-around and no back-references. Its syntax: https://github.com/google/re2/wiki/Syntax",
            param="options.pattern",
        ) from None


MAKING: Final[Mapping[str, Making]] = {
    "equals": _equals,
    **{name: partial(_phrases, name) for name in _PHRASES},
    "regex": _regex,
}
