"""Guard policies as people write them: TOML, YAML or JSON, read strictly, and whatever is wrong told with its line."""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal, cast

import msgspec

from genaiops.core.errors import UsageError
from genaiops.domain import GuardPolicy, GuardRule, ToolRules
from genaiops.hub._guard_lines import toml_lines, yaml_lines
from genaiops.hub._validation import suggestion

GuardForm = Literal["toml", "yaml", "json"]
LARGEST: Final = 1_000_000
"""Characters of a policy's text."""

_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")
_FIELD = re.compile(r"(unknown|required) field `([^`]+)`")
_TOML_LINE = re.compile(r"at line (\d+)")
_LOOKS_LIKE_TOML = re.compile(r"(?m)\A(?:[ \t]*(?:#.*)?\n)*[ \t]*(?:\[|[A-Za-z0-9_.-]+[ \t]*=)")


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a policy. `path`: `rules[2].action`; `line` from 1 (None: it was given without a text, or the
    text says nothing of it)."""

    message: str
    path: str = ""
    line: int | None = None
    remedy: str = "Mend that place."

    def __str__(self) -> str:
        line = "" if self.line is None else f"line {self.line}: "
        path = f"{self.path}: " if self.path else ""
        return f"{line}{path}{self.message}"


class ReadGuard(msgspec.Struct, frozen=True):
    """`policy` None: there are faults."""

    policy: GuardPolicy | None
    faults: tuple[Fault, ...] = ()

    def checked(self) -> GuardPolicy:
        """UsageError names every fault, the first one's path as `param`."""
        if self.policy is None:
            first = self.faults[0]
            raise UsageError(
                f"The policy is refused: {'; '.join(map(str, self.faults))}",
                remedy=first.remedy,
                code="guard_invalid",
                param=first.path or "policy",
            )
        return self.policy

    def refused(self, error: UsageError, text: str | None, form: GuardForm | None) -> "ReadGuard":
        """The same, with what somebody else found wrong with it."""
        path = _numbered(self.policy, error.param or "")
        fault = Fault(message=error.message, path=path, remedy=error.remedy or "Mend that place.")
        lines: Mapping[str, int] = {} if text is None else _READERS[form or _form_of(text)](text)[1]
        return ReadGuard(None, (_on_line(fault, lines),))


def read_guard(text: str, form: GuardForm | None = None) -> ReadGuard:
    """The policy that a text describes. `form` None: what it looks like."""
    if len(text) > LARGEST:
        return _refused(Fault(message=f"The text has more than {LARGEST} characters.", remedy="Shorten it."))
    form = form or _form_of(text)
    try:
        document, lines = _READERS[form](text)
    except tomllib.TOMLDecodeError as error:
        found = _TOML_LINE.search(str(error))
        line = int(found[1]) if found is not None else text.count("\n") + 1
        return _refused(Fault(message=f"This is no TOML: {error}.", line=line))
    except json.JSONDecodeError as error:
        return _refused(Fault(message=f"This is no JSON: {error.msg}.", line=error.lineno))
    except UsageError as error:
        return _refused(_told(error))
    except (RecursionError, ValueError):
        return _refused(Fault(message=f"This cannot be read as {form.upper()}."))
    read = read_guard_document(document)
    return ReadGuard(read.policy, tuple(_on_line(fault, lines) for fault in read.faults))


def read_guard_document(document: Any) -> ReadGuard:
    """The same of what was read already. Each rule is looked at, so that one fault does not hide the others."""
    if not isinstance(document, dict):
        return _refused(Fault(message="The policy is no mapping.", remedy="Write fields, such as rules."))
    fields = cast("dict[str, Any]", document)
    rules, faults = _rules(fields.get("rules", ()))
    tools: ToolRules | None = None
    if fields.get("tools") is not None:
        tools, fault = _converted(fields["tools"], ToolRules, "tools")
        faults += [fault] if fault else []
    rest = {name: value for name, value in fields.items() if name not in ("rules", "tools")}
    policy, fault = _converted(rest, GuardPolicy, "")
    faults = [fault, *faults] if fault else faults
    if policy is not None:
        policy = msgspec.structs.replace(policy, rules=tuple(rules), tools=tools)
        faults += _meaning(policy) if not faults else []
    return ReadGuard(None, tuple(faults)) if faults or policy is None else ReadGuard(policy)


def _rules(given: Any) -> tuple[list[GuardRule], list[Fault]]:
    if not isinstance(given, list | tuple):
        return [], [Fault(message="rules is no list.", path="rules", remedy="Write [[rules]] for each.")]
    each = cast("Sequence[Any]", given)
    if len(each) > 200:
        return [], [Fault(message=f"There are {len(each)} rules, and 200 are allowed.", path="rules")]
    rules: list[GuardRule] = []
    faults: list[Fault] = []
    for number, raw in enumerate(each):
        rule, fault = _converted(raw, GuardRule, f"rules[{number}]")
        rules += [rule] if rule is not None else []
        faults += [fault] if fault is not None else []
    return rules, faults


