"""`/api/me` and `/api/keys`."""

from typing import Annotated

import msgspec
from litestar import Controller, Response, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from genaiops.api._access import Caller, Calling, anybody, check_hands_out, needs
from genaiops.api._documents import ActorDocument, KeyDocument, KeyWithSecret, Listing, MeDocument, shown, shown_key
from genaiops.api._services import Serving
from genaiops.api._times import exact_or_none
from genaiops.api._writing import write
from genaiops.core.errors import UsageError
from genaiops.domain import Actor, EnvironmentKind, KeyScope
from genaiops.hub import Hub, KeyChange, NewKey, require


class NewKeyRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`actor_id` null: a key of one's own; `team_id` null: the actor's team. `models` and `routes` hold names, or
    prefixes ending in `*`; `addresses` networks; `regions` where its calls may be served; `tags` what its requests may
    ask for; empty: any. `scopes`: `calls` (models), `api` (this API), `ingest` (traces). `guard`: the policy that
    guards its calls (null: that of its environment); naming one needs `keys`, because it may be a milder one."""

    name: str
    actor_id: str | None = None
    team_id: str | None = None
    environment_id: str = "dev"
    application: str | None = None
    models: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    scopes: tuple[KeyScope, ...] = ("calls",)
    expires_at: str | None = None
    regions: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    guard: str | None = None


class KeyPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is given changes; what is not given stays."""

    name: str | UnsetType = UNSET
    team_id: str | UnsetType | None = UNSET
    application: str | UnsetType | None = UNSET
    models: tuple[str, ...] | UnsetType = UNSET
    routes: tuple[str, ...] | UnsetType = UNSET
    addresses: tuple[str, ...] | UnsetType = UNSET
    scopes: tuple[KeyScope, ...] | UnsetType = UNSET
    expires_at: str | UnsetType | None = UNSET
    regions: tuple[str, ...] | UnsetType = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    guard: str | UnsetType | None = UNSET


class RotateRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the former secret goes on working."""

    overlap_seconds: float = 0


class Me(Controller):
    path = "/me"
    tags = ("Access",)

    @get(summary="Who calls", guards=[anybody()], sync_to_thread=False)
    def me(self, caller: Calling) -> MeDocument:
        """The actor, the key, and the permissions that its roles give."""
        return MeDocument(
            actor=shown(caller.actor, ActorDocument),
            key=None if caller.key is None else shown_key(caller.key),
            permissions=caller.permissions,
        )


class KeysController(Controller):
    path = "/keys"
    tags = ("Access",)

    @get(summary="List keys", guards=[needs("read")], sync_to_thread=True)
    def list(
        self,
        services: Serving,
        actor_id: FromQuery[str | None] = None,
        team_id: FromQuery[str | None] = None,
        environment_id: FromQuery[str | None] = None,
        cursor: Annotated[str | None, QueryParameter(description="`next` of the page before")] = None,
        limit: Annotated[int, QueryParameter(ge=1, le=500)] = 100,
    ) -> Listing[KeyDocument]:
        """Oldest first, without secrets."""
        keys = services.hub.keys.page(
            actor_id=actor_id, team_id=team_id, environment_id=environment_id, after=cursor, limit=limit + 1
        )
        following = keys[limit - 1].id if len(keys) > limit else None
        return Listing([shown_key(key) for key in keys[:limit]], following)

    @post(summary="Make a key", guards=[anybody()])
    async def create(
        self, data: JSONBody[NewKeyRequest], services: Serving, caller: Calling
    ) -> Response[KeyWithSecret]:
        """The only answer that holds the secret. A key of one's own needs `own_keys`, another's `keys`."""
        hub = services.hub

        def work() -> KeyWithSecret:
            actor_id = data.actor_id or caller.actor.id
            _check_may(hub, caller, actor_id, api="api" in data.scopes, environment_id=data.environment_id)
            if data.guard is not None:
                require_for_guard(hub, caller.actor, data.environment_id)
            fields = msgspec.structs.asdict(data)
            fields["actor_id"] = actor_id
            fields["expires_us"] = exact_or_none(fields.pop("expires_at"), param="expires_at")
            return shown_key(*hub.keys.create(NewKey(**fields), by=caller.actor.id))

        return await write(services, work, status=201)

    @get("/{key_id:str}", summary="One key", guards=[needs("read")], sync_to_thread=True)
    def one(self, key_id: FromPath[str], services: Serving) -> KeyDocument:
        """Without its secret."""
        return shown_key(services.hub.keys.get(key_id))

    @patch("/{key_id:str}", summary="Change a key", guards=[anybody()])
    async def change(
        self, key_id: FromPath[str], data: JSONBody[KeyPatch], services: Serving, caller: Calling
    ) -> Response[KeyDocument]:
        """What a key may do, its name, its end. The secret stays. A revoked key cannot be changed."""
        hub = services.hub

        def work() -> KeyDocument:
            key = hub.keys.get(key_id)
            scopes = key.scopes if data.scopes is UNSET else data.scopes
            _check_may(hub, caller, key.actor_id, api="api" in scopes, environment_id=key.environment_id)
            if data.guard is not UNSET and data.guard != key.guard:
                require_for_guard(hub, caller.actor, key.environment_id)
            return shown_key(hub.keys.change(key_id, _change(data), by=caller.actor.id))

        return await write(services, work)

    @post("/{key_id:str}/rotate", summary="Give a key a new secret", guards=[anybody()], status_code=200)
    async def rotate(
        self, key_id: FromPath[str], data: JSONBody[RotateRequest], services: Serving, caller: Calling
    ) -> Response[KeyWithSecret]:
        """The former secret works for `overlap_seconds` more (at most 30 days)."""
        hub = services.hub

        def work() -> KeyWithSecret:
            key = hub.keys.get(key_id)
            _check_may(hub, caller, key.actor_id, api="api" in key.scopes, environment_id=key.environment_id)
            return shown_key(*hub.keys.rotate(key_id, overlap_seconds=data.overlap_seconds, by=caller.actor.id))

        return await write(services, work)

    @delete("/{key_id:str}", summary="Revoke a key", guards=[anybody()], status_code=200)
    async def revoke(self, key_id: FromPath[str], services: Serving, caller: Calling) -> Response[KeyDocument]:
        """All its secrets stop working. It stays in the list, because traces name it."""
        hub = services.hub

        def work() -> KeyDocument:
            key = hub.keys.get(key_id)
            _check_may(hub, caller, key.actor_id, api=False, environment_id=key.environment_id)
            return shown_key(hub.keys.revoke(key_id, by=caller.actor.id))

        return await write(services, work)


def _change(data: KeyPatch) -> KeyChange:
    fields = msgspec.structs.asdict(data)
    end = fields.pop("expires_at")
    given = {name: value for name, value in fields.items() if value is not UNSET}
    if not given and end is UNSET:
        raise UsageError("The change is empty.", remedy="Give at least one field.")
    return KeyChange(**given, expires_us=end if end is UNSET else exact_or_none(end, param="expires_at"))


def require_for_guard(hub: Hub, actor: Actor, environment_id: str) -> None:
    """Forbidden for who may only make keys of their own: nobody takes themselves out of the guard's sight."""
    kinds: dict[str, EnvironmentKind] = {each.id: each.kind for each in hub.environments.list()}
    require(actor, "keys", kinds.get(environment_id))


def _check_may(hub: Hub, caller: Caller, actor_id: str, *, api: bool, environment_id: str) -> None:
    """One's own keys need `own_keys` in that kind of environment, others' `keys`; a key for this API gives nobody more
    than the caller has, and a sandbox's key leads nowhere else."""
    # That there is no such environment is said by who makes the key.
    kinds: dict[str, EnvironmentKind] = {each.id: each.kind for each in hub.environments.list()}
    kind = kinds.get(environment_id)
    caller.reach.require(environment_id)
    if actor_id == caller.actor.id:
        require(caller.actor, "own_keys", kind)
        return
    require(caller.actor, "keys", kind)
    if api:
        check_hands_out(caller, hub.actors.get(actor_id))
