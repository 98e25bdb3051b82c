"""Routes: which targets serve a name."""

from collections.abc import Iterable

import msgspec

from genaiops.core.errors import UsageError
from genaiops.domain import CachePolicy, Environment, Route, Target
from genaiops.hub._service import Clock, Service
from genaiops.hub._validation import as_stored, checked_model, checked_number, existing, no_duplicates
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
        with self._records.write(by) as unit:
            self._existing(unit, route_id)
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
    for name in route.environments:
        existing(view, Environment, name, word="environment", param="environments")
    no_duplicates(route.environments, param="environments")
    targets = [existing(view, Target, name, word="target", param="targets") for name in named]
    targets += [existing(view, Target, name, word="target", param="fallbacks") for name in route.fallbacks]
    _check_operations(route.id, targets)
    _check_cache(route.cache)
    return route


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
