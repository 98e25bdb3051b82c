"""`/api/overview`, `/api/usage`, `/api/targets/health`, `/api/status`: read from rollups, never from raw spans."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Request, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter, SkipValidation
from msgspec import Meta

from genaiops.api._access import needs
from genaiops.api._documents import Listing, time_or_none
from genaiops.api._query import QUERY, described, read_query
from genaiops.api._services import Serving
from genaiops.api._status import Status
from genaiops.api._times import moment
from genaiops.core.clock import now_us, to_iso
from genaiops.core.errors import UsageError
from genaiops.core.money import from_nano
from genaiops.ports.telemetry import GRAM_UNIT, KWH_UNIT, LITRE_UNIT, CacheSums, Dimension, EnergySums
from genaiops.watch import (
    RouteShare,
    TargetHealth,
    Totals,
    UnknownPrice,
    UsageRow,
    overview,
    route_shares,
    target_health,
    trace_row_document,
    unknown_prices,
    usage,
)

_DIMENSIONS: Mapping[str, Dimension] = {
    "key": "key_id",
    "team": "team_id",
    "application": "application",
    "model": "request_model",
    "environment": "environment_id",
    "target": "target_id",
    "operation": "operation",
    "status": "status",
}
_NAMES: Mapping[str, Dimension] = {**_DIMENSIONS, **{each: each for each in _DIMENSIONS.values()}}
DAY_US = 86_400_000_000
_Step = Literal["minute", "hour", "day", "all"]


Telling = NamedDependency[SkipValidation[Callable[[], Status]]]
"""The annotation of the parameter `status` of a handler."""


class UsageQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which stretch of time, in which steps, grouped by what, and only of what."""

    since: Annotated[str, Meta(description="ISO 8601, or so long ago: `1h`, `24h`, `7d`")] = "24h"
    until: Annotated[str | None, Meta(description="ISO 8601, or so long ago; by default now")] = None
    step: Annotated[_Step, Meta(description="one row for each of these")] = "all"
    group_by: Annotated[
        str, Meta(description=f"any of {', '.join(_DIMENSIONS)}, separated by commas; by default none")
    ] = ""
    key_id: str | None = None
    team_id: str | None = None
    application: str | None = None
    model: str | None = None
    environment_id: str | None = None
    target_id: str | None = None
    operation: str | None = None
    status: str | None = None

    def where(self) -> dict[Dimension, str]:
        given: dict[Dimension, str | None] = {
            "key_id": self.key_id,
            "team_id": self.team_id,
            "application": self.application,
            "request_model": self.model,
            "environment_id": self.environment_id,
            "target_id": self.target_id,
            "operation": self.operation,
            "status": self.status,
        }
        return {dimension: value for dimension, value in given.items() if value is not None}


class RangeDocument(msgspec.Struct, frozen=True, kw_only=True):
    low: float
    central: float
    high: float


class EnergyDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Electricity (`kwh`) of the `known` among `attempts` at models, grams of CO2 equivalents (`co2e_g`) of
    `co2e_known` of them and litres of water (`water_l`) of `water_known`; null when that is none. The others used
    energy too: nobody knows how much."""

    attempts: int
    known: int
    co2e_known: int
    kwh: RangeDocument | None
    co2e_g: RangeDocument | None
    water_known: int
    water_l: RangeDocument | None


class CacheDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that were looked up in a cache. `saved_tokens` and `saved_cost` are what the answers of the hits took when
    they were made; `saved_unknown` of them cost something that nobody knows."""

    hits: int
    misses: int
    saved_tokens: int
    saved_cost: str
    saved_unknown: int


class UsageDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of one stretch of time and one group. `cost` is what is known of it; `cost_unknown` counts calls that cost
    something nobody knows. `estimated_calls`: their tokens were counted by us. Milliseconds are null without calls."""

    start_at: str | None
    group: Mapping[str, str]
    calls: int
    errors: int
    input_tokens: int
    cache_read: int
    output_tokens: int
    estimated_calls: int
    cost: str
    cost_unknown: int
    energy: EnergyDocument
    cache: CacheDocument
    p50_ms: float | None
    p95_ms: float | None
    first_token_p50_ms: float | None


class TotalsDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of a stretch of time. `error_rate` is null without calls: no calls are neither good nor bad."""

    calls: int
    errors: int
    error_rate: float | None
    input_tokens: int
    output_tokens: int
    cost: str
    cost_unknown: int
    p50_ms: float | None
    p95_ms: float | None
    ttft_p50_ms: float | None


class OverviewDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The last hours beside the hours before them."""

    since: str
    until: str
    now: TotalsDocument
    previous: TotalsDocument
    series: list[UsageDocument]
    top_models: list[UsageDocument]
    top_keys: list[UsageDocument]
    recent_errors: list[dict[str, Any]]


class Figures(Controller):
    tags = ("Figures",)

    @get("/overview", summary="How it goes", guards=[needs("read")], sync_to_thread=True)
    def overview(
        self,
        services: Serving,
        hours: Annotated[int, QueryParameter(ge=1, le=744)] = 24,
        environment_id: FromQuery[str | None] = None,
    ) -> OverviewDocument:
        """Calls, errors, tokens, cost and latency of the last `hours`, the same of the `hours` before, a point an hour
        (a minute when `hours` is 1), the busiest models and keys, and the latest errors."""
        where: dict[Dimension, str] = {} if environment_id is None else {"environment_id": environment_id}
        found = overview(services.telemetry, now_us=now_us(), hours=hours, where=where)
        return OverviewDocument(
            since=to_iso(found.since_us),
            until=to_iso(found.until_us),
            now=_totals(found.now),
            previous=_totals(found.previous),
            series=[_row(row) for row in found.series],
            top_models=[_row(row) for row in found.top_models],
            top_keys=[_row(row) for row in found.top_keys],
            recent_errors=[trace_row_document(row) for row in found.recent_errors],
        )

    @get(
        "/usage",
        summary="Usage by key, team, model ...",
        guards=[needs("read")],
        sync_to_thread=True,
        opt={QUERY: UsageQuery},
        operation_class=described(UsageQuery),
    )
    def usage(self, request: Request[Any, Any, Any], services: Serving) -> Listing[UsageDocument]:
        """Oldest first, then the dearest group. The range is widened to whole minutes."""
        query = read_query(request, UsageQuery)
        at_us = now_us()
        since_us = moment(query.since, now_us=at_us, param="since")
        until_us = at_us + 1 if query.until is None else moment(query.until, now_us=at_us, param="until")
        if until_us <= since_us:
            raise UsageError("until is not after since.", remedy="Give a later end.", param="until")
        rows = usage(
            services.telemetry,
            since_us=since_us,
            until_us=until_us,
            step=query.step,
            group_by=_dimensions(query.group_by),
            where=query.where(),
        )
        return Listing([_row(row) for row in rows])

    @get("/targets/health", summary="How targets do", guards=[needs("read")], sync_to_thread=True)
    def target_health(self, services: Serving) -> Listing[TargetHealth]:
        """The breaker's worst state among workers, and the calls of the last 15 minutes."""
        targets, gauges = services.hub.targets.list(), services.counters.gauges()
        return Listing(target_health(services.telemetry, targets, gauges, now_us=now_us()))

    @get("/routes/shares", summary="Where the calls of routes go", guards=[needs("read")], sync_to_thread=True)
    def route_shares(self, services: Serving) -> Listing[RouteShare]:
        """Each target of each route: its share by weight beside its share of the last hour's calls."""
        return Listing(route_shares(services.telemetry, services.hub.routes.list(), now_us=now_us()))

    @get("/prices/unknown", summary="Calls at an unknown price", guards=[needs("read")], sync_to_thread=True)
    def unknown_prices(
        self, services: Serving, days: Annotated[int, QueryParameter(ge=1, le=400)] = 30
    ) -> Listing[UnknownPrice]:
        """By target, of the last `days`: calls that cost something nobody knows, because no price fits."""
        until_us = now_us() + 1
        targets, since_us = services.hub.targets.list(), until_us - days * DAY_US
        return Listing(unknown_prices(services.telemetry, targets, since_us=since_us, until_us=until_us))

    @get("/status", summary="How the installation is", guards=[needs("read")], sync_to_thread=True)
    def status(self, status: Telling) -> Status:
        """Processes, versions, what waits to be folded into traces, and the sizes of stores."""
        return status()


def _dimensions(text: str) -> list[Dimension]:
    found: list[Dimension] = []
    for name in filter(None, (part.strip() for part in text.split(","))):
        dimension = _NAMES.get(name)
        if dimension is None:
            raise UsageError(
                f"group_by: {name!r} is nothing to group by.",
                remedy=f"There are: {', '.join(_DIMENSIONS)}.",
                param="group_by",
            )
        if dimension in found:
            raise UsageError(f"group_by names {name!r} twice.", remedy="Name it once.", param="group_by")
        found.append(dimension)
    return found


def _row(row: UsageRow) -> UsageDocument:
    fields = msgspec.structs.asdict(row)
    fields["start_at"] = time_or_none(fields.pop("start_us"))
    fields["cost"] = from_nano(fields.pop("cost_nano"))
    fields["cache"] = cache_document(row.cache)
    fields["energy"] = _energy(fields.pop("attempts"), fields.pop("energy"))
    return UsageDocument(**fields)


def cache_document(sums: CacheSums) -> CacheDocument:
    return CacheDocument(
        hits=sums.hits,
        misses=sums.misses,
        saved_tokens=sums.saved_tokens,
        saved_cost=from_nano(sums.saved_nano),
        saved_unknown=sums.saved_unknown,
    )


def _energy(attempts: int, sums: EnergySums) -> EnergyDocument:
    kwh = _range(KWH_UNIT, sums.kwh_low, sums.kwh_central, sums.kwh_high)
    co2e = _range(GRAM_UNIT, sums.co2e_low, sums.co2e_central, sums.co2e_high)
    water = _range(LITRE_UNIT, sums.water_low, sums.water_central, sums.water_high)
    return EnergyDocument(
        attempts=attempts,
        known=sums.known,
        co2e_known=sums.known_co2e,
        kwh=kwh if sums.known else None,
        co2e_g=co2e if sums.known_co2e else None,
        water_known=sums.known_water,
        water_l=water if sums.known_water else None,
    )


def _totals(totals: Totals) -> TotalsDocument:
    fields = msgspec.structs.asdict(totals)
    fields["cost"] = from_nano(fields.pop("cost_nano"))
    return TotalsDocument(**fields)


def _range(unit: float, low: int, central: int, high: int) -> RangeDocument:
    return RangeDocument(low=low * unit, central=central * unit, high=high * unit)
