"""`/api/tenants` and `/api/roles`: business units, and what roles may do."""

from collections.abc import Mapping, Sequence
from typing import get_args

import msgspec
from litestar import Controller, Response, delete, get, patch, post
from litestar.params import FromPath, JSONBody

from genaiops.api._access import Calling, needs
from genaiops.api._documents import (
    EnvironmentDocument,
    Listing,
    TeamDocument,
    TenantDocument,
    shown,
)
from genaiops.api._services import Services, Serving
from genaiops.api._writing import write
from genaiops.core.errors import NotFound
from genaiops.domain import EnvironmentKind, Role
from genaiops.hub import ROLES, Permission


class NewTenantRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`admin`: the name of a person who is made with it and administers it."""

    name: str
    title: str = ""
    admin: str | None = None


class TenantPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    title: str


class TenantWithParts(TenantDocument, frozen=True, kw_only=True):
    """A business unit with its environments and teams."""

    environments: Sequence[EnvironmentDocument]
    teams: Sequence[TeamDocument]
    actors: int


class RoleDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What a role may: permission -> the kinds of environment in which it holds. `home` is where the console begins."""

    id: Role
    title: str
    home: str
    permissions: Mapping[Permission, Sequence[EnvironmentKind]]


class TenantsController(Controller):
    path = "/tenants"
    tags = ("People",)

    @get(summary="List business units", guards=[needs("read")], sync_to_thread=True)
    def list(self, services: Serving) -> Listing[TenantDocument]:
        """For administrators of the platform all of them, for others their own."""
        return Listing([shown(tenant, TenantDocument) for tenant in services.hub.tenants.list()])

    @post(summary="Make a business unit", guards=[needs("tenants")])
    async def create(
        self, data: JSONBody[NewTenantRequest], services: Serving, caller: Calling
    ) -> Response[TenantWithParts]:
        """With the environments NAME-dev, NAME-preprod and NAME-prod, and a team of its name."""

        def work() -> TenantWithParts:
            services.hub.tenants.create(data.name, title=data.title, admin=data.admin, by=caller.actor.id)
            return _with_parts(services, data.name)

        return await write(services, work, status=201)

    @get("/{tenant_id:path}", summary="One business unit", guards=[needs("read")], sync_to_thread=True)
    def one(self, tenant_id: FromPath[str], services: Serving) -> TenantWithParts:
        """By its name, with its environments and teams."""
        return _with_parts(services, tenant_id[1:])

    @patch("/{tenant_id:path}", summary="Change a business unit's title", guards=[needs("tenants")])
    async def change(
        self, tenant_id: FromPath[str], data: JSONBody[TenantPatch], services: Serving, caller: Calling
    ) -> Response[TenantDocument]:
        """The name stays."""

        def work() -> TenantDocument:
            return shown(services.hub.tenants.set_title(tenant_id[1:], data.title, by=caller.actor.id), TenantDocument)

        return await write(services, work)

    @delete("/{tenant_id:path}", summary="Remove a business unit", guards=[needs("tenants")], status_code=200)
    async def remove(self, tenant_id: FromPath[str], services: Serving, caller: Calling) -> Response[None]:
        """409 while anything belongs to it."""
        return await write(services, lambda: services.hub.tenants.remove(tenant_id[1:], by=caller.actor.id))


class RolesController(Controller):
    path = "/roles"
    tags = ("People",)

    @get(summary="List roles", guards=[needs("read")], sync_to_thread=False)
    def list(self) -> Listing[RoleDocument]:
        """What each may do, and in which kinds of environment."""
        return Listing([_role(role) for role in ROLES])

    @get("/{role:str}", summary="One role", guards=[needs("read")], sync_to_thread=False)
    def one(self, role: FromPath[str]) -> RoleDocument:
        """By its name."""
        for known in ROLES:
            if known == role:
                return _role(known)
        raise NotFound(f"There is no role {role!r}.", remedy=f"There are: {', '.join(ROLES)}.", param="role")


def _with_parts(services: Services, tenant_id: str) -> TenantWithParts:
    hub = services.hub
    tenant = hub.tenants.get(tenant_id)
    return shown(
        tenant,
        TenantWithParts,
        environments=[shown(e, EnvironmentDocument) for e in hub.environments.list() if e.tenant_id == tenant_id],
        teams=[shown(team, TeamDocument) for team in hub.teams.list() if team.tenant_id == tenant_id],
        actors=sum(actor.tenant_id == tenant_id for actor in hub.actors.list()),
    )


def _role(role: Role) -> RoleDocument:
    row = ROLES[role]
    held = {permission: row.kinds(permission) for permission in get_args(Permission)}
    order = get_args(EnvironmentKind)
    permissions: dict[Permission, Sequence[EnvironmentKind]] = {
        permission: [kind for kind in order if kind in kinds] for permission, kinds in held.items() if kinds
    }
    return RoleDocument(id=role, title=row.title, home=row.home, permissions=permissions)
