"""A Snapshot made ready for the hot path: names resolved to line-ups, prices to targets, limits to scopes."""

import bisect
import itertools
from collections.abc import Mapping
from urllib.parse import urlsplit

from genaiops.domain import (
    NO_CEILING,
    Budget,
    Ceiling,
    Environment,
    IdentityIssuer,
    Operation,
    Price,
    RateLimit,
    RetryPolicy,
    Route,
    Snapshot,
    Target,
    price_at,
    prices_of,
)
from genaiops.gateway.cache_key import CachedRoute, cached_route
from genaiops.gateway.limits import FOREVER_US, Line, lines_of
from genaiops.gateway.upstream import Fleet, Upstream

OPERATIONS: tuple[Operation, ...] = ("chat", "text_completion", "embeddings")


class Candidate:
    """A target that a Snapshot offers, with the prices that hold for it."""

    __slots__ = ("_prices", "line", "server_address", "server_port", "target", "upstream")

    def __init__(self, upstream: Upstream, prices: tuple[Price, ...]) -> None:
        self.upstream = upstream
        self.target: Target = upstream.target
        self.line = b"x-genaiops-target: %b\r\n" % self.target.id.encode()
        self._prices = prices
        self.server_address, self.server_port = _server(self.target.base_url)

    def price(self, at_us: int) -> Price | None:
        """The price in force at that time; the longest matching name wins, then the latest."""
        return price_at(self._prices, at_us)

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
        "all",
        "cached",
        "fallbacks",
        "most_output",
        "name",
        "primary",
        "retry",
        "route_id",
        "total_weight",
    )

    def __init__(
        self,
        name: str,
        route_id: str | None,
        primary: tuple[tuple[Candidate, int], ...],
        fallbacks: tuple[Candidate, ...],
        retry: RetryPolicy,
        cached: CachedRoute | None = None,
    ) -> None:
        self.name = name
        self.cached = cached
        self.route_id = route_id
        self.primary = primary
        self.fallbacks = fallbacks
        self.retry = retry
        self.all: tuple[Candidate, ...] = (*(candidate for candidate, _ in primary), *fallbacks)
        self.total_weight = sum(weight for _, weight in primary)
        self._marks = tuple(itertools.accumulate(weight for _, weight in primary))
        self._quote: Quote | None = None
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
            self.route_id,
            tuple((one, weight) for one, weight in self.primary if one.target.id in allowed),
            tuple(one for one in self.fallbacks if one.target.id in allowed),
            self.retry,
            self.cached,
        )


class Named:
    """One name that clients may call: a route, or a model."""

    __slots__ = ("created_us", "environments", "lineups", "name", "route")

    def __init__(
        self,
        name: str,
        *,
        route: bool,
        created_us: int,
        lineups: Mapping[Operation, Lineup],
        environments: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.route = route
        self.created_us = created_us
        self.lineups = lineups
        self.environments = environments


class Plan:
    """Immutable."""

    __slots__ = ("_lines", "candidates", "encoder", "environments", "issuers", "names", "version")

    def __init__(self, snapshot: Snapshot, fleet: Fleet) -> None:
        self.version = snapshot.version
        upstreams, prices = fleet.adopt(snapshot.targets), snapshot.prices
        self.candidates: dict[str, Candidate] = {
            target.id: Candidate(upstreams[target.id], prices_of(target.provider, target.upstream_model, prices))
            for target in snapshot.targets
            if target.id in upstreams
        }
        self.encoder = next((one for one in self.candidates.values() if _encodes(one.target)), None)
        """Who makes vectors for semantic caches: the embedded encoder, for which their threshold was measured."""
        self.environments: dict[str, Environment] = {one.id: one for one in snapshot.environments}
        self.issuers: tuple[IdentityIssuer, ...] = snapshot.issuers
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
            lineups = _by_operation(Lineup(model, None, primary, (), RetryPolicy()))
            created = min(candidate.target.created_us for candidate in found)
            self.names[model] = Named(model, route=False, created_us=created, lineups=lineups)

    def _named_route(self, route: Route) -> Named:
        enabled = {name: one for name, one in self.candidates.items() if one.target.enabled}
        primary = tuple((enabled[one.target_id], one.weight) for one in route.targets if one.target_id in enabled)
        fallbacks = tuple(enabled[name] for name in route.fallbacks if name in enabled)
        targets = [candidate.target for candidate in (*(one for one, _ in primary), *fallbacks)]
        cached = cached_route(route, targets)
        lineups = _by_operation(Lineup(route.id, route.id, primary, fallbacks, route.retry, cached))
        return Named(
            route.id, route=True, created_us=route.created_us, lineups=lineups, environments=route.environments
        )


def _encodes(target: Target) -> bool:
    return target.provider == "minilm" and target.enabled and "embeddings" in target.operations


def _by_operation(whole: Lineup) -> dict[Operation, Lineup]:
    found: dict[Operation, Lineup] = {}
    for operation in OPERATIONS:
        able = frozenset(one.target.id for one in whole.all if operation in one.target.operations)
        if able:
            found[operation] = whole.only(able)
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
