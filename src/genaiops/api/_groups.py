"""`/api/groups`: what members of an identity provider's groups are here."""

from typing import Annotated

import msgspec
from litestar import Controller, Response, delete, get, put
from litestar.params import FromQuery, JSONBody
from msgspec import Meta

from genaiops.api._access import Calling, needs
from genaiops.api._documents import GroupDocument, Listing, shown
from genaiops.api._services import Serving
from genaiops.api._writing import write
from genaiops.domain import GroupMapping, Role
from genaiops.hub import require_gives


class GroupRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`id`: the group's name as the provider sends it. `tenant_id` null: the caller's."""

    id: Annotated[str, Meta(min_length=1, max_length=256)]
    roles: tuple[Role, ...]
    team_id: str | None = None
    tenant_id: str | None = None


class GroupsController(Controller):
    path = "/groups"
    tags = ("People",)

    @get(summary="List groups", guards=[needs("read")], sync_to_thread=True)
    def list(self, services: Serving) -> Listing[GroupDocument]:
        """Groups of the identity provider that are mapped to roles."""
        return Listing([shown(group, GroupDocument) for group in services.hub.groups.list()])

    @put(summary="Map a group", guards=[needs("people")])
    async def put_group(
        self, data: JSONBody[GroupRequest], services: Serving, caller: Calling
    ) -> Response[GroupDocument]:
        """To roles, and perhaps a team, of one business unit; in the place of what it was mapped to before. Members who
        are here already have that from now on. Nobody gives a role that may more than they may."""

        def work() -> GroupDocument:
            require_gives(caller.actor, data.roles)
            mapping = GroupMapping(
                id=data.id,
                tenant_id=data.tenant_id or caller.actor.tenant_id,
                team_id=data.team_id,
                roles=data.roles,
                created_us=0,
            )
            return shown(services.hub.groups.put(mapping, by=caller.actor.id), GroupDocument)

        return await write(services, work)

    @delete(summary="Unmap a group", guards=[needs("people")], status_code=200)
    async def remove(self, group: FromQuery[str], services: Serving, caller: Calling) -> Response[None]:
        """Members lose what it gave. 409 when that would leave no administrator."""
        return await write(services, lambda: services.hub.groups.remove(group, by=caller.actor.id))
