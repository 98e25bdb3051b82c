"""One person or service account: roles, team, who it is at the identity provider, sessions, whether it may act."""

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.console._visit import Visiting, optional
from genaiops.console.pages.access import PLACE, done, roles_in
from genaiops.core.errors import UsageError
from genaiops.domain import Identity
from genaiops.hub import ROLES, require_gives
from genaiops.ports.audit import AuditFilter

_LATEST = 20
_KEYS = 100


@get(PLACE + "/people/{actor_id:str}", sync_to_thread=True)
def show(visit: Visiting, actor_id: FromPath[str]) -> Response[str]:
    visit.require("people")
    hub = visit.services.hub
    actor = hub.actors.get(actor_id)
    with visit.services.stores.records.read() as view:
        events = list(view.audit.find(AuditFilter(entity_id=actor.id), limit=_LATEST))
    provider = visit.services.identity_provider
    return visit.page(
        "access_person.html",
        title=actor.name,
        nav="settings",
        actor=actor,
        events=events,
        sessions=visit.sessions.of(actor.id),
        mine=visit.session,
        keys=[each for each in hub.keys.page(actor_id=actor.id, limit=_KEYS) if each.revoked_us is None],
        roles=ROLES,
        teams=[team for team in hub.teams.list() if team.tenant_id == actor.tenant_id],
        provider=None if provider is None else provider.issuer,
        may_audit=visit.can("audit"),
    )


@post(PLACE + "/people/{actor_id:str}/roles", sync_to_thread=True)
def set_roles(visit: Visiting, actor_id: FromPath[str]) -> Response[None]:
    visit.require("people")

    def work() -> str:
        wanted = roles_in(visit.form)
        require_gives(visit.actor, wanted)
        actor = visit.services.hub.actors.set_roles(actor_id, wanted, by=visit.actor.id)
        return f"{actor.name} is now {', '.join(wanted) or 'without a role'}."

    return done(visit, work, f"{PLACE}/people/{actor_id}")


@post(PLACE + "/people/{actor_id:str}/team", sync_to_thread=True)
def set_team(visit: Visiting, actor_id: FromPath[str]) -> Response[None]:
    visit.require("people")

    def work() -> str:
        actor = visit.services.hub.actors.set_team(actor_id, optional(visit.form, "team_id"), by=visit.actor.id)
        return f"The team of {actor.name} is now {actor.team_id or 'none'}; keys that are there keep theirs."

    return done(visit, work, f"{PLACE}/people/{actor_id}")


@post(PLACE + "/people/{actor_id:str}/identity", sync_to_thread=True)
def set_identity(visit: Visiting, actor_id: FromPath[str]) -> Response[None]:
    visit.require("people")

    def work() -> str:
        subject, provider = optional(visit.form, "subject"), visit.services.identity_provider
        if subject is not None and provider is None:
            raise UsageError("There is no identity provider.", remedy="Configure one, in the section oidc.")
        identity = None if subject is None or provider is None else Identity(issuer=provider.issuer, subject=subject)
        actor = visit.services.hub.actors.set_identity(actor_id, identity, by=visit.actor.id)
        return f"{actor.name} is {subject or 'nobody'} at the identity provider."

    return done(visit, work, f"{PLACE}/people/{actor_id}")


@post(PLACE + "/people/{actor_id:str}/state", sync_to_thread=True)
def set_state(visit: Visiting, actor_id: FromPath[str]) -> Response[None]:
    """Disabled: no key works and no session goes on."""
    visit.require("people")

    def work() -> str:
        actors, by = visit.services.hub.actors, visit.actor.id
        if visit.form.get("disabled") == "no":
            return f"{actors.enable(actor_id, by=by).name} may act again."
        actor = actors.disable(actor_id, by=by)
        ended = visit.sessions.end_all(actor_id)
        return f"{actor.name} is disabled; sessions that ended: {ended}."

    return done(visit, work, f"{PLACE}/people/{actor_id}")


@post(PLACE + "/people/{actor_id:str}/sessions", sync_to_thread=True)
def end_sessions(visit: Visiting, actor_id: FromPath[str]) -> Response[None]:
    """All of them but the one that asks."""
    visit.require("people")

    def work() -> str:
        actor = visit.services.hub.actors.get(actor_id)
        ended = visit.sessions.end_all(actor.id, but=visit.session)
        visit.services.auditor.note("end_sessions", "sessions", actor.id, {"ended": ended}, by=visit.actor.id)
        return f"Sessions of {actor.name} that ended: {ended}."

    return done(visit, work, f"{PLACE}/people/{actor_id}")


HANDLERS: list[Any] = [show, set_roles, set_team, set_identity, set_state, end_sessions]
