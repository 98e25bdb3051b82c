"""Shadow copies: what a route's shadow target said beside what users got."""

from typing import Any

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from genaiops.console._filters import read_time
from genaiops.console._format import NONE
from genaiops.console._visit import Visit, Visiting
from genaiops.core.errors import UsageError
from genaiops.domain import Outcome, Route
from genaiops.ports.telemetry import TraceFilter
from genaiops.watch import SHADOW_KEY, ShadowLine, ShadowReport, shadow_report

SPANS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days"}
CHECKS = ("refusal", "is_json", "word_count", "length", "exact_match", "token_f1", "chrf", "rougeL")
"""What the form offers; the address takes any that can be made of an answer alone."""

MOST = 500
"""Copies that a page looks at."""
_STATES: dict[str, tuple[str, Outcome]] = {
    "better": ("better", "pass"),
    "worse": ("worse", "fail"),
    "differs": ("differs", "inconclusive"),
    "open": ("not decided", "inconclusive"),
}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A metric, as it is read."""

    line: ShadowLine
    says: str
    outcome: Outcome
    live: str
    copy: str
    difference: str
    interval: str


@get("/gateway/shadows/{route_id:path}", sync_to_thread=True)
def show(visit: Visiting, route_id: FromPath[str]) -> Response[str]:
    route = visit.services.hub.routes.get(route_id.lstrip("/"))
    since = visit.query.get("since", "7d")
    if since not in SPANS:
        raise UsageError(f"since is {since!r}.", remedy=f"Use one of {', '.join(SPANS)}.", param="since")
    check = visit.query.get("check", "")
    report = None if route.shadow is None else _report(visit, route, route.shadow.target_id, since, check)
    return visit.page(
        "shadow.html",
        title="Gateway",
        nav="gateway",
        tab="routes",
        knows=("since", "check", "lost"),
        route=route,
        report=report,
        rows=[row_of(each) for each in report.lines] if report else (),
        checks=CHECKS if check in ("", *CHECKS) else (*CHECKS, check),
        check=check,
        lost=visit.query.get("lost", ""),
        spans=SPANS,
        span=since,
    )


def _report(visit: Visit, route: Route, target_id: str, since: str, check: str) -> ShadowReport:
    where = TraceFilter(
        key_id=f"{SHADOW_KEY}{route.id}",
        target_id=target_id,
        environment_id=visit.environment,
        since_us=read_time(since, visit.now_us),
    )
    stores, checks = visit.services.stores, (check,) if check else ()
    lost = visit.query.get("lost") or None
    return shadow_report(stores.telemetry, stores.blobs, where, checks=checks, lost=lost, most=MOST)


def row_of(line: ShadowLine) -> Row:
    says, outcome = ("cannot say", "inconclusive") if line.why else _STATES[line.state]
    low, high = line.interval or (None, None)
    return Row(
        line=line,
        says=says,
        outcome=outcome,
        live=_number(line.live),
        copy=_number(line.copy),
        difference=NONE if line.difference is None else f"{line.difference:+.4g}",
        interval=NONE if low is None or high is None else f"{low:+.4g} to {high:+.4g}",
    )


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.4g}"


HANDLERS: list[Any] = [show]
