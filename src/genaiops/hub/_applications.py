"""Applications: AI systems in use, who answers for them, and whether they say what they are."""

from typing import get_args

import msgspec
from msgspec import UNSET, UnsetType

from genaiops.core.errors import Forbidden, UsageError
from genaiops.domain import Actor, ApiKey, Application, Deployment, Release, RiskTier, Team, Tenant
from genaiops.hub._service import Clock, Service
from genaiops.hub._teams import limits_on, refuse_while_used
from genaiops.hub._validation import (
    as_stored,
    changed,
    checked_choice,
    checked_name,
    checked_text,
    every,
    existing,
)
from genaiops.ports.records import Records, View

_LONGEST = 1000


class NewApplication(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`owner`: an actor's id; empty: who makes it."""

    name: str
    title: str = ""
    purpose: str = ""
    owner: str = ""
    team_id: str | None = None
    risk_tier: RiskTier = "unknown"


class ApplicationChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is given changes; what is not given stays."""

    title: str | UnsetType = UNSET
    purpose: str | UnsetType = UNSET
    owner: str | UnsetType = UNSET
    team_id: str | UnsetType | None = UNSET
    risk_tier: RiskTier | UnsetType = UNSET


class Applications(Service[Application]):
    def __init__(self, records: Records, clock: Clock) -> None:
        super().__init__(records, clock, Application, "application")

    def create(self, new: NewApplication, *, tenant_id: str = "default", by: str) -> Application:
        """It has not acknowledged anything yet."""
        with self._records.write(by) as unit:
            existing(unit, Tenant, tenant_id, word="tenant", param="tenant_id")
            if "/" in new.name:
                raise UsageError(
                    f"{new.name!r} cannot be the name of an application: it has a /.",
                    remedy="Use lower case letters, digits and . _ -",
                    param="name",
                )
            application = Application(
                id=checked_name(new.name, word="application"),
                tenant_id=tenant_id,
                team_id=new.team_id,
                title=new.title,
                purpose=new.purpose,
                owner=new.owner or by,
                risk_tier=new.risk_tier,
                created_us=self._clock(),
                created_by=by,
            )
            unit.add(_checked(unit, application, owned=bool(new.owner)))
        return application

    def change(self, application_id: str, change: ApplicationChange, *, by: str) -> Application:
        with self._records.write(by) as unit:
            former = self._existing(unit, application_id)
            application = changed(former, msgspec.structs.asdict(change))
            unit.replace(_checked(unit, application, owned=application.owner != former.owner))
        return application

    def acknowledge(self, application_id: str, statement: str, *, by: str) -> Application:
        """Somebody states that the application uses generative AI and that its users are told so: from now on its keys
        for environments of the kind prod work. Forbidden for a service account: nobody could be asked about it."""
        text = statement.strip()
        if not text or len(text) > _LONGEST:
            raise UsageError(
                "The statement is empty." if not text else f"The statement has more than {_LONGEST} characters.",
                remedy="Say in a sentence that the application uses generative AI, and how its users are told.",
                param="statement",
            )
        with self._records.write(by) as unit:
            actor = unit.get(Actor, by)
            if actor is not None and actor.kind != "person":
                raise Forbidden(
                    f"{actor.name!r} is a service account, and those acknowledge nothing.",
                    remedy="Let a person do it.",
                    code="person_required",
                )
            application = msgspec.structs.replace(
                self._existing(unit, application_id),
                acknowledged_us=self._clock(),
                acknowledged_by=by,
                statement=text,
            )
            unit.replace(application)
        return application

    def withdraw(self, application_id: str, *, by: str) -> Application:
        """Take the acknowledgement back: its keys for environments of the kind prod stop working."""
        with self._records.write(by) as unit:
            application = msgspec.structs.replace(
                self._existing(unit, application_id), acknowledged_us=None, acknowledged_by="", statement=""
            )
            unit.replace(application)
        return application

    def remove(self, application_id: str, *, by: str) -> None:
        """With its releases. Conflict while it is deployed, or limits or keys that are not revoked belong to it."""
        with self._records.write(by) as unit:
            self._existing(unit, application_id)
            held = {
                "deployments": unit.count(Deployment, {"application_id": application_id}),
                "keys": sum(
                    key.application == application_id and key.revoked_us is None for key in every(unit, ApiKey)
                ),
                **limits_on(unit, "application", application_id),
            }
            refuse_while_used(f"The application {application_id!r}", held)
            for release in list(every(unit, Release, {"application_id": application_id})):
                unit.remove(Release, release.id)
            unit.remove(Application, application_id)


def _checked(view: View, application: Application, *, owned: bool) -> Application:
    application = as_stored(application)
    checked_text(application.title, param="title")
    checked_text(application.purpose, param="purpose", longest=_LONGEST)
    checked_choice(application.risk_tier, get_args(RiskTier), word="risk tier", param="risk_tier")
    if owned:
        existing(view, Actor, application.owner, word="actor", param="owner")
    if application.team_id is not None:
        existing(view, Team, application.team_id, word="team", param="team_id")
    return application
