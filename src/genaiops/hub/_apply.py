"""Brings an installation to what a file says: one unit, all or nothing, by the ordinary services and their checks."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from genaiops.core.clock import from_iso, to_iso
from genaiops.core.errors import Conflict, NotFound, UsageError
from genaiops.core.suggesting import suggestion
from genaiops.domain import IdentityIssuer, Route, RouteTarget, Scope, Target
from genaiops.hub._applications import ApplicationChange, NewApplication
from genaiops.hub._budgets import NewBudget
from genaiops.hub._experiment_forms import new_experiment
from genaiops.hub._forms import SECTIONS, State
from genaiops.hub._hub import Hub
from genaiops.hub._key_checks import KeyChecks, NewKey
from genaiops.hub._keys import KeyChange, made_key
from genaiops.hub._plan import Change, Plan, plan
from genaiops.hub._present import Present, present
from genaiops.hub._prices import NewPrice
from genaiops.hub._rate_limits import NewRateLimit
from genaiops.hub._state_text import at
from genaiops.hub._targets import MASK
from genaiops.hub._use_case_forms import at_once, use_case_of
from genaiops.ports.records import Unit

Permit = Callable[[Hub, Sequence[Change]], None]


class MadeKey(msgspec.Struct, frozen=True):
    """A key that was made, with its secret: shown this once."""

    name: str
    id: str
    secret: str


class Applied(msgspec.Struct, frozen=True):
    """`done` is false where only was looked at what would change; `keys` are those that were made."""

    plan: Plan
    done: bool
    keys: tuple[MadeKey, ...] = ()


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """`expected`: the digest of the plan that was agreed to (None: whatever it is now). `spared`: (section, id) of what
    is not removed: who asks should not end its own access."""

    state: State
    prune: bool = False
    dry_run: bool = False
    expected: str | None = None
    spared: frozenset[tuple[str, str]] = frozenset()


class _OnlyLooked(Exception):
    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan


def apply_state(hub: Hub, wish: Wish, *, by: str, permit: Permit = lambda _hub, _changes: None) -> Applied:
    """Do what is needed, or with `dry_run` do it and take it back, so that every check has been made.

    `permit` sees the changes after they were made and before they are kept; what it raises undoes them. Conflict when
    the plan is not the expected one; every error names the place in the file.
    """
    try:
        with hub.records.write(by) as unit:
            inner = hub.within(unit)
            found = present(unit, wish.state.sections)
            made = plan(found, wish.state, prune=wish.prune, spared=wish.spared, at_iso=to_iso(hub.clock()))
            if wish.expected is not None and wish.expected != made.digest:
                raise Conflict(
                    "Something was changed since the differences were shown: there are others now.",
                    remedy="Look at them anew, then apply again.",
                    code="plan_changed",
                    param="plan",
                )
            keys = _Doing(inner, unit, found, by).do(made.changes)
            permit(inner, made.changes)
            if wish.dry_run:
                raise _OnlyLooked(made)
    except _OnlyLooked as looked:
        return Applied(looked.plan, done=False)
    return Applied(made, done=True, keys=keys)


_ALIKE = ("application", "models", "routes", "addresses", "scopes", "regions", "tags", "guard")
"""What a key and its form say in the same words."""


class _Doing:
    """Carries out changes in their order. `found` is what was there before."""

    def __init__(self, hub: Hub, unit: Unit, found: Present, by: str) -> None:
        self._hub = hub
        self._unit = unit
        self._key_checks: KeyChecks | None = None
        self._found = found
        self._by = by
        self._made_keys: list[MadeKey] = []
        self._key_ids: dict[str, str] = {}

    def do(self, changes: Sequence[Change]) -> tuple[MadeKey, ...]:
        doers: Mapping[str, Callable[[Change], None]] = {
            "tenants": self._tenant,
            "environments": self._environment,
            "teams": self._team,
            "actors": self._actor,
            "targets": self._target,
            "routes": self._route,
            "issuers": self._issuer,
            "applications": self._application,
            "use_cases": self._use_case,
            "experiments": self._experiment,
            "keys": self._key,
            "prices": self._price,
            "budgets": self._budget,
            "limits": self._limit,
        }
        for change in sorted(changes, key=_turn):
            try:
                (self._remove if change.action == "remove" else doers[change.section])(change)
            except UsageError as error:
                raise at(change.place or f"{change.section}.{change.name}", error) from error
        return tuple(self._made_keys)

    def _tenant(self, change: Change) -> None:
        form: Any = change.form
        tenants = self._hub.tenants
        (tenants.create_bare if change.action == "add" else tenants.set_title)(
            change.name, title=form.title, by=self._by
        )

    def _team(self, change: Change) -> None:
        form: Any = change.form
        if change.action == "add":
            self._hub.teams.create(change.name, title=form.title, tenant_id=form.tenant, by=self._by)
        else:
            _refuse(change, "tenant", "Make another team.")
            self._hub.teams.set_title(change.name, form.title, by=self._by)

    def _environment(self, change: Change) -> None:
        form: Any = change.form
        ends = None if form.expires_at is None else from_iso(form.expires_at)
        if change.action == "add":
            self._hub.environments.create(
                change.name,
                form.kind,
                capture=form.capture,
                tenant_id=form.tenant,
                expires_us=ends,
                guard=form.guard,
                by=self._by,
            )
            return
        _refuse(change, "kind", "Make another environment and move its keys.")
        _refuse(change, "tenant", "Make another environment and move its keys.")
        if change.alters("capture"):
            self._hub.environments.set_capture(change.name, form.capture, by=self._by)
        if change.alters("expires_at"):
            self._hub.environments.set_expires(change.name, ends, by=self._by)
        if change.alters("guard"):
            self._hub.environments.set_guard(change.name, form.guard, by=self._by)

    def _actor(self, change: Change) -> None:
        form: Any = change.form
        actors, by = self._hub.actors, self._by
        if change.action == "add":
            made = actors.create(
                change.name, form.kind, roles=form.roles, tenant_id=form.tenant, team_id=form.team, by=by
            )
            if form.disabled:
                actors.disable(made.id, by=by)
            return
        _refuse(change, "kind", "Make another actor.")
        _refuse(change, "tenant", "Make another actor.")
        if change.alters("team"):
            actors.set_team(change.entity_id, form.team, by=by)
        if change.alters("roles"):
            actors.set_roles(change.entity_id, form.roles, by=by)
        if change.alters("disabled"):
            (actors.disable if form.disabled else actors.enable)(change.entity_id, by=by)

    def _target(self, change: Change) -> None:
        target = Target(**_fields(change), id=change.name, created_us=0)
        if target.proxy is not None and f"{MASK}@" in target.proxy:
            raise UsageError("proxy has a password that was masked.", remedy="Write the real one.", param="proxy")
        (self._hub.targets.create if change.action == "add" else self._hub.targets.replace)(target, by=self._by)

    def _route(self, change: Change) -> None:
        fields = _fields(change)
        targets = tuple(RouteTarget(name, weight) for name, weight in fields.pop("targets").items())
        route = Route(**fields, id=change.name, targets=targets, created_us=0)
        (self._hub.routes.create if change.action == "add" else self._hub.routes.replace)(route, by=self._by)

    def _issuer(self, change: Change) -> None:
        issuer = IdentityIssuer(**_fields(change), id=change.name, created_us=0)
        (self._hub.issuers.create if change.action == "add" else self._hub.issuers.replace)(issuer, by=self._by)

    def _application(self, change: Change) -> None:
        form: Any = change.form
        applications, by = self._hub.applications, self._by
        fields: dict[str, Any] = {
            "title": form.title,
            "purpose": form.purpose,
            "team_id": form.team,
            "risk_tier": form.risk_tier,
        }
        owner: dict[str, Any] = {} if form.owner is None else {"owner": self._actor_id(form.owner, param="owner")}
        if change.action == "add":
            applications.create(NewApplication(name=change.name, **fields, **owner), by=by)
        else:
            applications.change(change.name, ApplicationChange(**fields, **owner), by=by)
        if change.alters("acknowledgement"):
            if form.acknowledgement:
                applications.acknowledge(change.name, form.acknowledgement, by=by)
            else:
                applications.withdraw(change.name, by=by)

    def _use_case(self, change: Change) -> None:
        form: Any = change.form
        use_case = use_case_of(form, self._actor_id(form.owner, param="owner"))
        with at_once(change.name):
            self._hub.use_cases.put(change.name, use_case, by=self._by)

    def _experiment(self, change: Change) -> None:
        experiments, new = self._hub.experiments, new_experiment(change.name, change.form)
        (experiments.create if change.action == "add" else experiments.rewrite)(new, by=self._by)

    def _key(self, change: Change) -> None:
        form: Any = change.form
        expires_us = None if form.expires_at is None else from_iso(form.expires_at)
        alike = {name: getattr(form, name) for name in _ALIKE}
        if change.action == "change":
            _refuse(change, "actor", "Make another key and revoke this one.")
            _refuse(change, "environment", "Make another key and revoke this one.")
            wanted = KeyChange(name=form.name, team_id=form.team, expires_us=expires_us, **alike)
            self._hub.keys.change(change.entity_id, wanted, by=self._by)
            return
        if change.name.startswith("key_"):
            raise NotFound(f"There is no key {change.name!r}.", remedy="Name a new key; it gets an id by itself.")
        team_id = None if form.team is msgspec.UNSET else form.team
        new = NewKey(
            name=form.name,
            actor_id=self._actor_id(form.actor),
            team_id=team_id,
            environment_id=form.environment,
            expires_us=expires_us,
            **alike,
        )
        if self._key_checks is None:  # what keys name is there by now, and is looked up once for all of them
            self._key_checks = KeyChecks(self._unit, self._hub.clock())
        key, text = made_key(self._key_checks.checked(new), self._hub.clock())
        if form.team is None:  # none was asked for, which a new key cannot say
            key = msgspec.structs.replace(key, team_id=None)
        self._unit.add(key)
        self._key_ids[change.name] = key.id
        self._made_keys.append(MadeKey(key.name, key.id, text))

    def _actor_id(self, name: str | None, *, param: str = "actor") -> str:
        if name is None:
            return self._by
        actor = self._hub.actors.named(name)
        if actor is None:
            names = [each.name for each in self._hub.actors.list()]
            raise NotFound(f"There is no actor {name!r}.", remedy=suggestion(name, names), param=param)
        return actor.id

    def _price(self, change: Change) -> None:
        fields = _fields(change)
        since: str | None = fields.pop("valid_from")
        self._hub.prices.set(NewPrice(**fields, valid_from_us=None if since is None else from_iso(since)), by=self._by)

    def _budget(self, change: Change) -> None:
        form: Any = change.form
        budgets, by = self._hub.budgets, self._by
        if change.action == "add":
            budgets.create(NewBudget(**self._scoped(change)), by=by)
            return
        if change.alters("limit"):
            budgets.set_limit(change.entity_id, form.limit, by=by)
        if change.alters("hard"):
            budgets.set_hard(change.entity_id, form.hard, by=by)
        if change.alters("warn_at"):
            budgets.set_warn_at(change.entity_id, form.warn_at, by=by)

    def _limit(self, change: Change) -> None:
        new = NewRateLimit(**self._scoped(change))
        if change.action == "add":
            self._hub.rate_limits.create(new, by=self._by)
        else:
            self._hub.rate_limits.replace(change.entity_id, new, by=self._by)

    def _scoped(self, change: Change) -> dict[str, Any]:
        fields = _fields(change)
        fields["scope"] = self._scope(fields["scope"])
        return fields

    def _scope(self, form: Any) -> Scope:
        if form.kind != "key":
            return Scope(form.kind, form.id)
        known = self._key_ids.get(form.id) or self._found.ids.get(("keys", form.id))
        if known is None and not form.id.startswith("key_"):
            raise NotFound(
                f"There is no key {form.id!r}, or several have that name.",
                remedy="Name a key that is there or in this file, or one of several by its id.",
                param="scope",
            )
        return Scope("key", known or form.id)

    def _remove(self, change: Change) -> None:
        hub, by = self._hub, self._by
        removers: Mapping[str, Callable[..., Any]] = {
            "tenants": hub.tenants.remove,
            "environments": hub.environments.remove,
            "teams": hub.teams.remove,
            "actors": hub.actors.disable,
            "targets": hub.targets.remove,
            "routes": hub.routes.remove,
            "issuers": hub.issuers.remove,
            "applications": hub.applications.remove,
            "use_cases": hub.use_cases.retire,
            "experiments": hub.experiments.remove,
            "keys": hub.keys.revoke,
            "budgets": hub.budgets.remove,
            "limits": hub.rate_limits.remove,
        }
        with at_once(change.name):
            removers[change.section](change.entity_id, by=by)


def _turn(change: Change) -> int:
    """Administrators first, so that one may give the role to another in one file; removals keep their place at the
    end."""
    form: Any = change.form
    if change.section == "actors" and form is not None and "admin" in form.roles and not form.disabled:
        return SECTIONS.index("actors") * 2 - 1
    return 1000 if change.action == "remove" else SECTIONS.index(change.section) * 2


def _fields(change: Change) -> dict[str, Any]:
    assert change.form is not None
    return msgspec.structs.asdict(change.form)


def _refuse(change: Change, field: str, remedy: str) -> None:
    for each in change.fields:
        if each.field == field:
            raise UsageError(
                f"The {field} of the {change.kind} {change.name!r} is {each.before!r} and cannot become "
                f"{each.after!r}.",
                remedy=remedy,
                param=field,
            )
