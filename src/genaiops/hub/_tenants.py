"""Tenants: business units with environments, teams and people of their own."""

from collections.abc import Sequence

import msgspec

from genaiops.core.errors import Conflict
from genaiops.core.ids import new_id
from genaiops.domain import Actor, Environment, EnvironmentKind, GroupMapping, Team, Tenant
from genaiops.hub._access import ORGANISATION_TENANT
from genaiops.hub._service import Clock, Service
from genaiops.hub._teams import limits_on, refuse_while_used
from genaiops.hub._validation import checked_name, checked_text
from genaiops.ports.records import Records, Unit

STAGES: Sequence[tuple[EnvironmentKind, str]] = (("dev", "full"), ("preprod", "full"), ("prod", "preview"))
"""Kind of environment -> how much of the content of calls it keeps."""


class Tenants(Service[Tenant]):
    def __init__(self, records: Records, clock: Clock) -> None:
        super().__init__(records, clock, Tenant, "business unit")

    def create(self, name: str, *, title: str = "", admin: str | None = None, by: str) -> Tenant:
        """With `NAME-dev`, `NAME-preprod`, `NAME-prod` and the team NAME; `admin` is the name of a person who is made
        its administrator. Every role of `hub/_roles.py` means the same in it, confined to it."""
        now = self._clock()
        with self._records.write(by) as unit:
            tenant = self._added(unit, name, title)
            for kind, capture in STAGES:
                stage = Environment(id=f"{name}-{kind}", tenant_id=name, kind=kind, created_us=now)
                unit.add(msgspec.structs.replace(stage, capture=capture))
            unit.add(Team(id=name, tenant_id=name, title=title, created_us=now))
            if admin is not None:
                person = Actor(
                    id=new_id("act"),
                    name=checked_name(admin, word="actor", param="admin"),
                    kind="person",
                    roles=("admin",),
                    tenant_id=name,
                    team_id=name,
                    created_us=now,
                )
                unit.add(person)
        return tenant

    def create_bare(self, name: str, *, title: str = "", by: str) -> Tenant:
        """Without anything in it: for files that say what is."""
        with self._records.write(by) as unit:
            return self._added(unit, name, title)

    def set_title(self, tenant_id: str, title: str, *, by: str) -> Tenant:
        with self._records.write(by) as unit:
            tenant = msgspec.structs.replace(self._existing(unit, tenant_id), title=checked_text(title, param="title"))
            unit.replace(tenant)
        return tenant

    def remove(self, tenant_id: str, *, by: str) -> None:
        """Conflict while anything belongs to it, and for the organisation's own."""
        with self._records.write(by) as unit:
            self._existing(unit, tenant_id)
            if tenant_id == ORGANISATION_TENANT:
                raise Conflict("The business unit 'default' is the organisation's own.", remedy="Keep it.")
            where: dict[str, str | None] = {"tenant_id": tenant_id}
            held = {
                "environments": unit.count(Environment, where),
                "teams": unit.count(Team, where),
                "actors": unit.count(Actor, where),
                "groups": unit.count(GroupMapping, where),
                **limits_on(unit, "tenant", tenant_id),
            }
            refuse_while_used(f"The business unit {tenant_id!r}", held)
            unit.remove(Tenant, tenant_id)

    def _added(self, unit: Unit, name: str, title: str) -> Tenant:
        tenant = Tenant(
            id=checked_name(name, word="business unit"),
            title=checked_text(title, param="title"),
            created_us=self._clock(),
        )
        unit.add(tenant)
        return tenant
