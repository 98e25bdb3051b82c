"""Who may do what: roles are sets of permissions."""

from collections.abc import Mapping
from typing import Literal, get_args

from genaiops.core.errors import Forbidden
from genaiops.domain import Actor, ApiKey, KeyScope, Role

Permission = Literal[
    "read",  # everything but the content of calls that an environment does not keep
    "playground",
    "own_keys",  # make, rotate and revoke keys of one's own
    "keys",  # of everybody
    "targets",
    "routes",
    "prices",
    "budgets",  # and rate limits
    "artifacts",
    "people",  # actors, teams, their roles
    "environments",
    "issuers",
    "approve",  # consent to what another person wants to release
]

PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    "admin": frozenset(get_args(Permission)),
    "operator": frozenset(
        {"read", "playground", "own_keys", "keys", "targets", "routes", "prices", "budgets", "artifacts"}
    ),
    "developer": frozenset({"read", "playground", "own_keys"}),
    "viewer": frozenset({"read"}),
}


def allows(actor: Actor, permission: Permission) -> bool:
    if actor.disabled_us is not None or (permission == "approve" and actor.kind != "person"):
        return False
    return any(permission in PERMISSIONS[role] for role in actor.roles)


def require(actor: Actor, permission: Permission) -> None:
    """Forbidden, saying what is missing, unless one of the actor's roles has the permission."""
    if allows(actor, permission):
        return
    if actor.disabled_us is not None:
        raise Forbidden(f"The actor {actor.name!r} is disabled.", remedy="Ask an administrator to enable it.")
    if permission == "approve" and actor.kind != "person":
        raise Forbidden(
            f"{actor.name!r} is a service account, and those never approve anything.",
            remedy="Let a person approve it.",
            code="person_required",
        )
    roles = sorted(role for role, permissions in PERMISSIONS.items() if permission in permissions)
    raise Forbidden(
        f"{actor.name!r} ({', '.join(actor.roles) or 'no role'}) lacks the permission {permission!r}.",
        remedy=f"Ask an administrator for one of the roles: {', '.join(roles)}.",
        code="permission_missing",
    )


def require_scope(key: ApiKey, scope: KeyScope) -> None:
    """Forbidden unless the key was made for that use."""
    if scope not in key.scopes:
        raise Forbidden(
            f"The key {key.name!r} is not for {'the management API' if scope == 'api' else 'model calls'}.",
            remedy=f"Use a key with the scope {scope!r}.",
            code="scope_missing",
        )
