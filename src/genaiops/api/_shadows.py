"""`/api/shadows`: the copies of a route's calls beside the calls that users got."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, get
from litestar.params import FromPath
from msgspec import Meta

from genaiops.api._access import needs
from genaiops.api._query import QUERY, described, read_query
from genaiops.api._services import Services, Serving
from genaiops.api._times import moment
from genaiops.core.clock import now_us, to_iso
from genaiops.core.errors import UsageError
from genaiops.domain import Deployment, Route
from genaiops.ports.telemetry import TraceFilter
from genaiops.watch import SHADOW_KEY, Likeness, Pair, ShadowLine, ShadowReport, shadow_report

PREFIX = "app/"
"""How an application is named among what is copied; its deployment follows."""


class ShadowQuery(msgspec.Struct, frozen=True, kw_only=True):
    since: Annotated[str, Meta(description="ISO 8601, or so long ago: `1h`, `24h`, `7d`")] = "7d"
    until: Annotated[str | None, Meta(description="ISO 8601, or so long ago")] = None
    target: Annotated[str | None, Meta(description="who got the copies (without: the route's shadow target)")] = None
    environment_id: Annotated[str | None, Meta(description="in an environment")] = None
    check: Annotated[
        tuple[str, ...], Meta(description="a metric of answers, such as refusal, is_json, chrf; repeatable")
    ] = ()
    lost: Annotated[str | None, Meta(description="show pairs in which the copy was worse by this metric")] = None
    most: Annotated[int, Meta(description="copies that are looked at, the newest first", ge=1, le=5000)] = 1000
    limit: Annotated[int, Meta(description="pairs that are shown", ge=0, le=200)] = 20


class ReleaseShadowQuery(msgspec.Struct, frozen=True, kw_only=True):
    since: Annotated[
        str | None, Meta(description="ISO 8601, or so long ago (without: since the release is in shadow)")
    ] = None
    until: Annotated[str | None, Meta(description="ISO 8601, or so long ago")] = None
    check: Annotated[
        tuple[str, ...], Meta(description="a metric of answers, such as refusal, is_json, chrf; repeatable")
    ] = ()
    lost: Annotated[str | None, Meta(description="show pairs in which the copy was worse by this metric")] = None
    most: Annotated[int, Meta(description="copies that are looked at, the newest first", ge=1, le=5000)] = 1000
    limit: Annotated[int, Meta(description="pairs that are shown", ge=0, le=200)] = 20


class HalfDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`output` null: the answer is not kept, or the caller may not read it."""

    trace_id: str
    target: str | None
    status: str
    values: dict[str, float]
    output: str | None


class PairDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One request: what users got (`live`), and what the shadow target said (`copy`)."""

    started_at: str
    asked: str
    live: HalfDocument
    copy: HalfDocument


class ShadowDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Of the newest `copies` in that time (`more`: there are older ones); `unpaired` of them lack the call that they
    copy, or do not say which it was. `same` of `told` answers are the same letter by letter. Lines: `difference` is
    copy less live, over users, with its two-sided interval of 95 %, for one look (null: `why`)."""

    route: str
    target: str
    copies: int
    more: bool
    unpaired: int
    pairs: int
    users: int
    told: int
    same: int
    lines: Sequence[ShadowLine]
    alike: Sequence[Likeness]
    shown: Sequence[PairDocument]


class ShadowsController(Controller):
    path = "/shadows"
    tags = ("Models",)

    @get(
        "/{route_id:path}",
        summary="Shadow copies beside live answers",
        guards=[needs("read")],
        sync_to_thread=True,
        opt={QUERY: ShadowQuery},
        operation_class=described(ShadowQuery),
    )
    def one(self, request: Request[Any, Any, Any], route_id: FromPath[str], services: Serving) -> ShadowDocument:
        """By pairs: errors, times, cost, tokens, scores that both traces have, and the checks that are asked for."""
        query = read_query(request, ShadowQuery)
        return _document(_report(services, services.hub.routes.get(route_id[1:]), query))


def _report(services: Services, route: Route, query: ShadowQuery) -> ShadowReport:
    target = query.target or (route.shadow.target_id if route.shadow is not None else None)
    if target is None:
        raise UsageError(
            f"The route {route.id} has no shadow target.",
            remedy="Give it one (genaiops route set --shadow TARGET), or name the target of former copies.",
            param="target",
        )
    at_us = now_us()
    where = TraceFilter(
        key_id=f"{SHADOW_KEY}{route.id}",
        target_id=target,
        environment_id=query.environment_id,
        since_us=moment(query.since, now_us=at_us, param="since"),
        until_us=None if query.until is None else moment(query.until, now_us=at_us, param="until"),
    )
    return shadow_report(
        services.telemetry,
        services.blobs,
        where,
        checks=query.check,
        lost=query.lost,
        most=query.most,
        shown=query.limit,
    )


def release_shadow_document(services: Services, deployment: Deployment, query: ReleaseShadowQuery) -> ShadowDocument:
    """UsageError where no release is in shadow."""
    if deployment.shadow is None:
        raise UsageError(
            f"No release is in shadow on {deployment.id}.",
            remedy=f"genaiops app shadow {deployment.application_id} --env {deployment.environment_id} "
            "--release latest",
            code="no_shadow",
        )
    at_us = now_us()
    report = shadow_report(
        services.telemetry,
        services.blobs,
        TraceFilter(
            key_id=f"{SHADOW_KEY}{PREFIX}{deployment.id}",
            since_us=deployment.shadow.since_us
            if query.since is None
            else moment(query.since, now_us=at_us, param="since"),
            until_us=None if query.until is None else moment(query.until, now_us=at_us, param="until"),
        ),
        checks=query.check,
        lost=query.lost,
        most=query.most,
        shown=query.limit,
    )
    return msgspec.structs.replace(_document(report), target=deployment.shadow.release_id)


def _document(report: ShadowReport) -> ShadowDocument:
    fields: dict[str, Any] = msgspec.structs.asdict(report)
    for name in ("route", "target"):
        fields[name] = fields.pop(f"{name}_id")
    fields["shown"] = [_pair(each) for each in report.shown]
    return ShadowDocument(**fields)


def _pair(pair: Pair) -> PairDocument:
    live, copy = (
        HalfDocument(
            trace_id=half.trace_id,
            target=half.target_id,
            status=half.status,
            values=dict(half.values),
            output=half.output,
        )
        for half in (pair.live, pair.copy)
    )
    return PairDocument(started_at=to_iso(pair.at_us), asked=pair.live.asked, live=live, copy=copy)
