"""`/api/caches`: the routes whose answers are kept, what that saved, and forgetting it."""

from typing import Annotated

import msgspec
from litestar import Controller, Response, delete, get
from litestar.params import FromPath, QueryParameter

from genaiops.api._access import Calling, needs
from genaiops.api._documents import Listing, RouteDocument, shown, time_or_none
from genaiops.api._figures import CacheDocument, cache_document
from genaiops.api._services import Serving
from genaiops.api._times import moment
from genaiops.api._writing import write
from genaiops.core.clock import now_us
from genaiops.domain import CachePolicy
from genaiops.watch import route_caches


class RouteCacheDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A route's cache. `calls` are all calls of the route; `hit_rate` is of those that were looked up, null when none
    were."""

    route: str
    policy: CachePolicy
    cleared_at: str | None
    calls: int
    hit_rate: float | None
    figures: CacheDocument


class CachesController(Controller):
    path = "/caches"
    tags = ("Models",)

    @get(summary="List caches and what they saved", guards=[needs("read")], sync_to_thread=True)
    def list(
        self,
        services: Serving,
        since: Annotated[str, QueryParameter(description="ISO 8601, or so long ago: `1h`, `24h`, `7d`")] = "24h",
    ) -> Listing[RouteCacheDocument]:
        """The routes that have one, with their calls since then."""
        at_us = now_us()
        caches = route_caches(
            services.telemetry,
            [route for route in services.hub.routes.list() if route.cache.mode != "off"],
            since_us=moment(since, now_us=at_us, param="since"),
            until_us=at_us + 1,
        )
        return Listing(
            [
                RouteCacheDocument(
                    route=each.route.id,
                    policy=each.route.cache,
                    cleared_at=time_or_none(each.route.cache_cleared_us),
                    calls=each.calls,
                    hit_rate=each.hit_rate,
                    figures=cache_document(each.sums),
                )
                for each in caches
            ]
        )

    @delete("/{route_id:path}", summary="Forget a route's kept answers", guards=[needs("routes")], status_code=200)
    async def clear(self, route_id: FromPath[str], services: Serving, caller: Calling) -> Response[RouteDocument]:
        """None of them is given out any more; the route stays as it is."""

        def work() -> RouteDocument:
            return shown(services.hub.routes.clear_cache(route_id[1:], by=caller.actor.id), RouteDocument)

        return await write(services, work)
