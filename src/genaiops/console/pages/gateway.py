"""Gateway: all of it at a glance; rate limits."""

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.console._forms import whole_of
from genaiops.console._grouping import by_group
from genaiops.console._meters import stacked
from genaiops.console._undo import Undo
from genaiops.console._visit import Visit, Visiting, field, own_path, redirect
from genaiops.console.pages.routes import health_of
from genaiops.core.errors import GenaiopsError, UsageError
from genaiops.domain import Scope, ScopeKind
from genaiops.hub import NewRateLimit
from genaiops.ports.telemetry import Dimension
from genaiops.watch import budget_states, unknown_prices, usage

UNKNOWN_DAYS = 30
_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US

SCOPES: tuple[ScopeKind, ...] = ("key", "team", "application", "environment", "tenant")


@get("/gateway", sync_to_thread=True)
def overview(visit: Visiting) -> Response[str]:
    hub, stores = visit.services.hub, visit.services.stores
    targets, health = hub.targets.list(), health_of(visit)
    until_us = visit.now_us + 1
    since_us = (until_us - _DAY_US) // _HOUR_US * _HOUR_US
    where: dict[Dimension, str] = {"environment_id": visit.environment} if visit.environment else {}
    rows = usage(
        stores.telemetry,
        since_us=since_us,
        until_us=until_us,
        step="hour",
        group_by=("target_id",),
        where=where,
    )
    starts = list(range(since_us, until_us, _HOUR_US))
    calls = by_group(rows, "target_id", starts, lambda row: row.calls)
    states = budget_states(hub.budgets.list(), stores.counters, now_us=visit.now_us)
    unknown = unknown_prices(stores.telemetry, targets, since_us=until_us - UNKNOWN_DAYS * _DAY_US, until_us=until_us)
    return visit.page(
        "gateway.html",
        title="Gateway",
        nav="gateway",
        tab="overview",
        routes=hub.routes.list(),
        targets=targets,
        health=health,
        in_flight=sum(each.in_flight for each in health.values()),
        failing=[each for each in health.values() if each.state in {"open", "half_open"}],
        resting=[each for each in health.values() if each.resting or each.credentials_resting],
        budgets=states,
        tight=[state for state in states if state.state != "ok"],
        limits=hub.rate_limits.list(),
        unknown=unknown,
        unknown_days=UNKNOWN_DAYS,
        chart=stacked("Calls by target that answered, last 24 hours", starts, calls, unit="calls") if calls else None,
    )


@get("/gateway/limits", sync_to_thread=True)
def limits(visit: Visiting) -> Response[str]:
    found = visit.services.hub.rate_limits.list()
    return visit.page(
        "limits.html",
        title="Gateway",
        nav="gateway",
        tab="limits",
        limits=found,
        names=visit.services.hub.scope_names(limit.scope for limit in found),
        scopes=SCOPES,
    )


@post("/gateway/limits", sync_to_thread=True)
def make_limit(visit: Visiting) -> Response[None]:
    visit.require("budgets")
    try:
        visit.services.hub.rate_limits.create(
            NewRateLimit(
                scope=read_scope(visit),
                requests_per_minute=whole_of(visit.form, "requests_per_minute"),
                tokens_per_minute=whole_of(visit.form, "tokens_per_minute"),
                concurrency=whole_of(visit.form, "concurrency"),
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
    limits, by = visit.services.hub.rate_limits, visit.actor.id
    limit = limits.get(limit_id)
    limits.remove(limit_id, by=by)
    visit.publish()
    again = NewRateLimit(
        scope=limit.scope,
        requests_per_minute=limit.requests_per_minute,
        tokens_per_minute=limit.tokens_per_minute,
        concurrency=limit.concurrency,
    )
    done = "The rate limit is there again; what it had counted begins anew."
    visit.say("The rate limit is gone.", undo=Undo("budgets", lambda: limits.create(again, by=by), done))
    return redirect(visit.link("/gateway/limits"))


def read_scope(visit: Visit) -> Scope:
    """UsageError unless it is one of the kinds. A key may be given by its name."""
    kind, name = field(visit.form, "scope_kind"), field(visit.form, "scope_id")
    for known in SCOPES:
        if kind == known:
            return Scope(known, visit.key_id(name) if known == "key" else name)
    raise UsageError(f"{kind!r} is nothing a limit is set on.", remedy=f"Use {', '.join(SCOPES)}.", param="scope")


@post("/undo", sync_to_thread=True)
def undo(visit: Visiting) -> Response[None]:
    """What a notice offered to take back. The hub checks it as any other change."""
    taken = visit.session.undos.take(field(visit.form, "token"))
    visit.require(taken.permission)
    try:
        taken.run()
    except GenaiopsError as error:
        visit.complain(error)
    else:
        visit.publish()
        visit.say(taken.done)
    return redirect(own_path(visit.form.get("back", "/gateway")))


HANDLERS: list[Any] = [overview, limits, make_limit, remove_limit, undo]
