"""Which policy guards the calls of a key, or of the keys of an environment that name none: chosen where these stand."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, post

from genaiops.console._undo import Undo, if_unchanged
from genaiops.console._visit import Visit, Visiting, field, optional, own_path, redirect
from genaiops.core.errors import Forbidden, GenaiopsError, UsageError
from genaiops.domain import ApiKey, Environment
from genaiops.hub import KeyChange


def guard_choices(visit: Visit) -> Sequence[str]:
    """What a form offers: each policy that the visitor may see, then its other aliases."""
    found: list[str] = []
    for state in visit.services.hub.guards.list(visit.actor):
        if state.current is not None:
            found.append(state.name)
        found += (f"{state.name}@{alias}" for alias in sorted(state.aliases) if alias != "current")
    return found


@post("/guardrails/attach", sync_to_thread=True)
def attach(visit: Visiting) -> Response[None]:
    """`kind` and `id` of what is guarded; `guard` empty: none of its own."""
    form = visit.form
    try:
        kind, name, guard = field(form, "kind"), field(form, "id"), optional(form, "guard")
        if kind == "key":
            _key(visit, name, guard)
        elif kind == "environment":
            _environment(visit, name, guard)
        else:
            raise UsageError(f"{kind[:40]!r} has no policy here.", remedy="Use key or environment.", param="kind")
    except GenaiopsError as error:
        visit.complain(error)
    return redirect(own_path(form.get("back", "") or "/guardrails/policies"))


def _key(visit: Visit, key_id: str, guard: str | None) -> None:
    keys, by = visit.services.hub.keys, visit.actor.id
    former = keys.get(key_id)
    visit.require("keys", former.environment_id)
    visit.reach.require(former.environment_id)
    if former.revoked_us is not None:
        raise Forbidden(f"The key {former.name!r} is revoked.", remedy="Make another one.")
    now = keys.change(key_id, KeyChange(guard=guard), by=by)
    undo = if_unchanged(
        lambda: keys.get(key_id).guard, now.guard, lambda: keys.change(key_id, KeyChange(guard=former.guard), by=by)
    )
    _say(visit, now, former.guard, Undo("keys", undo, f"The key {now.name} is guarded as it was."))


def _environment(visit: Visit, name: str, guard: str | None) -> None:
    environments, by = visit.services.hub.environments, visit.actor.id
    visit.require("environments")
    visit.reach.require(name)
    former = environments.get(name)
    now = environments.set_guard(name, guard, by=by)
    undo = if_unchanged(
        lambda: environments.get(name).guard, now.guard, lambda: environments.set_guard(name, former.guard, by=by)
    )
    _say(visit, now, former.guard, Undo("environments", undo, f"The environment {name} is guarded as it was."))


def _say(visit: Visit, now: ApiKey | Environment, former: str | None, undo: Undo) -> None:
    visit.publish()
    named = f"The key {now.name}" if isinstance(now, ApiKey) else f"The environment {now.id}"
    by = f"by {now.guard}" if now.guard is not None else "as what names no policy of its own"
    visit.say(f"{named} is guarded {by}.", undo=None if former == now.guard else undo)


HANDLERS: list[Any] = [attach]
