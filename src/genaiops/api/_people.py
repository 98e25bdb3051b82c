"""`/api/actors`, `/api/teams`, `/api/environments`."""

from typing import Literal

import msgspec
from litestar import Controller, Response, delete, get, patch, post
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from genaiops.api._access import Calling, needs
from genaiops.api._documents import ActorDocument, EnvironmentDocument, Listing, TeamDocument, shown
from genaiops.api._services import Serving
from genaiops.api._writing import write
from genaiops.core.errors import UsageError
from genaiops.domain import Actor, ActorKind, EnvironmentKind, Role
from genaiops.hub import Hub

Capture = Literal["full", "preview", "off"]


class NewActorRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service account never approves anything."""

    name: str
    kind: ActorKind
    roles: tuple[Role, ...] = ()
    team_id: str | None = None


class ActorPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of these at a time, so that a change is done or not done as a whole."""

    roles: tuple[Role, ...] | UnsetType = UNSET
    team_id: str | UnsetType | None = UNSET
    disabled: bool | UnsetType = UNSET


class NewTeamRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    title: str = ""


class TeamPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    title: str


class NewEnvironmentRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    kind: EnvironmentKind
    capture: Capture = "full"


class EnvironmentPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    capture: Capture


class ActorsController(Controller):
    path = "/actors"
    tags = ("People",)

    @get(summary="List actors", guards=[needs("read")], sync_to_thread=True)
    def list(self, services: Serving) -> Listing[ActorDocument]:
        """People and service accounts, disabled ones included."""
        return Listing([shown(actor, ActorDocument) for actor in services.hub.actors.list()])

    @post(summary="Make an actor", guards=[needs("people")])
    async def create(
        self, data: JSONBody[NewActorRequest], services: Serving, caller: Calling
    ) -> Response[ActorDocument]:
        """A person or a service account; keys are made for it afterwards."""

        def work() -> ActorDocument:
            actor = services.hub.actors.create(
                data.name, data.kind, roles=data.roles, team_id=data.team_id, by=caller.actor.id
            )
            return shown(actor, ActorDocument)

        return await write(services, work, status=201)

    @get("/{actor_id:str}", summary="One actor", guards=[needs("read")], sync_to_thread=True)
    def one(self, actor_id: FromPath[str], services: Serving) -> ActorDocument:
        """By its id."""
        return shown(services.hub.actors.get(actor_id), ActorDocument)

    @patch("/{actor_id:str}", summary="Change an actor", guards=[needs("people")])
    async def change(
        self, actor_id: FromPath[str], data: JSONBody[ActorPatch], services: Serving, caller: Calling
    ) -> Response[ActorDocument]:
        """Its roles, its team, or whether it is disabled and none of its keys works. 409 for the last administrator."""
        return await write(
            services, lambda: shown(_change(services.hub, actor_id, data, caller.actor.id), ActorDocument)
        )


def _change(hub: Hub, actor_id: str, data: ActorPatch, by: str) -> Actor:
    given = [name for name in data.__struct_fields__ if getattr(data, name) is not UNSET]
    if len(given) != 1:
        raise UsageError(
            f"The change names {' and '.join(given) or 'nothing'}.",
            remedy="Give one of roles, team_id, disabled.",
        )
    if data.roles is not UNSET:
        return hub.actors.set_roles(actor_id, data.roles, by=by)
    if data.team_id is not UNSET:
        return hub.actors.set_team(actor_id, data.team_id, by=by)
    return hub.actors.disable(actor_id, by=by) if data.disabled else hub.actors.enable(actor_id, by=by)


class TeamsController(Controller):
    path = "/teams"
    tags = ("People",)

    @get(summary="List teams", guards=[needs("read")], sync_to_thread=True)
    def list(self, services: Serving) -> Listing[TeamDocument]:
        """All teams."""
        return Listing([shown(team, TeamDocument) for team in services.hub.teams.list()])

    @post(summary="Make a team", guards=[needs("people")])
    async def create(
        self, data: JSONBody[NewTeamRequest], services: Serving, caller: Calling
    ) -> Response[TeamDocument]:
        """Its name is its id."""

        def work() -> TeamDocument:
            return shown(services.hub.teams.create(data.name, title=data.title, by=caller.actor.id), TeamDocument)

        return await write(services, work, status=201)

    @get("/{team_id:path}", summary="One team", guards=[needs("read")], sync_to_thread=True)
    def one(self, team_id: FromPath[str], services: Serving) -> TeamDocument:
        """By its name."""
        return shown(services.hub.teams.get(team_id[1:]), TeamDocument)

    @patch("/{team_id:path}", summary="Change a team's title", guards=[needs("people")])
    async def change(
        self, team_id: FromPath[str], data: JSONBody[TeamPatch], services: Serving, caller: Calling
    ) -> Response[TeamDocument]:
        """The name stays."""

        def work() -> TeamDocument:
            return shown(services.hub.teams.set_title(team_id[1:], data.title, by=caller.actor.id), TeamDocument)

        return await write(services, work)

    @delete("/{team_id:path}", summary="Remove a team", guards=[needs("people")], status_code=200)
    async def remove(self, team_id: FromPath[str], services: Serving, caller: Calling) -> Response[None]:
        """409 while actors, keys or limits belong to it."""
        return await write(services, lambda: services.hub.teams.remove(team_id[1:], by=caller.actor.id))


class EnvironmentsController(Controller):
    path = "/environments"
    tags = ("People",)

    @get(summary="List environments", guards=[needs("read")], sync_to_thread=True)
    def list(self, services: Serving) -> Listing[EnvironmentDocument]:
        """All environments."""
        return Listing([shown(each, EnvironmentDocument) for each in services.hub.environments.list()])

    @post(summary="Make an environment", guards=[needs("environments")])
    async def create(
        self, data: JSONBody[NewEnvironmentRequest], services: Serving, caller: Calling
    ) -> Response[EnvironmentDocument]:
        """Its name is its id. `capture`: how much of the content of calls is kept."""

        def work() -> EnvironmentDocument:
            made = services.hub.environments.create(data.name, data.kind, capture=data.capture, by=caller.actor.id)
            return shown(made, EnvironmentDocument)

        return await write(services, work, status=201)

    @get("/{environment_id:path}", summary="One environment", guards=[needs("read")], sync_to_thread=True)
    def one(self, environment_id: FromPath[str], services: Serving) -> EnvironmentDocument:
        """By its name."""
        return shown(services.hub.environments.get(environment_id[1:]), EnvironmentDocument)

    @patch("/{environment_id:path}", summary="Change what is kept", guards=[needs("environments")])
    async def change(
        self, environment_id: FromPath[str], data: JSONBody[EnvironmentPatch], services: Serving, caller: Calling
    ) -> Response[EnvironmentDocument]:
        """Counts for calls from now on; what was kept already stays until retention takes it."""

        def work() -> EnvironmentDocument:
            made = services.hub.environments.set_capture(environment_id[1:], data.capture, by=caller.actor.id)
            return shown(made, EnvironmentDocument)

        return await write(services, work)

    @delete("/{environment_id:path}", summary="Remove an environment", guards=[needs("environments")], status_code=200)
    async def remove(self, environment_id: FromPath[str], services: Serving, caller: Calling) -> Response[None]:
        """409 while keys or limits belong to it."""
        return await write(services, lambda: services.hub.environments.remove(environment_id[1:], by=caller.actor.id))
