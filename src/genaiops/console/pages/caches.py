"""Caches: what routes keep and give again, what that saved, and every setting of it."""

from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from genaiops.console import _cache_charts as charts
from genaiops.console._cache_charts import Span
from genaiops.console._filters import read_time
from genaiops.console._forms import decimal_of, typed, whole_of
from genaiops.console._undo import Undo, if_unchanged
from genaiops.console._visit import Form, Visit, Visiting, field, redirect
from genaiops.core.errors import GenaiopsError, UsageError
from genaiops.domain import CacheMode, CachePolicy, CacheScope, Route
from genaiops.ports.telemetry import CacheSums, Dimension, TraceFilter
from genaiops.watch import RouteCache, hit_rate, route_caches, similarities, usage

SPANS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days"}
_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US


class Kept(msgspec.Struct, frozen=True):
    """What all workers keep in memory; `failures` of what they share (None: they share nothing)."""

    entries: int
    bytes: int
    failures: int | None


class Line(msgspec.Struct, frozen=True):
    """A route's cache beside itself in the time before."""

    now: RouteCache
    before: RouteCache


@get("/gateway/caches", sync_to_thread=True)
def show(visit: Visiting) -> Response[str]:
    routes = visit.services.hub.routes.list()
    span = _span(visit)
    lines = _lines(visit, routes, span)
    on = [line for line in lines if _in_use(line)]
    return visit.page(
        "caches.html",
        title="Gateway",
        nav="gateway",
        tab="caches",
        knows=("since",),
        on=on,
        off=[line.now.route for line in lines if line not in on],
        now=_sum([line.now.sums for line in lines]),
        before=_sum([line.before.sums for line in lines]),
        hit_rate=hit_rate,
        kept=kept(visit),
        charts=_charts(visit, span, None) if on else (),
        spans=SPANS,
        span=visit.query.get("since", "24h"),
        may_change=visit.can("routes"),
    )


@get("/gateway/caches/{route_id:path}", sync_to_thread=True)
def one(visit: Visiting, route_id: FromPath[str]) -> Response[str]:
    route = visit.services.hub.routes.get(route_id.lstrip("/"))
    return _page(visit, route, values_of(route.cache))


@post("/gateway/caches", sync_to_thread=True)
def save(visit: Visiting) -> Response[Any]:
    """All settings of a route's cache, or its mode alone (`only_mode`): the others stay."""
    visit.require("routes")
    routes, by = visit.services.hub.routes, visit.actor.id
    former = routes.get(field(visit.form, "route"))
    try:
        policy = _read(visit.form, former.cache)
        route = routes.replace(msgspec.structs.replace(former, cache=policy), by=by)
    except GenaiopsError as error:
        visit.complain(error)
        return _page(visit, former, visit.form, status=error.status)
    visit.publish()
    undo = Undo(
        "routes",
        if_unchanged(lambda: routes.get(route.id), route, lambda: routes.replace(former, by=by)),
        f"The cache of {route.id} is as it was.",
    )
    said = "is off: nothing of it is given out any more" if policy.mode == "off" else f"is on: {policy.mode}"
    visit.say(f"The cache of {route.id} {said if policy.mode != former.cache.mode else 'is changed'}.", undo=undo)
    return redirect(_back(visit, route))


@post("/gateway/clear-cache", sync_to_thread=True)
def clear(visit: Visiting) -> Response[None]:
    visit.require("routes")
    route = visit.services.hub.routes.clear_cache(field(visit.form, "route"), by=visit.actor.id)
    visit.publish()
    visit.say(f"What {route.id} had kept is forgotten.")
    return redirect(_back(visit, route))


def kept(visit: Visit) -> Kept:
    sums: dict[str, int] = {}
    for gauge in visit.services.stores.counters.gauges():
        sums[gauge.name] = sums.get(gauge.name, 0) + gauge.value
    settings = cast("dict[str, Any]", msgspec.to_builtins(visit.services.settings))
    shared = bool(settings.get("stores", {}).get("cache"))
    failures = sums.get("cache_failures", 0) if shared else None
    return Kept(sums.get("cache_entries", 0), sums.get("cache_bytes", 0), failures)


