"""What limits are set on."""

from collections.abc import Sequence
from typing import TypeVar, get_args

from genaiops.domain import ApiKey, Budget, Environment, RateLimit, Scope, ScopeKind, Team, Tenant
from genaiops.hub._validation import checked_choice, checked_name, every, existing
from genaiops.ports.records import Unit, View

Limit = TypeVar("Limit", Budget, RateLimit)


def checked_scope(view: View, scope: Scope) -> Scope:
    """UsageError for an unknown kind, NotFound (with the nearest name) when there is no such key, team ..."""
    checked_choice(scope.kind, get_args(ScopeKind), word="scope of limits", param="scope")
    if scope.kind == "key":
        existing(view, ApiKey, scope.id, word="key", param="scope")
    elif scope.kind == "team":
        existing(view, Team, scope.id, word="team", param="scope")
    elif scope.kind == "environment":
        existing(view, Environment, scope.id, word="environment", param="scope")
    elif scope.kind == "tenant":
        existing(view, Tenant, scope.id, word="tenant", param="scope")
    else:
        checked_name(scope.id, word="application", param="scope")
    return scope


def limits_of(view: View, noun: type[Limit], scope: Scope) -> Sequence[Limit]:
    return list(every(view, noun, {"scope.kind": scope.kind, "scope.id": scope.id}))


def note_change(unit: Unit, scope: Scope) -> None:
    """Write the key of a removed limit anew: the change of a removal has no body that would tell which key is meant."""
    if scope.kind == "key":
        key = unit.get(ApiKey, scope.id)
        if key is not None:
            unit.replace(key)
