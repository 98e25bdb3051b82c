"""Assertions of promptfoo as checks. What has no check is refused by name, with why."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from genaiops.arena.promptfoo._called import CALLED, checked
from genaiops.arena.promptfoo._code import CODE_KINDS, check_of_code, transforms, with_transforms
from genaiops.arena.promptfoo._files import FILE, Folder, Refused, load_yaml, mapping
from genaiops.arena.promptfoo._given import Given, Grading, Maker, number
from genaiops.arena.promptfoo._graded import GRADED
from genaiops.arena.promptfoo._nunjucks import Nunjucks
from genaiops.arena.promptfoo._templates import rendered
from genaiops.checks.metrics import metric, unready
from genaiops.core.errors import NotFound, UsageError
from genaiops.domain import Suite, SuiteCheck


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
    "contains-json": Kind("is_json", fixed={"objects": True}, valued=False),
    "is-html": Kind("is_html", valued=False),
    "contains-html": Kind("is_html", fixed={"around": True}, valued=False),
    "is-refusal": Kind("refusal", valued=False),
    "word-count": Kind("word_count", _bounds),
    "levenshtein": Kind("levenshtein", threshold=5.0),
    "rouge-n": Kind("rouge1", threshold=0.75),
    "bleu": Kind("bleu", threshold=0.5, scale=100.0),
    "gleu": Kind("gleu", threshold=0.5),
    "meteor": Kind("meteor", threshold=0.5),
    "cost": Kind("cost", valued=False),
    "latency": Kind("latency", scale=0.001, valued=False),
    "finish-reason": Kind("finish_reason"),
    **dict.fromkeys(
        ("is-valid-openai-tools-call", "is-valid-openai-function-call", "is-valid-function-call"),
        Kind("valid_tool_calls", valued=False),
    ),
}
"""Assertion -> what measures it. `scale`: of promptfoo's threshold to the metric's unit."""

_REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "human": ("is decided by a person", "Take it out, and look at the report."),
    "moderation": (
        "asks a server of somebody else to moderate",
        "Add the metric toxicity to the suite, or type: guardrails with a guard policy on the route.",
    ),
    "classifier": (
        "asks a server of somebody else to classify",
        "Name a classifier of your own in guard.classifiers, and write type: guardrails.",
    ),
    "pi": ("asks the server of Pi to score", "Write type: llm-rubric with the same question."),
    "search-rubric": (
        "needs a model that searches the web, which is somebody else's server",
        "Put what is true into value, and write type: factuality.",
    ),
    **dict.fromkeys(
        ("trace-error-spans", "trace-span-count", "trace-span-duration"),
        (
            "looks at spans that the target sends, and answers of runs bring calls of tools alone",
            "Write type: trajectory:tool-used, or take it out.",
        ),
    ),
}
_FIELDS: Final = frozenset(
    {"type", "value", "threshold", "weight", "metric", "provider", "rubricPrompt", "config", "transform"}
)
_CONFIGURED: Final = frozenset({"conversation-relevance", "guardrails"})
_RAW: Final = ("provider", "rubricPrompt", "transform", "contextTransform")
"""Fields in which the variables of the test are not put."""
_MAKERS: Final[Mapping[str, Maker]] = {**GRADED, **CALLED}
_JUDGES: Final = frozenset({"graded", "best"})
_SCORED: Final = frozenset(
    {
        *("bleu", "embedding", "gleu", "graded", "meteor", "perplexity_score", "rouge1", "similarity", "together"),
        *("tool_call_f1", "webhook"),
    }
)
"""Metrics of which promptfoo counts the score and not whether it passed, where several assertions are one."""


_BARE: Final = frozenset({"is-json", "contains-json", "is-refusal", "is-html", "contains-html", "guardrails"}) | {
    *("is-xml", "contains-xml", "is-sql", "contains-sql", "answer-relevance", "context-relevance"),
    *("context-faithfulness", "conversation-relevance", "is-valid-openai-tools-call", "is-valid-function-call"),
    "is-valid-openai-function-call",
}
"""What a column `__expected` may name without a colon."""


class Asserted(msgspec.Struct, frozen=True):
    """A check, and the type of the assertion that it was, without `not-`. `of`: those of a set."""

    kind: str
    check: SuiteCheck
    of: "tuple[Asserted, ...]" = ()


def filled_in(raw: Any, variables: Mapping[str, Any], path: str, nunjucks: Nunjucks) -> Any:
    """An assertion with the variables of its test put in, but where a judge puts them in later, in code of transforms,
    and in names of files."""
    if not isinstance(raw, dict):
        return rendered(raw, variables, path, nunjucks)
    fields = cast("dict[str, Any]", raw)
    kept = {
        name: value
        for name, value in fields.items()
        if name in _RAW or (isinstance(value, str) and value.startswith(FILE))
    }
    if fields.get("type") == "assert-set" and isinstance(fields.get("assert"), list):
        inner = cast("list[Any]", fields["assert"])
        kept["assert"] = [filled_in(each, variables, path, nunjucks) for each in inner]
    rest = {name: each for name, each in fields.items() if name not in kept}
    return {**cast("dict[str, Any]", rendered(rest, variables, path, nunjucks)), **kept}


def asserted(
    raw: Any, path: str, folder: Folder, grading: Grading | None = None, options: Mapping[str, Any] | None = None
) -> Asserted | None:
    """The check of one assertion (None: its weight is 0, and it can fail nothing). `expected` is what it was written
    with; `options`: of its test. Refused says why, with the place."""
    if not isinstance(raw, dict):
        raise Refused(path, "An assertion is an object with a type.", "Write - type: contains.")
    fields = cast("dict[str, Any]", raw)
    kind = fields.get("type")
    if not isinstance(kind, str):
        raise Refused(path, "The assertion has no type.", "Write type: contains, for example.")
    grading, options = grading or Grading(), options or {}
    if kind == "assert-set":
        return _set(fields, path, lambda each, at: asserted(each, at, folder, grading, options))
    base = kind.removeprefix("not-")
    if fields.get("config") and base not in _CONFIGURED and base not in CODE_KINDS:
        raise Refused(f"{path}.config", "config of an assertion is not taken over.", "Take it out.")
    unknown = sorted(fields.keys() - _FIELDS)
    if unknown:
        raise Refused(f"{path}.{unknown[0]}", f"An assertion has no {unknown[0]!r}.", "Take it out.")
    found, maker = KINDS.get(base), _MAKERS.get(base)
    if found is None and maker is None and base not in CODE_KINDS:
        known = ", ".join(sorted({*KINDS, *_MAKERS, *CODE_KINDS}))
        said, remedy = _REFUSALS.get(base, ("is none that is known here", f"There are: {known}."))
        raise Refused(f"{path}.type", f"The assertion {kind} {said}.", remedy)
    weight = fields.get("weight", 1)
    if not isinstance(weight, int | float) or isinstance(weight, bool) or weight < 0:
        raise Refused(f"{path}.weight", "A weight is a number from 0 on.", "Mend it.")
    value = fields.get("value")
    if isinstance(value, str) and value.startswith(FILE) and base not in CODE_KINDS:
        value = folder.data(value, f"{path}.value")
    negate = kind != base
    if base in CODE_KINDS:
        check = msgspec.structs.replace(check_of_code(base, fields, path, folder), negate=negate)
    elif maker is not None:
        given = Given(
            base=base,
            value=value,
            fields=fields,
            path=path,
            folder=folder,
            grading=grading,
            options=options,
            negate=negate,
        )
        check = known_metric(checked(maker(given), negate), base, path)
    else:
        assert found is not None
        check = _check(base, found, value, number(fields.get("threshold"), f"{path}.threshold"), path)
        check = msgspec.structs.replace(check, negate=negate)
    check = with_transforms(check, transforms(fields.get("transform"), f"{path}.transform", folder))
    label = fields.get("metric")
    check = msgspec.structs.replace(check, weight=float(weight), name=label if isinstance(label, str) else "")
    return Asserted(base, check) if weight else None


def _check(base: str, kind: Kind, value: Any, threshold: float | None, path: str) -> SuiteCheck:
    name, options, expected = kind.metric, dict(kind.fixed), None
    if base in ("is-json", "contains-json") and value is not None:
        name, options = "json_schema", {**options, "schema": _schema(value, path)}
    elif base == "equals" and isinstance(value, dict | list):
        name, options, expected = "json_equals", {}, json.dumps(value, ensure_ascii=False)
    elif kind.options is not None:
        try:
            options |= kind.options(value)
        except (TypeError, ValueError):
            raise Refused(f"{path}.value", f"{base} takes a number, or min and max.", "Mend the value.") from None
    elif kind.valued:
        expected = _references(base, value, path)
    limit = kind.threshold if threshold is None else threshold
    if base in ("cost", "latency") and limit is None:
        raise Refused(path, f"{base} without a threshold decides nothing.", "Write a threshold, or take it out.")
    check = SuiteCheck(
        metric=name,
        options=options,
        expected=expected,
        threshold=None if limit is None else limit * kind.scale,
    )
    return known_metric(check, base, path)


def known_metric(check: SuiteCheck, base: str, path: str) -> SuiteCheck:
    """The check, of a metric that is there and takes its options. Refused says what is missing."""
    if check.metric == "highest":
        return check  # its parts come later
    try:
        lacking = unready(metric(check.metric, check.options))
    except NotFound:
        said = f"{base} is measured by {check.metric!r}, and this installation has no such metric."
        raise Refused(f"{path}.type", said, "Take it out.") from None
    except UsageError as error:
        raise Refused(f"{path}.value", error.message, error.remedy or "Mend the value.") from None
    if lacking and check.metric == "is_sql":
        raise Refused(f"{path}.type", f"{base}: {lacking}", "Install it.")
    return check


def _schema(value: Any, path: str) -> Any:
    """A text is YAML."""
    if not isinstance(value, str):
        return value
    try:
        return load_yaml(value)
    except Exception:  # noqa: BLE001 (whatever the text is)
        raise Refused(f"{path}.value", "The schema is no JSON, and no YAML.", "Mend it.") from None


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


def _set(fields: Mapping[str, Any], path: str, made: Callable[[Any, str], Asserted | None]) -> Asserted | None:
    inner = fields.get("assert")
    if not isinstance(inner, list) or not inner:
        raise Refused(path, "An assert-set has no assertions.", "Write assert: with some.")
    parts = [made(each, f"{path}.assert[{n}]") for n, each in enumerate(cast("list[Any]", inner))]
    of = tuple(each for each in parts if each is not None)
    for each in of:
        if each.kind in ("select-best", "max-score"):
            raise Refused(
                path, f"{each.kind} stands in an assert-set, where promptfoo passes it by.", "Put it beside the set."
            )
    weight = fields.get("weight", 1)
    if not isinstance(weight, int | float) or isinstance(weight, bool) or weight < 0:
        raise Refused(f"{path}.weight", "A weight is a number from 0 on.", "Mend it.")
    if not of or not weight:
        return None
    label = fields.get("metric")
    check = _together(of, number(fields.get("threshold"), f"{path}.threshold"), path)
    check = msgspec.structs.replace(check, weight=float(weight), name=label if isinstance(label, str) else "")
    return Asserted("assert-set", check, of)


def combined(each: Sequence[Asserted], threshold: Any, path: str) -> list[SuiteCheck]:
    """The checks of one test; one for all of them, where it has a threshold of its own."""
    alone = [one for one in each if one.kind not in ("select-best", "max-score")]
    checks = [one.check for one in alone]
    if threshold is not None and alone:
        checks = [_together(alone, number(threshold, f"{path}.threshold"), path)]
    flat = [inner for one in alone for inner in (one.of or (one,))]
    for one in each:
        if one.kind == "select-best":
            checks.append(one.check)
        elif one.kind == "max-score":
            checks.append(_highest(one.check, flat, path))
    return checks


def _highest(check: SuiteCheck, others: Sequence[Asserted], path: str) -> SuiteCheck:
    value = check.options
    weights = mapping(value.get("weights"), f"{path}.value.weights")
    if not others:
        raise Refused(path, "max-score has no other assertion whose score it could compare.", "Write one beside it.")
    parts: list[dict[str, Any]] = [
        {**part, "weight": weights.get(other.kind, 1)}
        for part, other in zip(_parts([other.check for other in others]), others, strict=True)
    ]
    options = {name: value[name] for name in ("method", "threshold") if value.get(name) is not None}
    made = msgspec.structs.replace(check, options={"parts": parts, **options})
    try:
        metric("highest", made.options)
    except UsageError as error:
        raise Refused(path, error.message, error.remedy or "Mend it.") from None
    return made


def _together(each: Sequence[Asserted], threshold: float | None, path: str) -> SuiteCheck:
    """One check of several: their mean score reaches the threshold; without one, each of them passes."""
    every: dict[str, Any] = {} if threshold is not None else {"every": True}
    check = SuiteCheck(
        metric="together",
        options={"parts": _parts([one.check for one in each]), **every},
        threshold=0.0 if threshold is None else threshold,
    )
    return known_metric(check, "assert-set", path)


def _parts(checks: Sequence[SuiteCheck]) -> list[dict[str, Any]]:
    fields = ("metric", "options", "expected", "threshold", "negate", "weight")
    return [
        {name: getattr(check, name) for name in fields if getattr(check, name) is not None}
        | ({"score": "measure"} if check.metric in _SCORED and not _turned(check) else {})
        for check in checks
    ]


def _turned(check: SuiteCheck) -> bool:
    """`not-trajectory:goal-success`, whose score there is 0 or 1."""
    return check.negate and check.options.get("kind") == "goal"


def _metrics(options: Mapping[str, Any], name: str) -> set[str]:
    """Of a check, and of all its parts."""
    found = {name}
    for part in cast("Sequence[Mapping[str, Any]]", options.get("parts") or ()):
        found |= _metrics(part.get("options") or {}, part["metric"])
    return found


def suited(suite: Suite) -> Suite:
    """With what its checks need of targets and gate: answers with probabilities, refusals that can be judged, and
    judges that decide as they do in promptfoo."""
    used = {name for check in suite.check for name in _metrics(check.options, check.metric)}
    targets = suite.target
    if used & {"perplexity", "perplexity_score"}:
        targets = tuple(
            each
            if each.python or each.request
            else msgspec.structs.replace(each, parameters={"logprobs": True, **each.parameters})
            for each in targets
        )
    if "guarded" in used:
        targets = tuple(msgspec.structs.replace(each, refused="answered") for each in targets)
    gate = msgspec.structs.replace(suite.gate, judges="uncalibrated") if used & _JUDGES else suite.gate
    return msgspec.structs.replace(suite, target=targets, gate=gate)


def compact(text: str, path: str) -> dict[str, Any]:
    """An assertion of a column `__expected`: `icontains: yes`, `levenshtein(3): text`; a text alone has to be equal."""
    head, colon, rest = text.partition(":")
    name, _, bracket = head.strip().partition("(")
    if not colon and name.removeprefix("not-") in _BARE:
        return {"type": name}
    if name in ("fn", "eval"):
        return {"type": "javascript", "value": rest.strip()}
    if name == "file" or text.startswith("file://"):
        reference = text if text.startswith("file://") else f"file://{rest.strip()}"
        return {"type": "python" if ".py" in reference else "javascript", "value": reference}
    if name == "grade":
        name = "llm-rubric"
    if not colon or name.removeprefix("not-") not in {*KINDS, *_MAKERS, *_REFUSALS, *CODE_KINDS}:
        return {"type": "equals", "value": text}
    made: dict[str, Any] = {"type": name, "value": rest.strip()}
    if bracket:
        try:
            made["threshold"] = float(bracket.rstrip(") "))
        except ValueError:
            raise Refused(path, f"{head.strip()} has no number between its brackets.", "Mend it.") from None
    return made
