"""Keys: made and shown once, rotated, revoked."""

from typing import Any, Literal, cast

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.console._visit import Chip, Form, Visit, Visiting, field, optional, redirect, words
from genaiops.console.pages.guard_places import guard_choices
from genaiops.core.errors import Forbidden, GenaiopsError, UsageError
from genaiops.domain import ApiKey, KeyScope
from genaiops.hub import NewKey

PAGE = 100
_DAY_US = 86_400_000_000
OVERLAPS = {"0": "at once", "3600": "in an hour", "86400": "in a day", "604800": "in a week"}
LIVES = {"": "never", "1": "in a day", "30": "in 30 days", "90": "in 90 days", "365": "in a year"}


class Line(msgspec.Struct, frozen=True):
    """`mine`: may be rotated and revoked by who looks."""

    key: ApiKey
    actor: str
    state: Literal["works", "revoked", "expired"]
    mine: bool


@get("/gateway/keys", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    hub = visit.services.hub
    found = hub.keys.page(
        environment_id=visit.environment,
        team_id=visit.query.get("team"),
        actor_id=visit.query.get("actor"),
        after=visit.query.get("after"),
        limit=PAGE,
    )
    actors = hub.actors.list()
    names = {actor.id: actor.name for actor in actors}
    lines = [
        Line(key, names.get(key.actor_id, key.actor_id), _state(key, visit), own(visit, key))
        for key in found
        if not (key.name.startswith("playground/") and _state(key, visit) != "works")
    ]
    usable = [actor for actor in actors if actor.disabled_us is None]
    return visit.page(
        "keys.html",
        title="Gateway",
        nav="gateway",
        tab="keys",
        knows=("team", "actor", "after"),
        chips=[
            Chip(name, names.get(visit.query[name], visit.query[name]), visit.same(**{name: None, "after": None}))
            for name in ("team", "actor")
            if name in visit.query
        ],
        lines=lines,
        next=visit.same(after=found[-1].id) if len(found) == PAGE else None,
        may_make=visit.can("own_keys"),
        actors=usable if visit.can("keys") else [visit.actor],
        teams=hub.teams.list(),
        overlaps=OVERLAPS,
        lives=LIVES,
        guards=guard_choices(visit) if visit.can("keys") else (),
    )


@post("/gateway/keys", sync_to_thread=True)
def make(visit: Visiting) -> Response[None]:
    try:
        new = _read(visit, visit.form)
        visit.require("own_keys" if new.actor_id == visit.actor.id else "keys", new.environment_id)
        visit.reach.require(new.environment_id)
        if new.guard is not None:  # it may be a milder one
            visit.require("keys", new.environment_id)
        key, text = visit.services.hub.keys.create(new, by=visit.actor.id)
    except GenaiopsError as error:
        visit.complain(error)
    else:
        visit.publish()
        visit.say(f"The key {key.name}. It is shown this once: copy it now.", secret=text)
    return redirect(visit.link("/gateway/keys"))


@post("/gateway/keys/{key_id:str}/rotate", sync_to_thread=True)
def rotate(visit: Visiting, key_id: FromPath[str]) -> Response[None]:
    key = _allowed(visit, key_id)
    overlap = visit.form.get("overlap", "0")
    try:
        if overlap not in OVERLAPS:
            raise UsageError(f"{overlap!r} is no overlap.", remedy="Choose one of the list.", param="overlap")
        key, text = visit.services.hub.keys.rotate(key.id, overlap_seconds=int(overlap), by=visit.actor.id)
    except GenaiopsError as error:
        visit.complain(error)
    else:
        visit.publish()
        visit.say(f"The new secret of {key.name}; the former one ends {OVERLAPS[overlap]}.", secret=text)
    return redirect(visit.link("/gateway/keys"))


@post("/gateway/keys/{key_id:str}/revoke", sync_to_thread=True)
def revoke(visit: Visiting, key_id: FromPath[str]) -> Response[None]:
    key = _allowed(visit, key_id)
    visit.services.hub.keys.revoke(key.id, by=visit.actor.id)
    visit.publish()
    visit.say(f"The key {key.name} is revoked.")
    return redirect(visit.link("/gateway/keys"))


def own(visit: Visit, key: ApiKey) -> bool:
    return visit.can("keys") or (visit.can("own_keys") and key.actor_id == visit.actor.id)


def _allowed(visit: Visit, key_id: str) -> ApiKey:
    key = visit.services.hub.keys.get(key_id)
    if not own(visit, key):
        raise Forbidden(f"The key {key.name!r} is somebody else's.", remedy="Ask an administrator.")
    visit.reach.require(key.environment_id)
    return key


def _state(key: ApiKey, visit: Visit) -> Literal["works", "revoked", "expired"]:
    if key.revoked_us is not None:
        return "revoked"
    return "expired" if key.expires_us is not None and key.expires_us <= visit.now_us else "works"


def _read(visit: Visit, form: Form) -> NewKey:
    days = form.get("days", "")
    if days not in LIVES:
        raise UsageError(f"{days!r} is no end.", remedy="Choose one of the list.", param="days")
    return NewKey(
        name=field(form, "name"),
        actor_id=optional(form, "actor_id") or visit.actor.id,
        team_id=optional(form, "team_id"),
        environment_id=field(form, "environment_id"),
        application=optional(form, "application"),
        models=words(form, "models"),
        addresses=words(form, "addresses"),
        scopes=_scopes(form),
        expires_us=visit.now_us + int(days) * _DAY_US if days else None,
        guard=optional(form, "guard"),
    )


def _scopes(form: Form) -> tuple[KeyScope, ...]:
    given = [scope for scope in ("calls", "api", "ingest") if form.get(f"scope_{scope}")]
    return cast("tuple[KeyScope, ...]", tuple(given))


HANDLERS: list[Any] = [show, make, rotate, revoke]
