"""Routes: where calls of a name go, by weight and in truth; made, changed and removed here."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.console import _saving as saving
from genaiops.console._forms import decimal_of, texts, whole_of
from genaiops.console._picture import picture
from genaiops.console._visit import Form, Visit, Visiting, field, optional, redirect
from genaiops.console.pages.guard_places import guard_choices
from genaiops.core.errors import GenaiopsError, UsageError
from genaiops.domain import RetryPolicy, Route, RouteTarget, Target
from genaiops.watch import RouteShare, TargetHealth, route_shares, target_health

_RETRY = ("attempts", "deadline", "backoff", "backoff_max")


class Choice(msgspec.Struct, frozen=True):
    """A target in the form of a route. `weight`, and its places among the fallbacks and among those that serve over
    budget, as typed; "" where it has none."""

    target: Target
    weight: str
    fallback: str
    over: str


def health_of(visit: Visit) -> Mapping[str, TargetHealth]:
    stores = visit.services.stores
    targets, gauges = visit.services.hub.targets.list(), stores.counters.gauges()
    return {each.target_id: each for each in target_health(stores.telemetry, targets, gauges, now_us=visit.now_us)}


@get("/gateway/routes", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    hub = visit.services.hub
    routes = hub.routes.list()
    by_route: dict[str, list[RouteShare]] = {route.id: [] for route in routes}
    for share in route_shares(visit.services.stores.telemetry, routes, now_us=visit.now_us):
        by_route[share.route_id].append(share)
    health = health_of(visit)
    return visit.page(
        "routes.html",
        title="Gateway",
        nav="gateway",
        tab="routes",
        routes=[(route, by_route[route.id], picture(route.id, by_route[route.id], health)) for route in routes],
        health=health,
        off={target.id for target in hub.targets.list() if not target.enabled},
        may_change=visit.can("routes"),
    )


@get("/gateway/new-route", sync_to_thread=True)
def new(visit: Visiting) -> Response[str]:
    visit.require("routes")
    return _form(visit, None, {"id": visit.query.get("id", ""), **texts(RetryPolicy(), _RETRY)})


@get("/gateway/routes/{route_id:path}", sync_to_thread=True)
def edit(visit: Visiting, route_id: FromPath[str]) -> Response[str]:
    route = visit.services.hub.routes.get(route_id.lstrip("/"))
    values = {"id": route.id, "guard": route.guard or "", **texts(route.retry, _RETRY)}
    values |= {f"weight:{each.target_id}": str(each.weight) for each in route.targets}
    values |= {f"fallback:{name}": str(place) for place, name in enumerate(route.fallbacks, 1)}
    values |= {f"over:{name}": str(place) for place, name in enumerate(route.over_budget, 1)}
    values |= {f"environment:{name}": "yes" for name in route.environments}
    return _form(visit, route, values)


@post("/gateway/routes", sync_to_thread=True)
def save(visit: Visiting) -> Response[Any]:
    """Makes a route, or replaces the one named `former`."""
    visit.require("routes")
    routes, name = visit.services.hub.routes, visit.form.get("former", "")
    former = routes.get(name) if name else None
    try:
        saving.save(visit, routes, former, _read(visit, visit.form, former), "route")
    except GenaiopsError as error:
        visit.complain(error)
        return _form(visit, former, visit.form, status=error.status)
    return redirect(visit.link("/gateway/routes"))


@post("/gateway/remove-route", sync_to_thread=True)
def remove(visit: Visiting) -> Response[None]:
    visit.require("routes")
    saving.remove(visit, visit.services.hub.routes, "route")
    return redirect(visit.link("/gateway/routes"))


def _form(visit: Visit, former: Route | None, values: Form, *, status: int = 200) -> Response[str]:
    targets = visit.services.hub.targets.list()
    choices = [
        Choice(target, *(values.get(f"{column}:{target.id}", "") for column in ("weight", "fallback", "over")))
        for target in targets
    ]
    return visit.page(
        "route_form.html",
        status=status,
        knows=("id",),
        title="Gateway",
        nav="gateway",
        tab="routes",
        former=former,
        values=values,
        choices=sorted(choices, key=lambda choice: not (choice.weight or choice.fallback or choice.over)),
        health=health_of(visit),
        may_change=visit.can("routes"),
        guards=guard_choices(visit),
    )


def _read(visit: Visit, form: Form, former: Route | None) -> Route:
    """The route of a form. What the form has no field for stays as it was."""
    ids = [target.id for target in visit.services.hub.targets.list()]
    old = {each.target_id: each for each in former.targets} if former is not None else {}
    weighted: list[RouteTarget] = []
    fallbacks: list[tuple[int, str]] = []
    over: list[tuple[int, str]] = []
    for name in ids:
        weight, place = whole_of(form, f"weight:{name}"), whole_of(form, f"fallback:{name}")
        if weight is not None and place is not None:
            raise UsageError(
                f"{name} has a weight and a place among the fallbacks.", remedy="Clear one of the two.", param=name
            )
        if weight is not None:
            weighted.append(msgspec.structs.replace(old.get(name, RouteTarget(name)), weight=weight))
        if place is not None:
            fallbacks.append((place, name))
        if (place := whole_of(form, f"over:{name}")) is not None:
            over.append((place, name))
    retry = RetryPolicy() if former is None else former.retry
    retry = msgspec.structs.replace(
        retry,
        attempts=whole_of(form, "attempts", retry.attempts),
        deadline=decimal_of(form, "deadline", retry.deadline),
        backoff=decimal_of(form, "backoff", retry.backoff),
        backoff_max=decimal_of(form, "backoff_max", retry.backoff_max),
    )
    route = former or Route(id=field(form, "id"), targets=(), created_us=0)
    return msgspec.structs.replace(
        route,
        targets=tuple(_in_order(weighted, old)),
        fallbacks=tuple(name for _, name in sorted(fallbacks)),
        over_budget=tuple(name for _, name in sorted(over)),
        retry=retry,
        guard=optional(form, "guard"),
        environments=tuple(each.id for each in visit.environments() if form.get(f"environment:{each.id}")),
    )


def _in_order(targets: Sequence[RouteTarget], old: Mapping[str, RouteTarget]) -> list[RouteTarget]:
    """Those that were there before keep their order."""
    places = {name: place for place, name in enumerate(old)}
    return sorted(targets, key=lambda each: places.get(each.target_id, len(places)))


HANDLERS: list[Any] = [show, new, edit, save, remove]
