"""A Snapshot made ready for the hot path: names resolved to line-ups, prices to targets, limits to scopes."""

import bisect
import itertools
from collections.abc import Mapping, Sequence
from typing import get_args
from urllib.parse import urlsplit

import msgspec

from genaiops.domain import (
    NO_CEILING,
    Budget,
    Ceiling,
    Decision,
    EnergyRate,
    Environment,
    HedgePolicy,
    IdentityIssuer,
    Operation,
    Price,
    RateLimit,
    RetryPolicy,
    Route,
    ShadowPolicy,
    Snapshot,
    Sticky,
    Strategy,
    Target,
    price_at,
    prices_of,
)
from genaiops.gateway.cache_key import CachedRoute, cached_route
from genaiops.gateway.compose import Prompts
from genaiops.gateway.deployed import Deployments
from genaiops.gateway.limits import FOREVER_US, Line, lines_of
from genaiops.gateway.pace import Pace
from genaiops.gateway.upstream import Fleet, Upstream
from genaiops.ports.guard import GuardPlan, Guards

OPERATIONS: tuple[Operation, ...] = get_args(Operation)


class Candidate:
    """A target that a Snapshot offers, with the prices that hold for it and what it uses."""

    __slots__ = ("_energy", "_prices", "free", "line", "server_address", "server_port", "target", "upstream")

    def __init__(
        self, upstream: Upstream, prices: tuple[Price, ...], energy: EnergyRate | None = None, *, free: bool = False
    ) -> None:
        self.free = free
        """What is asked of it costs nothing, whatever its price says: to ask for a job that was paid when it began."""
        self.upstream = upstream
        self.target: Target = upstream.target
        self.line = b"x-genaiops-target: %b\r\n" % self.target.id.encode()
        self._prices = prices
        self._energy = energy
        self.server_address, self.server_port = _server(self.target.base_url)

    def price(self, at_us: int) -> Price | None:
        """The price in force at that time; the longest matching name wins, then the latest."""
        return price_at(self._prices, at_us)

    def energy(self, operation: Operation) -> EnergyRate | None:
        """What its answers use; None: nobody knows."""
        rate = self._energy
        return rate if rate is not None and operation in rate.operations else None

    def changes(self, at_us: int) -> tuple[int, int]:
        """From when until when nothing about the prices changes."""
        times = [price.valid_from_us for price in self._prices]
        since = max((time for time in times if time <= at_us), default=0)
        return since, min((time for time in times if time > at_us), default=FOREVER_US)


class Quote:
    """The dearest prices in force among a line-up's candidates, until the next price change."""

    __slots__ = ("_within", "dearest", "lineup", "since_us", "until_us")

    def __init__(self, lineup: "Lineup", at_us: int) -> None:
        self.lineup = lineup
        self.since_us = max((one.changes(at_us)[0] for one in lineup.all), default=0)
        self.until_us = min((one.changes(at_us)[1] for one in lineup.all), default=FOREVER_US)
        self.dearest: dict[str, Ceiling] = {}
        """Currency -> what a call can cost at most."""
        self._within: dict[frozenset[str], Lineup] = {}
        for price in filter(None, (one.price(at_us) for one in lineup.all)):
            self.dearest[price.currency] = self.dearest.get(price.currency, NO_CEILING).with_price(price)

    def within(self, currencies: frozenset[str]) -> "Lineup":
        """Only the candidates whose price is known in all of these currencies (in effect: in the only one)."""
        found = self._within.get(currencies)
        if found is None:
            able = frozenset(
                one.target.id
                for one in self.lineup.all
                if (price := one.price(self.since_us)) is not None and {price.currency}.issuperset(currencies)
            )
            found = self.lineup if len(able) == len(self.lineup.all) else self.lineup.only(able)
            self._within[currencies] = found
        return found


