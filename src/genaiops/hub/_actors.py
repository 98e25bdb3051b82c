"""People and service accounts."""

from collections.abc import Callable, Sequence
from typing import get_args

import msgspec

from genaiops.core.errors import Conflict, UsageError
from genaiops.core.ids import new_id
from genaiops.domain import Actor, ActorKind, Identity, Role, Team, Tenant
from genaiops.hub._access import sees_all
from genaiops.hub._confined import unconfined
from genaiops.hub._service import Clock, Service
from genaiops.hub._validation import checked_choice, checked_name, checked_text, every, existing, no_duplicates
from genaiops.ports.records import Records, Unit, View


class Actors(Service[Actor]):
    def __init__(self, records: Records, clock: Clock) -> None:
        super().__init__(records, clock, Actor, "actor")

    def create(
        self,
        name: str,
        kind: ActorKind,
        *,
        roles: Sequence[Role] = (),
        tenant_id: str = "default",
        team_id: str | None = None,
        by: str,
    ) -> Actor:
        """Conflict when the name is taken."""
        with self._records.write(by) as unit:
            existing(unit, Tenant, tenant_id, word="tenant", param="tenant_id")
            check_team(unit, team_id, tenant_id)
            actor = Actor(
                id=new_id("act"),
                name=checked_name(name, word="actor"),
                kind=_kind(kind),
                roles=checked_roles(roles),
                tenant_id=tenant_id,
                team_id=team_id,
                created_us=self._clock(),
            )
            unit.add(actor)
        return actor

    def named(self, name: str) -> Actor | None:
        with self._records.read() as view:
            return next(iter(view.find(Actor, {"name": name}, limit=1)), None)

    def name_of(self, actor_id: str) -> str:
        """What people call an actor; the id where nobody here has it."""
        with self._records.read() as view:
            actor = view.get(Actor, actor_id)
        return actor_id if actor is None else actor.name

    def set_roles(self, actor_id: str, roles: Sequence[Role], *, by: str) -> Actor:
        """Conflict when that would leave no administrator, and for roles that follow somebody's groups."""
        wanted = checked_roles(roles)

        def change(actor: Actor) -> Actor:
            if actor.identity is not None and wanted != actor.roles:
                raise _follows_groups(actor)
            return msgspec.structs.replace(actor, roles=wanted)

        return self._change(actor_id, by, change)

    def set_team(self, actor_id: str, team_id: str | None, *, by: str) -> Actor:
        """The team of keys made from now on; keys keep theirs."""
        with self._records.write(by) as unit:
            actor = self._existing(unit, actor_id)
            if actor.identity is not None and team_id != actor.team_id:
                raise _follows_groups(actor)
            check_team(unit, team_id, actor.tenant_id)
            actor = msgspec.structs.replace(actor, team_id=team_id)
            unit.replace(actor)
        return actor

    def set_identity(self, actor_id: str, identity: Identity | None, *, by: str) -> Actor:
        """Who a person is at the identity provider: roles and team follow the groups there from the next sign-in on.
        None: nobody there, and roles are given here again. Conflict when somebody else is that."""
        with self._records.write(by) as unit:
            before = self._existing(unit, actor_id)
            if identity is not None:
                if before.kind != "person":
                    raise UsageError(
                        f"{before.name!r} is a service account.", remedy="Name a person.", param="identity"
                    )
                checked_text(identity.subject, param="identity")
                holder = known(unconfined(unit), identity)  # of another unit as well
                if holder is not None and holder.id != actor_id:
                    raise Conflict("Somebody else is that already.", remedy="Take it from them first.")
            after = msgspec.structs.replace(before, identity=identity)
            if after != before:
                unit.replace(after)
        return after

    def disable(self, actor_id: str, *, by: str) -> Actor:
        """From now on none of the actor's keys works. Conflict for the last administrator."""
        now = self._clock()
        return self._change(actor_id, by, lambda a: a if a.disabled_us else msgspec.structs.replace(a, disabled_us=now))

    def enable(self, actor_id: str, *, by: str) -> Actor:
        return self._change(actor_id, by, lambda actor: msgspec.structs.replace(actor, disabled_us=None))

    def _change(self, actor_id: str, by: str, change: Callable[[Actor], Actor]) -> Actor:
        with self._records.write(by) as unit:
            before = self._existing(unit, actor_id)
            after = change(before)
            if after != before:
                unit.replace(after)
                keep_an_administrator(unit, before)
        return after


def known(view: View, identity: Identity) -> Actor | None:
    """The person that the identity provider's subject is here."""
    for actor in every(view, Actor):
        own = actor.identity
        if own is not None and (own.issuer, own.subject) == (identity.issuer, identity.subject):
            return actor
    return None


def _follows_groups(actor: Actor) -> Conflict:
    return Conflict(
        f"What {actor.name!r} may do follows the groups of the identity provider.",
        remedy="Change a mapping with genaiops group map, or the groups there.",
        code="follows_groups",
    )


def keep_an_administrator(unit: Unit, before: Actor) -> None:
    if administers(before) and not any(administers(actor) for actor in every(unit, Actor)):
        raise Conflict(
            f"{before.name!r} is the last administrator.",
            remedy="Give another person the role admin first.",
            code="last_administrator",
        )


def check_team(view: View, team_id: str | None, tenant_id: str) -> None:
    if team_id is None:
        return
    team = existing(view, Team, team_id, word="team", param="team_id")
    if team.tenant_id != tenant_id:
        raise UsageError(
            f"The team {team_id!r} is of the business unit {team.tenant_id!r}, not of {tenant_id!r}.",
            remedy="Choose a team of the actor's own.",
            param="team_id",
        )


def administers(actor: Actor) -> bool:
    """A person who may do everything on the whole platform, now."""
    return actor.kind == "person" and sees_all(actor) and actor.disabled_us is None


def _kind(kind: str) -> ActorKind:
    checked_choice(kind, get_args(ActorKind), word="kind of actor", param="kind")
    return "person" if kind == "person" else "service_account"


def checked_roles(roles: Sequence[Role]) -> tuple[Role, ...]:
    if isinstance(roles, str):
        raise UsageError(f"roles is the text {roles!r}.", remedy="Give a list of roles.", param="roles")
    for role in roles:
        checked_choice(role, get_args(Role), word="role", param="roles")
    no_duplicates(roles, param="roles")
    return tuple(roles)


def working_actor(view: View, actor_id: str) -> Actor:
    """The actor; UsageError when disabled."""
    actor = existing(view, Actor, actor_id, word="actor", param="actor_id")
    if actor.disabled_us is not None:
        raise UsageError(f"The actor {actor.name!r} is disabled.", remedy="Enable it first.", param="actor_id")
    return actor
