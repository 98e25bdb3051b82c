"""What a model may call: which tools, with what arguments, and which of them once untrusted text is in the context.

A text that a tool or retrieval brought may hold instructions of a stranger. Whether the model follows them nobody can
tell from the text alone; that a tool which sends things out is called after such a text can be told for certain
(Debenedetti et al., 2025, arXiv 2503.18813, section 3: decide by where data comes from, not by what it says).
"""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Final

import msgspec

from genaiops.core.errors import UsageError
from genaiops.domain import GuardRule, ToolRules

LISTED: Final = "tools.listed"
ARGUMENTS: Final = "tools.arguments"
UNTRUSTED: Final = "tools.untrusted"
"""The ids under which the rules for tools stand in events."""


def tool_rules(rules: ToolRules) -> tuple[GuardRule, ...]:
    """As rules of a policy, in the order of the three ids."""
    return (
        GuardRule(id=LISTED, detector="tools", direction="both", action=rules.action),
        GuardRule(id=ARGUMENTS, detector="tools", direction="out", action=rules.action),
        GuardRule(id=UNTRUSTED, detector="tools", direction="out", action=rules.untrusted),
    )


class ToolCheck:
    """The rules of one policy. UsageError for a schema that is none."""

    def __init__(self, rules: ToolRules) -> None:
        self._rules = rules
        self._schemas: Mapping[str, Callable[[Any], str | None]] = {
            name: _validator(msgspec.json.encode(schema)) for name, schema in rules.schemas.items()
        }
        self.needs_arguments = bool(rules.schemas)
        """The arguments have to be there as a whole before a call may go out."""

    def allows(self, name: str) -> bool:
        rules = self._rules
        if any(fnmatchcase(name, each) for each in rules.denied):
            return False
        return rules.allowed is None or any(fnmatchcase(name, each) for each in rules.allowed)

    def sends(self, name: str) -> bool:
        """Whether it brings things out."""
        return any(fnmatchcase(name, each) for each in self._rules.sends)

    def wrong(self, name: str, arguments: str) -> str | None:
        """Why its arguments (JSON) are not what they must be; None: they are."""
        check = self._schemas.get(name)
        if check is None:
            return None
        try:
            value = msgspec.json.decode(arguments or "{}")
        except msgspec.DecodeError:
            return "they are no JSON"
        return check(value)


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> Callable[[Any], str | None]:
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.validators import validator_for

    document = msgspec.json.decode(schema)
    kind = validator_for(document, default=Draft202012Validator)
    try:
        kind.check_schema(document)
    except SchemaError as error:
        raise UsageError(f"A schema of a tool is not right: {error.message}.", param="tools.schemas") from error
    validator = kind(document)

    def check(value: Any) -> str | None:
        error = next(iter(validator.iter_errors(value)), None)  # pyright: ignore[reportUnknownMemberType]
        return None if error is None else f"{error.json_path}: {error.message}"[:300]

    return check
