"""Gateway: targets with their health, routes, rate limits."""

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.console._visit import Form, Visiting, field, optional, redirect
from genaiops.core.errors import GenaiopsError, UsageError
from genaiops.domain import Scope, ScopeKind
from genaiops.hub import NewRateLimit
from genaiops.watch import target_health

SCOPES: tuple[ScopeKind, ...] = ("key", "team", "application", "environment", "tenant")


@get("/gateway", sync_to_thread=True)
def targets(visit: Visiting) -> Response[str]:
    hub, stores = visit.services.hub, visit.services.stores
    every = hub.targets.list()
    gauges = stores.counters.gauges()
    health = {each.target_id: each for each in target_health(stores.telemetry, every, gauges, now_us=visit.now_us)}
    return visit.page(
        "targets.html",
        title="Gateway",
        nav="gateway",
        tab="targets",
        targets=[(target, health[target.id]) for target in every],
        routes=hub.routes.list(),
    )


@post("/gateway/targets/{target_id:path}", sync_to_thread=True)
def switch_target(visit: Visiting, target_id: FromPath[str]) -> Response[None]:
    visit.require("targets")
    enabled = field(visit.form, "enabled") == "yes"
    target = visit.services.hub.targets.set_enabled(target_id.lstrip("/"), enabled, by=visit.actor.id)
    visit.publish()
    visit.say(f"The target {target.id} is {'on' if enabled else 'off'}.")
    return redirect(visit.link("/gateway"))


@get("/gateway/limits", sync_to_thread=True)
def limits(visit: Visiting) -> Response[str]:
    return visit.page(
        "limits.html",
        title="Gateway",
        nav="gateway",
        tab="limits",
        limits=visit.services.hub.rate_limits.list(),
        scopes=SCOPES,
    )


@post("/gateway/limits", sync_to_thread=True)
def make_limit(visit: Visiting) -> Response[None]:
    visit.require("budgets")
    try:
        visit.services.hub.rate_limits.create(
            NewRateLimit(
                scope=read_scope(visit.form),
                requests_per_minute=_whole(visit.form, "requests_per_minute"),
                tokens_per_minute=_whole(visit.form, "tokens_per_minute"),
                concurrency=_whole(visit.form, "concurrency"),
            ),
            by=visit.actor.id,
        )
    except GenaiopsError as error:
        visit.complain(error)
    else:
        visit.publish()
        visit.say("The rate limit is in force.")
    return redirect(visit.link("/gateway/limits"))


@post("/gateway/limits/{limit_id:str}/remove", sync_to_thread=True)
def remove_limit(visit: Visiting, limit_id: FromPath[str]) -> Response[None]:
    visit.require("budgets")
    visit.services.hub.rate_limits.remove(limit_id, by=visit.actor.id)
    visit.publish()
    visit.say("The rate limit is gone.")
    return redirect(visit.link("/gateway/limits"))


def read_scope(form: Form) -> Scope:
    """UsageError unless it is one of the kinds."""
    kind = field(form, "scope_kind")
    for known in SCOPES:
        if kind == known:
            return Scope(known, field(form, "scope_id"))
    raise UsageError(f"{kind!r} is nothing a limit is set on.", remedy=f"Use {', '.join(SCOPES)}.", param="scope")


def _whole(form: Form, name: str) -> int | None:
    text = optional(form, name)
    if text is None:
        return None
    if not text.replace(",", "").isdecimal():
        raise UsageError(f"{name} is {text!r}.", remedy="Use a whole number.", param=name)
    return int(text.replace(",", ""))


HANDLERS: list[Any] = [targets, switch_target, limits, make_limit, remove_limit]
