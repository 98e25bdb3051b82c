"""Settings, who may what: business units, people, teams, groups of the identity provider, roles. For administrators."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import msgspec
from litestar import Response, get, post

from genaiops.console._visit import Form, Visit, Visiting, field, optional, redirect
from genaiops.core.errors import GenaiopsError, UsageError
from genaiops.domain import Actor, ActorKind, Environment, EnvironmentKind, GroupMapping, Role, Team, Tenant
from genaiops.hub import ORGANISATION_TENANT, ROLES, SANDBOX_CAP, SANDBOX_DAYS, Permission, require_gives
from genaiops.ports.audit import AuditFilter

PLACE = "/settings/access"
_SIGN_INS = 2000
"""Of the latest: who did not sign in within them did long ago, if ever."""

_KINDS: Sequence[EnvironmentKind] = get_args(EnvironmentKind)
_WORDS: Mapping[frozenset[EnvironmentKind], str] = {
    frozenset(_KINDS): "all",
    frozenset({"sandbox", "dev", "preprod"}): "below prod",
    frozenset({"sandbox", "dev"}): "trying",
}


class UnitLine(msgspec.Struct, frozen=True):
    tenant: Tenant
    environments: Sequence[Environment]
    teams: Sequence[Team]
    people: int


class PersonLine(msgspec.Struct, frozen=True):
    """`last_us`: of the last sign-in to the console, None: none within those that were looked at."""

    actor: Actor
    last_us: int | None
    sessions: int


@get(PLACE, sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    visit.require("people")
    hub = visit.services.hub
    actors, teams, environments = hub.actors.list(), hub.teams.list(), visit.environments()
    last = last_sign_ins(visit)
    units = [
        UnitLine(
            tenant,
            [each for each in environments if each.tenant_id == tenant.id],
            [each for each in teams if each.tenant_id == tenant.id],
            sum(each.tenant_id == tenant.id for each in actors),
        )
        for tenant in hub.tenants.list()
    ]
    people = [PersonLine(each, last.get(each.id), len(visit.sessions.of(each.id))) for each in actors]
    provider = visit.services.identity_provider
    return visit.page(
        "access.html",
        title="Access",
        nav="settings",
        tab="people",
        units=units,
        people=sorted(people, key=lambda line: (line.actor.disabled_us is not None, line.actor.name)),
        groups=hub.groups.list(),
        teams=teams,
        roles=ROLES,
        kinds=_KINDS,
        provider=None if provider is None else provider.issuer,
        cap=SANDBOX_CAP,
        days=SANDBOX_DAYS,
        may_unit=visit.can("tenants"),
    )


@get(PLACE + "/roles", sync_to_thread=True)
def roles(visit: Visiting) -> Response[str]:
    visit.require("people")
    permissions: Sequence[Permission] = get_args(Permission)
    matrix = [(permission, [(role, where(role, permission)) for role in ROLES]) for permission in permissions]
    return visit.page("access_roles.html", title="Access", nav="settings", tab="roles", roles=ROLES, matrix=matrix)


@post(PLACE + "/unit", sync_to_thread=True)
def make_unit(visit: Visiting) -> Response[None]:
    visit.require("tenants")
    form, by = visit.form, visit.actor.id

    def work() -> str:
        tenants = visit.services.hub.tenants
        unit = tenants.create(field(form, "name"), title=form.get("title", ""), admin=optional(form, "admin"), by=by)
        return f"The business unit {unit.id} is there, with dev, preprod, prod and a team."

    return done(visit, work)


@post(PLACE + "/environment", sync_to_thread=True)
def make_environment(visit: Visiting) -> Response[None]:
    visit.require("environments")
    form, hub, by = visit.form, visit.services.hub, visit.actor.id

    def work() -> str:
        name, kind, unit = field(form, "name"), field(form, "kind"), _unit(visit)
        if kind == "sandbox":
            made = hub.create_sandbox(name, cap=optional(form, "cap") or SANDBOX_CAP, tenant_id=unit, by=by)
        else:
            made = hub.environments.create(name, _kind(kind), tenant_id=unit, by=by)
        return f"The environment {made.id} is there."

    return done(visit, work)


@post(PLACE + "/team", sync_to_thread=True)
def make_team(visit: Visiting) -> Response[None]:
    visit.require("people")
    form = visit.form

    def work() -> str:
        team = visit.services.hub.teams.create(
            field(form, "name"), title=form.get("title", ""), tenant_id=_unit(visit), by=visit.actor.id
        )
        return f"The team {team.id} is there."

    return done(visit, work)


@post(PLACE + "/person", sync_to_thread=True)
def make_person(visit: Visiting) -> Response[None]:
    visit.require("people")
    form = visit.form

    def work() -> str:
        wanted = roles_in(form)
        require_gives(visit.actor, wanted)
        kind: ActorKind = "service_account" if form.get("kind") == "service_account" else "person"
        made = visit.services.hub.actors.create(
            field(form, "name"),
            kind,
            roles=wanted,
            tenant_id=_unit(visit),
            team_id=optional(form, "team_id"),
            by=visit.actor.id,
        )
        return f"{made.name} is there. A key for them is made under Gateway, Keys."

    return done(visit, work)


@post(PLACE + "/group", sync_to_thread=True)
def map_group(visit: Visiting) -> Response[None]:
    visit.require("people")
    form = visit.form

    def work() -> str:
        wanted = roles_in(form)
        require_gives(visit.actor, wanted)
        mapping = GroupMapping(
            id=field(form, "group"),
            tenant_id=_unit(visit),
            team_id=optional(form, "team_id"),
            roles=wanted,
            created_us=0,
        )
        visit.services.hub.groups.put(mapping, by=visit.actor.id)
        return f"Members of {mapping.id} are now {', '.join(wanted)} in {mapping.tenant_id}."

    return done(visit, work)


@post(PLACE + "/group/remove", sync_to_thread=True)
def unmap_group(visit: Visiting) -> Response[None]:
    visit.require("people")

    def work() -> str:
        group = field(visit.form, "group")
        visit.services.hub.groups.remove(group, by=visit.actor.id)
        return f"The group {group} gives nothing any more."

    return done(visit, work)


def done(visit: Visit, work: Any, place: str = PLACE) -> Response[None]:
    """What it says when it is made, or why it was not; then the page again."""
    try:
        said: str = work()
    except GenaiopsError as error:
        visit.complain(error)
    else:
        visit.publish()
        visit.say(said)
    return redirect(visit.link(place))


def roles_in(form: Form) -> tuple[Role, ...]:
    """The boxes that are ticked, in the order of the roles."""
    return tuple(role for role in ROLES if form.get(f"role_{role}"))


def where(role: Role, permission: Permission) -> str:
    """In which kinds of environment, in words."""
    kinds = ROLES[role].kinds(permission)
    return _WORDS.get(kinds) or ", ".join(kind for kind in _KINDS if kind in kinds)


def last_sign_ins(visit: Visit) -> Mapping[str, int]:
    """Actor -> when, of the latest sign-ins."""
    with visit.services.stores.records.read() as view:
        found = view.audit.find(AuditFilter(action="sign_in"), limit=_SIGN_INS)
    last: dict[str, int] = {}
    for event in found:
        last.setdefault(event.entity_id, event.at_us)
    return last


def _unit(visit: Visit) -> str:
    """Of the form; whoever administers one unit alone makes things there."""
    own = visit.actor.tenant_id
    return optional(visit.form, "tenant_id") or (ORGANISATION_TENANT if own == ORGANISATION_TENANT else own)


def _kind(text: str) -> EnvironmentKind:
    for kind in _KINDS:
        if kind == text:
            return kind
    raise UsageError(f"{text!r} is no kind of environment.", remedy="Choose one of the list.", param="kind")


HANDLERS: list[Any] = [show, roles, make_unit, make_environment, make_team, make_person, map_group, unmap_group]