class Lineup:
    """Who may serve a name for one operation, in which order."""

    __slots__ = (
        "_marks",
        "_quote",
        "_rated",
        "_route",
        "all",
        "asks",
        "because",
        "cached",
        "context_fallbacks",
        "decision",
        "fallbacks",
        "guard",
        "hedge",
        "longest",
        "looks",
        "most_output",
        "name",
        "plain",
        "primary",
        "regions",
        "retry",
        "route_id",
        "shadow",
        "shortest",
        "sticky",
        "strategy",
        "total_weight",
    )

    def __init__(
        self,
        name: str,
        route: Route | None,
        primary: tuple[tuple[Candidate, int], ...],
        fallbacks: tuple[Candidate, ...] = (),
        context_fallbacks: tuple[Candidate, ...] = (),
        cached: CachedRoute | None = None,
        because: str = "",
    ) -> None:
        self.name = name
        self.cached = cached
        self.because = because
        """Why these serve and not the usual ones; empty: they are the usual ones."""
        self.route_id = route.id if route is not None else None
        self.primary = primary
        self.fallbacks = fallbacks
        self.context_fallbacks = context_fallbacks
        self.retry = route.retry if route is not None else RetryPolicy()
        self.strategy: Strategy = route.strategy if route is not None else "weighted"
        self.sticky: Sticky | None = route.sticky if route is not None else None
        self.hedge: HedgePolicy | None = route.hedge if route is not None else None
        self.shadow: ShadowPolicy | None = route.shadow if route is not None else None
        self.regions = route.regions if route is not None else ()
        self.guard = route.guard if route is not None else None
        self._route = route
        everybody = (*(candidate for candidate, _ in primary), *fallbacks, *context_fallbacks)
        self.all: tuple[Candidate, ...] = tuple(dict.fromkeys(everybody))
        self.total_weight = sum(weight for _, weight in primary)
        windows = [one.target.context_window for one in self.all]
        self.longest = max((window for window in windows if window is not None), default=0)
        self.shortest = min((window for window in windows if window is not None), default=FOREVER_US)
        """The largest and the smallest context window that is known, in tokens."""
        choosy = len(self.all) > 1
        self.looks = choosy and (self.sticky is not None or self.strategy in ("cost", "latency"))
        """Who asks, how much or in which way counts for the choice."""
        self.asks = self.looks or (choosy and (self.longest > 0 or bool(context_fallbacks)))
        """That, or how long the prompt is."""
        keeps = choosy and self.sticky is not None
        self.plain = self.total_weight > 0 and self.strategy == "weighted" and not keeps and not because
        """The first target is drawn by weight, whatever request it is (unless that is too long for one)."""
        self.decision = _drawn(primary) if choosy else None
        """Of a plain choice; None where there is nothing to choose."""
        self._marks = tuple(itertools.accumulate(weight for _, weight in primary))
        self._quote: Quote | None = None
        self._rated: dict[Operation, Lineup] = {}
        self.most_output = max((candidate.target.max_output_tokens for candidate in self.all), default=0)

    def pick(self, point: float) -> Candidate:
        """The equivalent at a point of 0..1, by weight."""
        primary = self.primary
        if len(primary) == 1:
            return primary[0][0]
        return primary[bisect.bisect_right(self._marks, point * self.total_weight)][0]

    def quote(self, at_us: int) -> Quote:
        quote = self._quote
        if quote is None or not quote.since_us <= at_us < quote.until_us:
            quote = self._quote = Quote(self, at_us)
        return quote

    def only(self, allowed: frozenset[str]) -> "Lineup":
        """Without the targets that are not among these ids."""
        return Lineup(
            self.name,
            self._route,
            tuple((one, weight) for one, weight in self.primary if one.target.id in allowed),
            tuple(one for one in self.fallbacks if one.target.id in allowed),
            tuple(one for one in self.context_fallbacks if one.target.id in allowed),
            self.cached,
            self.because,
        )

    def explained(self, because: str) -> "Lineup":
        """The same, knowing why it serves."""
        return Lineup(
            self.name, self._route, self.primary, self.fallbacks, self.context_fallbacks, self.cached, because
        )

    def rated(self, operation: Operation) -> "Lineup":
        """Only the candidates whose energy is known."""
        found = self._rated.get(operation)
        if found is None:
            able = frozenset(one.target.id for one in self.all if one.energy(operation) is not None)
            found = self._rated[operation] = self if len(able) == len(self.all) else self.only(able)
        return found

    def most_energy(self, operation: Operation, tokens: int) -> int:
        """Nano-Wh that no answer of so many tokens uses of which it is known, whoever gives it."""
        known = ((one.energy(operation), one.target.timeouts.total) for one in self.all)
        return max((rate.most(tokens, seconds) for rate, seconds in known if rate is not None), default=0)

    def alone(self, candidate: Candidate) -> "Lineup":
        """Nobody but this one, once: for a copy of a call."""
        retry = RetryPolicy(attempts=1, deadline=self.retry.deadline)
        route = self._route
        if route is not None:
            route = msgspec.structs.replace(
                route, retry=retry, strategy="weighted", sticky=None, hedge=None, shadow=None
            )
        return Lineup(self.name, route, ((candidate, 1),))

    def without_doubles(self) -> "Lineup":
        """Nobody is asked twice, and nothing is copied: what would be made twice is dear."""
        if self._route is None:
            return self
        route = msgspec.structs.replace(self._route, hedge=None, shadow=None)
        return Lineup(self.name, route, self.primary, self.fallbacks, self.context_fallbacks, self.cached)

    def measured(self) -> "Lineup":
        """The same, after seeing to it that the times of its targets are measured where they count."""
        if self.strategy == "latency" or (self.hedge is not None and self.hedge.percentile is not None):
            for one in self.all:
                if one.upstream.pace is None:
                    one.upstream.pace = Pace()
        return self


