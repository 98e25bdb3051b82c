"""Teams: people and keys that share budgets."""

import msgspec

from genaiops.core.errors import Conflict
from genaiops.domain import Actor, ApiKey, Budget, GroupMapping, RateLimit, Team, Tenant
from genaiops.hub._service import Clock, Service
from genaiops.hub._validation import checked_name, checked_text, every, existing
from genaiops.ports.records import Records, View


class Teams(Service[Team]):
    def __init__(self, records: Records, clock: Clock) -> None:
        super().__init__(records, clock, Team, "team")

    def create(self, name: str, *, title: str = "", tenant_id: str = "default", by: str) -> Team:
        with self._records.write(by) as unit:
            existing(unit, Tenant, tenant_id, word="tenant", param="tenant_id")
            team = Team(
                id=checked_name(name, word="team"),
                tenant_id=tenant_id,
                title=checked_text(title, param="title"),
                created_us=self._clock(),
            )
            unit.add(team)
        return team

    def set_title(self, team_id: str, title: str, *, by: str) -> Team:
        with self._records.write(by) as unit:
            team = msgspec.structs.replace(self._existing(unit, team_id), title=checked_text(title, param="title"))
            unit.replace(team)
        return team

    def remove(self, team_id: str, *, by: str) -> None:
        """Conflict while actors, limits or keys that are not revoked belong to it. Revoked ones go on naming it."""
        with self._records.write(by) as unit:
            self._existing(unit, team_id)
            held = {
                "actors": unit.count(Actor, {"team_id": team_id}),
                "groups": sum(each.team_id == team_id for each in every(unit, GroupMapping)),
                "keys": keys_in(unit, {"team_id": team_id}),
                **limits_on(unit, "team", team_id),
            }
            refuse_while_used(f"The team {team_id!r}", held)
            unit.remove(Team, team_id)


def keys_in(view: View, where: dict[str, str | None]) -> int:
    """How many are not revoked."""
    return sum(key.revoked_us is None for key in every(view, ApiKey, where))


def limits_on(view: View, kind: str, entity_id: str) -> dict[str, int]:
    where: dict[str, str | None] = {"scope.kind": kind, "scope.id": entity_id}
    return {"budgets": view.count(Budget, where), "rate limits": view.count(RateLimit, where)}


def refuse_while_used(what: str, held: dict[str, int]) -> None:
    used = [f"{count} {word}" for word, count in held.items() if count]
    if used:
        raise Conflict(f"{what} has {', '.join(used)}.", remedy="Move or remove those first.", code="in_use")
