"""What an installation looks like now, in the form of a file."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from genaiops.core.clock import to_iso
from genaiops.domain import (
    Actor,
    ApiKey,
    Application,
    Budget,
    Environment,
    Experiment,
    IdentityIssuer,
    Price,
    RateLimit,
    Route,
    Target,
    Team,
    Tenant,
)
from genaiops.hub._access import ORGANISATION_TENANT
from genaiops.hub._bootstrap import is_kept_here
from genaiops.hub._experiment_forms import form_of
from genaiops.hub._forms import (
    ActorForm,
    ApplicationForm,
    BudgetForm,
    EnvironmentForm,
    Form,
    IssuerForm,
    KeyForm,
    LimitForm,
    RouteForm,
    ScopeForm,
    State,
    TargetForm,
    TeamForm,
    TenantForm,
)
from genaiops.hub._limit_text import show_limit
from genaiops.hub._price_forms import price_form
from genaiops.hub._use_case_forms import use_case_form
from genaiops.hub._use_cases import held_use_cases
from genaiops.hub._validation import every
from genaiops.ports.records import View

T = TypeVar("T")


class Present(msgspec.Struct, frozen=True):
    """`state` as a file would say it, but for passwords in proxies: those are not masked. `ids`: (section, name) -> id
    where a name is not the id; of a listed section the ids stand in the order of its forms. `own`: targets whose
    address this installation keeps by itself. `begun`: experiments that are no drafts any more, which stay as they
    are."""

    state: State
    ids: Mapping[tuple[str, str], str]
    listed_ids: Mapping[str, Sequence[str]]
    own: frozenset[str]
    begun: frozenset[str] = frozenset()


def present(view: View, sections: Iterable[str]) -> Present:
    """Of the sections named. Revoked keys are not there, and neither are former lines of prices that begin at the same
    time as a newer one."""
    return _Reading(view).read(frozenset(sections))


class _Reading:
    def __init__(self, view: View) -> None:
        self._view = view
        self._ids: dict[tuple[str, str], str] = {}
        self._own: set[str] = set()
        self._begun: set[str] = set()
        self._key_names: dict[str, str] | None = None
        self._actor_names: dict[str, str] | None = None

    def read(self, sections: frozenset[str]) -> Present:
        readers = {
            "tenants": self._tenants,
            "environments": self._environments,
            "teams": self._teams,
            "actors": self._actors,
            "targets": self._targets,
            "routes": self._routes,
            "issuers": self._issuers,
            "applications": self._applications,
            "use_cases": self._use_cases,
            "experiments": self._experiments,
            "keys": self._keys,
        }
        lists = {"prices": self._prices, "budgets": self._budgets, "limits": self._limits}
        named = {section: dict(read()) for section, read in readers.items() if section in sections}
        pairs = {section: list(read()) for section, read in lists.items() if section in sections}
        if sections & {"budgets", "limits"}:
            self._names_of_keys()
        return Present(
            State(named, {section: tuple(form for _, form in found) for section, found in pairs.items()}),
            self._ids,
            {section: [entity_id for entity_id, _ in found] for section, found in pairs.items()},
            frozenset(self._own),
            frozenset(self._begun),
        )

    def _tenants(self) -> Iterator[tuple[str, Form]]:
        for tenant in every(self._view, Tenant):
            if tenant.id != ORGANISATION_TENANT:  # it is always there
                yield tenant.id, TenantForm(title=tenant.title)

    def _teams(self) -> Iterator[tuple[str, Form]]:
        for team in every(self._view, Team):
            yield team.id, TeamForm(title=team.title, tenant=team.tenant_id)

    def _environments(self) -> Iterator[tuple[str, Form]]:
        for each in every(self._view, Environment):
            ends = None if each.expires_us is None else to_iso(each.expires_us)
            yield (
                each.id,
                EnvironmentForm(
                    kind=each.kind,
                    capture=each.capture,
                    tenant=each.tenant_id,
                    expires_at=ends,
                    guard=each.guard,
                ),
            )

    def _actors(self) -> Iterator[tuple[str, Form]]:
        for actor in every(self._view, Actor):
            self._ids["actors", actor.name] = actor.id
            disabled = actor.disabled_us is not None
            yield (
                actor.name,
                ActorForm(
                    kind=actor.kind,
                    roles=actor.roles,
                    team=actor.team_id,
                    tenant=actor.tenant_id,
                    disabled=disabled,
                ),
            )

    def _targets(self) -> Iterator[tuple[str, Form]]:
        for target in every(self._view, Target):
            if is_kept_here(target):
                self._own.add(target.id)
            yield target.id, _form(TargetForm, target)

    def _routes(self) -> Iterator[tuple[str, Form]]:
        for route in every(self._view, Route):
            yield route.id, _form(RouteForm, route, targets={each.target_id: each.weight for each in route.targets})

    def _issuers(self) -> Iterator[tuple[str, Form]]:
        for issuer in every(self._view, IdentityIssuer):
            yield issuer.id, _form(IssuerForm, issuer)

    def _applications(self) -> Iterator[tuple[str, Form]]:
        actors = self._names_of_actors()
        for each in every(self._view, Application):
            yield (
                each.id,
                ApplicationForm(
                    title=each.title,
                    purpose=each.purpose,
                    owner=actors.get(each.owner),
                    team=each.team_id,
                    risk_tier=each.risk_tier,
                    acknowledgement=each.statement,
                ),
            )

    def _use_cases(self) -> Iterator[tuple[str, Form]]:
        names = self._names_of_actors()
        for each in held_use_cases(self._view):
            yield each.name, use_case_form(each.use_case, names)

    def _experiments(self) -> Iterator[tuple[str, Form]]:
        for each in every(self._view, Experiment):
            if each.state != "draft":
                self._begun.add(each.id)
            yield each.id, form_of(each)

    def _keys(self) -> Iterator[tuple[str, Form]]:
        names = self._names_of_keys()
        actors = self._names_of_actors()
        for key in _working(self._view):
            yield (
                names[key.id],
                KeyForm(
                    name=key.name,
                    actor=actors[key.actor_id],
                    team=key.team_id,
                    environment=key.environment_id,
                    application=key.application,
                    models=key.models,
                    routes=key.routes,
                    addresses=key.addresses,
                    scopes=key.scopes,
                    regions=key.regions,
                    tags=key.tags,
                    guard=key.guard,
                    expires_at=None if key.expires_us is None else to_iso(key.expires_us),
                ),
            )

    def _prices(self) -> Iterator[tuple[str, Form]]:
        newest: dict[tuple[str, str, int], Price] = {}
        for price in sorted(every(self._view, Price), key=lambda price: price.version):
            newest[price.provider, price.model, price.valid_from_us] = price
        for _, price in sorted(newest.items()):
            yield price.id, price_form(price)

    def _budgets(self) -> Iterator[tuple[str, Form]]:
        for budget in every(self._view, Budget):
            yield budget.id, _form(BudgetForm, budget, scope=self._scope(budget), limit=show_limit(budget))

    def _limits(self) -> Iterator[tuple[str, Form]]:
        for limit in every(self._view, RateLimit):
            yield limit.id, _form(LimitForm, limit, scope=self._scope(limit))

    def _scope(self, limit: Budget | RateLimit) -> ScopeForm:
        name = limit.scope.id
        if limit.scope.kind == "key":
            name = self._names_of_keys().get(name, name)  # of a revoked key: its id
        return ScopeForm(kind=limit.scope.kind, id=name)

    def _names_of_keys(self) -> Mapping[str, str]:
        """Id -> the name in a file: the key's own where no other key has it, else its id."""
        if self._key_names is None:
            named = {key.id: key.name for key in _working(self._view)}
            counted = Counter(named.values())
            self._key_names = {key_id: name if counted[name] == 1 else key_id for key_id, name in named.items()}
            self._ids |= {("keys", name): key_id for key_id, name in self._key_names.items()}
        return self._key_names

    def _names_of_actors(self) -> Mapping[str, str]:
        if self._actor_names is None:
            self._actor_names = {actor.id: actor.name for actor in every(self._view, Actor)}
        return self._actor_names


def _working(view: View) -> Iterator[ApiKey]:
    return (key for key in every(view, ApiKey) if key.revoked_us is None)


def _form(kind: type[Form], entity: msgspec.Struct, **other: Any) -> Form:
    fields = {name: getattr(entity, name) for name in kind.__struct_fields__ if name not in other}
    return kind(**fields, **other)
