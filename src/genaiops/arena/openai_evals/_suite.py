"""An eval as a suite: samples are cases, its class is a check, and whoever is named answers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from genaiops.arena._suite_text import read_suite_document, suite_manifest
from genaiops.arena.openai_evals._graded import judge_of
from genaiops.arena.openai_evals._registry import Eval, samples, specification, the_eval
from genaiops.core.errors import UsageError
from genaiops.domain import Case, Suite, SuiteCheck, SuiteTarget

_CLASSES: Final[Mapping[str, str]] = {
    "Match": "starts_with",
    "Includes": "contains_any",
    "FuzzyMatch": "fuzzy_match",
    "JsonMatch": "json_equals",
}
_GRADED: Final = "ModelBasedClassify"
_NOT_TAKEN: Final = frozenset({"max_tokens", "samples_jsonl", "eval_type", "modelgraded_spec"})
_OF_CLASS: Final[Mapping[str, frozenset[str]]] = {
    "Match": frozenset({"num_few_shot", "few_shot_jsonl"}),
    "Includes": frozenset({"ignore_case"}),
    _GRADED: frozenset({"modelgraded_spec_args", "metaeval", "sample_kwargs", "eval_kwargs", "match_fn"}),
}


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """`eval`: which of the file (None: its only one). `model`: who answers; `judge`: who grades (None: the same)."""

    eval: str | None = None
    model: str
    judge: str | None = None


def read_openai_eval(text: str, folder: Path, wish: Wish) -> tuple[Suite, tuple[str, ...]]:
    """The suite, and notes on what is not quite as it was. UsageError and NotFound say what cannot be taken over."""
    found = the_eval(text, wish.eval, folder)
    if found.kind not in {*_CLASSES, _GRADED}:
        raise UsageError(
            f"{found.name} is of the class {found.kind}, which is a program of its own.",
            remedy=f"Taken over are: {', '.join((*_CLASSES, _GRADED))}.",
            code="suite_invalid",
            param="class",
        )
    unknown = sorted(set(found.args) - _NOT_TAKEN - _OF_CLASS.get(found.kind, frozenset()))
    if unknown:
        raise UsageError(f"args.{unknown[0]} is not taken over.", remedy="Take it out.", param=f"args.{unknown[0]}")
    rows = samples(found, found.args.get("samples_jsonl", "samples.jsonl"))
    shots = _shots(found)
    notes: list[str] = []
    if found.kind == _GRADED:
        cases, checks = _graded(found, rows, wish, notes)
    else:
        cases = tuple(_case(row, place, shots, ideal=True) for place, row in rows)
        checks = (_check(found),)
    parameters: dict[str, Any] = {} if found.kind in ("Includes", _GRADED) else {"temperature": 0}
    if "max_tokens" in found.args:
        parameters["max_tokens"] = found.args["max_tokens"]
    suite = Suite(
        description=f"{found.name} of OpenAI's evals. {found.description}".strip()[:4000],
        case=cases,
        target=(SuiteTarget(name="model", model=wish.model, parameters=parameters),),
        check=checks,
    )
    return read_suite_document(suite_manifest(suite)).checked(), tuple(notes)


def _check(found: Eval) -> SuiteCheck:
    name = _CLASSES[found.kind]
    if found.kind == "Includes" and found.args.get("ignore_case"):
        name = "icontains_any"
    return SuiteCheck(metric=name)


def _shots(found: Eval) -> list[Any]:
    """Messages that stand before each sample's last one."""
    number = int(found.args.get("num_few_shot") or 0)
    if not number:
        return []
    shown: list[Any] = []
    for place, row in samples(found, found.args.get("few_shot_jsonl"))[:number]:
        given: Any = row.get("sample")
        if not isinstance(given, list):
            raise UsageError(f"{place}: a shot has a list of messages as sample.", remedy="Mend it.")
        shown += cast("list[Any]", given)
    return shown