def _drawn(primary: tuple[tuple[Candidate, int], ...]) -> Decision:
    return Decision("weighted", tuple(one.target.id for one, weight in primary if weight > 0))


class Named:
    """One name that clients may call: a route, or a model. `regions`: the only ones that it is served from.
    `over_budget`: who serves it when a budget refuses the others."""

    __slots__ = ("created_us", "environments", "lineups", "name", "over_budget", "regions", "route")

    def __init__(
        self,
        name: str,
        *,
        route: bool,
        created_us: int,
        lineups: Mapping[Operation, Lineup],
        environments: tuple[str, ...] = (),
        regions: tuple[str, ...] = (),
        over_budget: Mapping[Operation, Lineup] | None = None,
    ) -> None:
        self.name = name
        self.over_budget = over_budget or {}
        self.route = route
        self.created_us = created_us
        self.lineups = lineups
        self.environments = environments
        self.regions = regions


class Plan:
    """Immutable."""

    def __init__(self, snapshot: Snapshot, fleet: Fleet, guards: Guards | None = None) -> None:
        self.version = snapshot.version
        self.guards: GuardPlan | None = guards.adopt(snapshot.guards) if guards is not None else None
        self.passes = {(one.key_id, one.request): one.until_us for one in snapshot.passes}
        """Held requests that were released: until when they pass."""
        upstreams, prices = fleet.adopt(snapshot.targets), snapshot.prices
        energy = {rate.target_id: rate for rate in snapshot.energy}
        self.candidates: dict[str, Candidate] = {
            target.id: Candidate(
                upstreams[target.id],
                prices_of(target.provider, target.upstream_model, prices),
                energy.get(target.id),
            )
            for target in snapshot.targets
            if target.id in upstreams
        }
        self.encoder = next((one for one in self.candidates.values() if _encodes(one.target)), None)
        """Who makes vectors for semantic caches: the embedded encoder, for which their threshold was measured."""
        self.environments: dict[str, Environment] = {one.id: one for one in snapshot.environments}
        self.issuers: tuple[IdentityIssuer, ...] = snapshot.issuers
        self.prompts = Prompts(snapshot.prompts)
        self.deployments = Deployments(snapshot)
        self.names: dict[str, Named] = {}
        self._name_models()
        for route in snapshot.routes:
            self.names[route.id] = self._named_route(route)
        self._lines: dict[tuple[str, str], tuple[Line, ...]] = _scoped(snapshot.budgets, snapshot.rate_limits)

    def lines(self, kind: str, scope_id: str | None) -> tuple[Line, ...]:
        """The limits set on a team, an application, an environment or a tenant."""
        return self._lines.get((kind, scope_id), ()) if scope_id is not None else ()

    def _name_models(self) -> None:
        by_model: dict[str, list[Candidate]] = {}
        for candidate in self.candidates.values():
            if candidate.target.enabled:
                by_model.setdefault(candidate.target.model, []).append(candidate)
        for model, found in by_model.items():
            primary = tuple((candidate, 1) for candidate in found)
            lineups = _by_operation(Lineup(model, None, primary))
            created = min(candidate.target.created_us for candidate in found)
            self.names[model] = Named(model, route=False, created_us=created, lineups=lineups)

    def _named_route(self, route: Route) -> Named:
        enabled = {
            name: one
            for name, one in self.candidates.items()
            if one.target.enabled and (not route.regions or one.target.region in route.regions)
        }
        primary = tuple((enabled[one.target_id], one.weight) for one in route.targets if one.target_id in enabled)
        fallbacks = tuple(enabled[name] for name in route.fallbacks if name in enabled)
        long = tuple(enabled[name] for name in route.context_fallbacks if name in enabled)
        targets = [candidate.target for candidate in (*(one for one, _ in primary), *fallbacks, *long)]
        cached = cached_route(route, targets)
        return Named(
            route.id,
            route=True,
            created_us=route.created_us,
            lineups=_by_operation(Lineup(route.id, route, primary, fallbacks, long, cached)),
            environments=route.environments,
            regions=route.regions,
            over_budget=_over_budget(route, [enabled[name] for name in route.over_budget if name in enabled]),
        )


