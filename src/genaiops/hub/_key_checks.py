"""What a key may say. Looks up each actor, team and environment once, however many keys are made."""

import ipaddress
from collections.abc import Callable, Sequence
from typing import get_args

import msgspec

from genaiops.core.errors import UsageError
from genaiops.core.suggesting import suggestion
from genaiops.domain import Actor, ApiKey, Application, Environment, KeyScope, Route, Target, Team
from genaiops.hub._actors import working_actor
from genaiops.hub._guards import checked_guard
from genaiops.hub._validation import (
    as_stored,
    check_labels,
    checked_choice,
    checked_name,
    every,
    existing,
    no_duplicates,
)
from genaiops.ports.records import View


class NewKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a key is made of; the fields of ApiKey. `team_id` None: the actor's team; the tenant is
    the actor's."""

    name: str
    actor_id: str
    tenant_id: str = "default"
    team_id: str | None = None
    environment_id: str = "dev"
    application: str | None = None
    models: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    scopes: tuple[KeyScope, ...] = ("calls",)
    expires_us: int | None = None
    regions: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    guard: str | None = None


class KeyChecks:
    """Checks against one view of the records. `now_us` is what an end has to be later than."""

    def __init__(self, view: View, now_us: int) -> None:
        self._view = view
        self._now_us = now_us
        self._actors: dict[str, Actor] = {}
        self._environments: dict[str, Environment] = {}
        self._applications: dict[str, Application] = {}
        self._teams: dict[str, Team] = {}
        self._guards: dict[str, str] = {}
        self._models: set[str] | None = None
        self._routes: set[str] | None = None

    def checked(self, new: NewKey) -> NewKey:
        """In the form in which it is stored; NotFound and UsageError name the field at fault."""
        new = as_stored(new)
        if new.actor_id not in self._actors:
            self._actors[new.actor_id] = working_actor(self._view, new.actor_id)
        if new.environment_id not in self._environments:
            self._environments[new.environment_id] = existing(
                self._view, Environment, new.environment_id, word="environment", param="environment_id"
            )
        actor, environment = self._actors[new.actor_id], self._environments[new.environment_id]
        if actor.tenant_id != environment.tenant_id:
            raise UsageError(
                f"{actor.name!r} is of the tenant {actor.tenant_id!r}, the environment {environment.id!r} of "
                f"{environment.tenant_id!r}.",
                remedy="Choose an environment of the actor's own tenant.",
                param="environment_id",
            )
        team_id = new.team_id if new.team_id is not None else actor.team_id
        self._check_team(team_id, actor.tenant_id)
        self._check_access(new)
        self._check_application(new, environment)
        addresses = tuple(_network(text) for text in new.addresses)
        guard = self._guard(new.guard)
        return msgspec.structs.replace(
            new, tenant_id=actor.tenant_id, team_id=team_id, addresses=addresses, guard=guard
        )

    def checked_key(self, key: ApiKey, former: ApiKey) -> ApiKey:
        """The same for a key that was changed. What it had before may stay, also when it could not be made so today."""
        key = as_stored(key)
        self._check_team(key.team_id, key.tenant_id)
        self._check_access(key, former)
        if (key.application, key.scopes) != (former.application, former.scopes):
            environment = self._view.get(Environment, key.environment_id)
            if environment is not None:
                self._check_application(key, environment)
        guard = key.guard if key.guard == former.guard else self._guard(key.guard)
        return msgspec.structs.replace(key, addresses=tuple(_network(text) for text in key.addresses), guard=guard)

    def _guard(self, reference: str | None) -> str | None:
        """As it is stored."""
        if reference is None:
            return None
        if reference not in self._guards:
            self._guards[reference] = checked_guard(self._view, reference)
        return self._guards[reference]

    def _check_application(self, key: NewKey | ApiKey, environment: Environment) -> None:
        """Calls of an environment of the kind prod are an application's, which answers for them. Elsewhere the name of
        an application is a label."""
        if environment.kind != "prod" or "calls" not in key.scopes:
            return
        if key.application is None:
            raise UsageError(
                f"Calls in {environment.id!r} are an application's, and the key {key.name!r} is of none.",
                remedy="Name it with --app NAME; genaiops app create NAME makes one.",
                code="application_missing",
                param="application",
            )
        if key.application not in self._applications:
            found = existing(self._view, Application, key.application, word="application", param="application")
            self._applications[found.id] = found
        if self._applications[key.application].tenant_id != environment.tenant_id:
            raise UsageError(
                f"The application {key.application!r} is of another tenant than the environment {environment.id!r}.",
                remedy="Choose one of its own tenant.",
                param="application",
            )

    def _check_team(self, team_id: str | None, tenant_id: str) -> None:
        if team_id is None:
            return
        if team_id not in self._teams:
            self._teams[team_id] = existing(self._view, Team, team_id, word="team", param="team_id")
        if self._teams[team_id].tenant_id != tenant_id:
            raise UsageError(
                f"The team {team_id!r} is of another business unit than the key.",
                remedy=f"Choose a team of {tenant_id!r}.",
                param="team_id",
            )

    def _check_access(self, key: NewKey | ApiKey, former: ApiKey | None = None) -> None:
        checked_name(key.name, word="key")
        if key.application is not None:
            checked_name(key.application, word="application", param="application")
        if not key.scopes:
            raise UsageError("scopes is empty.", remedy="Name calls, api or ingest.", param="scopes")
        for scope in key.scopes:
            checked_choice(scope, get_args(KeyScope), word="scope of keys", param="scopes")
        no_duplicates(key.scopes, param="scopes")
        moved = former is None or former.expires_us != key.expires_us
        if moved and key.expires_us is not None and key.expires_us <= self._now_us:
            raise UsageError("The key would have expired already.", remedy="Give a later end.", param="expires_us")
        check_labels(key.regions, param="regions")
        check_labels(key.tags, param="tags")
        had_models, had_routes = (former.models, former.routes) if former is not None else ((), ())
        _check_patterns(key.models, had_models, self._known_models, word="model", param="models")
        _check_patterns(key.routes, had_routes, self._known_routes, word="route", param="routes")

    def _known_models(self) -> set[str]:
        if self._models is None:
            self._models = {target.model for target in every(self._view, Target)} | self._known_routes()
            self._models |= {f"app/{application.id}" for application in every(self._view, Application)}
        return self._models

    def _known_routes(self) -> set[str]:
        if self._routes is None:
            self._routes = {route.id for route in every(self._view, Route)}
        return self._routes


def _check_patterns(
    patterns: Sequence[str], former: Sequence[str], known: Callable[[], set[str]], *, word: str, param: str
) -> None:
    no_duplicates(patterns, param=param)
    for pattern in patterns:
        stem = pattern.removesuffix("*")
        if "*" in stem or not pattern:
            raise UsageError(
                f"{pattern!r} is no {word} and no prefix.", remedy="A * only stands at the end.", param=param
            )
        # A prefix may be there before what it will match; a name that is not known is a slip.
        if stem == pattern and pattern not in former and pattern not in known():
            raise UsageError(f"There is no {word} {pattern!r}.", remedy=suggestion(pattern, known()), param=param)


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        pass
    try:
        wider = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise UsageError(
            f"{text!r} is no network.", remedy="Write it as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32.", param="addresses"
        ) from None
    raise UsageError(f"{text!r} has bits set beyond its prefix.", remedy=f"Did you mean {wider}?", param="addresses")
