"""`/api/actors`, `/api/teams`, `/api/environments`."""

from typing import Literal

import msgspec
from litestar import Controller, Response, delete, get, patch, post
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from genaiops.api._access import Caller, Calling, needs
from genaiops.api._documents import ActorDocument, EnvironmentDocument, Listing, TeamDocument, shown
from genaiops.api._services import Services, Serving, SessionsServing
from genaiops.api._times import exact_or_none
from genaiops.api._writing import write
from genaiops.core.errors import UsageError
from genaiops.domain import Actor, ActorKind, Environment, EnvironmentKind, Identity, Role
from genaiops.hub import SANDBOX_CAP, Hub, require_gives

Capture = Literal["full", "preview", "off"]


class NewActorRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service account never approves anything. `tenant_id` null: the caller's."""

    name: str
    kind: ActorKind
    roles: tuple[Role, ...] = ()
    team_id: str | None = None
    tenant_id: str | None = None


class ActorPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of these at a time, so that a change is done or not done as a whole. `identity`: who it is at the identity
    provider, by the subject there; null: nobody."""

    roles: tuple[Role, ...] | UnsetType = UNSET
    team_id: str | UnsetType | None = UNSET
    disabled: bool | UnsetType = UNSET
    identity: str | UnsetType | None = UNSET


class NewTeamRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    title: str = ""
    tenant_id: str | None = None


class TeamPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    title: str


class NewEnvironmentRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`cap` (a hard budget in all, `10 USD` when not said) is for sandboxes; `expires_at`: when its keys stop (of a
    sandbox after 30 days, when not said). `guard`: the policy of keys that name none (null: the default)."""

    name: str
    kind: EnvironmentKind
    capture: Capture = "full"
    tenant_id: str | None = None
    cap: str | None = None
    expires_at: str | None = None
    guard: str | None = None


class EnvironmentPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of these at a time."""

    capture: Capture | UnsetType = UNSET
    expires_at: str | UnsetType | None = UNSET
    guard: str | UnsetType | None = UNSET


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
            require_gives(caller.actor, data.roles)
            actor = services.hub.actors.create(
                data.name,
                data.kind,
                roles=data.roles,
                tenant_id=data.tenant_id or caller.actor.tenant_id,
                team_id=data.team_id,
                by=caller.actor.id,
            )
            return shown(actor, ActorDocument)

        return await write(services, work, status=201)

    @get("/{actor_id:str}", summary="One actor", guards=[needs("read")], sync_to_thread=True)
    def one(self, actor_id: FromPath[str], services: Serving) -> ActorDocument:
        """By its id."""
        return shown(services.hub.actors.get(actor_id), ActorDocument)

    @patch("/{actor_id:str}", summary="Change an actor", guards=[needs("people")])
    async def change(
        self,
        actor_id: FromPath[str],
        data: JSONBody[ActorPatch],
        services: Serving,
        caller: Calling,
        sessions: SessionsServing,
    ) -> Response[ActorDocument]:
        """Its roles, its team, who it is at the identity provider, or whether it is disabled: then none of its keys
        works and its sessions end. 409 for the last administrator."""

        def work() -> ActorDocument:
            if data.roles is not UNSET:
                require_gives(caller.actor, data.roles)
            changed = _change(services, actor_id, data, caller.actor.id)
            if changed.disabled_us is not None and sessions is not None:
                sessions.end_all(changed.id)
            return shown(changed, ActorDocument)

        return await write(services, work)


def _change(services: Services, actor_id: str, data: ActorPatch, by: str) -> Actor:
    hub = services.hub
    given = [name for name in data.__struct_fields__ if getattr(data, name) is not UNSET]
    if len(given) != 1:
        raise UsageError(
            f"The change names {' and '.join(given) or 'nothing'}.",
            remedy="Give one of roles, team_id, disabled, identity.",
        )
    if data.identity is not UNSET:
        return hub.actors.set_identity(actor_id, _identity(services, data.identity), by=by)
    if data.roles is not UNSET:
        return hub.actors.set_roles(actor_id, data.roles, by=by)
    if data.team_id is not UNSET:
        return hub.actors.set_team(actor_id, data.team_id, by=by)
    return hub.actors.disable(actor_id, by=by) if data.disabled else hub.actors.enable(actor_id, by=by)


def _identity(services: Services, subject: str | None) -> Identity | None:
    if subject is None:
        return None
    provider = services.identity_provider
    if provider is None:
        raise UsageError(
            "There is no identity provider.", remedy="Configure one, in the section oidc.", param="identity"
        )
    return Identity(issuer=provider.issuer, subject=subject)


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
            tenant_id = data.tenant_id or caller.actor.tenant_id
            made = services.hub.teams.create(data.name, title=data.title, tenant_id=tenant_id, by=caller.actor.id)
            return shown(made, TeamDocument)

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
        """Its name is its id. A sandbox comes with a hard budget and an end."""

        def work() -> EnvironmentDocument:
            return shown(_made_environment(services.hub, data, caller), EnvironmentDocument)

        return await write(services, work, status=201)

    @get("/{environment_id:path}", summary="One environment", guards=[needs("read")], sync_to_thread=True)
    def one(self, environment_id: FromPath[str], services: Serving) -> EnvironmentDocument:
        """By its name."""
        return shown(services.hub.environments.get(environment_id[1:]), EnvironmentDocument)

    @patch("/{environment_id:path}", summary="Change an environment", guards=[needs("environments")])
    async def change(
        self, environment_id: FromPath[str], data: JSONBody[EnvironmentPatch], services: Serving, caller: Calling
    ) -> Response[EnvironmentDocument]:
        """What is kept of calls from now on (what was kept already stays until retention takes it), when its keys
        stop, or which policy guards calls of keys that name none."""

        def work() -> EnvironmentDocument:
            return shown(_changed(services.hub, environment_id[1:], data, caller.actor.id), EnvironmentDocument)

        return await write(services, work)

    @delete("/{environment_id:path}", summary="Remove an environment", guards=[needs("environments")], status_code=200)
    async def remove(self, environment_id: FromPath[str], services: Serving, caller: Calling) -> Response[None]:
        """409 while keys or limits belong to it."""
        return await write(services, lambda: services.hub.environments.remove(environment_id[1:], by=caller.actor.id))


def _made_environment(hub: Hub, data: NewEnvironmentRequest, caller: Caller) -> Environment:
    tenant_id = data.tenant_id or caller.actor.tenant_id
    ends = exact_or_none(data.expires_at, param="expires_at")
    if data.kind == "sandbox":
        return hub.create_sandbox(
            data.name,
            cap=data.cap or SANDBOX_CAP,
            expires_us=ends,
            capture=data.capture,
            tenant_id=tenant_id,
            guard=data.guard,
            by=caller.actor.id,
        )
    if data.cap is not None:
        raise UsageError("Only a sandbox is made with a cap.", remedy="Make a budget for it instead.", param="cap")
    return hub.environments.create(
        data.name,
        data.kind,
        capture=data.capture,
        tenant_id=tenant_id,
        expires_us=ends,
        guard=data.guard,
        by=caller.actor.id,
    )


def _changed(hub: Hub, environment_id: str, data: EnvironmentPatch, by: str) -> Environment:
    given = [name for name in data.__struct_fields__ if getattr(data, name) is not UNSET]
    if len(given) != 1:
        raise UsageError(
            f"The change names {' and '.join(given) or 'nothing'}.", remedy="Give one of capture, expires_at, guard."
        )
    if data.guard is not UNSET:
        return hub.environments.set_guard(environment_id, data.guard, by=by)
    if data.capture is not UNSET:
        return hub.environments.set_capture(environment_id, data.capture, by=by)
    ends = None if data.expires_at is UNSET else exact_or_none(data.expires_at, param="expires_at")
    return hub.environments.set_expires(environment_id, ends, by=by)
