"""Where the calls of routes went, and what they cost that nobody knows."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from genaiops.domain import Route, Target
from genaiops.ports.telemetry import RollupQuery, Telemetry
from genaiops.watch._figures import HOUR_US


class RouteShare(msgspec.Struct, frozen=True, kw_only=True):
    """One target of a route. `weight` and `configured` (its share of the weights) are null for a fallback. `calls` went
    there in the last hour, which is the share `live` of those that reached any target of the route (null: none did).
    A `former` target still has calls in that hour, but the route no longer names it."""

    route_id: str
    target_id: str
    role: Literal["weighted", "fallback", "former"]
    weight: int | None
    configured: float | None
    calls: int
    errors: int
    live: float | None


class UnknownPrice(msgspec.Struct, frozen=True, kw_only=True):
    """`calls` to a target since `since_us` that cost something nobody knows: no price fits its model. `provider` and
    `upstream_model` are null when the target is gone."""

    target_id: str
    provider: str | None
    upstream_model: str | None
    calls: int


def route_shares(telemetry: Telemetry, routes: Sequence[Route], *, now_us: int) -> list[RouteShare]:
    """In the order of the routes: targets as they stand there, then fallbacks in order, then former ones."""
    rows = telemetry.rollup(
        RollupQuery(since_us=now_us - HOUR_US, until_us=now_us + 1, step="all", group_by=("request_model", "target_id"))
    )
    calls: dict[str, dict[str, tuple[int, int]]] = {}
    for row in rows:
        if row.group["target_id"] and row.calls:
            calls.setdefault(row.group["request_model"], {})[row.group["target_id"]] = (row.calls, row.errors)
    return [share for route in routes for share in _of_route(route, calls.get(route.id, {}))]


def _of_route(route: Route, calls: Mapping[str, tuple[int, int]]) -> list[RouteShare]:
    weights = {each.target_id: each.weight for each in route.targets}
    whole, everything = sum(weights.values()), sum(count for count, _ in calls.values())
    places: list[tuple[str, Literal["weighted", "fallback", "former"]]] = [
        *((name, "weighted") for name in weights),
        *((name, "fallback") for name in route.fallbacks),
        *((name, "former") for name in sorted(calls) if name not in weights and name not in route.fallbacks),
    ]
    shares: list[RouteShare] = []
    for name, role in places:
        count, errors = calls.get(name, (0, 0))
        shares.append(
            RouteShare(
                route_id=route.id,
                target_id=name,
                role=role,
                weight=weights.get(name),
                configured=weights[name] / whole if role == "weighted" else None,
                calls=count,
                errors=errors,
                live=count / everything if everything else None,
            )
        )
    return shares


def unknown_prices(
    telemetry: Telemetry, targets: Sequence[Target], *, since_us: int, until_us: int
) -> list[UnknownPrice]:
    """The busiest first."""
    known = {target.id: target for target in targets}
    rows = telemetry.rollup(RollupQuery(since_us=since_us, until_us=until_us, step="all", group_by=("target_id",)))
    found: list[UnknownPrice] = []
    for row in rows:
        if row.cost_unknown:
            target = known.get(row.group["target_id"])
            found.append(
                UnknownPrice(
                    target_id=row.group["target_id"],
                    provider=None if target is None else target.provider,
                    upstream_model=None if target is None else target.upstream_model,
                    calls=row.cost_unknown,
                )
            )
    return sorted(found, key=lambda each: (-each.calls, each.target_id))
