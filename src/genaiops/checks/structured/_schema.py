"""JSON Schema, by the jsonschema package; nothing is fetched from anywhere."""

from typing import Any, Final, cast

import msgspec

from genaiops.checks.structured._parse import Broken, Parsed
from genaiops.core.errors import UsageError
from genaiops.domain import Verdict

_MOST: Final = 20
_LONGEST: Final = 200


class Problem(msgspec.Struct, frozen=True):
    """`path` is a JSON Pointer (RFC 6901) into the document, empty for all of it; `rule` one into the schema."""

    path: str
    message: str
    rule: str = ""


class Schema:
    """A JSON Schema of the draft that its `$schema` names (2020-12 if none). Of its formats, those are enforced that
    the package tells by itself (date, email, ipv4, ipv6, regex, uuid); others (date-time, uri) say nothing. Its
    patterns run in Python's `re`: take schemas only from who may stop the process."""

    def __init__(self, schema: Any) -> None:
        """UsageError for what is no schema, with the place in it, and for a draft that is not known."""
        import referencing
        from jsonschema import Draft202012Validator, SchemaError, validators

        held = cast("dict[str, Any]", schema) if isinstance(schema, dict) else {}
        draft: Any = held.get("$schema")
        unknown: Any = None
        kind: Any = validators.validator_for(held, default=unknown if draft else Draft202012Validator)
        if kind is None:
            raise UsageError(
                f"The schema's draft {draft!r} is not known.",
                remedy="Name a published one: https://json-schema.org/draft/2020-12/schema.",
                param="$schema",
            )
        try:
            kind.check_schema(schema)
        except SchemaError as error:
            raise UsageError(
                f"This is no JSON Schema: at {_pointer(error.absolute_path) or 'the top'}, {_told(error.message)}."
            ) from error
        registry = cast("Any", referencing).Registry()  # the default would fetch what a reference names
        self._validator = kind(schema, registry=registry, format_checker=kind.FORMAT_CHECKER)

    def problems(self, value: Any) -> tuple[Problem, ...]:
        """What is wrong with a document, in the order of its paths, 20 at most. UsageError where the schema refers to
        what it does not hold."""
        from referencing.exceptions import Unresolvable

        try:
            errors = sorted(self._validator.iter_errors(value), key=lambda each: [str(part) for part in each.path])
        except Unresolvable as error:
            raise UsageError(
                f"The schema refers to {error.ref!r}, which it does not hold.",
                remedy="Put it under $defs and refer to it there.",
            ) from error
        return tuple(
            Problem(_pointer(each.absolute_path), _told(each.message), _pointer(each.absolute_schema_path))
            for each in errors[:_MOST]
        )


def _pointer(path: Any) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _told(message: str) -> str:
    return message if len(message) <= _LONGEST else f"{message[: _LONGEST // 2]} ... {message[-_LONGEST // 2 :]}"


def reask(parsed: Parsed | Broken, problems: tuple[Problem, ...] = ()) -> str:
    """What to tell the model so that it answers again; it quotes values of its answer."""
    if isinstance(parsed, Broken):
        wrong = [parsed.reason]
    else:
        wrong = [f"{problem.path or 'The document'}: {problem.message}." for problem in problems]
        if parsed.truncated:
            wrong.append("Its end is missing.")
        elif not problems and parsed.repairs:
            wrong.append("It is not valid JSON as it was written.")
    lines = "\n".join(f"- {each}" for each in wrong)
    return (
        f"Your last answer is not the JSON that was asked for:\n{lines}\n"
        "Answer again with the whole, corrected JSON document and nothing else: no explanation, no code fence."
    )


def judge(parsed: Parsed | Broken, problems: tuple[Problem, ...] = ()) -> Verdict:
    """fail: no JSON, or not as the schema wants it, or its end is missing; warn: it had to be mended. The measure
    counts what is wrong; `evidence` names the paths."""
    if isinstance(parsed, Broken):
        return Verdict(outcome="fail", reason=parsed.reason, measure=1.0, unit="problems")
    if problems:
        first = problems[0]
        return Verdict(
            outcome="fail",
            reason=f"{first.path or 'The document'}: {first.message}.",
            measure=float(len(problems)),
            unit="problems",
            evidence=tuple(problem.path for problem in problems),
        )
    if parsed.truncated:
        return Verdict(outcome="fail", reason="The end of the JSON is missing.", measure=1.0, unit="problems")
    if parsed.repairs:
        kinds = ", ".join(sorted({repair.kind for repair in parsed.repairs}))
        return Verdict(outcome="warn", reason=f"The JSON had to be mended: {kinds}.", measure=0.0, unit="problems")
    return Verdict(outcome="pass", measure=0.0, unit="problems")
