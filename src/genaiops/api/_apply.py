"""`/api/state`: how the installation is, and how it shall be, as a file says it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from litestar import Controller, Response, get, post
from litestar.params import FromQuery, JSONBody

from genaiops.api._access import Caller, Calling, anybody, check_hands_out, needs
from genaiops.api._keys import require_for_guard
from genaiops.api._services import Services, Serving
from genaiops.api._writing import write
from genaiops.checks.use_cases import ReadUseCase
from genaiops.core.errors import UsageError
from genaiops.domain import Actor
from genaiops.hub import (
    EXPORTED,
    SECTIONS,
    Applied,
    Change,
    Hub,
    Permission,
    Wish,
    allows,
    apply_state,
    export,
    read_state,
    require,
)

_PERMISSIONS: Mapping[str, Permission] = {
    "tenants": "tenants",
    "environments": "environments",
    "teams": "people",
    "actors": "people",
    "targets": "targets",
    "routes": "routes",
    "issuers": "issuers",
    "applications": "applications",
    "use_cases": "use_cases",
    "prices": "prices",
    "budgets": "budgets",
    "limits": "budgets",
}
"""Of keys and experiments `permit` decides one by one."""


class StateRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`state`: sections of what shall be (docs/apply.md); what an entry does not say has its default. `prune`: remove
    what a section that is there does not name. `dry_run`: make every check and keep nothing. `plan`: the `plan` of a
    dry run; 409 when there is something else to change by now."""

    state: dict[str, Any]
    prune: bool = False
    dry_run: bool = False
    plan: str | None = None


class FieldChangeDocument(msgspec.Struct, frozen=True):
    """A field before and after; null: its default, or nothing."""

    field: str
    before: Any
    after: Any


class ChangeDocument(msgspec.Struct, frozen=True):
    """One thing that is other than it was, or would be."""

    action: Literal["add", "change", "remove"]
    kind: str
    name: str
    fields: Sequence[FieldChangeDocument]


class ThingDocument(msgspec.Struct, frozen=True):
    """What is there and what a section that is there does not name."""

    kind: str
    name: str


class MadeKeyDocument(msgspec.Struct, frozen=True):
    """A key that was made, with its `secret`, which is shown this once and never again."""

    name: str
    id: str
    secret: str


class AppliedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`plan` names exactly these changes. `unchanged`: how many entries were so already. `surplus` stays without
    `prune`. `missing_secrets`: names that targets and issuers use and that no secret has."""

    plan: str
    applied: bool
    changes: Sequence[ChangeDocument]
    unchanged: int
    surplus: Sequence[ThingDocument]
    keys: Sequence[MadeKeyDocument]
    missing_secrets: Sequence[str]


class StateController(Controller):
    path = "/state"
    tags = ("State",)

    @get(summary="How it is", guards=[needs("read")], sync_to_thread=True)
    def show(self, services: Serving, caller: Calling, sections: FromQuery[str | None] = None) -> dict[str, Any]:
        """In the form that POST takes; what has its default is left out. `sections`: some of them, with commas. No
        secret is in it, and neither are targets whose address the installation keeps by itself."""
        state = export(services.hub, _sections(sections))
        services.auditor.note_once("export", "state", "all", {"sections": sections}, by=caller.actor.id)
        return state

    @post(summary="Make it so", guards=[anybody()])
    async def apply(
        self, data: JSONBody[StateRequest], services: Serving, caller: Calling
    ) -> Response[AppliedDocument]:
        """All of it or nothing. Each change needs the permission that it would need by itself."""

        def work() -> AppliedDocument:
            return _applied(services, data, caller)

        if data.dry_run:
            return Response(await asyncio.to_thread(work), status_code=200)
        return await write(services, work)


def _applied(services: Services, data: StateRequest, caller: Caller) -> AppliedDocument:
    wish = Wish(
        state=read_state(data.state),
        prune=data.prune,
        dry_run=data.dry_run,
        expected=data.plan,
        spared=_own(caller),
    )

    def permit(hub: Hub, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.section == "experiments":
                _check_experiment(services.hub, hub, caller, change)
            else:
                _check_may(hub, caller, change)
            if change.section == "use_cases" and change.action != "remove":
                _check_kpis(services, hub, change)

    applied = apply_state(services.hub, wish, by=caller.actor.id, permit=permit)
    # Which secrets there are is for those who may list them.
    missing = _missing_secrets(services, wish) if allows(caller.actor, "targets") else []
    return _document(applied, missing)


def _own(caller: Caller) -> frozenset[tuple[str, str]]:
    keys = () if caller.key is None else (("keys", caller.key.id),)
    return frozenset({("actors", caller.actor.id), *keys})


def _check_may(hub: Hub, caller: Caller, change: Change) -> None:
    if change.section != "keys":
        require(caller.actor, _PERMISSIONS[change.section])
        return
    actor = _actor_of(hub, caller, change)
    stage = getattr(change.form, "environment", None) or hub.keys.get(change.entity_id).environment_id
    kind = hub.environments.get(stage).kind
    caller.reach.require(stage)
    if change.alters("guard"):
        require_for_guard(hub, caller.actor, stage)
    if actor.id == caller.actor.id:
        require(caller.actor, "own_keys", kind)
        return
    require(caller.actor, "keys", kind)
    if change.form is not None and "api" in getattr(change.form, "scopes", ()):
        check_hands_out(caller, actor)


def _check_experiment(before: Hub, hub: Hub, caller: Caller, change: Change) -> None:
    """Where it is and where it shall be; what is removed is not there any more."""
    stages = [] if change.form is None else [getattr(change.form, "environment")]  # noqa: B009  a form of another section has none
    if change.action != "add":
        stages.append(before.experiments.get(change.entity_id).environment_id)
    for stage in stages:
        require(caller.actor, "deployments", hub.environments.get(stage).kind)


def _check_kpis(services: Services, hub: Hub, change: Change) -> None:
    """UsageError for a KPI that its suite can never show."""
    try:
        services.kpis.read(ReadUseCase(hub.use_cases.get(change.name).use_case), hub).checked()
    except UsageError as error:
        place = f"{change.place}.{error.param}"
        raise type(error)(error.message, remedy=error.remedy, code=error.code, param=place) from error


def _actor_of(hub: Hub, caller: Caller, change: Change) -> Actor:
    """Whose key it is, once the changes are made."""
    if change.entity_id:
        return hub.actors.get(hub.keys.get(change.entity_id).actor_id)
    name = getattr(change.form, "actor", None)
    return (hub.actors.named(name) if name is not None else None) or caller.actor


def _document(applied: Applied, missing_secrets: Sequence[str]) -> AppliedDocument:
    plan = applied.plan
    return AppliedDocument(
        plan=plan.digest,
        applied=applied.done,
        changes=[
            ChangeDocument(
                change.action,
                change.kind,
                change.name,
                [FieldChangeDocument(each.field, each.before, each.after) for each in change.fields],
            )
            for change in plan.changes
        ],
        unchanged=plan.unchanged,
        surplus=[ThingDocument(kind, name) for kind, name in plan.surplus],
        keys=[MadeKeyDocument(key.name, key.id, key.secret) for key in applied.keys],
        missing_secrets=missing_secrets,
    )


def _missing_secrets(services: Services, wish: Wish) -> list[str]:
    named = wish.state.named
    wanted = {name for form in named.get("targets", {}).values() for name in getattr(form, "credentials", ())}
    wanted |= {secret for form in named.get("issuers", {}).values() if (secret := getattr(form, "secret", None))}
    return sorted(wanted - {info.name for info in services.secrets.names()}) if wanted else []


def _sections(text: str | None) -> Sequence[str]:
    if text is None:
        return EXPORTED
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in SECTIONS:
            raise UsageError(
                f"There is no section {name!r}.", remedy=f"There are: {', '.join(SECTIONS)}.", param="sections"
            )
    return names