def _converted(raw: Any, kind: Any, path: str) -> tuple[Any, Fault | None]:
    try:
        return msgspec.convert(raw, kind), None
    except msgspec.ValidationError as error:
        message = str(error)
    place, field = _PLACE.search(message), _FIELD.search(message)
    inner = "" if place is None else place[1].replace("[...]", "")
    what, remedy = message.partition(" - at `")[0], "Mend that place."
    at_root = not inner
    if field is not None and field[1] == "unknown":
        inner = f"{inner}.{field[2]}".lstrip(".")
        remedy = suggestion(field[2], kind.__struct_fields__) if at_root else remedy
    elif what.startswith("Invalid enum value"):
        remedy = _allowed(kind, inner) or remedy
    at = ".".join(each for each in (path, inner) if each).replace(".[", "[")
    return None, Fault(message=f"{what}.", path=at, remedy=remedy)


def _allowed(kind: Any, field: str) -> str | None:
    """`There are: flag, redact, ...` for a field of literals."""
    name = field.partition("[")[0]
    found = next((each.type for each in msgspec.structs.fields(kind) if each.name == name), None)
    words = re.findall(r"'([a-z_]+)'", str(found))
    return f"There are: {', '.join(words)}." if words else None


def _meaning(policy: GuardPolicy) -> list[Fault]:
    """What is well formed and cannot be meant."""
    faults: list[Fault] = []
    counted = Counter(rule.id for rule in policy.rules)
    seen: set[str] = set()
    for number, rule in enumerate(policy.rules):
        path = f"rules[{number}]"
        if counted[rule.id] > 1 and rule.id in seen:
            message = f"Another rule before it is {rule.id!r}, too."
            faults.append(Fault(message=message, path=f"{path}.id", remedy="Give each rule an id of its own."))
        seen.add(rule.id)
        if rule.when == "after" and rule.action not in ("allow", "flag"):
            faults.append(
                Fault(
                    message=f"When the call has ended it is too late to {rule.action}.",
                    path=f"{path}.action",
                    remedy='Write action = "flag", or when = "before".',
                )
            )
        if rule.reversible and (rule.action != "redact" or rule.direction == "out"):
            faults.append(
                Fault(
                    message="Only what is redacted of a request can be put back into the answer.",
                    path=f"{path}.reversible",
                    remedy='Write action = "redact" and direction = "in" or "both", or leave it out.',
                )
            )
        faults += (
            Fault(message="An empty pattern fits nothing.", path=f"{path}.{name}[{place}]")
            for name, patterns in (("kinds", rule.kinds), ("excepted", rule.excepted))
            for place, pattern in enumerate(patterns)
            if not pattern.strip()
        )
    return [*faults, *(_tool_faults(policy.tools) if policy.tools is not None else ())]


def _tool_faults(tools: ToolRules) -> Iterator[Fault]:
    if tools.cost is not None and not _is_amount(tools.cost):
        yield Fault(message=f"{tools.cost[:40]!r} is no amount.", path="tools.cost", remedy='Write it as "0.50".')
    if tools.schemas:
        from jsonschema import Draft202012Validator, SchemaError  # takes time to import, and few policies need it

        for name, schema in tools.schemas.items():
            try:
                Draft202012Validator.check_schema(schema)
            except SchemaError as error:
                yield Fault(message=f"This is no JSON Schema: {error.message}.", path=f"tools.schemas.{name}")


def _is_amount(text: str) -> bool:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return False
    return amount.is_finite() and amount > 0


def _form_of(text: str) -> GuardForm:
    if text.lstrip().startswith("{"):
        return "json"
    return "toml" if _LOOKS_LIKE_TOML.match(text) is not None else "yaml"


def _read_toml(text: str) -> tuple[Any, Mapping[str, int]]:
    return tomllib.loads(text), toml_lines(text)


def _read_json(text: str) -> tuple[Any, Mapping[str, int]]:
    document = json.loads(text)
    try:
        return document, _read_yaml(text.replace("\t", " "))[1]
    except UsageError as error:
        if error.param is not None:
            raise
        return document, {}  # some JSON is no YAML


def _read_yaml(text: str) -> tuple[Any, Mapping[str, int]]:
    import yaml

    loader: Any = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return {}, {}
        lines = yaml_lines(node)
        return loader.construct_document(node), lines
    except yaml.YAMLError as error:
        mark: Any = getattr(error, "problem_mark", None)
        place = "" if mark is None else f"line {mark.line + 1}: "
        what = getattr(error, "problem", None) or str(error)
        raise UsageError(f"{place}This is no YAML: {what}.", remedy="Mend that place.") from error
    finally:
        if loader is not None:
            loader.dispose()


_READERS = {"toml": _read_toml, "yaml": _read_yaml, "json": _read_json}


def _numbered(policy: GuardPolicy | None, path: str) -> str:
    """`rules.ID.options` as a file has it: `rules[2].options`."""
    rules = () if policy is None else policy.rules
    for number, rule in sorted(enumerate(rules), key=lambda each: -len(each[1].id)):
        begin = f"rules.{rule.id}"
        if path == begin or path.startswith(f"{begin}."):
            return f"rules[{number}]{path[len(begin) :]}"
    return path


def _refused(fault: Fault) -> ReadGuard:
    return ReadGuard(None, (fault,))


def _told(error: UsageError) -> Fault:
    found = re.match(r"line (\d+): ", error.message)
    message = error.message if found is None else error.message[found.end() :]
    line = None if found is None else int(found[1])
    return Fault(message=message, path=error.param or "", line=line, remedy=error.remedy or "Mend that place.")


def _on_line(fault: Fault, lines: Mapping[str, int]) -> Fault:
    """With the line of what is at fault, or of what it belongs to."""
    path = fault.path
    while path and path not in lines:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    line = lines.get(path)
    return fault if line is None else msgspec.structs.replace(fault, line=line)
