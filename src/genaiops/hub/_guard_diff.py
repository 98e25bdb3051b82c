"""What differs between two guard policies, rule by rule: what is looked for now, and what follows."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import unified_diff
from typing import Any, Literal

import msgspec

from genaiops.domain import GuardAction, GuardPolicy, GuardRule

_SEVERITY: Mapping[str, int] = {
    action: number for number, action in enumerate(("allow", "flag", "redact", "replace", "hold", "block"))
}


class GuardFieldChange(msgspec.Struct, frozen=True):
    """A field before and after; null: it is not set."""

    field: str
    before: Any
    after: Any


class GuardDifference(msgspec.Struct, frozen=True, kw_only=True):
    """`rule`: an id, `tools`, or "" for the policy itself. Of a rule that was added or removed `fields` is all that it
    says. `weight`: whether calls are treated more `strictly` or more `mildly` by it, as far as a rule's action,
    threshold, shadow and sample tell; `other` where they do not."""

    change: Literal["added", "removed", "changed", "moved"]
    rule: str
    fields: tuple[GuardFieldChange, ...] = ()
    weight: Literal["strictly", "mildly", "other"] = "other"


def compare_guards(before: GuardPolicy, after: GuardPolicy) -> tuple[GuardDifference, ...]:
    """Of the policy itself first, then its tools, then rules in the order of the later policy, then removed ones."""
    return tuple(_differences(before, after))


def _differences(before: GuardPolicy, after: GuardPolicy) -> Iterator[GuardDifference]:
    top = _fields(_plain(before, "rules", "tools"), _plain(after, "rules", "tools"))
    if top:
        yield GuardDifference(change="changed", rule="", fields=top)
    tools = _fields(*({} if one.tools is None else _plain(one.tools) for one in (before, after)))
    if tools:
        change = "added" if before.tools is None else "removed" if after.tools is None else "changed"
        yield GuardDifference(change=change, rule="tools", fields=tools)
    old = {rule.id: rule for rule in before.rules}
    new = {rule.id: rule for rule in after.rules}
    for rule_id, rule in new.items():
        if rule_id not in old:
            weight = "mildly" if rule.action == "allow" else "strictly"
            yield GuardDifference(change="added", rule=rule_id, fields=_fields({}, _plain(rule)), weight=weight)
        elif old[rule_id] != rule:
            fields = _fields(_plain(old[rule_id]), _plain(rule))
            yield GuardDifference(change="changed", rule=rule_id, fields=fields, weight=_weight(old[rule_id], rule))
    for rule_id, rule in old.items():
        if rule_id not in new:
            weight = "strictly" if rule.action == "allow" else "mildly"
            yield GuardDifference(change="removed", rule=rule_id, fields=_fields(_plain(rule), {}), weight=weight)
    kept = [rule_id for rule_id in old if rule_id in new]
    order = [rule_id for rule_id in new if rule_id in old]
    if kept != order:
        yield GuardDifference(change="moved", rule="", fields=(GuardFieldChange("rules", kept, order),))


def severity(action: GuardAction) -> int:
    """From 0 (allow) up to block."""
    return _SEVERITY[action]


def _weight(before: GuardRule, after: GuardRule) -> Literal["strictly", "mildly", "other"]:
    """Only where nothing else changed can these tell."""
    known = ("action", "threshold", "shadow", "sample", "message", "timeout_ms")
    if any(getattr(before, name) != getattr(after, name) for name in before.__struct_fields__ if name not in known):
        return "other"
    signs = {_sign(severity(after.action) - severity(before.action)), _sign(before.shadow - after.shadow)}
    signs.add(_sign(after.sample - before.sample))
    if before.threshold is not None and after.threshold is not None:
        signs.add(_sign(before.threshold - after.threshold))
    elif before.threshold != after.threshold:
        return "other"
    signs.discard(0)
    if len(signs) != 1:
        return "other"
    return "strictly" if signs == {1} else "mildly"


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)


def _plain(struct: msgspec.Struct, *without: str) -> dict[str, Any]:
    """All fields that are set or have a value, as JSON has them."""
    found: dict[str, Any] = {
        name: getattr(struct, name) for name in struct.__struct_fields__ if name not in (*without, "kind", "id")
    }
    return {name: msgspec.json.decode(msgspec.json.encode(value)) for name, value in found.items()}


def _fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[GuardFieldChange, ...]:
    """Of what is only on one side, what says something."""
    found: list[GuardFieldChange] = []
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name), after.get(name)
        if (
            old != new
            and not (name not in before and _says_nothing(new))
            and not (name not in after and _says_nothing(old))
        ):
            found.append(GuardFieldChange(name, old, new))
    return tuple(found)


def _says_nothing(value: Any) -> bool:
    return value is None or value in ("", [], {}, False)


def text_diff(before: str | None, after: str | None) -> Sequence[str] | None:
    """Lines as `diff -u` has them, without its head. None: one of them is not there."""
    if before is None or after is None:
        return None
    return list(unified_diff(before.splitlines(), after.splitlines(), n=2, lineterm=""))[2:]
