"""Whether somebody may: the roles of `hub/_roles.py` applied to an actor."""

from collections.abc import Sequence

from genaiops.core.errors import Forbidden
from genaiops.domain import Actor, ApiKey, EnvironmentKind, KeyScope, Role
from genaiops.hub._roles import ORGANISATION, PERMISSIONS, PERSONAL, ROLES, Permission

ORGANISATION_TENANT = "default"


def sees_all(actor: Actor) -> bool:
    """Whether an actor is an administrator of the platform: not confined to one business unit."""
    return "admin" in actor.roles and actor.tenant_id == ORGANISATION_TENANT


def allows(actor: Actor, permission: Permission, kind: EnvironmentKind | None = None) -> bool:
    """`kind`: of the environment that it is about; None: whether it holds anywhere."""
    if actor.disabled_us is not None or (permission in PERSONAL and actor.kind != "person"):
        return False
    if permission in ORGANISATION and actor.tenant_id != ORGANISATION_TENANT:
        return False
    return any(
        permission in PERMISSIONS[role] if kind is None else kind in ROLES[role].kinds(permission)
        for role in actor.roles
    )


def enters(actor: Actor) -> bool:
    """Whether somebody may sign in to the console: who reads here, and who labels, who sees queues alone."""
    return allows(actor, "read") or allows(actor, "label")


def require_entrance(actor: Actor) -> None:
    """Forbidden unless `enters`."""
    if not enters(actor):
        require(actor, "read")


def home_of(actor: Actor) -> str:
    """Where the console begins for the first of somebody's roles that has a page they may see."""
    for role in actor.roles:
        row = ROLES[role]
        if row.home_needs is None or allows(actor, row.home_needs):
            return row.home
    return "/"


def require(actor: Actor, permission: Permission, kind: EnvironmentKind | None = None) -> None:
    """Forbidden, saying what is missing, unless one of the actor's roles has the permission."""
    if allows(actor, permission, kind):
        return
    if actor.disabled_us is not None:
        raise Forbidden(f"The actor {actor.name!r} is disabled.", remedy="Ask an administrator to enable it.")
    if permission in PERSONAL and actor.kind != "person":
        raise Forbidden(
            f"{actor.name!r} is a service account, and those never {permission} anything.",
            remedy=f"Let a person {permission} it.",
            code="person_required",
        )
    if permission in ORGANISATION and actor.tenant_id != ORGANISATION_TENANT:
        raise Forbidden(
            f"{actor.name!r} is of the business unit {actor.tenant_id!r}, and {permission} belong to all of them.",
            remedy="Ask an administrator of the platform.",
            code="permission_missing",
        )
    roles = sorted(
        role
        for role, row in ROLES.items()
        if (row.kinds(permission) if kind is None else kind in row.kinds(permission))
    )
    where = "" if kind is None else f" in environments of the kind {kind}"
    raise Forbidden(
        f"{actor.name!r} ({', '.join(actor.roles) or 'no role'}) lacks the permission {permission!r}{where}.",
        remedy=f"Ask an administrator for one of the roles: {', '.join(roles)}.",
        code="permission_missing",
    )


def require_gives(actor: Actor, roles: Sequence[Role]) -> None:
    """Forbidden when one of the roles may more than the actor may: nobody gives what they do not have."""
    own = {permission for role in actor.roles for permission in PERMISSIONS[role]}
    for role in roles:
        more = sorted(PERMISSIONS[role] - own)
        if more:
            raise Forbidden(
                f"The role {role!r} may do more than {actor.name!r} may: {', '.join(more)}.",
                remedy="Ask an administrator.",
                code="would_escalate",
            )


def require_scope(key: ApiKey, scope: KeyScope) -> None:
    """Forbidden unless the key was made for that use."""
    if scope not in key.scopes:
        raise Forbidden(
            f"The key {key.name!r} is not for {'the management API' if scope == 'api' else 'model calls'}.",
            remedy=f"Use a key with the scope {scope!r}: genaiops key create NAME --scope {scope}",
            code="scope_missing",
        )