def values_of(policy: CachePolicy) -> Mapping[str, str]:
    return {name: typed(getattr(policy, name)) for name in policy.__struct_fields__}


def _page(visit: Visit, route: Route, values: Form, *, status: int = 200) -> Response[str]:
    span = _span(visit)
    line = _lines(visit, [route], span)[0]
    used = route.cache.mode != "off" or _in_use(line)
    near = None
    if route.cache.mode == "semantic":
        where = TraceFilter(
            model=route.id, since_us=span.since_us, until_us=span.until_us, environment_id=visit.environment
        )
        near = similarities(visit.services.stores.telemetry, where)
    return visit.page(
        "cache.html",
        status=status,
        title="Gateway",
        nav="gateway",
        tab="caches",
        knows=("since",),
        route=route,
        line=line,
        values=values,
        charts=_charts(visit, span, route.id) if used else (),
        near=near,
        near_chart=charts.alike(near.cosines, route.cache.threshold) if near is not None and near.cosines else None,
        modes=get_args(CacheMode),
        scopes=get_args(CacheScope),
        spans=SPANS,
        span=visit.query.get("since", "24h"),
        may_change=visit.can("routes"),
    )


def _span(visit: Visit) -> Span:
    """Whole hours or days up to now."""
    since = visit.query.get("since", "24h")
    if since not in SPANS:
        raise UsageError(f"since is {since!r}.", remedy=f"Use one of {', '.join(SPANS)}.", param="since")
    until_us = visit.now_us + 1
    step = _HOUR_US if since == "24h" else _DAY_US
    since_us = (read_time(since, visit.now_us) or 0) // step * step + step
    return Span(since_us, until_us, step)


def _lines(visit: Visit, routes: Sequence[Route], span: Span) -> list[Line]:
    telemetry = visit.services.stores.telemetry
    now = route_caches(telemetry, routes, since_us=span.since_us, until_us=span.until_us, where=_where(visit, None))
    former = span.before
    before = route_caches(
        telemetry, routes, since_us=former.since_us, until_us=former.until_us, where=_where(visit, None)
    )
    return [Line(*pair) for pair in zip(now, before, strict=True)]


def _where(visit: Visit, route_id: str | None) -> Mapping[Dimension, str]:
    where: dict[Dimension, str] = {"environment_id": visit.environment} if visit.environment else {}
    return where if route_id is None else {**where, "request_model": route_id}


def _charts(visit: Visit, span: Span, route_id: str | None) -> Sequence[charts.Chart]:
    """Of one route, or of all together."""
    rows = [
        usage(
            visit.services.stores.telemetry,
            since_us=each.since_us,
            until_us=each.until_us,
            step="hour" if span.step_us == _HOUR_US else "day",
            where=_where(visit, route_id),
        )
        for each in (span, span.before)
    ]
    return charts.over_time(span, *rows)


def _in_use(line: Line) -> bool:
    sums = line.now.sums
    return line.now.route.cache.mode != "off" or bool(sums.hits + sums.misses)


def _sum(all_sums: Sequence[CacheSums]) -> CacheSums:
    columns = zip(*(msgspec.structs.astuple(sums) for sums in all_sums), strict=True)
    return CacheSums(*(sum(column) for column in columns))


def _read(form: Form, former: CachePolicy) -> CachePolicy:
    """UsageError names the field at fault. The hub checks the values."""
    mode = cast("CacheMode", field(form, "mode"))
    if form.get("only_mode"):
        return msgspec.structs.replace(former, mode=mode)
    return CachePolicy(
        mode=mode,
        ttl=decimal_of(form, "ttl", CachePolicy().ttl),
        namespace=form.get("namespace", "").strip(),
        scope=cast("CacheScope", field(form, "scope")),
        max_bytes=whole_of(form, "max_bytes", CachePolicy().max_bytes),
        max_temperature=decimal_of(form, "max_temperature", None),
        threshold=decimal_of(form, "threshold", CachePolicy().threshold),
    )


def _back(visit: Visit, route: Route) -> str:
    """To the page that the form was on."""
    path = f"/gateway/caches/{route.id}" if visit.form.get("from") == "one" else "/gateway/caches"
    return visit.link(path, since=visit.query.get("since"))


HANDLERS: list[Any] = [show, one, save, clear]
