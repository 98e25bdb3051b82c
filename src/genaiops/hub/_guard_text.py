"""Guard policies as people write them: TOML, YAML or JSON, read strictly, and whatever is wrong told with its line."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, cast

import msgspec

from genaiops.checks.written import Fault, WrittenForm, converted, on_line, read_document
from genaiops.core.errors import UsageError
from genaiops.domain import GuardPolicy, GuardRule, ToolRules


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

    def refused(self, error: UsageError, text: str | None, form: WrittenForm | None) -> "ReadGuard":
        """The same, with what somebody else found wrong with it."""
        path = _numbered(self.policy, error.param or "")
        fault = Fault(message=error.message, path=path, remedy=error.remedy or "Mend that place.")
        lines: Mapping[str, int] = {} if text is None else read_document(text, form, what="policy").lines
        return ReadGuard(None, (on_line(fault, lines),))


def read_guard(text: str, form: WrittenForm | None = None) -> ReadGuard:
    """The policy that a text describes. `form` None: what it looks like."""
    document = read_document(text, form, what="policy")
    if document.fault is not None:
        return _refused(document.fault)
    read = read_guard_document(document.value)
    return ReadGuard(read.policy, tuple(on_line(fault, document.lines) for fault in read.faults))


def read_guard_document(document: Any) -> ReadGuard:
    """The same of what was read already. Each rule is looked at, so that one fault does not hide the others."""
    if not isinstance(document, dict):
        return _refused(Fault(message="The policy is no mapping.", remedy="Write fields, such as rules."))
    fields = cast("dict[str, Any]", document)
    rules, faults = _rules(fields.get("rules", ()))
    tools: ToolRules | None = None
    if fields.get("tools") is not None:
        tools, fault = converted(fields["tools"], ToolRules, "tools")
        faults += [fault] if fault else []
    rest = {name: value for name, value in fields.items() if name not in ("rules", "tools")}
    policy, fault = converted(rest, GuardPolicy, "")
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
        rule, fault = converted(raw, GuardRule, f"rules[{number}]")
        rules += [rule] if rule is not None else []
        faults += [fault] if fault is not None else []
    return rules, faults


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
