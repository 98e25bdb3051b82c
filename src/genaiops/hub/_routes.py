"""Routes: which targets serve a name."""

from collections.abc import Iterable
from typing import get_args

import msgspec

from genaiops.core.errors import UsageError
from genaiops.domain import CachePolicy, Environment, Route, Sticky, Strategy, Target
from genaiops.hub._guards import checked_guard
from genaiops.hub._manifests import refuse_while_deployed
from genaiops.hub._service import Clock, Service
from genaiops.hub._validation import (
    as_stored,
    check_labels,
    checked_choice,
    checked_model,
    checked_name,
    checked_number,
    existing,
    no_duplicates,
)
from genaiops.ports.records import Records, View


class Routes(Service[Route]):
    def __init__(self, records: Records, clock: Clock) -> None:
        super().__init__(records, clock, Route, "route")

    def create(self, route: Route, *, by: str) -> Route:
        """A route takes precedence over targets whose `model` has its name. `created_us` is set here."""
        with self._records.write(by) as unit:
            route = _checked(unit, msgspec.structs.replace(route, created_us=self._clock(), cache_cleared_us=0))
            unit.add(route)
        return route

    def replace(self, route: Route, *, by: str) -> Route:
        """The route of that name becomes this one; `created_us` stays."""
        with self._records.write(by) as unit:
            former = self._existing(unit, route.id)
            kept = {"created_us": former.created_us, "cache_cleared_us": former.cache_cleared_us}
            route = _checked(unit, msgspec.structs.replace(route, **kept))
            unit.replace(route)
        return route

    def clear_cache(self, route_id: str, *, by: str) -> Route:
        """Nothing that the route's cache keeps is given out any more, by any worker that has taken this up."""
        with self._records.write(by) as unit:
            route = msgspec.structs.replace(self._existing(unit, route_id), cache_cleared_us=self._clock())
            unit.replace(route)
        return route

    def remove(self, route_id: str, *, by: str) -> None:
        """Conflict while a release that serves somewhere calls it, and no target has its name as a model."""
        with self._records.write(by) as unit:
            self._existing(unit, route_id)
            if not unit.count(Target, {"model": route_id}):
                refuse_while_deployed(unit, route_id)
            unit.remove(Route, route_id)


def _checked(view: View, route: Route) -> Route:
    route = as_stored(route)
    checked_model(route.id, word="route", param="id")
    if not route.targets:
        raise UsageError(f"The route {route.id!r} has no targets.", remedy="Name at least one.", param="targets")
    for each in route.targets:
        checked_number(each.weight, param=f"the weight of {each.target_id}", most=1_000_000)
    named = [each.target_id for each in route.targets]
    no_duplicates(named, param="targets")
    no_duplicates(route.fallbacks, param="fallbacks")
    both = set(named) & set(route.fallbacks)
    if both:
        raise UsageError(
            f"{min(both)!r} is a target and a fallback of the route {route.id!r}.",
            remedy="Keep it in one of the two.",
            param="fallbacks",
        )
    checked_number(route.retry.attempts, param="retry.attempts", most=100)
    checked_number(route.retry.backoff, param="retry.backoff", least=0, most=3600)
    checked_number(route.retry.backoff_max, param="retry.backoff_max", least=route.retry.backoff, most=3600)
    checked_number(route.retry.deadline, param="retry.deadline", least=0.001, most=86_400)
    _check_choosing(route, both=set(named) & set(route.context_fallbacks))
    for name in route.environments:
        existing(view, Environment, name, word="environment", param="environments")
    no_duplicates(route.environments, param="environments")
    targets = [existing(view, Target, name, word="target", param="targets") for name in named]
    targets += [existing(view, Target, name, word="target", param="fallbacks") for name in route.fallbacks]
    targets += [
        existing(view, Target, name, word="target", param="context_fallbacks") for name in route.context_fallbacks
    ]
    no_duplicates(route.over_budget, param="over_budget")
    targets += [existing(view, Target, name, word="target", param="over_budget") for name in route.over_budget]
    _check_operations(route.id, targets)
    _check_regions(route, targets)
    if route.shadow is not None:
        existing(view, Target, route.shadow.target_id, word="target", param="shadow.target_id")
    _check_cache(route.cache)
    if route.guard is not None:
        route = msgspec.structs.replace(route, guard=checked_guard(view, route.guard))
    return route


def _check_choosing(route: Route, *, both: set[str]) -> None:
    """What does not need the records. `both`: what is a target and a context fallback."""
    checked_choice(route.strategy, get_args(Strategy), word="strategy", param="strategy")
    if route.sticky is not None:
        checked_choice(route.sticky, get_args(Sticky), word="owner of a target", param="sticky")
    check_labels(route.regions, param="regions")
    no_duplicates(route.context_fallbacks, param="context_fallbacks")
    if both:
        raise UsageError(
            f"{min(both)!r} is a target and a context fallback of the route {route.id!r}.",
            remedy="Keep it among the targets: one with room is found there.",
            param="context_fallbacks",
        )
    hedge, shadow = route.hedge, route.shadow
    if hedge is not None:
        if hedge.after is None and hedge.percentile is None:
            raise UsageError("hedge says no time.", remedy="Set after (seconds) or percentile.", param="hedge.after")
        checked_number(hedge.after, param="hedge.after", least=0.001, most=3600)
        checked_number(hedge.percentile, param="hedge.percentile", least=1, most=100)
        checked_number(hedge.share, param="hedge.share", least=0, most=1)
    if shadow is not None:
        checked_number(shadow.share, param="shadow.share", least=0, most=1)
        checked_number(shadow.concurrency, param="shadow.concurrency", most=1000)
        checked_name(shadow.application, word="application", param="shadow.application")


def _check_regions(route: Route, targets: Iterable[Target]) -> None:
    if route.regions and not any(target.region in route.regions for target in targets):
        raise UsageError(
            f"No target of the route {route.id!r} is in {', '.join(map(repr, route.regions))}.",
            remedy="Name one that is there, or give a target its region.",
            param="regions",
        )


def _check_cache(policy: CachePolicy) -> None:
    checked_number(policy.ttl, param="cache.ttl", least=1, most=30 * 86_400)
    checked_number(policy.max_bytes, param="cache.max_bytes", most=16 << 20)
    checked_number(policy.threshold, param="cache.threshold", least=0.5, most=1)
    if policy.max_temperature is not None:
        checked_number(policy.max_temperature, param="cache.max_temperature", least=0, most=2)
    if len(policy.namespace) > 64 or not policy.namespace.isprintable():
        raise UsageError(
            f"The namespace {policy.namespace[:80]!r} is longer than 64 characters, or has some that cannot be seen.",
            remedy="Use a short name.",
            param="cache.namespace",
        )


def _check_operations(route_id: str, targets: Iterable[Target]) -> None:
    shared: set[str] | None = None
    for target in targets:
        shared = set(target.operations) if shared is None else shared & set(target.operations)
        if not shared:
            raise UsageError(
                f"The targets of the route {route_id!r} have no operation in common: {target.id!r} only does "
                f"{', '.join(target.operations)}.",
                remedy="Make one route for each kind of call.",
                param="targets",
            )
