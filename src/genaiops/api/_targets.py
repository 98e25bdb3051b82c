"""`/api/targets`, `/api/routes`, `/api/models`: where calls can go."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, get_args

import msgspec
from litestar import Controller, Response, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from genaiops.api._access import Calling, needs
from genaiops.api._documents import (
    Listing,
    ModelDocument,
    RouteDocument,
    TargetDocument,
    shown,
    shown_target,
)
from genaiops.api._runs import sees
from genaiops.api._services import Serving
from genaiops.api._writing import write
from genaiops.arena import Figure, RunDocument, run_document
from genaiops.domain import (
    BreakerPolicy,
    CachePolicy,
    HedgePolicy,
    Operation,
    ProbePolicy,
    RetryPolicy,
    Route,
    RouteTarget,
    ShadowPolicy,
    Sticky,
    Strategy,
    Target,
    TargetTimeouts,
)
from genaiops.hub import Hub, masked


class TargetRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`model` is the name that clients call, `upstream_model` the provider's for it. `credentials` are names of
    secrets, never the secrets. `base_url` ends before `/chat/completions`. Timeouts are in seconds."""

    provider: str
    model: str
    upstream_model: str
    base_url: str | None = None
    operations: tuple[Operation, ...] = ("chat", "text_completion")
    credentials: tuple[str, ...] = ()
    timeouts: TargetTimeouts = TargetTimeouts()
    breaker: BreakerPolicy = BreakerPolicy()
    max_concurrency: int | None = None
    max_output_tokens: int = 4096
    context_window: int | None = None
    stream_usage: bool = True
    proxy: str | None = None
    ca_file: str | None = None
    settings: dict[str, str] = {}
    environments: tuple[str, ...] = ()
    enabled: bool = True
    region: str | None = None
    tags: tuple[str, ...] = ()
    queue_seconds: float = 0.0
    queue_length: int = 64
    probe: ProbePolicy | None = None


