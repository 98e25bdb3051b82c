"""What an installation shall look like, as a file says it: one form a noun, without ids, secrets and times of making.

A form has the fields of its noun, so that a field that a noun gets later is in the file as well. What a form does not
say has its default: a file describes whole things, not changes to them.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from genaiops.domain import (
    ActorKind,
    EnvironmentKind,
    IdentityIssuer,
    KeyScope,
    RiskTier,
    Role,
    Route,
    ScopeKind,
    Target,
)
from genaiops.hub._budgets import NewBudget
from genaiops.hub._experiment_forms import ExperimentForm
from genaiops.hub._prices import NewPrice
from genaiops.hub._rate_limits import NewRateLimit
from genaiops.hub._use_case_forms import UseCaseForm

Form = msgspec.Struct
"""Any of the structs below; which fields it has, its noun decides."""


class _Base(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class TenantForm(_Base, frozen=True, kw_only=True):
    title: str = ""


class TeamForm(_Base, frozen=True, kw_only=True):
    title: str = ""
    tenant: str = "default"


class EnvironmentForm(_Base, frozen=True, kw_only=True):
    kind: EnvironmentKind
    capture: str = "full"
    tenant: str = "default"
    expires_at: str | None = None
    guard: str | None = None


class ActorForm(_Base, frozen=True, kw_only=True):
    """`team` is a team's name."""

    kind: ActorKind
    roles: tuple[Role, ...] = ()
    team: str | None = None
    tenant: str = "default"
    disabled: bool = False


class ApplicationForm(_Base, frozen=True, kw_only=True):
    """`owner` (an actor's name) not said: who applies the file first. `acknowledgement`: that it uses generative AI, in
    the words of the person who applies the file; empty: nobody has stated it."""

    title: str = ""
    purpose: str = ""
    owner: str | None = None
    team: str | None = None
    risk_tier: RiskTier = "unknown"
    acknowledgement: str = ""


class KeyForm(_Base, frozen=True, kw_only=True):
    """`name`: where the entry stands under the key's id, because several keys have that name. `actor` (its name): who
    applies the file, where it is not said. `team` not said: the actor's; null: none."""

    name: str | None = None
    actor: str | None = None
    team: str | UnsetType | None = UNSET
    environment: str = "dev"
    application: str | None = None
    models: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    scopes: tuple[KeyScope, ...] = ("calls",)
    regions: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    expires_at: str | None = None
    guard: str | None = None


class ScopeForm(_Base, frozen=True, kw_only=True):
    """What a limit is set on; of a key `id` is its name (or its id, where several have that name)."""

    kind: ScopeKind
    id: str


def _like(name: str, noun: type[msgspec.Struct], without: tuple[str, ...], other: Mapping[str, Any]) -> type[Form]:
    """A form with the fields of the noun but those `without`; `other`: name -> type, or (type, default)."""
    fields: list[Any] = [(each, *(kind if isinstance(kind, tuple) else (kind,))) for each, kind in other.items()]
    for field in msgspec.structs.fields(noun):
        if field.name in without or field.name in other:
            continue
        if field.default is not msgspec.NODEFAULT:
            fields.append((field.name, field.type, field.default))
        elif field.default_factory is not msgspec.NODEFAULT:
            fields.append((field.name, field.type, msgspec.field(default_factory=field.default_factory)))
        else:
            fields.append((field.name, field.type))
    return msgspec.defstruct(name, fields, bases=(_Base,), frozen=True, kw_only=True, module=__name__)


_OPTIONAL_NAME = (str | None, None)

TargetForm = _like(
    "TargetForm", Target, ("id", "created_us"), {"model": _OPTIONAL_NAME, "upstream_model": _OPTIONAL_NAME}
)
"""`model` not said: the target's name; `upstream_model` not said: the model."""

RouteForm = _like("RouteForm", Route, ("id", "created_us", "cache_cleared_us"), {"targets": dict[str, int]})
"""`targets`: name -> weight."""

IssuerForm = _like("IssuerForm", IdentityIssuer, ("id", "created_us"), {})
PriceForm = _like("PriceForm", NewPrice, ("valid_from_us",), {"valid_from": _OPTIONAL_NAME})
"""`valid_from` not said: in force now; `always`: since the beginning."""

BudgetForm = _like("BudgetForm", NewBudget, (), {"scope": ScopeForm})
LimitForm = _like("LimitForm", NewRateLimit, (), {"scope": ScopeForm})

Named = dict[str, Form]
Listed = tuple[Form, ...]

NAMED: Mapping[str, type[Form]] = {
    "tenants": TenantForm,
    "environments": EnvironmentForm,
    "teams": TeamForm,
    "actors": ActorForm,
    "targets": TargetForm,
    "routes": RouteForm,
    "issuers": IssuerForm,
    "applications": ApplicationForm,
    "use_cases": UseCaseForm,
    "experiments": ExperimentForm,
    "keys": KeyForm,
}
"""Section -> form, in an order in which each can name what stands in those before it."""

LISTED: Mapping[str, type[Form]] = {"prices": PriceForm, "budgets": BudgetForm, "limits": LimitForm}
SECTIONS: tuple[str, ...] = (*NAMED, *LISTED)
EXPORTED: tuple[str, ...] = tuple(section for section in SECTIONS if section != "experiments")
"""Without those that are asked for by name: experiments name releases, which no file brings along."""

KINDS: Mapping[str, str] = {section: section.removesuffix("s").replace("_", " ") for section in SECTIONS}
"""Section -> what one of its entries is called."""


class State(msgspec.Struct, frozen=True):
    """Sections that are spoken of. `named`: section -> name -> form; `listed`: section -> forms."""

    named: Mapping[str, Mapping[str, Form]] = {}
    listed: Mapping[str, tuple[Form, ...]] = {}

    def __contains__(self, section: str) -> bool:
        return section in self.named or section in self.listed

    @property
    def sections(self) -> tuple[str, ...]:
        return tuple(section for section in SECTIONS if section in self)


def document_of(state: State) -> dict[str, Any]:
    """JSON-ready, as `read_state` reads it; what has its default is left out, and so are sections without entries."""
    found: dict[str, Any] = {}
    for section, entries in state.named.items():
        found[section] = {name: short(form) for name, form in entries.items()}
    for section, forms in state.listed.items():
        found[section] = [short(form) for form in forms]
    return {section: found[section] for section in SECTIONS if found.get(section)}


def short(form: msgspec.Struct) -> dict[str, Any]:
    """JSON-ready, without what has its default."""
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(form):
        value = getattr(form, field.name)
        default = field.default
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        if value != default:
            found[field.name] = short(value) if isinstance(value, msgspec.Struct) else plain(value)
    return found


def plain(value: Any) -> Any:
    """A field as it is shown and compared: what JSON would hold."""
    return None if value is UNSET else msgspec.json.decode(msgspec.json.encode(value))
