"""Assertions of promptfoo as checks. What has no check is refused by name, with why."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from genaiops.arena.promptfoo._code import CODE_KINDS, check_of_code, transforms, with_transforms
from genaiops.arena.promptfoo._files import FILE, Folder, Refused
from genaiops.checks.metrics import metric
from genaiops.core.errors import NotFound, UsageError
from genaiops.domain import SuiteCheck


class Kind(msgspec.Struct, frozen=True):
    """A metric, how `value` becomes its options (None: its references), and the threshold where none is written."""

    metric: str
    options: Callable[[Any], dict[str, Any]] | None = None
    fixed: Mapping[str, Any] = {}
    threshold: float | None = None
    scale: float = 1.0
    valued: bool = True


def _bounds(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {ours: fields[theirs] for theirs, ours in (("min", "least"), ("max", "most")) if theirs in fields}
    return {"least": int(value), "most": int(value)}


KINDS: Final[Mapping[str, Kind]] = {
    "equals": Kind("equals", fixed={"strip": False}),
    **{
        name: Kind(name.replace("-", "_"))
        for name in (
            "contains",
            "icontains",
            "contains-any",
            "icontains-any",
            "contains-all",
            "icontains-all",
            "starts-with",
            "ends-with",
            "regex",
        )
    },
    "is-json": Kind("is_json", valued=False),
    "contains-json": Kind("is_json", fixed={"around": True}, valued=False),
    "is-xml": Kind("is_xml", valued=False),
    "is-refusal": Kind("refusal", valued=False),
    "word-count": Kind("word_count", _bounds),
    "levenshtein": Kind("levenshtein", threshold=5.0),
    "rouge-n": Kind("rouge1", fixed={"measure": "recall"}, threshold=0.75),
    "bleu": Kind("bleu", threshold=0.5, scale=100.0),
    "gleu": Kind("gleu", threshold=0.5),
    "meteor": Kind("meteor", threshold=0.5),
    "cost": Kind("cost", valued=False),
    "latency": Kind("latency", scale=0.001, valued=False),
    "finish-reason": Kind("finish_reason"),
    "tool-call-f1": Kind("tool_call_f1", threshold=1.0),
}
"""Assertion -> what measures it. `scale`: of promptfoo's threshold to the metric's unit."""

_JUDGED: Final = (
    *("agent-rubric", "answer-relevance", "classifier", "context-faithfulness", "context-recall", "context-relevance"),
    *("conversation-relevance", "factuality", "g-eval", "guardrails", "llm-rubric", "max-score", "moderation", "pi"),
    *("model-graded-closedqa", "model-graded-factuality", "search-rubric", "select-best", "trajectory:goal-success"),
)
_REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    **dict.fromkeys(_JUDGED, ("asks a model to judge, and there is no check of that kind yet", "Take it out for now.")),
    "webhook": ("asks a server of somebody else", "Write it as a metric of a plugin."),
    "human": ("is decided by a person", "Take it out, and look at the report."),
    **dict.fromkeys(
        ("perplexity", "perplexity-score"),
        ("needs probabilities of tokens, which answers here do not bring", "Take it out."),
    ),
    **dict.fromkeys(
        ("similar", "similar:cosine", "similar:dot", "similar:euclidean"),
        ("compares embeddings, and there is no check of that kind yet", "Take it out for now."),
    ),
    **dict.fromkeys(
        ("trace-error-spans", "trace-span-count", "trace-span-duration", "skill-used"),
        ("looks at a trace of promptfoo's own, which runs here do not have", "Take it out."),
    ),
}
_FIELDS: Final = frozenset(
    {"type", "value", "threshold", "weight", "metric", "provider", "rubricPrompt", "transform", "config"}
)


def checks_of(raw: Any, path: str, folder: Folder) -> SuiteCheck | None:
    """The check of one assertion (None: its weight is 0, and it can fail nothing). `expected` is what it was written
    with. Refused says why, with the place."""
    if not isinstance(raw, dict):
        raise Refused(path, "An assertion is an object with a type.", "Write - type: contains.")
    fields = cast("dict[str, Any]", raw)
    kind = fields.get("type")
    if not isinstance(kind, str):
        raise Refused(path, "The assertion has no type.", "Write type: contains, for example.")
    if kind == "assert-set":
        return _set(fields, path, folder)
    unknown = sorted(fields.keys() - _FIELDS)
    if unknown:
        raise Refused(f"{path}.{unknown[0]}", f"An assertion has no {unknown[0]!r}.", "Take it out.")
    base = kind.removeprefix("not-")
    found = KINDS.get(base)
    if found is None and base not in CODE_KINDS:
        said, remedy = _REFUSALS.get(base, ("is none that is known here", f"There are: {', '.join(sorted(KINDS))}."))
        raise Refused(f"{path}.type", f"The assertion {kind} {said}.", remedy)
    weight = fields.get("weight", 1)
    if not isinstance(weight, int | float) or isinstance(weight, bool) or weight < 0:
        raise Refused(f"{path}.weight", "A weight is a number from 0 on.", "Mend it.")
    if found is None:
        check = check_of_code(base, fields, path, folder)
    else:
        value = fields.get("value")
        if isinstance(value, str) and value.startswith(FILE):
            value = folder.data(value, f"{path}.value")
        check = _check(base, found, value, fields.get("threshold"), path)
    check = with_transforms(check, transforms(fields.get("transform"), f"{path}.transform", folder))
    label = fields.get("metric")
    check = msgspec.structs.replace(
        check, negate=kind != base, weight=float(weight), name=label if isinstance(label, str) else ""
    )
    return check if weight else None


def _check(base: str, kind: Kind, value: Any, threshold: Any, path: str) -> SuiteCheck:
    name, options, expected = kind.metric, dict(kind.fixed), None
    if base in ("is-json", "contains-json") and value is not None:
        name, options = "json_schema", {**options, "schema": value}
    elif base == "is-xml" and value is not None:
        raise Refused(f"{path}.value", "Elements that XML has to have are not checked here.", "Take the value out.")
    elif base == "equals" and isinstance(value, dict | list):
        name, options, expected = "json_equals", {}, json.dumps(value, ensure_ascii=False)
    elif kind.options is not None:
        try:
            options |= kind.options(value)
        except (TypeError, ValueError):
            raise Refused(f"{path}.value", f"{base} takes a number, or min and max.", "Mend the value.") from None
    elif kind.valued:
        expected = _references(base, value, path)
    if threshold is not None and (not isinstance(threshold, int | float) or isinstance(threshold, bool)):
        raise Refused(f"{path}.threshold", "A threshold is a number.", "Mend it.")
    limit = kind.threshold if threshold is None else threshold
    if base in ("cost", "latency") and limit is None:
        raise Refused(path, f"{base} without a threshold decides nothing.", "Write a threshold, or take it out.")
    try:
        metric(name, options)
    except NotFound:
        raise Refused(
            f"{path}.type", f"{base} is measured by {name!r}, and this installation has no such metric.", "Take it out."
        ) from None
    except UsageError as error:
        raise Refused(f"{path}.value", error.message, error.remedy or "Mend the value.") from None
    return SuiteCheck(
        metric=name,
        options=options,
        expected=expected,
        threshold=None if limit is None else limit * kind.scale,
    )


def _references(base: str, value: Any, path: str) -> str | tuple[str, ...]:
    if value is None:
        raise Refused(path, f"{base} has no value.", "Write value: ...")
    if base.endswith(("-any", "-all")) and isinstance(value, str):
        value = next(csv.reader([value], skipinitialspace=True))
    if isinstance(value, list | tuple):
        return tuple(_text(each) for each in cast("Sequence[Any]", value))
    return _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _set(fields: Mapping[str, Any], path: str, folder: Folder) -> SuiteCheck:
    inner = fields.get("assert")
    if not isinstance(inner, list) or not inner:
        raise Refused(path, "An assert-set has no assertions.", "Write assert: with some.")
    checks = [checks_of(each, f"{path}.assert[{n}]", folder) for n, each in enumerate(cast("list[Any]", inner))]
    return together([each for each in checks if each is not None], fields.get("threshold"), path)


def together(checks: Sequence[SuiteCheck], threshold: Any, path: str) -> SuiteCheck:
    """One check of several: the share of their weight that passes reaches the threshold (all of it, without one)."""
    if threshold is not None and (not isinstance(threshold, int | float) or not 0 <= threshold <= 1):
        raise Refused(f"{path}.threshold", "A threshold of several assertions is a share, from 0 to 1.", "Mend it.")
    fields = ("metric", "options", "expected", "threshold", "negate", "weight")
    parts = [{name: getattr(check, name) for name in fields if getattr(check, name) is not None} for check in checks]
    return SuiteCheck(metric="together", options={"parts": parts}, threshold=1.0 if threshold is None else threshold)


def compact(text: str, path: str) -> dict[str, Any]:
    """An assertion of a column `__expected`: `icontains: yes`, `levenshtein(3): text`; a text alone has to be equal."""
    head, colon, rest = text.partition(":")
    name, _, bracket = head.strip().partition("(")
    if not colon and name.removeprefix("not-") in ("is-json", "contains-json", "is-xml", "is-refusal"):
        return {"type": name}
    if name in ("fn", "eval"):
        return {"type": "javascript", "value": rest.strip()}
    if name == "file" or text.startswith("file://"):
        reference = text if text.startswith("file://") else f"file://{rest.strip()}"
        return {"type": "python" if ".py" in reference else "javascript", "value": reference}
    if name == "grade":
        name = "llm-rubric"
    if not colon or name.removeprefix("not-") not in {*KINDS, *_REFUSALS, *CODE_KINDS}:
        return {"type": "equals", "value": text}
    made: dict[str, Any] = {"type": name, "value": rest.strip()}
    if bracket:
        try:
            made["threshold"] = float(bracket.rstrip(") "))
        except ValueError:
            raise Refused(path, f"{head.strip()} has no number between its brackets.", "Mend it.") from None
    return made