class NewTargetRequest(TargetRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A target with its name."""

    id: str


class RouteRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Equivalents by weight, then fallbacks in order. `guard`: a policy that holds beside that of the key."""

    targets: tuple[RouteTarget, ...]
    fallbacks: tuple[str, ...] = ()
    retry: RetryPolicy = RetryPolicy()
    environments: tuple[str, ...] = ()
    strategy: Strategy = "weighted"
    sticky: Sticky | None = None
    regions: tuple[str, ...] = ()
    context_fallbacks: tuple[str, ...] = ()
    over_budget: tuple[str, ...] = ()
    hedge: HedgePolicy | None = None
    shadow: ShadowPolicy | None = None
    cache: CachePolicy = CachePolicy()
    guard: str | None = None


class NewRouteRequest(RouteRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A route with the model name that clients call it by."""

    id: str


class BenchmarkDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What one run measured of a model. `harness`: the version of genaiops that measured it; `target`: under which name
    the suite asked the model; `figures`: of that target, each with one-sided bounds of 95 %."""

    run: RunDocument
    harness: str
    target: str
    figures: Sequence[Figure]


class TargetsController(Controller):
    path = "/targets"
    tags = ("Models",)

    @get(summary="List targets", guards=[needs("read")], sync_to_thread=True)
    def list(self, services: Serving) -> Listing[TargetDocument]:
        """One entry for each model at each provider."""
        return Listing([shown_target(target) for target in services.hub.targets.list()])

    @post(summary="Make a target", guards=[needs("targets")])
    async def create(
        self, data: JSONBody[NewTargetRequest], services: Serving, caller: Calling
    ) -> Response[TargetDocument]:
        """Calls for its `model` can go there from now on."""

        def work() -> TargetDocument:
            target = Target(**_fields(data), created_us=0)
            return shown_target(services.hub.targets.create(target, by=caller.actor.id))

        return await write(services, work, status=201)

    @get("/{target_id:path}", summary="One target", guards=[needs("read")], sync_to_thread=True)
    def one(self, target_id: FromPath[str], services: Serving) -> TargetDocument:
        """By its name."""
        return shown_target(services.hub.targets.get(target_id[1:]))

    @put("/{target_id:path}", summary="Replace a target", guards=[needs("targets")])
    async def replace(
        self, target_id: FromPath[str], data: JSONBody[TargetRequest], services: Serving, caller: Calling
    ) -> Response[TargetDocument]:
        """The whole target; what is not given has its default. Its own `proxy`, masked as `***@host`, stays."""

        def work() -> TargetDocument:
            former = services.hub.targets.get(target_id[1:])
            target = Target(**_fields(data), id=former.id, created_us=former.created_us)
            if target.proxy is not None and target.proxy == masked(former.proxy):
                target = msgspec.structs.replace(target, proxy=former.proxy)
            return shown_target(services.hub.targets.replace(target, by=caller.actor.id))

        return await write(services, work)

    @delete("/{target_id:path}", summary="Remove a target", guards=[needs("targets")], status_code=200)
    async def remove(self, target_id: FromPath[str], services: Serving, caller: Calling) -> Response[None]:
        """409 while a route names it."""
        return await write(services, lambda: services.hub.targets.remove(target_id[1:], by=caller.actor.id))


class EmbeddedController(Controller):
    path = "/embedded"
    tags = ("Models",)

    @post("/{name:str}", summary="Bring an embedded model back", guards=[needs("targets")])
    async def restore(self, name: FromPath[str], services: Serving, caller: Calling) -> Response[TargetDocument]:
        """The target of a model that comes along, after it was removed."""
        return await write(services, lambda: shown_target(services.restore_model(name, by=caller.actor.id)), status=201)


class RoutesController(Controller):
    path = "/routes"
    tags = ("Models",)

    @get(summary="List routes", guards=[needs("read")], sync_to_thread=True)
    def list(self, services: Serving) -> Listing[RouteDocument]:
        """All routes."""
        return Listing([shown(route, RouteDocument) for route in services.hub.routes.list()])

    @post(summary="Make a route", guards=[needs("routes")])
    async def create(
        self, data: JSONBody[NewRouteRequest], services: Serving, caller: Calling
    ) -> Response[RouteDocument]:
        """A route takes precedence over targets whose `model` has its name."""

        def work() -> RouteDocument:
            route = Route(**_fields(data), created_us=0)
            return shown(services.hub.routes.create(route, by=caller.actor.id), RouteDocument)

        return await write(services, work, status=201)

    @get("/{route_id:path}", summary="One route", guards=[needs("read")], sync_to_thread=True)
    def one(self, route_id: FromPath[str], services: Serving) -> RouteDocument:
        """By the model name that clients call."""
        return shown(services.hub.routes.get(route_id[1:]), RouteDocument)

    @put("/{route_id:path}", summary="Replace a route", guards=[needs("routes")])
    async def replace(
        self, route_id: FromPath[str], data: JSONBody[RouteRequest], services: Serving, caller: Calling
    ) -> Response[RouteDocument]:
        """The whole route; what is not given has its default."""

        def work() -> RouteDocument:
            route = Route(**_fields(data), id=route_id[1:], created_us=0)
            return shown(services.hub.routes.replace(route, by=caller.actor.id), RouteDocument)

        return await write(services, work)

    @delete("/{route_id:path}", summary="Remove a route", guards=[needs("routes")], status_code=200)
    async def remove(self, route_id: FromPath[str], services: Serving, caller: Calling) -> Response[None]:
        """Calls for its name go to targets of that model again, if there are any."""
        return await write(services, lambda: services.hub.routes.remove(route_id[1:], by=caller.actor.id))


class ModelsController(Controller):
    path = "/models"
    tags = ("Models",)

    @get(summary="List what clients can call", guards=[needs("read")], sync_to_thread=True)
    def list(self, services: Serving) -> Listing[ModelDocument]:
        """Models by the targets that serve them, and routes."""
        return Listing(_models(services.hub))

    @get("/benchmarks", summary="What suites measured of a model", guards=[needs("read")], sync_to_thread=True)
    def benchmarks(
        self,
        services: Serving,
        caller: Calling,
        model: Annotated[str, QueryParameter(description="the name that clients call")],
        limit: Annotated[int, QueryParameter(ge=1, le=100, description="lines at most")] = 20,
    ) -> Listing[BenchmarkDocument]:
        """The newest first, of the latest 200 runs that are done. Empty where no suite asked it."""
        found = services.evaluations.benchmarks(
            model, tenant_id=caller.reach.tenant_id, sees=lambda run: sees(caller, run), most=limit
        )
        return Listing(
            [
                BenchmarkDocument(
                    run=run_document(each.run), harness=each.harness, target=each.target, figures=each.figures
                )
                for each in found
            ]
        )


def _models(hub: Hub) -> Sequence[ModelDocument]:
    targets = {target.id: target for target in hub.targets.list()}
    weights = {each.name: each.id for kind in ("model", "embedding") for each in hub.artifacts.of_kind(kind)}
    found = {route.id: _of_route(route, targets) for route in hub.routes.list()}
    for name in {target.model for target in targets.values()} - found.keys():
        serving = [target for target in targets.values() if target.model == name]
        found[name] = _document(name, "model", serving, weights=weights.get(name))
    return [found[name] for name in sorted(found)]


def _of_route(route: Route, targets: Mapping[str, Target]) -> ModelDocument:
    named = [targets[each.target_id] for each in route.targets if each.target_id in targets]
    others = dict.fromkeys((*route.fallbacks, *route.context_fallbacks, *route.over_budget))
    return _document(route.id, "route", named, fallbacks=[targets[name] for name in others if name in targets])


def _document(
    name: str,
    kind: Literal["model", "route"],
    targets: Sequence[Target],
    *,
    fallbacks: Sequence[Target] = (),
    weights: str | None = None,
) -> ModelDocument:
    every = [*targets, *fallbacks]
    windows = [target.context_window for target in every if target.context_window is not None]
    operations = [each for each in get_args(Operation) if any(each in target.operations for target in targets)]
    return ModelDocument(
        id=name,
        kind=kind,
        operations=operations,
        targets=[target.id for target in targets],
        fallbacks=[target.id for target in fallbacks],
        context_window=min(windows, default=None),
        available=any(target.enabled for target in every),
        weights=weights,
    )


def _fields(data: TargetRequest | RouteRequest) -> dict[str, Any]:
    return msgspec.structs.asdict(data)