def _case(row: Mapping[str, Any], place: str, shots: list[Any], *, ideal: bool, asked: str = "input") -> Case:
    given: Any = row.get(asked)
    expected: Any = row.get("ideal", ())
    if not isinstance(given, str | list) or (ideal and "ideal" not in row):
        raise UsageError(f"{place}: a sample has {asked}{' and ideal' if ideal else ''}.", remedy="Mend it.")
    wanted = cast("list[Any]", expected) if isinstance(expected, list) else [expected] if expected != () else []
    if not all(isinstance(each, str) for each in wanted):
        raise UsageError(f"{place}: ideal is a text, or a list of texts.", remedy="Mend it.")
    rest = {name: value for name, value in row.items() if name not in (asked, "ideal")}
    if isinstance(given, str):
        return Case(input=given, expected=tuple(wanted), metadata=rest)
    messages = cast("list[Any]", given)
    if shots:
        messages = [*messages[:-1], *shots, *messages[-1:]]
    if not all(isinstance(each, dict) and "role" in each for each in messages):
        raise UsageError(f"{place}: {asked} is a text, or a list of messages with roles.", remedy="Mend it.")
    return Case(messages=tuple(messages), expected=tuple(wanted), metadata=rest)


def _graded(
    found: Eval, rows: list[tuple[str, dict[str, Any]]], wish: Wish, notes: list[str]
) -> tuple[tuple[Case, ...], tuple[SuiteCheck, ...]]:
    """A check by a judge. Samples that bring criteria of their own have a check for each of these."""
    name, model = str(found.args.get("modelgraded_spec")), wish.judge or wish.model
    if found.args.get("metaeval"):
        raise UsageError(
            "A meta-eval measures the judge and not the answer.",
            remedy="Hold a judge against labels: genaiops judge calibrate",
            code="suite_invalid",
            param="args.metaeval",
        )
    notes.append("The judge is asked in the form of judges here; what is no verdict is an error, not the lowest score.")
    spec = specification(found, name)
    given: Any = found.args.get("modelgraded_spec_args") or {}
    if name == "battle":
        cases = tuple(_battle(row, place) for place, row in rows)
        return cases, (SuiteCheck(name=name, metric="judge", options={"judge": judge_of(name, spec, {}, model)}),)
    needed = name == "closedqa" and "criteria" not in given
    criteria = list(dict.fromkeys(str(row.get("criteria", "")) for _, row in rows)) if needed else [""]
    if needed and not all(criteria):
        raise UsageError("Some samples have no criteria.", remedy="Write them, or modelgraded_spec_args.criteria.")
    cases = [_case(row, place, [], ideal=name == "fact") for place, row in rows]
    if not needed:
        return tuple(cases), (_judged(name, judge_of(name, spec, given, model)),)
    number = {text: f"criterion {place}" for place, text in enumerate(criteria, start=1)}
    sliced = tuple(
        msgspec.structs.replace(case, slices=(number[str(row["criteria"])],))
        for case, (_, row) in zip(cases, rows, strict=True)
    )
    checks = tuple(
        _judged(f"{name} {place}", judge_of(name, spec, {"criteria": text}, model), slices=(f"criterion {place}",))
        for place, text in enumerate(criteria, start=1)
    )
    return sliced, checks


def _judged(name: str, judge: dict[str, Any], slices: tuple[str, ...] = ()) -> SuiteCheck:
    return SuiteCheck(name=name, metric="judge", options={"judge": judge}, slices=slices)


def _battle(row: Mapping[str, Any], place: str) -> Case:
    """An answer against one that the sample brings, to the same instruction."""
    other = row.get("completion2")
    if not isinstance(other, str) or row.get("input1") != row.get("input2", row.get("input1")):
        raise UsageError(
            f"{place}: battle has the model answer two instructions and compares these.",
            remedy="Taken over are samples with input1 and completion2, the answer to hold it against. To compare two "
            "models, write both as targets and margin or improves on a check.",
            code="suite_invalid",
            param="modelgraded_spec",
        )
    return _case({**row, "ideal": other}, place, [], ideal=True, asked="input1")
