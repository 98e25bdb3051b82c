"""People and service accounts."""

from collections.abc import Callable, Sequence
from typing import get_args

import msgspec

from genaiops.core.errors import Conflict, UsageError
from genaiops.core.ids import new_id
from genaiops.domain import Actor, ActorKind, Role, Team, Tenant
from genaiops.hub._service import Clock, Service
from genaiops.hub._validation import checked_choice, checked_name, every, existing, no_duplicates
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
            if team_id is not None:
                existing(unit, Team, team_id, word="team", param="team_id")
            actor = Actor(
                id=new_id("act"),
                name=checked_name(name, word="actor"),
                kind=_kind(kind),
                roles=_roles(roles),
                tenant_id=tenant_id,
                team_id=team_id,
                created_us=self._clock(),
            )
            unit.add(actor)
        return actor

    def named(self, name: str) -> Actor | None:
        with self._records.read() as view:
            return next(iter(view.find(Actor, {"name": name}, limit=1)), None)

    def set_roles(self, actor_id: str, roles: Sequence[Role], *, by: str) -> Actor:
        """Conflict when that would leave no administrator."""
        return self._change(actor_id, by, lambda actor: msgspec.structs.replace(actor, roles=_roles(roles)))

    def set_team(self, actor_id: str, team_id: str | None, *, by: str) -> Actor:
        """The team of keys made from now on; keys keep theirs."""
        with self._records.write(by) as unit:
            if team_id is not None:
                existing(unit, Team, team_id, word="team", param="team_id")
            actor = msgspec.structs.replace(self._existing(unit, actor_id), team_id=team_id)
            unit.replace(actor)
        return actor

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
                _keep_an_administrator(unit, before)
        return after


def _keep_an_administrator(unit: Unit, before: Actor) -> None:
    if administers(before) and not any(administers(actor) for actor in every(unit, Actor)):
        raise Conflict(
            f"{before.name!r} is the last administrator.",
            remedy="Give another person the role admin first.",
            code="last_administrator",
        )


def administers(actor: Actor) -> bool:
    """A person who may do everything, now."""
    return actor.kind == "person" and "admin" in actor.roles and actor.disabled_us is None


def _kind(kind: str) -> ActorKind:
    checked_choice(kind, get_args(ActorKind), word="kind of actor", param="kind")
    return "person" if kind == "person" else "service_account"


def _roles(roles: Sequence[Role]) -> tuple[Role, ...]:
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
