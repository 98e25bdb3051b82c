"""Models that grade (`ModelBasedClassify`) as judges of ours: the same question and choices, in our judges' form."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from genaiops.core.errors import UsageError

_BUILT_IN: Final = {"closedqa": "closed_qa", "fact": "factuality", "battle": "pairwise"}
_HELD: Final[Mapping[str, str]] = {
    "input": "(the question, between marks)",
    "completion": "(the answer, between marks)",
    "ideal": "(the reference, between marks)",
}
_WORD: Final = re.compile(r"^[A-Za-z0-9_-]{1,20}$")
_FIELD: Final = re.compile(r"\{(\w+)\}")


def judge_of(name: str, spec: Mapping[str, Any] | None, fields: Mapping[str, Any], model: str) -> dict[str, Any]:
    """A document of a judge. `fields`: what else its prompt names (`criteria`). UsageError says what it cannot be."""
    if name in _BUILT_IN:
        judge: dict[str, Any] = {"template": _BUILT_IN[name], "model": model}
        if name == "closedqa":
            judge["rubric"] = str(fields.get("criteria") or "")
        elif name == "battle":
            judge["rubric"] = "Which response is better, by your own view?"
        return judge
    if spec is None:
        raise _refused(f"There is no specification {name!r}", "Keep the registry's folder modelgraded beside evals.")
    outputs: Any = spec.get("input_outputs") or {}
    if list(cast("dict[str, Any]", outputs).values()) != ["completion"]:
        raise _refused(f"{name} grades several answers at once", "Take evals that grade one answer.")
    prompt = spec.get("prompt")
    if not isinstance(prompt, str):
        raise _refused(f"The prompt of {name} is a chat", "Write it as one text.")
    return {
        "template": "rubric",
        "model": model,
        "rubric": _FIELD.sub(lambda field: _told(field[1], fields, name), prompt).replace("{{", "{").replace("}}", "}"),
        "choices": _choices(name, spec),
    }


def _told(field: str, fields: Mapping[str, Any], name: str) -> str:
    if field in _HELD:
        return _HELD[field]
    if field in fields and isinstance(fields[field], str):
        return fields[field]
    raise _refused(f"The prompt of {name} names {field}, which stands in the samples", "Write it into the prompt.")


def _choices(name: str, spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Their worth from 0 to 1: scores beyond are parted by the largest."""
    words: Any = spec.get("choice_strings") or ()
    if isinstance(words, str) and words.startswith("from_n"):
        raise _refused(f"{name} chooses among several answers", "Take evals that grade one answer.")
    listed = [str(each) for each in cast("Sequence[Any]", words)]
    scores: Any = spec.get("choice_scores")
    if scores == "from_strings":
        scores = {word: float(word) for word in listed}
    if not isinstance(scores, dict):
        raise _refused(f"{name} says not what its choices are worth", "Write choice_scores into the specification.")
    worth = {str(word): float(value) for word, value in cast("dict[Any, Any]", scores).items()}
    largest = max(1.0, *worth.values())
    if set(listed) - set(worth) or min(worth.values()) < 0 or not all(_WORD.match(word) for word in listed):
        raise _refused(f"The choices of {name} are not words with scores from 0 on", "Mend choice_strings.")
    return [{"word": word, "value": worth[word] / largest, "means": f"{word}, as the criteria say"} for word in listed]


def _refused(what: str, remedy: str) -> UsageError:
    return UsageError(f"{what}.", remedy=remedy, code="suite_invalid", param="modelgraded_spec")