def _over_budget(route: Route, candidates: Sequence[Candidate]) -> dict[Operation, Lineup]:
    """In order; nobody is asked twice at the same time, and nothing is copied."""
    if not candidates:
        return {}
    plain = msgspec.structs.replace(route, strategy="weighted", sticky=None, hedge=None, shadow=None)
    cached = cached_route(plain, [one.target for one in candidates])
    return _by_operation(Lineup(route.id, plain, ((candidates[0], 1),), tuple(candidates[1:]), (), cached))


def _encodes(target: Target) -> bool:
    return target.provider == "minilm" and target.enabled and "embeddings" in target.operations


def _by_operation(whole: Lineup) -> dict[Operation, Lineup]:
    found: dict[Operation, Lineup] = {}
    for operation in OPERATIONS:
        able = frozenset(
            one.target.id
            for one in whole.all
            if operation in one.target.operations and operation in one.upstream.provider.serves
        )
        if able:
            lineup = whole.only(able)
            found[operation] = (lineup.without_doubles() if operation == "video_generation" else lineup).measured()
    return found


def _scoped(budgets: tuple[Budget, ...], rate_limits: tuple[RateLimit, ...]) -> dict[tuple[str, str], tuple[Line, ...]]:
    scopes: dict[tuple[str, str], tuple[list[Budget], list[RateLimit]]] = {}
    for budget in budgets:
        scopes.setdefault((budget.scope.kind, budget.scope.id), ([], []))[0].append(budget)
    for limit in rate_limits:
        scopes.setdefault((limit.scope.kind, limit.scope.id), ([], []))[1].append(limit)
    return {scope: tuple(lines_of(*found)) for scope, found in scopes.items()}


def _server(base_url: str | None) -> tuple[str | None, int | None]:
    """Host and port for spans; never the path, which may hold an account's name."""
    if base_url is None:
        return None, None
    parts = urlsplit(base_url)
    try:
        port = parts.port
    except ValueError:
        port = None
    return parts.hostname, port or (443 if parts.scheme == "https" else 80)
