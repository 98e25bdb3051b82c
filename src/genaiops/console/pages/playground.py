"""Playground: calls from the page through the public model API, one or two side by side, with a key that lives for
minutes; prompts are tried before they are saved."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response, get, post

from genaiops.console._models import models
from genaiops.console._prompts import manifest_of, rendered, values_of
from genaiops.console._sessions import PlaygroundKey
from genaiops.console._visit import HEADERS, Visit, Visiting, field, optional
from genaiops.console.pages.hub import prompt_of, prompts, short
from genaiops.core.errors import UsageError
from genaiops.domain import Environment
from genaiops.hub import NewKey, allows

KEY_SECONDS = 15 * 60
_RENEW_US = 120 * 1_000_000


@get("/playground", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    known = models(visit)
    environment = _place(visit)
    must = environment is not None and environment.kind == "prod"
    return visit.page(
        "playground.html",
        title="Playground",
        nav="playground",
        knows=("model", "beside", "prompt", "app"),
        models=known,
        columns=[visit.query.get(name, "") for name in ("model", "beside") if name == "model" or name in visit.query],
        prompts=prompts(visit),
        prompt=visit.query.get("prompt", ""),
        environment=environment,
        must_name=must,
        applications=_applications(visit, acknowledged=must),
        application=visit.query.get("app", ""),
        may_call=visit.can("playground")
        and (environment is None or allows(visit.actor, "playground", environment.kind)),
        may_save=visit.can("artifacts"),
    )


@post("/playground/key", sync_to_thread=True, status_code=200)
def key(visit: Visiting) -> Response[dict[str, Any]]:
    """A key for model calls alone, of who is logged in; the same one until it is nearly over."""
    visit.require("playground")
    environment = visit.environment or visit.reach.environment_id or _first_environment(visit)
    visit.require("playground", environment)
    visit.reach.require(environment)
    application = optional(visit.form, "application")
    held = visit.session.playground
    wanted = (environment, application)
    if held is None or (held.environment_id, held.application) != wanted or held.expires_us - visit.now_us < _RENEW_US:
        if held is not None:
            visit.services.hub.keys.revoke(held.key_id, by=visit.actor.id)
        visit.session.playground = None
        held = _mint(visit, environment, application)
        visit.session.playground = held
        visit.services.publisher.wait(visit.services.publisher.publish())
    answer = {"key": held.text, "expires_us": held.expires_us, "environment": held.environment_id}
    return Response(answer, headers=HEADERS)


@get("/playground/prompt", sync_to_thread=True)
def prompt(visit: Visiting) -> Response[dict[str, Any]]:
    """The manifest of a version, to fill a column with."""
    visit.require("playground")
    return Response(dict(prompt_of(visit, visit.query.get("id", ""))), headers=HEADERS)


@post("/playground/render", sync_to_thread=True, status_code=200)
def render(visit: Visiting) -> Response[dict[str, Any]]:
    """The messages of a column with the variables put in."""
    visit.require("playground")
    manifest, values = _read(visit)
    return Response({"messages": rendered(visit.services.hub, manifest, values)}, headers=HEADERS)


@post("/playground/save", sync_to_thread=True, status_code=200)
def save(visit: Visiting) -> Response[dict[str, Any]]:
    """A column as a version of a prompt. Only what can be rendered is saved."""
    visit.require("artifacts")
    manifest, values = _read(visit)
    hub, name, base = visit.services.hub, field(visit.form, "name"), visit.form.get("prompt")
    rendered(hub, manifest, values)
    version = hub.artifacts.register("prompt", name, manifest, by=visit.actor.id)
    if base and base != version.id:
        hub.lineage.add(base, version.id, "made_from", by=visit.actor.id)
    visit.services.publisher.publish()
    said = {"id": version.id, "text": f"{name} {short(version.id)}", "page": visit.link(f"/hub/{version.artifact_id}")}
    return Response(said, headers=HEADERS)


def _read(visit: Visit) -> tuple[dict[str, Any], dict[str, Any]]:
    """The manifest that the form makes, over the version that it began with, and the variables' values."""
    try:
        given = msgspec.json.decode(field(visit.form, "manifest"), type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise UsageError(f"The prompt is no JSON: {error}.", remedy="Load the page again.", param="manifest") from None
    base: Mapping[str, Any] = prompt_of(visit, visit.form["prompt"]) if visit.form.get("prompt") else {}
    values = values_of(visit.form.get("variables", ""))
    return manifest_of(base, given, values), values


def _first_environment(visit: Visit) -> str:
    names = [environment.id for environment in visit.environments() if environment.tenant_id == visit.actor.tenant_id]
    if not names:
        raise UsageError("There is no environment.", remedy="Make one first.")
    return "dev" if "dev" in names else names[0]


def _place(visit: Visit) -> Environment | None:
    """The environment that calls are made in; None where there is none."""
    known = {each.id: each for each in visit.environments()}
    try:
        return known.get(visit.environment or visit.reach.environment_id or _first_environment(visit))
    except UsageError:
        return None


def _applications(visit: Visit, *, acknowledged: bool) -> Mapping[str, str]:
    """Id -> what it is called. Calls in prod are an application's that has acknowledged what it uses."""
    return {
        each.id: f"{each.id} ({each.title})" if each.title else each.id
        for each in visit.services.hub.applications.list()
        if each.tenant_id == visit.actor.tenant_id and (each.acknowledged_us is not None or not acknowledged)
    }


def _mint(visit: Visit, environment: str, application: str | None) -> PlaygroundKey:
    expires_us = visit.now_us + KEY_SECONDS * 1_000_000
    new = NewKey(
        name=f"playground/{visit.actor.name}",
        actor_id=visit.actor.id,
        environment_id=environment,
        application=application,
        scopes=("calls",),
        expires_us=expires_us,
    )
    made, text = visit.services.hub.keys.create(new, by=visit.actor.id)
    return PlaygroundKey(made.id, text, environment, expires_us, application)


HANDLERS: list[Any] = [show, key, prompt, render, save]
